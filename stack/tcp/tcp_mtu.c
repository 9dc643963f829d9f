/* Packetization layer path MTU discovery on a connection (RFC 4821; RFC 8899 where it says more):
 * when to probe and with what text, what the fate of a probe means, and what to do when full
 * segments vanish without a word. Called by the steps that send, acknowledge and time out; the
 * arithmetic is in mtu_search.c. */
#include "base/check.h"
#include "tcp/tcb.h"

/* Segments; as Linux: RFC 4821, 7.4 asks for a window that is large enough, without a number. */
enum { LEAST_WINDOW = 11 };

static uint32_t headers_of(const struct tcb *tcb)
{
    return (address_is_ipv4(&tcb->flow.remote.address) ? 20u : 40u) + TCP_HEADER_LENGTH;
}

/* The largest packet that can make sense: of the device or the route, for the peer, for the user.
 */
static uint32_t largest_of(const struct tcb *tcb, uint32_t path_mtu)
{
    uint32_t most = tcb->peer_mss + headers_of(tcb);

    if (tcb->settings.max_segment && tcb->settings.max_segment + headers_of(tcb) < most)
        most = tcb->settings.max_segment + headers_of(tcb);
    return path_mtu < most ? path_mtu : most;
}

static uint32_t base_of(const struct tcb *tcb)
{
    return (uint32_t)tcb->host->tunables.tcp_base_mss + headers_of(tcb);
}

/* Segments become larger; the window stays as many bytes as it was (RFC 4821, 7.5; R8899-03). */
static void use_larger(struct tcb *tcb)
{
    uint64_t cwnd = tcb->cc.cwnd, ssthresh = tcb->cc.ssthresh;

    tcb->path_mtu = tcb->proven_mtu = tcb->search.low;
    tcp_set_mss(tcb);
    tcb->cc.cwnd = cwnd > tcb->cc.smss ? cwnd : tcb->cc.smss;
    tcb->cc.ssthresh = ssthresh;
}

void tcp_mtu_begin(struct tcb *tcb, struct instant now)
{
    if (tcb->host->tunables.tcp_mtu_probing < 2)
        return;
    mtu_search_start(&tcb->search, base_of(tcb), largest_of(tcb, tcb->path_mtu), now);
    tcb->path_mtu = tcb->search.low;
    tcp_set_mss(tcb);
}

/* --- probing ----------------------------------------------------------------------------- */

uint32_t tcp_mtu_probe_length(const struct tcb *tcb, struct instant now)
{
    const struct tcp_tunables *tunables = &tcb->host->tunables;
    uint32_t mss = tcp_effective_mss(tcb), size, length;
    uint64_t unsent = tcb->text.end - tcb->snd.nxt, needed;
    seqno edge = tcb->snd.una + tcb->snd.wnd;

    if (!tcb->search.on || tcb->recovery.phase != RECOVERY_OPEN ||
        tcb->cc.cwnd < (uint64_t)LEAST_WINDOW * mss)
        return 0;
    size = mtu_search_next(&tcb->search, (uint32_t)tunables->tcp_probe_threshold,
                           duration_s(tunables->tcp_probe_interval), now);
    if (size <= tcb->path_mtu)
        return 0;
    length = mss + size - tcb->path_mtu;
    /* RFC 4821, 7.4: enough text behind it that its loss is found without a timeout. */
    needed = length + (uint64_t)(tcb->recovery.dup_threshold + 1) * mss;
    if (unsent < needed || tcb->snd.nxt + needed > edge || tcp_allowance(tcb) < length)
        return 0;
    return length;
}

void tcp_mtu_probe_sent(struct tcb *tcb, seqno from, uint32_t length)
{
    uint32_t size = tcb->path_mtu + length - tcp_effective_mss(tcb);

    mtu_search_sent(&tcb->search, size);
    recovery_watch_mtu_probe(&tcb->recovery, from, from + length);
    TRACE(tcb->host->trace, mtu_probe_sent, .seq = from, .mtu = size);
}

