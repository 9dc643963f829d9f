/* Socket addresses as text; see endpoint.h. */
#include "common/endpoint.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

char *endpoint_host(const struct sockaddr_storage *address, char out[ENDPOINT_TEXT])
{
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    const char *text = NULL;
    if (address->ss_family == AF_INET) {
        memcpy(&in, address, sizeof in);
        text = inet_ntop(AF_INET, &in.sin_addr, out, ENDPOINT_TEXT);
    } else if (address->ss_family == AF_INET6) {
        memcpy(&in6, address, sizeof in6);
        text = inet_ntop(AF_INET6, &in6.sin6_addr, out, ENDPOINT_TEXT);
    }
    if (text == NULL)
        snprintf(out, ENDPOINT_TEXT, "?");
    return out;
}

char *endpoint_text(const struct sockaddr_storage *address, char out[ENDPOINT_TEXT])
{
    char host[ENDPOINT_TEXT];
    endpoint_host(address, host);
    in_port_t port = 0;
    if (address->ss_family == AF_INET || address->ss_family == AF_INET6)
        /* The port lies at the same place in both. */
        memcpy(&port, (const char *)address + offsetof(struct sockaddr_in, sin_port), sizeof port);
    if (address->ss_family == AF_INET6)
        snprintf(out, ENDPOINT_TEXT, "[%.46s]:%u", host, ntohs(port));
    else
        snprintf(out, ENDPOINT_TEXT, "%.46s:%u", host, ntohs(port));
    return out;
}

socklen_t endpoint_length(const struct sockaddr_storage *address)
{
    return address->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                          : sizeof(struct sockaddr_in);
}

struct sockaddr_storage endpoint_any(int family, unsigned short port)
{
    struct sockaddr_storage address = {0};
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    if (family == AF_INET6)
        memcpy(&address, &in6, sizeof in6);
    else
        memcpy(&address, &in, sizeof in);
    return address;
}
