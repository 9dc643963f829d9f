/* setsockopt() and getsockopt() of a program; see calls.h. What the stack knows acts on T; what
 * concerns the pipe alone acts on A; all others that Linux has for TCP are remembered, so that a
 * program that sets one and reads it back goes on. */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "run/calls.h"
#include "run/notify.h"
#include "run/task.h"

enum { VALUE_MOST = 512 };

/* --- options that are remembered only -----------------------------------------------------------
 */

enum known_kind {
    KNOWN,    /* what was set is read */
    CONSTANT, /* cannot be set */
    EMPTY,    /* there is nothing, which is what is read */
};

struct known_option {
    int level, option;
    int fallback;
    enum known_kind kind;
};

/* Younger or rarer than <netinet/in.h> and <netinet/tcp.h>. */
enum {
    SO_CNX_ADVICE_GIVEN = 53,
    SO_TX_TIME = 61,
    SO_BIND_TO_INDEX = 62,
    SO_TIMESTAMP_64 = 63,
    SO_TIMESTAMPNS_64 = 64,
    SO_TIMESTAMPING_64 = 65,
    SO_BUSY_POLL_PREFERRED = 69,
    SO_BUFFERS_LOCKED = 72,
    SO_MEMORY_RESERVED = 73,
    SO_TX_REHASHES = 74,
    SO_RECEIVE_MARK = 75,
    SO_RECEIVE_PRIORITY = 82,
    IP_NO_DEFRAG = 22,
    IP_LOCAL_PORTS = 51,
    IPV6_FLOW_INFO = 11,
    IPV6_SEND_FLOW_INFO = 33,
    TCP_IS_MULTIPATH = 43,
    TCP_LONGEST_RTO = 44,
    TCP_LONGEST_DELAYED_ACK = 45,
    TCP_LEAST_RTO = 46,
    RTO_MAX_MS = 120000,
    RTO_MIN_US = 200000,
    PREFER_PUBLIC_HOME_NONCGA = 0x500,
    BPF_EXTENSIONS = 64,
};

