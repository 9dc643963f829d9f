/* The asking side of ping (RFC 792, RFC 4443, 4): remembers the last echo request that the user
 * sent and keeps, in a small queue, the replies to it and the errors about it. A leaf: it makes and
 * reads no packets. */
#ifndef TUNNY_IP_ECHO_CLIENT_H
#define TUNNY_IP_ECHO_CLIENT_H

#include "base/memory.h"
#include "ip/ip.h"

enum { ECHO_QUEUE = 16, ECHO_DATA_SIZE = 64 * 1024, ECHO_QUOTED = 8 };

struct echo_record {
    bool is_error;
    struct ip_echo_reply reply;
    struct ip_error error;
    uint8_t quoted[ECHO_QUOTED]; /* what error.transport points to */
};

struct echo_client {
    struct memory *memory;
    struct address destination; /* of the last request */
    uint16_t id;
    uint8_t *data; /* ECHO_DATA_SIZE bytes, from the first request on; else NULL */
    size_t data_used;
    unsigned first, count;
    struct echo_record records[ECHO_QUEUE];
};

void echo_client_init(struct echo_client *client, struct memory *memory);
void echo_client_destroy(struct echo_client *client);

/* Replies with this id from there (from anybody, when it is a group) are wanted from now on. 0 or
 * -ENOBUFS. */
int echo_client_expect(struct echo_client *client, const struct address *destination, uint16_t id);

/* A reply or an error came; false: nobody asked, or the queue is full. */
bool echo_client_reply(struct echo_client *client, const struct ip_echo_reply *reply);
bool echo_client_error(struct echo_client *client, const struct ip_error *error);

/* The oldest of them, borrowed until the next one comes; NULL: none. */
const struct echo_record *echo_client_take(struct echo_client *client);

#endif
