/* Fast Open cookies of a server (RFC 7413, 4.1.2). See fast_open_cookie.h. */
#include "tcp/fast_open_cookie.h"

#include "base/check.h"

enum { COOKIE_LENGTH = 8, KEY_DOMAIN = 0x54464f }; /* "TFO" */

static uint64_t read_le64(const uint8_t *p)
{
    uint64_t value = 0;

    for (int i = 7; i >= 0; i--)
        value = value << 8 | p[i];
    return value;
}

static void write_le64(uint8_t *p, uint64_t value)
{
    for (int i = 0; i < 8; i++)
        p[i] = (uint8_t)(value >> (8 * i));
}

bool fast_open_keys_read(struct fast_open_keys *keys, struct bytes bytes)
{
    if (bytes.len != FAST_OPEN_KEY_LENGTH && bytes.len != FAST_OPEN_KEYS * FAST_OPEN_KEY_LENGTH)
        return false;
    keys->count = (unsigned)(bytes.len / FAST_OPEN_KEY_LENGTH);
    for (unsigned i = 0; i < keys->count; i++) {
        const uint8_t *key = bytes.data + (size_t)i * FAST_OPEN_KEY_LENGTH;
        keys->key[i] = (struct siphash_key){read_le64(key), read_le64(key + 8)};
    }
    return true;
}

size_t fast_open_keys_write(const struct fast_open_keys *keys,
                            uint8_t out[FAST_OPEN_KEYS * FAST_OPEN_KEY_LENGTH])
{
    for (unsigned i = 0; i < keys->count; i++) {
        write_le64(out + (size_t)i * FAST_OPEN_KEY_LENGTH, keys->key[i].k0);
        write_le64(out + (size_t)i * FAST_OPEN_KEY_LENGTH + 8, keys->key[i].k1);
    }
    return (size_t)keys->count * FAST_OPEN_KEY_LENGTH;
}

static struct siphash_key key_of(const struct siphash_key *secret, uint64_t period)
{
    uint64_t input[3] = {KEY_DOMAIN, period, 0};
    struct siphash_key key;

    key.k0 = siphash(secret, input, sizeof input);
    input[2] = 1;
    key.k1 = siphash(secret, input, sizeof input);
    return key;
}

void fast_open_keys_of(const struct siphash_key *secret, uint64_t period,
                       struct fast_open_keys *keys)
{
    keys->count = period > 0 ? 2 : 1;
    keys->key[0] = key_of(secret, period);
    keys->key[1] = key_of(secret, period - 1);
}

static void make_with(const struct siphash_key *key, const struct address *client,
                      const struct address *server, struct fast_open_cookie *cookie)
{
    bool ipv4 = address_is_ipv4(client);
    size_t length = ipv4 ? 4 : 16;
    uint8_t input[32];

    memcpy(input, client->bytes + 16 - length, length);
    memcpy(input + length, server->bytes + 16 - length, length);
    *cookie = (struct fast_open_cookie){.length = COOKIE_LENGTH};
    write_le64(cookie->bytes, siphash(key, input, 2 * length));
}

void fast_open_cookie_make(const struct fast_open_keys *keys, const struct address *client,
                           const struct address *server, struct fast_open_cookie *cookie)
{
    CHECK(keys->count > 0);
    make_with(&keys->key[0], client, server, cookie);
}

enum fast_open_match fast_open_cookie_check(const struct fast_open_keys *keys,
                                            const struct address *client,
                                            const struct address *server,
                                            const struct fast_open_cookie *cookie)
{
    struct fast_open_cookie good;

    if (cookie->length != COOKIE_LENGTH)
        return FAST_OPEN_MISMATCH;
    for (unsigned i = 0; i < keys->count; i++) {
        make_with(&keys->key[i], client, server, &good);
        if (memcmp(good.bytes, cookie->bytes, COOKIE_LENGTH) == 0)
            return i == 0 ? FAST_OPEN_MATCH : FAST_OPEN_MATCH_OLD_KEY;
    }
    return FAST_OPEN_MISMATCH;
}
