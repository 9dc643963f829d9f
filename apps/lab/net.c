/* The kernel's TCP and ours behind the same calls; see net.h. */
#define _GNU_SOURCE
#include "lab/net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lab/netns.h"
#include "socket.h"

/* What Linux 6.7 and later append to their answer to TCP_INFO, also where the C library's headers
 * are older. */
struct wide_info {
    struct tcp_info info;
    uint8_t rest[64];
};
enum { TOTAL_RTO_OFFSET = 240, TOTAL_RTO_END = TOTAL_RTO_OFFSET + 2, DRAIN_MS = 1000 };

static const char timeouts[] = "TcpExtTCPTimeouts";

int net_open(struct net *net, const struct net_setup *setup, char *error, size_t error_size)
{
    char device[64];
    *net = (struct net){.congestion = setup->congestion};
    if (setup->kind == STACK_KERNEL)
        return 0;
    snprintf(device, sizeof device, "tun:%s", setup->interface);
    struct tunny_config config = {.device = device,
                                  .addresses = setup->address,
                                  .congestion = setup->congestion,
                                  .capture = setup->capture};
    int result = tunny_create(&config, &net->stack, error, error_size);
    /* Taken up while it has a user, the interface carries packets at once. Otherwise a worker of
     * the kernel would have to notice, and until then the answer to the first SYN is dropped. */
    return result < 0 ? result : netns_interface_up(setup->interface, setup->kernel_address);
}

void net_close(struct net *net)
{
    if (net->stack != NULL)
        tunny_drain(net->stack, DRAIN_MS);
    tunny_destroy(net->stack);
    net->stack = NULL;
}

int64_t net_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static struct sockaddr_in endpoint(uint32_t address, uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(address)}};
}

static int set_congestion(struct net *net, int socket)
{
    const char *name = net->congestion;
    socklen_t length = (socklen_t)strlen(name);
    if (net->stack != NULL)
        return tunny_setsockopt(net->stack, socket, IPPROTO_TCP, TCP_CONGESTION, name, length);
    return setsockopt(socket, IPPROTO_TCP, TCP_CONGESTION, name, length) == 0 ? 0 : -errno;
}

/* A socket with its congestion control, or a negative errno. */
static int make_socket(struct net *net)
{
    const int type = SOCK_STREAM | SOCK_NONBLOCK;
    int made = net->stack != NULL ? tunny_socket(net->stack, AF_INET, type, 0)
                                  : socket(AF_INET, type | SOCK_CLOEXEC, 0);
    if (made < 0)
        return net->stack != NULL ? made : -errno;
    int result = set_congestion(net, made);
    if (result < 0) {
        net_close_socket(net, made);
        return result;
    }
    return made;
}

int net_listen(struct net *net, uint32_t address, uint16_t port)
{
    struct sockaddr_in here = endpoint(address, port);
    const struct sockaddr *name = (const struct sockaddr *)&here;
    int listener = make_socket(net);
    if (listener < 0)
        return listener;
    int result;
    if (net->stack != NULL) {
        result = tunny_bind(net->stack, listener, name, sizeof here);
        if (result == 0)
            result = tunny_listen(net->stack, listener, 16);
    } else {
        result = bind(listener, name, sizeof here) != 0 || listen(listener, 16) != 0 ? -errno : 0;
    }
    return result < 0 ? result : listener;
}

int net_accept(struct net *net, int listener)
{
    if (net->stack != NULL)
        net->timeouts_before = tunny_counter(net->stack, timeouts);
    if (net->stack != NULL)
        return tunny_accept(net->stack, listener, NULL, NULL, SOCK_NONBLOCK);
    int accepted = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    return accepted < 0 ? -errno : accepted;
}

int net_connect(struct net *net, uint32_t address, uint16_t port)
{
    struct sockaddr_in there = endpoint(address, port);
    const struct sockaddr *name = (const struct sockaddr *)&there;
    int made = make_socket(net);
    if (made < 0)
        return made;
    int result;
    if (net->stack != NULL) {
        net->timeouts_before = tunny_counter(net->stack, timeouts);
        result = tunny_connect(net->stack, made, name, sizeof there);
    } else {
        result = connect(made, name, sizeof there) == 0 ? 0 : -errno;
    }
    if (result < 0 && result != -EINPROGRESS) {
        net_close_socket(net, made);
        return result;
    }
    return made;
}

ssize_t net_send(struct net *net, int socket, const void *data, size_t length)
{
    if (net->stack != NULL)
        return tunny_send(net->stack, socket, data, length, MSG_DONTWAIT);
    ssize_t sent = send(socket, data, length, MSG_DONTWAIT | MSG_NOSIGNAL);
    return sent < 0 ? -errno : sent;
}

ssize_t net_receive(struct net *net, int socket, void *data, size_t length)
{
    if (net->stack != NULL)
        return tunny_recv(net->stack, socket, data, length, MSG_DONTWAIT);
    ssize_t received = recv(socket, data, length, MSG_DONTWAIT);
    return received < 0 ? -errno : received;
}

void net_end_sending(struct net *net, int socket)
{
    if (net->stack != NULL)
        tunny_shutdown(net->stack, socket, SHUT_WR);
    else
        shutdown(socket, SHUT_WR);
}

void net_close_socket(struct net *net, int socket)
{
    if (net->stack != NULL)
        tunny_close(net->stack, socket);
    else
        close(socket);
}

int net_wait(struct net *net, int socket, short events, int64_t until_ns)
{
    struct pollfd polled = {.fd = socket, .events = events};
    int64_t left_ns = until_ns - net_now_ns();
    int timeout_ms = left_ns <= 0
                         ? 0
                         : (int)(left_ns / 1000000 < 60000 ? left_ns / 1000000 + 1 : 60000);
    int ready = net->stack != NULL ? tunny_poll(net->stack, &polled, 1, timeout_ms)
                                   : poll(&polled, 1, timeout_ms);
    if (ready < 0)
        return net->stack != NULL ? ready : -errno;
    return ready == 0 ? 0 : polled.revents;
}

static int64_t timeouts_of(struct net *net, const struct wide_info *wide, socklen_t length)
{
    uint16_t total;
    if (net->stack != NULL)
        return (int64_t)(tunny_counter(net->stack, timeouts) - net->timeouts_before);
    if (length < TOTAL_RTO_END)
        return -1;
    memcpy(&total, (const uint8_t *)wide + TOTAL_RTO_OFFSET, sizeof total);
    return total;
}

int net_figures(struct net *net, int socket, struct net_figures *figures)
{
    struct wide_info wide = {0};
    socklen_t length = sizeof wide;
    int result;
    if (net->stack != NULL) {
        length = sizeof wide.info;
        result = tunny_getsockopt(net->stack, socket, IPPROTO_TCP, TCP_INFO, &wide.info, &length);
    } else {
        result = getsockopt(socket, IPPROTO_TCP, TCP_INFO, &wide, &length) == 0 ? 0 : -errno;
    }
    if (result < 0)
        return result;
    const struct tcp_info *info = &wide.info;
    *figures = (struct net_figures){
        .srtt_us = info->tcpi_rtt,
        .min_rtt_us = info->tcpi_min_rtt,
        .cwnd = info->tcpi_snd_cwnd,
        .ssthresh = info->tcpi_snd_ssthresh,
        .data_segments = info->tcpi_data_segs_out,
        .retransmitted = info->tcpi_total_retrans,
        .spurious = info->tcpi_dsack_dups,
        .timeouts = timeouts_of(net, &wide, length),
    };
    return 0;
}
