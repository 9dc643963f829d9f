/* Fast Open cookies of a server (RFC 7413, 4.1.2): a MAC over both addresses under a secret of the
 * server's, so that it keeps nothing for each client, and who cannot receive at an address cannot
 * have its cookie. The function is Linux's (SipHash-2-4, 8 bytes), so that servers with one key
 * understand each other's cookies. A leaf; called by tcp_fast_open.c. */
#ifndef TUNNY_TCP_FAST_OPEN_COOKIE_H
#define TUNNY_TCP_FAST_OPEN_COOKIE_H

#include "base/bytes.h"
#include "base/siphash.h"
#include "wire/address.h"
#include "wire/tcp_header.h"

enum { FAST_OPEN_KEY_LENGTH = 16, FAST_OPEN_KEYS = 2 };

/* The first key makes cookies; those of the second are still good (RFC 7413, 4.1.2: rotation). */
struct fast_open_keys {
    unsigned count; /* 0: none */
    struct siphash_key key[FAST_OPEN_KEYS];
};

/* As it stands in the option. */
struct fast_open_cookie {
    uint8_t length; /* bytes; 0: none */
    bool experiment;
    uint8_t bytes[TCP_FAST_OPEN_COOKIE_LONGEST];
};

/* Keys as bytes: each 16, first the one that makes cookies. false: another length than 16 or 32. */
bool fast_open_keys_read(struct fast_open_keys *keys, struct bytes bytes);
/* The inverse; returns how many bytes. */
size_t fast_open_keys_write(const struct fast_open_keys *keys,
                            uint8_t out[FAST_OPEN_KEYS * FAST_OPEN_KEY_LENGTH]);
/* The keys of a rotation: those of `period` and of the one before, both from the secret. */
void fast_open_keys_of(const struct siphash_key *secret, uint64_t period,
                       struct fast_open_keys *keys);

/* The cookie that a client at `client` gets from us at `server`; keys->count is not 0. */
void fast_open_cookie_make(const struct fast_open_keys *keys, const struct address *client,
                           const struct address *server, struct fast_open_cookie *cookie);

enum fast_open_match { FAST_OPEN_MISMATCH, FAST_OPEN_MATCH, FAST_OPEN_MATCH_OLD_KEY };
enum fast_open_match fast_open_cookie_check(const struct fast_open_keys *keys,
                                            const struct address *client,
                                            const struct address *server,
                                            const struct fast_open_cookie *cookie);

#endif
