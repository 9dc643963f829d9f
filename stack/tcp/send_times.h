/* What a sender's time goes into: how long there was something to send, and how long of that the
 * peer's window or the user's own buffer was what held it back (TCP_INFO's busy, rwnd-limited and
 * sndbuf-limited times). A leaf without a clock; called by tcp_output.c and tcp_status.c. */
#ifndef TUNNY_TCP_SEND_TIMES_H
#define TUNNY_TCP_SEND_TIMES_H

#include "base/time.h"

enum sending {
    SENDING_NOTHING,        /* all is acknowledged */
    SENDING_FREELY,         /* the network, or the peer's ACKs, are waited for */
    SENDING_WINDOW_LIMITED, /* the peer's receive window is full */
    SENDING_BUFFER_LIMITED, /* all was sent, and the user has more that the send buffer refused */
};
enum { SENDINGS = SENDING_BUFFER_LIMITED + 1 };

struct send_times {
    enum sending is; /* since `since` */
    struct instant since;
    struct duration spent[SENDINGS]; /* before */
};

/* From now on. */
void send_times_set(struct send_times *times, enum sending is, struct instant now);
/* All time of one kind until now. */
struct duration send_times_of(const struct send_times *times, enum sending kind,
                              struct instant now);
/* All time with something to send. */
struct duration send_times_busy(const struct send_times *times, struct instant now);

#endif
