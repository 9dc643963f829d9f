/* Messages to the kernel's rtnetlink(7): built attribute by attribute, sent, and the kernel's
 * answer awaited. Called by what sets interfaces up and configures queueing disciplines. */
#ifndef TUNNY_DEV_NETLINK_H
#define TUNNY_DEV_NETLINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Two distribution tables of 32 KB each, and all else. */
enum { NETLINK_MESSAGE_SIZE = 72 * 1024 };

struct netlink_message {
    _Alignas(8) uint8_t bytes[NETLINK_MESSAGE_SIZE];
    size_t length;
    bool overflow; /* something did not fit: the message must not be sent */
};

/* Starts a request of this type (RTM_NEWLINK ...) with flags beside NLM_F_REQUEST and NLM_F_ACK,
 * and the fixed part that the type has. */
void netlink_begin(struct netlink_message *m, uint16_t type, uint16_t flags, const void *body,
                   size_t length);
void netlink_put(struct netlink_message *m, uint16_t type, const void *data, size_t length);
void netlink_put_u32(struct netlink_message *m, uint16_t type, uint32_t value);
void netlink_put_u64(struct netlink_message *m, uint16_t type, uint64_t value);
void netlink_put_string(struct netlink_message *m, uint16_t type, const char *text);
/* Attributes inside an attribute that begins with `length` bytes of its own: from the first call,
 * which gives a mark, to the second, which takes it. */
size_t netlink_nest_begin(struct netlink_message *m, uint16_t type, const void *data,
                          size_t length);
void netlink_nest_end(struct netlink_message *m, size_t mark);

/* Sends it and waits for the answer. 0, or what the kernel said as a negative errno, its own words
 * in `words` if it had any (else ""). Blocks as long as the kernel takes. */
int netlink_talk(struct netlink_message *m, char *words, size_t words_size);

#endif
