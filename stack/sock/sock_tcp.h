/* What a call means for a TCP socket: RFC 9293, 3.9.1's user calls behind BSD's names. Called by
 * sock.c, which has found out that the socket is one. See sock.h for results. */
#ifndef TUNNY_SOCK_SOCK_TCP_H
#define TUNNY_SOCK_SOCK_TCP_H

#include "sock/sock.h"

int sock_tcp_bind(struct socket *socket, struct endpoint local, struct instant now);
void sock_tcp_close(struct socket *socket, struct instant now);
int sock_tcp_listen(struct socket *socket, uint32_t backlog, struct instant now);
int sock_tcp_connect(struct socket *socket, const struct endpoint *remote, struct instant now);
int sock_tcp_connect_result(struct socket *socket, struct instant now);
/* connect() to AF_UNSPEC. */
void sock_tcp_disconnect(struct socket *socket, struct instant now);
int sock_tcp_shutdown(struct socket *socket, int how, struct instant now);
int64_t sock_tcp_send(struct socket *socket, struct bytes text, int flags, struct instant now);
/* MSG_ZEROCOPY: sends whose text is acknowledged; see zerocopy.h. 0, or -EAGAIN: none. */
bool sock_zerocopy_ready(const struct socket *socket);
int sock_zerocopy_done(struct socket *socket, uint32_t *first, uint32_t *last);
/* connect() and send() in one (RFC 7413; MSG_FASTOPEN). */
int64_t sock_tcp_fast_open(struct socket *socket, const struct endpoint *remote, struct bytes text,
                           int flags, struct instant now);
int64_t sock_tcp_receive(struct socket *socket, struct room room, int flags, struct instant now);

/* Where the settings are that calls on this socket change: its own, its connection's, its
 * listener's. The connection is awake. */
struct tcp_settings *sock_settings(struct socket *socket);
/* The same to look at; the connection may sleep. */
const struct tcp_settings *sock_settings_seen(const struct socket *socket);
/* Makes a change felt. */
void sock_settings_changed(struct socket *socket, struct instant now);

#endif
