/* setsockopt() and getsockopt(): the level SOL_SOCKET, and the way to the other levels. Bounds,
 * doubling and defaults are Linux's, as programs expect them. */
#include "sock/sock_options.h"

#include <errno.h>

#include "sock/sock_tcp.h"

/* --- values ----------------------------------------------------------------------------------- */

int option_int(struct option_value value, int *number)
{
    if (value.length < sizeof *number)
        return -EINVAL;
    memcpy(number, value.data, sizeof *number);
    return 0;
}

int option_int_or_byte(struct option_value value, int *number)
{
    if (value.length == 0 || value.length >= sizeof *number)
        return option_int(value, number);
    *number = *(const uint8_t *)value.data;
    return 0;
}

int option_int_within(struct option_value value, int least, int most, int *number)
{
    int r = option_int(value, number);
    if (r < 0)
        return r;
    return *number < least || *number > most ? -EINVAL : 0;
}

int answer_int(struct option_answer *answer, int64_t number)
{
    answer->value.number = number > INT32_MAX ? INT32_MAX : (int)number;
    answer->length = sizeof answer->value.number;
    return 0;
}

int answer_bytes(struct option_answer *answer, const void *data, size_t length)
{
    memcpy(answer->value.bytes, data, length);
    answer->length = length;
    return 0;
}

/* --- SOL_SOCKET ------------------------------------------------------------------------------- */

static int set_flag(struct socket *socket, int option, struct option_value value)
{
    int number;
    int r = option_int(value, &number);
    if (r < 0)
        return r;
    bool on = number != 0;
    switch (option) {
    case SO_REUSEADDR:
        socket->reuse_address = on;
        return 0;
    case SO_REUSEPORT:
        socket->reuse_port = on;
        return 0;
    case SO_BROADCAST:
        socket->broadcast = on;
        return 0;
    case SO_KEEPALIVE:
        sock_settings(socket)->keep_alive = on;
        return 0;
    case SO_ZEROCOPY:
        if (socket->kind == SOCKET_UDP)
            return -ENOPROTOOPT;
        socket->zerocopy_on = on;
        return 0;
    case SO_OOBINLINE:
        sock_settings(socket)->oob_inline = on;
        return 0;
    case SO_RCVLOWAT:
        /* As Linux: 0 means 1, a negative one the most there is. */
        sock_settings(socket)->receive_low_water = number == 0 ? 1
                                                               : (uint32_t)(number < 0 ? INT32_MAX
                                                                                       : number);
        return 0;
    default:
        return -ENOPROTOOPT;
    }
}

/* Linux keeps twice what it is told and says so; a negative number is a very large one to it. */
static uint32_t doubled(int number, int64_t least, int64_t most)
{
    int64_t half = (int64_t)(uint32_t)number < most / 2 ? (int64_t)(uint32_t)number : most / 2;
    return (uint32_t)(2 * half < least ? least : 2 * half);
}

static int set_buffer(struct socket *socket, int option, struct option_value value)
{
    enum { LEAST_SEND = 4608, LEAST_RECEIVE = 2304 };
    const struct tcp_tunables *tunables = tcp_tunables(socket->host->tcp);
    struct tcp_settings *settings = sock_settings(socket);
    int number;
    int r = option_int(value, &number);
    if (r < 0)
        return r;
    if (option == SO_SNDBUF) {
        settings->send_buffer = doubled(number, LEAST_SEND, tunables->tcp_wmem_max);
        settings->send_buffer_fixed = true;
        return 0;
    }
    settings->receive_buffer = doubled(number, LEAST_RECEIVE, tunables->tcp_rmem_max);
    settings->receive_buffer_fixed = true;
    if (socket->kind == SOCKET_UDP)
        udp_set_queue_limit(socket->udp, settings->receive_buffer);
    return 0;
}

static int set_timeout(struct duration *timeout, struct option_value value)
{
    struct timeval time;
    if (value.length < sizeof time)
        return -EINVAL;
    memcpy(&time, value.data, sizeof time);
    if (time.tv_usec < 0 || time.tv_usec >= 1000000)
        return -EDOM;
    /* As Linux: a negative time is no time to wait, not none at all. */
    if (time.tv_sec < 0)
        *timeout = duration_ns(1);
    else
        *timeout = duration_add(duration_s(time.tv_sec), duration_us(time.tv_usec));
    return 0;
}

static int set_linger(struct socket *socket, struct option_value value)
{
    struct linger linger;
    if (value.length < sizeof linger)
        return -EINVAL;
    memcpy(&linger, value.data, sizeof linger);
    struct tcp_settings *settings = sock_settings(socket);
    settings->linger = linger.l_onoff != 0;
    settings->linger_s = linger.l_linger < 0 ? INT32_MAX : (uint32_t)linger.l_linger;
    return 0;
}

static int set_pacing_rate(struct socket *socket, struct option_value value)
{
    uint64_t rate = 0;
    if (value.length >= sizeof rate) {
        memcpy(&rate, value.data, sizeof rate);
    } else {
        uint32_t narrow;
        if (value.length < sizeof narrow)
            return -EINVAL;
        memcpy(&narrow, value.data, sizeof narrow);
        rate = narrow == UINT32_MAX ? UINT64_MAX : narrow;
    }
    sock_settings(socket)->max_pacing_rate = rate == UINT64_MAX ? 0 : rate;
    return 0;
}

