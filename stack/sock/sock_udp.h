/* What a call means for a UDP socket (RFC 768; RFC 1122, 4.1.4). Called by sock.c, which has found
 * out that the socket is one. See sock.h for results. */
#ifndef TUNNY_SOCK_SOCK_UDP_H
#define TUNNY_SOCK_SOCK_UDP_H

#include "sock/sock.h"

int sock_udp_open(struct socket *socket);
void sock_udp_close(struct socket *socket);
int sock_udp_bind(struct socket *socket, struct endpoint local);
int sock_udp_connect(struct socket *socket, const struct endpoint *remote);
void sock_udp_disconnect(struct socket *socket);
int sock_udp_shutdown(struct socket *socket, int how);
/* `remote` NULL: to the peer that connect() fixed. */
int64_t sock_udp_send(struct socket *socket, struct bytes text, const struct endpoint *remote);
int64_t sock_udp_receive(struct socket *socket, struct room room, int flags,
                         struct endpoint *source);
/* There is room for a datagram of ordinary size. */
bool sock_udp_is_writable(const struct socket *socket);

#endif