/* Linux's options of TCP sockets that mean nothing to a stack behind a TUN. */
static const struct known_option known[] = {
    {SOL_SOCKET, SO_DEBUG, 0, KNOWN},
    {SOL_SOCKET, SO_DONTROUTE, 0, KNOWN},
    {SOL_SOCKET, SO_OOBINLINE, 0, KNOWN},
    {SOL_SOCKET, SO_PRIORITY, 0, KNOWN},
    {SOL_SOCKET, SO_BSDCOMPAT, 0, KNOWN},
    {SOL_SOCKET, SO_MARK, 0, KNOWN},
    {SOL_SOCKET, SO_TIMESTAMP, 0, KNOWN},
    {SOL_SOCKET, SO_TIMESTAMPNS, 0, KNOWN},
    {SOL_SOCKET, SO_TIMESTAMPING, 0, KNOWN},
    {SOL_SOCKET, SO_BUSY_POLL, 0, KNOWN},
    {SOL_SOCKET, SO_INCOMING_CPU, -1, KNOWN},
    {SOL_SOCKET, SO_INCOMING_NAPI_ID, 0, CONSTANT},
    {SOL_SOCKET, SO_BINDTODEVICE, 0, EMPTY},
    {SOL_SOCKET, SO_ATTACH_FILTER, 0, EMPTY},
    {SOL_SOCKET, SO_RXQ_OVFL, 0, KNOWN},
    {SOL_SOCKET, SO_WIFI_STATUS, 0, KNOWN},
    {SOL_SOCKET, SO_NOFCS, 0, KNOWN},
    {SOL_SOCKET, SO_LOCK_FILTER, 0, KNOWN},
    {SOL_SOCKET, SO_SELECT_ERR_QUEUE, 0, KNOWN},
    {SOL_SOCKET, SO_BPF_EXTENSIONS, BPF_EXTENSIONS, CONSTANT},
    {SOL_SOCKET, SO_SNDLOWAT, 1, CONSTANT},
    {SOL_SOCKET, SO_NO_CHECK, 0, KNOWN},
    {SOL_SOCKET, SO_CNX_ADVICE_GIVEN, 0, KNOWN},
    {SOL_SOCKET, SO_TX_TIME, 0, CONSTANT},
    {SOL_SOCKET, SO_BIND_TO_INDEX, 0, KNOWN},
    {SOL_SOCKET, SO_TIMESTAMP_64, 0, KNOWN},
    {SOL_SOCKET, SO_TIMESTAMPNS_64, 0, KNOWN},
    {SOL_SOCKET, SO_TIMESTAMPING_64, 0, KNOWN},
    {SOL_SOCKET, SO_BUSY_POLL_PREFERRED, 0, KNOWN},
    {SOL_SOCKET, SO_BUFFERS_LOCKED, 0, KNOWN},
    {SOL_SOCKET, SO_MEMORY_RESERVED, 0, CONSTANT},
    {SOL_SOCKET, SO_TX_REHASHES, 1, KNOWN},
    {SOL_SOCKET, SO_RECEIVE_MARK, 0, KNOWN},
    {SOL_SOCKET, SO_RECEIVE_PRIORITY, 0, KNOWN},
    {IPPROTO_TCP, TCP_THIN_LINEAR_TIMEOUTS, 0, KNOWN},
    {IPPROTO_TCP, TCP_THIN_DUPACK, 0, KNOWN},
    {IPPROTO_TCP, TCP_REPAIR, 0, CONSTANT},
    {IPPROTO_TCP, TCP_TIMESTAMP, 0, CONSTANT},
    {IPPROTO_TCP, TCP_SAVE_SYN, 0, KNOWN},
    {IPPROTO_TCP, TCP_SAVED_SYN, 0, EMPTY},
    {IPPROTO_TCP, TCP_FASTOPEN, 0, KNOWN},
    {IPPROTO_TCP, TCP_ULP, 0, EMPTY},
    {IPPROTO_TCP, TCP_TX_DELAY, 0, KNOWN},
    {IPPROTO_TCP, TCP_IS_MULTIPATH, 0, CONSTANT},
    {IPPROTO_TCP, TCP_LONGEST_RTO, RTO_MAX_MS, KNOWN},
    {IPPROTO_TCP, TCP_LONGEST_DELAYED_ACK, RTO_MIN_US, KNOWN},
    {IPPROTO_TCP, TCP_LEAST_RTO, RTO_MIN_US, KNOWN},
    {IPPROTO_IP, IP_HDRINCL, 0, CONSTANT},
    {IPPROTO_IP, IP_OPTIONS, 0, EMPTY},
    {IPPROTO_IP, IP_ROUTER_ALERT, 0, CONSTANT},
    {IPPROTO_IP, IP_RECVOPTS, 0, KNOWN},
    {IPPROTO_IP, IP_RETOPTS, 0, KNOWN},
    {IPPROTO_IP, IP_PKTINFO, 0, KNOWN},
    {IPPROTO_IP, IP_PKTOPTIONS, 0, EMPTY},
    {IPPROTO_IP, IP_RECVTOS, 0, KNOWN},
    {IPPROTO_IP, IP_RECVTTL, 0, KNOWN},
    {IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_WANT, KNOWN},
    {IPPROTO_IP, IP_FREEBIND, 0, KNOWN},
    {IPPROTO_IP, IP_PASSSEC, 0, KNOWN},
    {IPPROTO_IP, IP_TRANSPARENT, 0, KNOWN},
    {IPPROTO_IP, IP_RECVORIGDSTADDR, 0, KNOWN},
    {IPPROTO_IP, IP_MINTTL, 0, KNOWN},
    {IPPROTO_IP, IP_NO_DEFRAG, 0, CONSTANT},
    {IPPROTO_IP, IP_CHECKSUM, 0, KNOWN},
    {IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 0, KNOWN},
    {IPPROTO_IP, IP_RECVFRAGSIZE, 0, CONSTANT},
    {IPPROTO_IP, IP_RECVERR_RFC4884, 0, KNOWN},
    {IPPROTO_IP, IP_MULTICAST_IF, 0, CONSTANT},
    {IPPROTO_IP, IP_MULTICAST_TTL, 1, CONSTANT},
    {IPPROTO_IP, IP_MULTICAST_LOOP, 1, KNOWN},
    {IPPROTO_IP, IP_MULTICAST_ALL, 1, KNOWN},
    {IPPROTO_IP, IP_UNICAST_IF, 0, CONSTANT},
    {IPPROTO_IP, IP_LOCAL_PORTS, 0, KNOWN},
    {IPPROTO_IPV6, IPV6_2292PKTINFO, 0, KNOWN},
    {IPPROTO_IPV6, IPV6_2292HOPOPTS, 0, KNOWN},
    {IPPROTO_IPV6, IPV6_2292DSTOPTS, 0, KNOWN},
    {IPPROTO_IPV6, IPV6_2292RTHDR, 0, KNOWN},
    {IPPROTO_IPV6, IPV6_2292HOPLIMIT, 0, KNOWN},
    {IPPROTO_IPV6, IPV6_FLOW_INFO, 0, KNOWN},
    {IPPROTO_IPV6, IPV6_MULTICAST_IF, 0, CONSTANT},
    {IPPROTO_IPV6, IPV6_MULTICAST_HOPS, 1, CONSTANT},
    {IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 1, KNOWN},
    {IPPROTO_IPV6, IPV6_ROUTER_ALERT, 0, CONSTANT},
    {IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_WANT, KNOWN},
    {IPPROTO_IPV6, IPV6_RECVERR, 0, KNOWN},
    {IPPROTO_IPV6, IPV6_MULTICAST_ALL, 1, KNOWN},
    {IPPROTO_IPV6, IPV6_ROUTER_ALERT_ISOLATE, 0, KNOWN},
    {IPPROTO_IPV6, IPV6_RECVERR_RFC4884, 0, KNOWN},
    {IPPROTO_IPV6, IPV6_SEND_FLOW_INFO, 0, KNOWN},
    {IPPROTO_IPV6, IPV6_RECVPKTINFO, 0, KNOWN},
    {IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 0, KNOWN},
    {IPPROTO_IPV6, IPV6_RECVHOPOPTS, 0, KNOWN},
    {IPPROTO_IPV6, IPV6_RECVRTHDR, 0, KNOWN},
    {IPPROTO_IPV6, IPV6_RECVDSTOPTS, 0, KNOWN},
    {IPPROTO_IPV6, IPV6_RECVPATHMTU, 0, KNOWN},
    {IPPROTO_IPV6, IPV6_DONTFRAG, 0, KNOWN},
    {IPPROTO_IPV6, IPV6_RECVTCLASS, 0, KNOWN},
    {IPPROTO_IPV6, IPV6_AUTOFLOWLABEL, 1, KNOWN},
    {IPPROTO_IPV6, IPV6_ADDR_PREFERENCES, PREFER_PUBLIC_HOME_NONCGA, KNOWN},
    {IPPROTO_IPV6, IPV6_MINHOPCOUNT, 0, KNOWN},
    {IPPROTO_IPV6, IPV6_ORIGDSTADDR, 0, KNOWN},
    {IPPROTO_IPV6, IPV6_TRANSPARENT, 0, KNOWN},
    {IPPROTO_IPV6, IPV6_UNICAST_IF, 0, CONSTANT},
    {IPPROTO_IPV6, IPV6_RECVFRAGSIZE, 0, KNOWN},
    {IPPROTO_IPV6, IPV6_2292PKTOPTIONS, 0, EMPTY},
    {IPPROTO_IPV6, IPV6_HOPOPTS, 0, EMPTY},
    {IPPROTO_IPV6, IPV6_RTHDRDSTOPTS, 0, EMPTY},
    {IPPROTO_IPV6, IPV6_RTHDR, 0, EMPTY},
    {IPPROTO_IPV6, IPV6_DSTOPTS, 0, EMPTY},
    {IPPROTO_IPV6, IPV6_FREEBIND, 0, KNOWN},
};