static int set_socket_option(struct socket *socket, int option, struct option_value value)
{
    switch (option) {
    case SO_SNDBUF:
    case SO_RCVBUF:
        return set_buffer(socket, option, value);
    case SO_RCVTIMEO:
        return set_timeout(&socket->receive_timeout, value);
    case SO_SNDTIMEO:
        return set_timeout(&socket->send_timeout, value);
    case SO_LINGER:
        return set_linger(socket, value);
    case SO_MAX_PACING_RATE:
        return set_pacing_rate(socket, value);
    default:
        return set_flag(socket, option, value);
    }
}

static int get_flag(struct socket *socket, int option, struct option_answer *answer)
{
    const struct tcp_settings *settings = sock_settings_seen(socket);
    switch (option) {
    case SO_REUSEADDR:
        return answer_int(answer, socket->reuse_address);
    case SO_REUSEPORT:
        return answer_int(answer, socket->reuse_port);
    case SO_BROADCAST:
        return answer_int(answer, socket->broadcast);
    case SO_KEEPALIVE:
        return answer_int(answer, settings->keep_alive);
    case SO_ZEROCOPY:
        return answer_int(answer, socket->zerocopy_on);
    case SO_OOBINLINE:
        return answer_int(answer, settings->oob_inline);
    case SO_RCVLOWAT:
        return answer_int(answer, settings->receive_low_water);
    case SO_SNDBUF:
        return answer_int(answer, settings->send_buffer);
    case SO_RCVBUF:
        return answer_int(answer, settings->receive_buffer);
    case SO_TYPE:
        return answer_int(answer, socket->kind == SOCKET_UDP ? SOCK_DGRAM : SOCK_STREAM);
    case SO_DOMAIN:
        return answer_int(answer, socket->family);
    case SO_PROTOCOL:
        return answer_int(answer, socket->kind == SOCKET_UDP ? IPPROTO_UDP : IPPROTO_TCP);
    case SO_ACCEPTCONN:
        return answer_int(answer, socket->kind == SOCKET_TCP_LISTENING);
    default:
        return -ENOPROTOOPT;
    }
}

/* The pending error, once. With IP_RECVERR also advice from ICMP on which TCP goes on (MUST-47,
 * SHLD-25); without it that stays quiet (SHLD-20). */
static int take_error(struct socket *socket)
{
    if (socket->kind == SOCKET_UDP)
        return udp_take_error(socket->udp);
    struct tcb *tcb;
    if (sock_awake(socket, -ENOTCONN, &tcb) < 0)
        return 0;
    int error = tcp_take_error(tcb);
    if (!error && socket->receive_errors)
        error = tcp_take_soft_error(tcb);
    return error;
}

static int answer_timeout(struct option_answer *answer, struct duration timeout)
{
    int64_t us = duration_to_us(timeout);
    struct timeval time = {.tv_sec = us / 1000000, .tv_usec = us % 1000000};
    return answer_bytes(answer, &time, sizeof time);
}

static int get_socket_option(struct socket *socket, int option, struct option_answer *answer)
{
    const struct tcp_settings *settings = sock_settings_seen(socket);
    switch (option) {
    case SO_ERROR:
        return answer_int(answer, take_error(socket));
    case SO_RCVTIMEO:
        return answer_timeout(answer, socket->receive_timeout);
    case SO_SNDTIMEO:
        return answer_timeout(answer, socket->send_timeout);
    case SO_LINGER: {
        struct linger linger = {.l_onoff = settings->linger, .l_linger = (int)settings->linger_s};
        return answer_bytes(answer, &linger, sizeof linger);
    }
    case SO_MAX_PACING_RATE: {
        uint64_t rate = settings->max_pacing_rate ? settings->max_pacing_rate : UINT64_MAX;
        return answer_bytes(answer, &rate, sizeof rate);
    }
    default:
        return get_flag(socket, option, answer);
    }
}

/* --- all levels ------------------------------------------------------------------------------- */

int sock_set_option(struct socket *socket, int level, int option, const void *data,
                    socklen_t length, struct instant now)
{
    struct option_value value = {data, data ? length : 0};
    struct tcb *tcb;
    if (sock_awake(socket, 0, &tcb) < 0)
        return -ENOBUFS;
    int r = -ENOPROTOOPT;
    if (level == SOL_SOCKET)
        r = set_socket_option(socket, option, value);
    else if (level == IPPROTO_TCP && socket->kind != SOCKET_UDP)
        r = set_tcp_option(socket, option, value, now);
    else if (level == IPPROTO_IP)
        r = set_ip_option(socket, option, value);
    else if (level == IPPROTO_IPV6 && socket->family == AF_INET6)
        r = set_ipv6_option(socket, option, value);
    if (r == 0)
        sock_settings_changed(socket, now);
    return r;
}

int sock_get_option(struct socket *socket, int level, int option, void *value, socklen_t *length,
                    struct instant now)
{
    struct option_answer answer = {.length = 0};
    int r = -ENOPROTOOPT;
    if (!value || !length)
        return -EFAULT;
    if (level == SOL_SOCKET)
        r = get_socket_option(socket, option, &answer);
    else if (level == IPPROTO_TCP && socket->kind != SOCKET_UDP)
        r = get_tcp_option(socket, option, &answer, now);
    else if (level == IPPROTO_IP)
        r = get_ip_option(socket, option, &answer, now);
    else if (level == IPPROTO_IPV6 && socket->family == AF_INET6)
        r = get_ipv6_option(socket, option, &answer, now);
    if (r < 0)
        return r;
    if (*length > answer.length)
        *length = (socklen_t)answer.length;
    memcpy(value, answer.value.bytes, *length);
    return 0;
}
