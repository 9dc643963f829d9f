/* See info_names.h. linux/tcp.h has the whole struct; it may not be included beside netinet/tcp.h.
 */
#include "info_names.h"

#include <linux/tcp.h>
#include <string.h>

struct field {
    const char *name;
    size_t offset, size;
};

#define FIELD(name)                                                                                \
    {                                                                                              \
#name, offsetof(struct tcp_info, name), sizeof((struct tcp_info *)0)->name                 \
    }

static const struct field fields[] = {
    FIELD(tcpi_state),
    FIELD(tcpi_ca_state),
    FIELD(tcpi_retransmits),
    FIELD(tcpi_probes),
    FIELD(tcpi_backoff),
    FIELD(tcpi_options),
    FIELD(tcpi_rto),
    FIELD(tcpi_ato),
    FIELD(tcpi_snd_mss),
    FIELD(tcpi_rcv_mss),
    FIELD(tcpi_unacked),
    FIELD(tcpi_sacked),
    FIELD(tcpi_lost),
    FIELD(tcpi_retrans),
    FIELD(tcpi_fackets),
    FIELD(tcpi_last_data_sent),
    FIELD(tcpi_last_ack_sent),
    FIELD(tcpi_last_data_recv),
    FIELD(tcpi_last_ack_recv),
    FIELD(tcpi_pmtu),
    FIELD(tcpi_rcv_ssthresh),
    FIELD(tcpi_rtt),
    FIELD(tcpi_rttvar),
    FIELD(tcpi_snd_ssthresh),
    FIELD(tcpi_snd_cwnd),
    FIELD(tcpi_advmss),
    FIELD(tcpi_reordering),
    FIELD(tcpi_rcv_rtt),
    FIELD(tcpi_rcv_space),
    FIELD(tcpi_total_retrans),
    FIELD(tcpi_pacing_rate),
    FIELD(tcpi_max_pacing_rate),
    FIELD(tcpi_bytes_acked),
    FIELD(tcpi_bytes_received),
    FIELD(tcpi_segs_out),
    FIELD(tcpi_segs_in),
    FIELD(tcpi_notsent_bytes),
    FIELD(tcpi_min_rtt),
    FIELD(tcpi_data_segs_in),
    FIELD(tcpi_data_segs_out),
    FIELD(tcpi_delivery_rate),
    FIELD(tcpi_busy_time),
    FIELD(tcpi_rwnd_limited),
    FIELD(tcpi_sndbuf_limited),
    FIELD(tcpi_delivered),
    FIELD(tcpi_delivered_ce),
    FIELD(tcpi_bytes_sent),
    FIELD(tcpi_bytes_retrans),
    FIELD(tcpi_dsack_dups),
    FIELD(tcpi_reord_seen),
    FIELD(tcpi_rcv_ooopack),
    FIELD(tcpi_snd_wnd),
    /* Not in every system's header. */
    {"tcpi_rcv_wnd", 232, 4},
    {"tcpi_rehash", 236, 4},
    {"tcpi_total_rto", 240, 2},
    {"tcpi_total_rto_recoveries", 242, 2},
    {"tcpi_total_rto_time", 244, 4},
    {"tcpi_received_ce", 248, 4},
    {"tcpi_delivered_e1_bytes", 252, 4},
    {"tcpi_delivered_e0_bytes", 256, 4},
    {"tcpi_delivered_ce_bytes", 260, 4},
    {"tcpi_received_e1_bytes", 264, 4},
    {"tcpi_received_e0_bytes", 268, 4},
    {"tcpi_received_ce_bytes", 272, 4},
};

static const struct {
    const char *name;
    int64_t value;
} constants[] = {
    {"TCP_ESTABLISHED", 1},
    {"TCP_SYN_SENT", 2},
    {"TCP_SYN_RECV", 3},
    {"TCP_FIN_WAIT1", 4},
    {"TCP_FIN_WAIT2", 5},
    {"TCP_TIME_WAIT", 6},
    {"TCP_CLOSE", 7},
    {"TCP_CLOSE_WAIT", 8},
    {"TCP_LAST_ACK", 9},
    {"TCP_LISTEN", 10},
    {"TCP_CLOSING", 11},
    {"TCP_CA_Open", 0},
    {"TCP_CA_Disorder", 1},
    {"TCP_CA_CWR", 2},
    {"TCP_CA_Recovery", 3},
    {"TCP_CA_Loss", 4},
    {"TCPI_OPT_TIMESTAMPS", 1},
    {"TCPI_OPT_SACK", 2},
    {"TCPI_OPT_WSCALE", 4},
    {"TCPI_OPT_ECN", 8},
    {"TCPI_OPT_ECN_SEEN", 16},
    {"TCPI_OPT_SYN_DATA", 32},
    {"TCP_INFINITE_SSTHRESH", 0x7fffffff},
};

/* Fields of less than a byte have no address. */
static bool bit_field(const struct tcp_info *info, const char *name, int64_t *value)
{
    if (strcmp(name, "tcpi_snd_wscale") == 0)
        *value = info->tcpi_snd_wscale;
    else if (strcmp(name, "tcpi_rcv_wscale") == 0)
        *value = info->tcpi_rcv_wscale;
    else if (strcmp(name, "tcpi_delivery_rate_app_limited") == 0)
        *value = info->tcpi_delivery_rate_app_limited;
    else if (strcmp(name, "tcpi_fastopen_client_fail") == 0)
        *value = info->tcpi_fastopen_client_fail;
    else
        return false;
    return true;
}

static int64_t read_field(const uint8_t *at, size_t size)
{
    uint64_t wide;
    uint32_t half;
    uint16_t quarter;
    if (size == 1)
        return *at;
    if (size == sizeof quarter) {
        memcpy(&quarter, at, sizeof quarter);
        return quarter;
    }
    if (size == sizeof half) {
        memcpy(&half, at, sizeof half);
        return half;
    }
    memcpy(&wide, at, sizeof wide);
    return (int64_t)wide;
}

bool info_field(const void *info, const char *name, int64_t *value)
{
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        if (strcmp(fields[i].name, name) == 0) {
            *value = read_field((const uint8_t *)info + fields[i].offset, fields[i].size);
            return true;
        }
    }
    return bit_field(info, name, value);
}

bool info_constant(const char *name, int64_t *value)
{
    for (size_t i = 0; i < sizeof constants / sizeof *constants; i++) {
        if (strcmp(constants[i].name, name) == 0) {
            *value = constants[i].value;
            return true;
        }
    }
    return false;
}
