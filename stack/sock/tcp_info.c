/* struct tcp_status to struct tcp_info, see tcp_info.h. Units as in Linux's tcp_get_info(): windows
 * and counts of packets in segments, buffers in bytes, times in microseconds except where said. */
#include "sock/tcp_info.h"

#include <string.h>

/* The IP-ECN fields in the order of the struct: ECT(1), ECT(0), CE. */
static const int ecn_order[3] = {1, 2, 3};

uint8_t tcp_info_state(enum tcp_state state)
{
    static const uint8_t numbers[TCP_STATES] = {
        [TCP_ESTABLISHED] = 1, [TCP_SYN_SENT] = 2,  [TCP_SYN_RECEIVED] = 3, [TCP_FIN_WAIT_1] = 4,
        [TCP_FIN_WAIT_2] = 5,  [TCP_TIME_WAIT] = 6, [TCP_CLOSED] = 7,       [TCP_CLOSE_WAIT] = 8,
        [TCP_LAST_ACK] = 9,    [TCP_LISTEN] = 10,   [TCP_CLOSING] = 11,
    };
    return numbers[state];
}

static uint32_t u32(uint64_t value)
{
    return value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

static uint32_t us(struct duration d)
{
    return d.ns < 0 ? 0 : u32((uint64_t)duration_to_us(d));
}

static uint64_t us64(struct duration d)
{
    return d.ns < 0 ? 0 : (uint64_t)duration_to_us(d);
}

/* Milliseconds since `then`; 0 when it never was. */
static uint32_t ms_ago(struct instant now, struct instant then)
{
    if (instant_is_never(then) || !instant_before(then, now))
        return 0;
    return u32((uint64_t)duration_to_ms(instant_since(now, then)));
}

static void fill_state(const struct tcp_status *status, struct tcp_info *info)
{
    info->tcpi_state = tcp_info_state(status->state);
    info->tcpi_ca_state = status->ca_phase;
    info->tcpi_retransmits = status->retransmissions;
    info->tcpi_probes = status->probes;
    info->tcpi_backoff = status->backoff;
    if (status->timestamps)
        info->tcpi_options |= TCPI_OPT_TIMESTAMPS;
    if (status->sack)
        info->tcpi_options |= TCPI_OPT_SACK;
    if (status->fast_open)
        info->tcpi_options |= TCPI_OPT_SYN_DATA;
    info->tcpi_fastopen_client_fail = status->fast_open_failed & 3u;
    if (status->ecn)
        info->tcpi_options |= TCPI_OPT_ECN;
    if (status->ecn_seen)
        info->tcpi_options |= TCPI_OPT_ECN_SEEN;
    if (status->window_scaling) {
        info->tcpi_options |= TCPI_OPT_WSCALE;
        info->tcpi_snd_wscale = status->snd_wscale & 0xfu;
        info->tcpi_rcv_wscale = status->rcv_wscale & 0xfu;
    }
}

static void fill_window(const struct tcp_status *status, struct tcp_info *info)
{
    uint32_t mss = status->mss;
    info->tcpi_snd_mss = mss;
    info->tcpi_rcv_mss = status->receive_mss;
    info->tcpi_advmss = status->advertised_mss;
    info->tcpi_pmtu = status->path_mtu;
    info->tcpi_unacked = status->unacked_segments;
    info->tcpi_sacked = status->sacked_segments;
    info->tcpi_lost = status->lost_segments;
    info->tcpi_retrans = status->retransmitted_segments;
    info->tcpi_snd_cwnd = mss ? u32(status->cwnd / mss) : 0;
    /* Linux shows an infinite ssthresh as 2^31 - 1. */
    uint64_t ssthresh = mss ? status->ssthresh / mss : 0;
    info->tcpi_snd_ssthresh = ssthresh > INT32_MAX ? INT32_MAX : (uint32_t)ssthresh;
    info->tcpi_reordering = status->reordering;
    info->tcpi_rcv_space = status->receive_space;
    info->tcpi_snd_wnd = u32(status->snd_wnd);
    info->tcpi_notsent_bytes = u32(status->unsent);
    info->tcpi_rcv_ssthresh = status->receive_limit;
    info->tcpi_delivered = status->totals.segments_delivered;
    info->tcpi_delivered_ce = u32(status->delivered_ce);
}

static void fill_times(const struct tcp_status *status, struct instant now, struct tcp_info *info)
{
    info->tcpi_rto = us(status->rto);
    info->tcpi_ato = us(status->delayed_ack);
    info->tcpi_rtt = us(status->srtt);
    info->tcpi_rttvar = us(status->rttvar);
    info->tcpi_min_rtt = status->min_rtt.ns ? us(status->min_rtt) : UINT32_MAX;
    info->tcpi_rcv_rtt = us(status->receive_rtt);
    info->tcpi_last_data_sent = ms_ago(now, status->last_text_sent);
    info->tcpi_last_data_recv = ms_ago(now, status->last_text_received);
    info->tcpi_last_ack_recv = ms_ago(now, status->last_ack_received);
    info->tcpi_busy_time = us64(status->busy);
    info->tcpi_rwnd_limited = us64(status->rwnd_limited);
    info->tcpi_sndbuf_limited = us64(status->sndbuf_limited);
}

static void fill_totals(const struct tcp_status *status, struct tcp_info *info)
{
    const struct tcp_totals *totals = &status->totals;
    info->tcpi_total_retrans = totals->segments_retransmitted;
    info->tcpi_bytes_acked = totals->bytes_acked;
    info->tcpi_bytes_received = totals->bytes_received;
    info->tcpi_bytes_sent = totals->bytes_sent + totals->bytes_retransmitted;
    info->tcpi_bytes_retrans = totals->bytes_retransmitted;
    info->tcpi_segs_in = totals->segments_in;
    info->tcpi_segs_out = totals->segments_out;
    info->tcpi_data_segs_in = totals->data_segments_in;
    info->tcpi_data_segs_out = totals->data_segments_out;
    info->tcpi_dsack_dups = totals->dsack_duplicates;
    info->tcpi_reord_seen = totals->reordering_seen;
    info->tcpi_rcv_ooopack = totals->segments_not_in_order;
}

void tcp_info_fill(const struct tcp_status *status, const struct tcp_settings *settings,
                   struct instant now, struct tcp_info *info)
{
    *info = (struct tcp_info){0};
    fill_state(status, info);
    fill_window(status, info);
    fill_times(status, now, info);
    fill_totals(status, info);
    info->tcpi_pacing_rate = status->pacing_rate ? status->pacing_rate : UINT64_MAX;
    info->tcpi_max_pacing_rate = settings->max_pacing_rate ? settings->max_pacing_rate : UINT64_MAX;
    info->tcpi_delivery_rate = status->delivery_rate;
    info->tcpi_delivery_rate_app_limited = status->delivery_rate_app_limited & 1u;
}

/* What Linux has added since, at the places that it has there. */
static void fill_newer(const struct tcp_status *status, struct tcp_info_newer *newer)
{
    const struct tcp_totals *totals = &status->totals;
    newer->rcv_wnd = u32(status->rcv_wnd);
    newer->total_rto = totals->timeouts > UINT16_MAX ? UINT16_MAX : (uint16_t)totals->timeouts;
    newer->total_rto_recoveries = totals->timeout_rows > UINT16_MAX
                                      ? UINT16_MAX
                                      : (uint16_t)totals->timeout_rows;
    newer->total_rto_time = u32((uint64_t)duration_to_ms(totals->timeout_time));
    newer->received_ce = u32(status->ce_received);
    for (int i = 0; i < 3; i++) {
        newer->delivered_bytes[i] = u32(status->ecn_delivered[ecn_order[i]]);
        newer->received_bytes[i] = u32(status->ecn_received[ecn_order[i]]);
    }
}

void tcp_info_fill_whole(const struct tcp_status *status, const struct tcp_settings *settings,
                         struct instant now, struct tcp_info_whole *whole)
{
    struct tcp_info info;
    *whole = (struct tcp_info_whole){.newer = {.rehash = 0}};
    tcp_info_fill(status, settings, now, &info);
    memcpy(whole->older, &info, sizeof whole->older);
    fill_newer(status, &whole->newer);
}