static const struct known_option *find_known(int level, int option)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].level == level && known[i].option == option)
            return &known[i];
    return NULL;
}

static struct remembered_option *find_remembered(struct channel *channel, int level, int option)
{
    for (unsigned i = 0; i < channel->option_count; i++)
        if (channel->options[i].level == level && channel->options[i].option == option)
            return &channel->options[i];
    return NULL;
}

static int remember(struct channel *channel, int level, int option, const void *value,
                    size_t length)
{
    struct remembered_option *place = find_remembered(channel, level, option);
    const struct known_option *fallback = find_known(level, option);
    if (fallback == NULL || fallback->kind == CONSTANT)
        return -ENOPROTOOPT;
    if (fallback->kind == EMPTY)
        return 0;
    if (place == NULL && channel->option_count < CHANNEL_OPTIONS)
        place = &channel->options[channel->option_count++];
    if (place == NULL)
        return 0;
    *place = (struct remembered_option){.level = level, .option = option};
    memcpy(&place->value, value, length < sizeof place->value ? length : sizeof place->value);
    return 0;
}

static int recall(struct channel *channel, int level, int option, void *value, socklen_t *length)
{
    const struct known_option *fallback = find_known(level, option);
    const struct remembered_option *place = find_remembered(channel, level, option);
    if (fallback == NULL)
        return -ENOPROTOOPT;
    /* Of IP's options, say: sshd refuses who has some. */
    if (fallback->kind == EMPTY) {
        *length = 0;
        return 0;
    }
    int number = place != NULL ? place->value : fallback->fallback;
    if (*length > sizeof number)
        *length = sizeof number;
    memcpy(value, &number, *length);
    return 0;
}

