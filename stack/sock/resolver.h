/* Messages of the domain name system (RFC 1035, 4) as a stub resolver needs them: writes a
 * question, reads the answer to it, and the two text files that come before (hosts(5),
 * resolv.conf(5)). No sockets, no files, no time: resolve_calls.c sends and waits. Answers come
 * from strangers: every length is checked, compression is followed a bounded number of times and
 * backwards only. */
#ifndef TUNNY_SOCK_RESOLVER_H
#define TUNNY_SOCK_RESOLVER_H

#include "base/bytes.h"
#include "wire/address.h"

enum {
    RESOLVER_NAME_LONGEST = 255, /* in labels, the root's included (RFC 1035, 2.3.4) */
    RESOLVER_QUESTION_SIZE = 12 + RESOLVER_NAME_LONGEST + 4,
    RESOLVER_ANSWER_SIZE = 65535, /* over TCP; UDP without extensions carries 512 */
    RESOLVER_ADDRESSES = 16,
    RESOLVER_SERVERS = 3, /* as resolv.conf(5) */
    RESOLVER_ALIASES = 8, /* CNAMEs followed in one answer */
    RESOLVER_JUMPS = 16,  /* compression pointers followed in one name */
};

enum resolver_type { RESOLVER_A = 1, RESOLVER_AAAA = 28 };

struct resolver_question {
    uint16_t id;
    enum resolver_type type;
    size_t length;
    uint8_t message[RESOLVER_QUESTION_SIZE];
};

struct resolver_addresses {
    unsigned count;
    struct address list[RESOLVER_ADDRESSES];
};

/* Writes the question for a name (a final dot is allowed). 0; -EINVAL: no name could look like this
 * (empty or long labels, characters that host names do not have: RFC 1123, 2.1, and "_"). */
int resolver_ask(const char *name, enum resolver_type type, uint16_t id,
                 struct resolver_question *question);

enum resolver_verdict {
    RESOLVER_FOUND,
    RESOLVER_NO_NAME,       /* RCODE 3 */
    RESOLVER_NO_ADDRESS,    /* the name exists, without addresses of this type */
    RESOLVER_TRUNCATED,     /* ask again over TCP (RFC 1123, 6.1.3.2) */
    RESOLVER_SERVER_FAILED, /* another RCODE, or records that cannot be read: ask another server */
    RESOLVER_NOT_OURS,      /* not the answer to this question: go on waiting (RFC 5452, 9.1) */
};
/* Reads an answer; its addresses are added to *found while there is room. */
enum resolver_verdict resolver_read(const struct resolver_question *question, struct bytes answer,
                                    struct resolver_addresses *found);

/* Adds the addresses that the text of a hosts file gives this name; how many. */
unsigned resolver_find_host(const char *hosts, const char *name, struct resolver_addresses *found);
/* The name servers in the text of a resolv.conf file, port 53; how many. */
unsigned resolver_find_servers(const char *text, struct endpoint servers[RESOLVER_SERVERS]);

#endif
