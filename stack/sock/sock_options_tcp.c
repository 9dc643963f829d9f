/* The level IPPROTO_TCP. See sock_options.h. Bounds are Linux's; seconds and counts are kept in
 * struct tcp_settings, where TCP reads them. */
#include <errno.h>
#include <stdio.h>

#include "sock/sock_options.h"
#include "sock/sock_tcp.h"
#include "sock/tcp_info.h"
#include "tcp/cc.h"

enum {
    MOST_KEEP_S = 32767,
    MOST_TIMES = 127,
    LEAST_MAXSEG = 88,
    MOST_MAXSEG = 32767,
    MOST_LINGER2_S = 120,
    LEAST_CLAMP = 1152, /* half the least receive buffer */
    CONGESTION_NAME = 16,
};

static int set_flag(struct socket *socket, int option, int number)
{
    struct tcp_settings *settings = sock_settings(socket);
    bool on = number != 0;
    struct tcb *tcb;
    switch (option) {
    case TCP_NODELAY:
        settings->no_delay = on;
        if (on && sock_awake(socket, -ENOTCONN, &tcb) == 0)
            tcp_push_held(tcb);
        return 0;
    case TCP_CORK:
        settings->cork = on;
        return 0;
    case TCP_QUICKACK:
        settings->quick_ack = on;
        return 0;
    case TCP_INQ:
        if (number < 0 || number > 1)
            return -EINVAL;
        socket->inq = on;
        return 0;
    default:
        return -ENOPROTOOPT;
    }
}

/* Stores what lies within the bounds. */
static int store(uint32_t *field, int number, int least, int most)
{
    if (number < least || number > most)
        return -EINVAL;
    *field = (uint32_t)number;
    return 0;
}

static int set_window_clamp(struct socket *socket, int number)
{
    struct tcp_settings *settings = sock_settings(socket);
    if (number < 0 || (number == 0 && socket->connection))
        return -EINVAL;
    if (number > 0 && number < LEAST_CLAMP)
        number = LEAST_CLAMP;
    settings->window_clamp = (uint32_t)number;
    return 0;
}

/* Negative, to Linux, is "no FIN-WAIT-2 at all": here the shortest there is. */
static int set_linger2(struct socket *socket, int number)
{
    if (number > MOST_LINGER2_S)
        number = MOST_LINGER2_S;
    sock_settings(socket)->fin_wait_2_s = number < 0 ? 1 : (uint32_t)number;
    return 0;
}

/* --- Fast Open (RFC 7413; tcp(7)) --------------------------------------------------------------
 */

static int set_fast_open(struct socket *socket, int option, int number)
{
    struct tcp_settings *settings = sock_settings(socket);
    bool flag = option != TCP_FASTOPEN;
    if (socket->connection || number < 0 || (flag && number > 1))
        return -EINVAL;
    if (option == TCP_FASTOPEN)
        settings->fast_open_queue = (uint32_t)number;
    else if (option == TCP_FASTOPEN_NO_COOKIE)
        settings->fast_open_no_cookie = number;
    else if (!tcp_fast_open_client_is_enabled(socket->host->tcp))
        return -EOPNOTSUPP;
    else
        settings->fast_open = settings->fast_open_waits = number;
    return 0;
}

static int set_fast_open_keys(struct socket *socket, struct option_value value)
{
    struct fast_open_keys keys;
    if (socket->connection || !fast_open_keys_read(&keys, (struct bytes){value.data, value.length}))
        return -EINVAL;
    if (!socket->fast_open_keys)
        socket->fast_open_keys = pool_take(&socket->host->keys_pool);
    if (!socket->fast_open_keys)
        return -ENOBUFS;
    *socket->fast_open_keys = keys;
    if (socket->listener)
        tcp_set_fast_open_keys(socket->listener, &keys);
    return 0;
}

static int get_fast_open_keys(const struct socket *socket, struct option_answer *answer)
{
    uint8_t bytes[FAST_OPEN_KEYS * FAST_OPEN_KEY_LENGTH];
    const struct fast_open_keys *keys = socket->fast_open_keys;
    size_t length = keys ? fast_open_keys_write(keys, bytes) : 0;
    return answer_bytes(answer, bytes, length);
}