/* --- setsockopt ---------------------------------------------------------------------------------
 */

/* How long the program's own reading and writing waits, and where it peeks, is the pipe's matter.
 */
static bool concerns_the_pipe(int level, int option)
{
    return level == SOL_SOCKET &&
           (option == SO_OOBINLINE || option == SO_RCVTIMEO || option == SO_SNDTIMEO ||
            option == SO_RCVLOWAT || option == SO_PEEK_OFF);
}

/* The pipe alone knows it. */
static bool is_of_pipe_only(int level, int option)
{
    return level == SOL_SOCKET && option == SO_PEEK_OFF;
}

/* No limit is there to be passed. */
static int without_force(int level, int option)
{
    if (level == SOL_SOCKET && option == SO_SNDBUFFORCE)
        return SO_SNDBUF;
    return level == SOL_SOCKET && option == SO_RCVBUFFORCE ? SO_RCVBUF : option;
}

/* What would take the connection out of our hands is refused, and programs do without. */
static bool is_refused(int level, int option)
{
    return (level == IPPROTO_TCP && (option == TCP_ULP || option == TCP_FASTOPEN_CONNECT ||
                                     option == TCP_REPAIR || option == TCP_MD5SIG)) ||
           (level == SOL_SOCKET && option == SO_ZEROCOPY);
}

/* The pipe is send buffer, too: who wants little of it gets little. While A is kept busy its own
 * size is set when that ends. */
