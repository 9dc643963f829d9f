/* How a socket gets its number and loses it. Called by sock.c only; the rest of the table's
 * interface is in sock.h. */
#ifndef TUNNY_SOCK_SOCK_TABLE_H
#define TUNNY_SOCK_SOCK_TABLE_H

#include "sock/sock.h"

/* A zeroed socket under the lowest free number. 0, -EMFILE, -ENOBUFS. */
int sock_table_add(struct sockets *sockets, struct socket **added);
void sock_table_remove(struct socket *socket);

#endif