/* TCP_DEFER_ACCEPT is told in seconds and kept as timeouts of the SYN-ACK: 1, 2, 4 ... s. */
static int64_t timeout_s(unsigned n)
{
    enum { MOST_S = 120 };
    return n < 7 ? INT64_C(1) << n : MOST_S;
}

static uint8_t timeouts_in(int seconds)
{
    int64_t period = 0;
    uint8_t n = 0;
    while (period < seconds && n < UINT8_MAX)
        period += timeout_s(n++);
    return n;
}

static int64_t seconds_of(uint8_t timeouts)
{
    int64_t period = 0;
    for (unsigned n = 0; n < timeouts; n++)
        period += timeout_s(n);
    return period;
}

static int set_number(struct socket *socket, int option, int number)
{
    struct tcp_settings *settings = sock_settings(socket);
    switch (option) {
    case TCP_KEEPIDLE:
        return store(&settings->keep_idle_s, number, 1, MOST_KEEP_S);
    case TCP_KEEPINTVL:
        return store(&settings->keep_interval_s, number, 1, MOST_KEEP_S);
    case TCP_KEEPCNT:
        return store(&settings->keep_probes, number, 1, MOST_TIMES);
    case TCP_SYNCNT:
        return store(&settings->syn_retries, number, 1, MOST_TIMES);
    case TCP_USER_TIMEOUT:
        return store(&settings->user_timeout_ms, number, 0, INT32_MAX);
    case TCP_MAXSEG:
        if (number == 0)
            settings->max_segment = 0;
        return number == 0 ? 0 : store(&settings->max_segment, number, LEAST_MAXSEG, MOST_MAXSEG);
    case TCP_NOTSENT_LOWAT:
        settings->not_sent_low_water = (uint32_t)number;
        return 0;
    case TCP_WINDOW_CLAMP:
        return set_window_clamp(socket, number);
    case TCP_LINGER2:
        return set_linger2(socket, number);
    case TCP_DEFER_ACCEPT:
        settings->deferred_timeouts = timeouts_in(number);
        return 0;
    case TCP_FASTOPEN:
    case TCP_FASTOPEN_CONNECT:
    case TCP_FASTOPEN_NO_COOKIE:
        return set_fast_open(socket, option, number);
    default:
        return set_flag(socket, option, number);
    }
}

static int set_congestion(struct socket *socket, struct option_value value)
{
    char name[CONGESTION_NAME] = "";
    size_t length = value.length < sizeof name ? value.length : sizeof name - 1;
    if (length == 0)
        return -EINVAL;
    memcpy(name, value.data, length);
    const struct cc_ops *cc = cc_find(name);
    if (!cc)
        return -ENOENT;
    sock_settings(socket)->cc = cc;
    return 0;
}

int set_tcp_option(struct socket *socket, int option, struct option_value value, struct instant now)
{
    (void)now;
    if (option == TCP_CONGESTION)
        return set_congestion(socket, value);
    if (option == TCP_FASTOPEN_KEY)
        return set_fast_open_keys(socket, value);
    int number;
    int r = option_int(value, &number);
    return r < 0 ? r : set_number(socket, option, number);
}

/* --- getsockopt ------------------------------------------------------------------------------- */

static struct tcp_status status_of(const struct socket *socket, struct instant now)
{
    struct tcp_status status = {.state = TCP_CLOSED};
    const struct tcb *tcb = sock_view(socket);
    if (tcb)
        tcp_status(tcb, &status, now);
    else if (socket->listener) { /* ss(8) reads the accept queue and its limit here */
        status.state = TCP_LISTEN;
        status.unacked_segments = tcp_accept_queue_length(socket->listener);
        status.sacked_segments = socket->backlog;
    }
    return status;
}