static void size_pipe(const struct call *call, struct channel *channel, const void *value,
                      socklen_t length)
{
    int size;
    if (length < sizeof size)
        return;
    memcpy(&size, value, sizeof size);
    if (channel->stuffed > 0)
        channel->send_buffer = size < 1 << 29 ? 2 * size : size;
    else
        setsockopt(call->duplicate, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
}

static int set(struct call *call, struct channel *channel, const void *value, socklen_t length)
{
    int level = (int)call->arguments[1];
    int option = without_force(level, (int)call->arguments[2]);
    if (is_refused(level, option))
        return option == TCP_ULP ? -ENOENT : -EOPNOTSUPP;
    if (level == IPPROTO_IPV6 && channel->family == AF_INET)
        return -ENOPROTOOPT;
    if (concerns_the_pipe(level, option) &&
        setsockopt(call->duplicate, level, option, value, length) < 0)
        return -errno;
    if (is_of_pipe_only(level, option))
        return 0;
    if (level == SOL_SOCKET && option == SO_SNDBUF)
        size_pipe(call, channel, value, length);
    int result = -ENOPROTOOPT;
    if (channel->socket >= 0 && !(level == SOL_SOCKET && option == SO_OOBINLINE))
        result = tunny_setsockopt(call->session->bridge->stack, channel->socket, level, option,
                                  value, length);
    return result == -ENOPROTOOPT ? remember(channel, level, option, value, length) : result;
}

void program_setsockopt(struct call *call, struct channel *channel)
{
    char value[VALUE_MOST] = "";
    int64_t length = (int32_t)call->arguments[4];
    snprintf(call->note, sizeof call->note, "%d, %d", (int)call->arguments[1],
             (int)call->arguments[2]);
    int result = -EINVAL;
    if (length >= 0)
        result = task_read(call->task, call->arguments[3], value,
                           length < VALUE_MOST ? (size_t)length : VALUE_MOST);
    if (result == 0)
        result = set(call, channel, value,
                     length < VALUE_MOST ? (socklen_t)length : (socklen_t)VALUE_MOST);
    notify_answer(call, NULL, result);
}

/* --- getsockopt ---------------------------------------------------------------------------------
 */

/* A and the stack may each have heard of the same failure: it is told once. */
static int take_error(struct call *call, struct channel *channel)
{
    int of_pipe = 0, of_socket = 0;
    socklen_t length = sizeof of_pipe;
    if (call->duplicate >= 0 && channel->state == CHANNEL_DEAD)
        getsockopt(call->duplicate, SOL_SOCKET, SO_ERROR, &of_pipe, &length);
    int error = channel->error;
    channel->error = 0;
    if (channel->state == CHANNEL_DEAD && channel->told)
        return of_pipe != 0 && error != 0 ? error : of_pipe;
    if (error == 0 && channel->socket >= 0 && channel->state != CHANNEL_CONNECTING) {
        length = sizeof of_socket;
        tunny_getsockopt(call->session->bridge->stack, channel->socket, SOL_SOCKET, SO_ERROR,
                         &of_socket, &length);
        error = of_socket;
    }
    return error;
}

static int answer_number(int number, void *value, socklen_t *length)
{
    if (*length > sizeof number)
        *length = sizeof number;
    memcpy(value, &number, *length);
    return 0;
}

/* What a socket is does not end with its connection. */
static int get_nature(const struct channel *channel, int option, void *value, socklen_t *length)
{
    switch (option) {
    case SO_TYPE:
        return answer_number(SOCK_STREAM, value, length);
    case SO_DOMAIN:
        return answer_number(channel->family, value, length);
    case SO_PROTOCOL:
        return answer_number(IPPROTO_TCP, value, length);
    case SO_ACCEPTCONN:
        return answer_number(channel->state == CHANNEL_LISTENING, value, length);
    default:
        return -ENOPROTOOPT;
    }
}

static int get(struct call *call, struct channel *channel, void *value, socklen_t *length)
{
    int level = (int)call->arguments[1], option = (int)call->arguments[2];
    int result = -ENOPROTOOPT;
    if (level == SOL_SOCKET && option == SO_ERROR)
        return answer_number(take_error(call, channel), value, length);
    if (is_of_pipe_only(level, option))
        return getsockopt(call->duplicate, level, option, value, length) < 0 ? -errno : 0;
    if (level == IPPROTO_IPV6 && channel->family == AF_INET)
        return -EOPNOTSUPP;
    if (level == SOL_SOCKET)
        result = get_nature(channel, option, value, length);
    bool is_of_pipe = level == SOL_SOCKET && option == SO_OOBINLINE;
    if (result == -ENOPROTOOPT && channel->socket >= 0 && !is_of_pipe)
        result = tunny_getsockopt(call->session->bridge->stack, channel->socket, level, option,
                                  value, length);
    return result == -ENOPROTOOPT ? recall(channel, level, option, value, length) : result;
}

void program_getsockopt(struct call *call, struct channel *channel)
{
    char value[VALUE_MOST] = "";
    int said = 0;
    int level = (int)call->arguments[1], option = (int)call->arguments[2];
    snprintf(call->note, sizeof call->note, "%d, %d", level, option);
    if (level == SOL_SOCKET && option == SO_ERROR && channel->state == CHANNEL_CONNECTING &&
        channel->pipe < 0) {
        /* A blocking connect() was interrupted: its result is not known yet. */
        calls_hold(call, channel, SO_SNDTIMEO);
        return;
    }
    if (level == SOL_SOCKET && option == SO_COOKIE) {
        notify_continue(call);
        return;
    }
    int result = task_read(call->task, call->arguments[4], &said, sizeof said);
    if (result == 0 && said < 0)
        result = -EINVAL;
    socklen_t length = said > VALUE_MOST ? VALUE_MOST : (socklen_t)said;
    if (result == 0)
        result = get(call, channel, value, &length);
    if (result == 0)
        result = task_write(call->task, call->arguments[3], value, length);
    if (result == 0)
        result = task_write(call->task, call->arguments[4], &length, sizeof length);
    notify_answer(call, NULL, result);
}

void calls_retry_options(struct channel *channel)
{
    struct call **place = &channel->held;
    while (*place != NULL) {
        struct call *held = *place;
        if (held->number != SYS_getsockopt) {
            place = &held->next;
            continue;
        }
        *place = held->next;
        program_getsockopt(held, channel);
        free(held);
    }
}