/* --- its fate ---------------------------------------------------------------------------- */

void tcp_mtu_probe_acked(struct tcb *tcb, struct instant now)
{
    if (tcb->search.probe == 0 || tcb->snd.una < tcb->recovery.mtu_probe.to)
        return;
    TRACE(tcb->host->trace, mtu_probe_succeeded, .mtu = tcb->search.probe);
    mtu_search_arrived(&tcb->search, now);
    recovery_forget_mtu_probe(&tcb->recovery);
    use_larger(tcb);
}

/* RFC 4821, 7.6.2 (R4821-01): recovery found that nothing else was lost, and left the window as it
 * is. */
void tcp_mtu_look_for_loss(struct tcb *tcb, struct instant now)
{
    if (!tcb->recovery.mtu_probe.lost)
        return;
    TRACE(tcb->host->trace, mtu_probe_failed, .mtu = tcb->search.probe);
    mtu_search_lost(&tcb->search, now);
    recovery_forget_mtu_probe(&tcb->recovery);
}

void tcp_mtu_in_doubt(struct tcb *tcb, struct instant now)
{
    mtu_search_in_doubt(&tcb->search, now);
    recovery_forget_mtu_probe(&tcb->recovery);
}

/* --- trouble ----------------------------------------------------------------------------- */

/* RFC 4821, 7.8, RFC 8899, 4.3 (R8899-04): full segments vanish, timeout after timeout, and nobody
 * says why: as if the path carried the least that it can be expected to carry. */
void tcp_mtu_suspect_black_hole(struct tcb *tcb, struct instant now)
{
    const struct tcp_tunables *tunables = &tcb->host->tunables;
    uint32_t low = base_of(tcb), floor, mss;

    if (tunables->tcp_mtu_probing == 0 || tcb->retransmissions < tunables->tcp_retries1)
        return;
    if (!tcb->search.on) {
        mtu_search_start(&tcb->search, low, largest_of(tcb, tcb->path_mtu), now);
    } else {
        mss = (tcb->search.low - headers_of(tcb)) / 2;
        floor = (uint32_t)(tunables->tcp_mtu_probe_floor > tunables->tcp_min_snd_mss
                               ? tunables->tcp_mtu_probe_floor
                               : tunables->tcp_min_snd_mss);
        if (low > mss + headers_of(tcb))
            low = mss + headers_of(tcb);
        if (low < floor + headers_of(tcb))
            low = floor + headers_of(tcb);
        mtu_search_fall(&tcb->search, low, now);
    }
    recovery_forget_mtu_probe(&tcb->recovery);
    if (tcb->search.low >= tcb->path_mtu)
        return;
    TRACE(tcb->host->trace, path_black_hole, .mtu = tcb->search.low);
    tcb->path_mtu = tcb->search.low;
    tcb->proven_mtu = 0;
    tcp_set_mss(tcb);
}

/* A believed Packet Too Big while the search is on. Above what is used it bounds the search, below
 * it is judged as without one (RFC 8899, 4.6.2; R8899-01): false. */
bool tcp_mtu_bounds_search(struct tcb *tcb, uint32_t mtu, struct instant now)
{
    struct sent_record *probe;
    uint32_t size = tcb->search.probe;

    if (!tcb->search.on || mtu < tcb->search.low)
        return false;
    probe = sent_at_or_after(&tcb->sent, tcb->recovery.mtu_probe.from);
    if (!mtu_search_bounded(&tcb->search, mtu, now))
        return true;
    TRACE(tcb->host->trace, mtu_probe_failed, .mtu = size);
    if (probe && probe->state == SENT_OUTSTANDING &&
        sent_from(probe) == tcb->recovery.mtu_probe.from) {
        sent_mark_lost(&tcb->sent, probe);
        recovery_on_path_mtu(&tcb->recovery, tcb->snd.nxt);
    }
    recovery_forget_mtu_probe(&tcb->recovery);
    return true;
}
