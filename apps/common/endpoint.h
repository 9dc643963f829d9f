/* Socket addresses as text. Called by every command for its messages. */
#ifndef TUNNY_COMMON_ENDPOINT_H
#define TUNNY_COMMON_ENDPOINT_H

#include <sys/socket.h>

enum { ENDPOINT_TEXT = 64 };

/* "198.18.0.1:80", "[fd00:7475:6e::1]:80". Returns `out`. */
char *endpoint_text(const struct sockaddr_storage *address, char out[ENDPOINT_TEXT]);

/* The same without the port and without brackets. Returns `out`. */
char *endpoint_host(const struct sockaddr_storage *address, char out[ENDPOINT_TEXT]);

/* Bytes of the address struct of this family. */
socklen_t endpoint_length(const struct sockaddr_storage *address);

/* The wildcard address of a family with this port (host order). */
struct sockaddr_storage endpoint_any(int family, unsigned short port);

#endif
