/* struct sockaddr_in and sockaddr_in6 to and from struct endpoint, see sock_names.h. */
#include "sock/sock_names.h"

#include <errno.h>

enum { SOCKADDR_IN6_OLD = 24 }; /* sockaddr_in6 without its scope (RFC 2133), still accepted */

static int read_ipv4(const struct sockaddr *name, socklen_t length, struct endpoint *e)
{
    struct sockaddr_in in;
    if (length < sizeof in)
        return -EINVAL;
    memcpy(&in, name, sizeof in);
    e->address = address_from_ipv4((const uint8_t *)&in.sin_addr.s_addr);
    e->port = ntohs(in.sin_port);
    return 0;
}

static int read_ipv6(const struct sockaddr *name, socklen_t length, struct endpoint *e)
{
    struct sockaddr_in6 in6 = {0};
    if (length < SOCKADDR_IN6_OLD)
        return -EINVAL;
    memcpy(&in6, name, length < sizeof in6 ? length : sizeof in6);
    e->address = address_from_ipv6(in6.sin6_addr.s6_addr);
    e->port = ntohs(in6.sin6_port);
    return 0;
}

int sock_name_read(const struct sockaddr *name, socklen_t length, int family, struct endpoint *e)
{
    sa_family_t said;
    if (!name || length < sizeof said)
        return -EINVAL;
    memcpy(&said, (const char *)name + offsetof(struct sockaddr, sa_family), sizeof said);
    if (said != family)
        return -EAFNOSUPPORT;
    return family == AF_INET ? read_ipv4(name, length, e) : read_ipv6(name, length, e);
}

static void write_cut(const void *whole, socklen_t size, struct sockaddr *name, socklen_t *length)
{
    memcpy(name, whole, *length < size ? *length : size);
    *length = size;
}

void sock_name_write(const struct endpoint *e, int family, struct sockaddr *name, socklen_t *length)
{
    if (!name || !length)
        return;
    if (family == AF_INET) {
        struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(e->port)};
        /* A zeroed struct endpoint has no IPv4 form, but means the same: no address. */
        if (address_is_ipv4(&e->address))
            memcpy(&in.sin_addr.s_addr, address_ipv4_bytes(&e->address), sizeof in.sin_addr.s_addr);
        write_cut(&in, sizeof in, name, length);
    } else {
        struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(e->port)};
        memcpy(in6.sin6_addr.s6_addr, e->address.bytes, sizeof e->address.bytes);
        write_cut(&in6, sizeof in6, name, length);
    }
}

struct address sock_name_any(int family)
{
    return family == AF_INET ? address_from_ipv4_u32(INADDR_ANY)
                             : address_from_ipv6(in6addr_any.s6_addr);
}
