/* See activation.h. */
#define _GNU_SOURCE
#include "run/activation.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FIRST = 3, BACKLOG = 4096 };

static int read_port(const char *text, in_port_t *port)
{
    char *end;
    unsigned long number = strtoul(text, &end, 10);
    if (end == text || *end != '\0' || number == 0 || number > 65535)
        return -EINVAL;
    *port = htons((uint16_t)number);
    return 0;
}

/* A port alone means all addresses of both families. The struct's length or -EINVAL. */
static int read_place(const char *place, struct sockaddr_storage *address)
{
    struct sockaddr_in *in = (struct sockaddr_in *)(void *)address;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)address;
    char host[INET6_ADDRSTRLEN + 2] = "";
    const char *colon = strrchr(place, ':');
    *address = (struct sockaddr_storage){.ss_family = AF_INET6};
    if (colon == NULL)
        return read_port(place, &in6->sin6_port) < 0 ? -EINVAL : (int)sizeof *in6;
    bool is_bracketed = *place == '[' && colon > place && colon[-1] == ']';
    size_t length = (size_t)(colon - place) - (is_bracketed ? 2 : 0);
    if (length >= sizeof host)
        return -EINVAL;
    memcpy(host, place + (is_bracketed ? 1 : 0), length);
    if (is_bracketed)
        return inet_pton(AF_INET6, host, &in6->sin6_addr) != 1 ||
                       read_port(colon + 1, &in6->sin6_port) < 0
                   ? -EINVAL
                   : (int)sizeof *in6;
    address->ss_family = AF_INET;
    return inet_pton(AF_INET, host, &in->sin_addr) != 1 || read_port(colon + 1, &in->sin_port) < 0
               ? -EINVAL
               : (int)sizeof *in;
}

int activation_is_good(const char *place)
{
    struct sockaddr_storage address;
    return read_place(place, &address) > 0;
}

/* The listening socket, above those numbers that are to be used. */
static int open_one(const char *place, unsigned count)
{
    struct sockaddr_storage address;
    int on = 1, off = 0;
    int length = read_place(place, &address);
    if (length < 0)
        return length;
    int here = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (here < 0)
        return -errno;
    setsockopt(here, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (address.ss_family == AF_INET6)
        setsockopt(here, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (bind(here, (const struct sockaddr *)&address, (socklen_t)length) < 0 ||
        listen(here, BACKLOG) < 0)
        return -errno;
    int moved = fcntl(here, F_DUPFD_CLOEXEC, (int)(FIRST + count));
    close(here);
    return moved < 0 ? -errno : moved;
}

int activation_open(const struct activation *activation, const char **place)
{
    int sockets[ACTIVATION_MOST];
    char number[16];
    for (unsigned i = 0; i < activation->count; i++) {
        *place = activation->places[i];
        sockets[i] = open_one(*place, activation->count);
        if (sockets[i] < 0)
            return sockets[i];
    }
    for (unsigned i = 0; i < activation->count; i++)
        if (dup2(sockets[i], (int)(FIRST + i)) < 0)
            return -errno;
    if (activation->count == 0)
        return 0;
    snprintf(number, sizeof number, "%u", activation->count);
    setenv("LISTEN_FDS", number, 1);
    snprintf(number, sizeof number, "%d", (int)getpid());
    setenv("LISTEN_PID", number, 1);
    return 0;
}