static int get_info(struct socket *socket, struct option_answer *answer, struct instant now)
{
    struct tcp_status status = status_of(socket, now);
    struct tcp_info_whole info;
    tcp_info_fill_whole(&status, sock_settings_seen(socket), now, &info);
    return answer_bytes(answer, &info, sizeof info);
}

static int get_congestion(const struct tcp_settings *settings, struct option_answer *answer)
{
    char name[CONGESTION_NAME] = "";
    snprintf(name, sizeof name, "%s", settings->cc->name);
    return answer_bytes(answer, name, sizeof name);
}

/* RFC 9293, 3.7.1: what is in force on a connection, else what was asked for, else the default. */
static int get_maxseg(struct socket *socket, struct option_answer *answer, struct instant now)
{
    enum { DEFAULT_MSS = 536 };
    struct tcp_status status = status_of(socket, now);
    uint32_t wanted = sock_settings_seen(socket)->max_segment;
    if (status.mss)
        return answer_int(answer, status.mss);
    return answer_int(answer, wanted ? wanted : DEFAULT_MSS);
}

static int get_flag(struct socket *socket, int option, struct option_answer *answer)
{
    const struct tcp_settings *settings = sock_settings_seen(socket);
    switch (option) {
    case TCP_NODELAY:
        return answer_int(answer, settings->no_delay);
    case TCP_CORK:
        return answer_int(answer, settings->cork);
    case TCP_QUICKACK:
        return answer_int(answer, settings->quick_ack);
    case TCP_INQ:
        return answer_int(answer, socket->inq);
    case TCP_FASTOPEN_CONNECT:
        return answer_int(answer, settings->fast_open_waits);
    case TCP_FASTOPEN_NO_COOKIE:
        return answer_int(answer, settings->fast_open_no_cookie);
    default:
        return -ENOPROTOOPT;
    }
}

/* What was set, or the tunable that holds while nothing was. */
static int64_t or_tunable(uint32_t set, int64_t tunable)
{
    return set ? set : tunable;
}

static int get_number(struct socket *socket, int option, struct option_answer *answer)
{
    const struct tcp_settings *settings = sock_settings_seen(socket);
    const struct tcp_tunables *tunables = tcp_tunables(socket->host->tcp);
    switch (option) {
    case TCP_KEEPIDLE:
        return answer_int(answer, or_tunable(settings->keep_idle_s, tunables->tcp_keepalive_time));
    case TCP_KEEPINTVL:
        return answer_int(answer,
                          or_tunable(settings->keep_interval_s, tunables->tcp_keepalive_intvl));
    case TCP_KEEPCNT:
        return answer_int(answer,
                          or_tunable(settings->keep_probes, tunables->tcp_keepalive_probes));
    case TCP_SYNCNT:
        return answer_int(answer, or_tunable(settings->syn_retries, tunables->tcp_syn_retries));
    case TCP_LINGER2:
        return answer_int(answer, or_tunable(settings->fin_wait_2_s, tunables->tcp_fin_timeout));
    case TCP_USER_TIMEOUT:
        return answer_int(answer, settings->user_timeout_ms);
    case TCP_NOTSENT_LOWAT: {
        uint32_t mark = settings->not_sent_low_water;
        return answer_bytes(answer, &mark, sizeof mark);
    }
    case TCP_WINDOW_CLAMP:
        return answer_int(answer, settings->window_clamp);
    case TCP_DEFER_ACCEPT:
        return answer_int(answer, seconds_of(settings->deferred_timeouts));
    case TCP_FASTOPEN:
        return answer_int(answer, settings->fast_open_queue);
    default:
        return get_flag(socket, option, answer);
    }
}

int get_tcp_option(struct socket *socket, int option, struct option_answer *answer,
                   struct instant now)
{
    switch (option) {
    case TCP_INFO:
        return get_info(socket, answer, now);
    case TCP_CONGESTION:
        return get_congestion(sock_settings_seen(socket), answer);
    case TCP_FASTOPEN_KEY:
        return get_fast_open_keys(socket, answer);
    case TCP_MAXSEG:
        return get_maxseg(socket, answer, now);
    default:
        return get_number(socket, option, answer);
    }
}
