/* ICMP errors about segments of ours (RFC 9293, 3.9.2.2; RFC 5927): believed only when the quoted
 * sequence number is in flight, soft once the connection is synchronized, and never able to end it
 * then. Path MTU (RFC 1191, 8201) with the care of RFC 5927, 7.2. Called by stack.c. */
#include "tcp/tcp_demux.h"

/* What every host must be able to receive (RFC 791, 3.2), as in ip/path_mtu.c; and what every IPv6
 * link carries (RFC 8200, 5). */
enum { LEAST_MTU_IPV4 = 576, LEAST_MTU_IPV6 = 1280 };

void tcp_apply_path_mtu(struct tcb *tcb, uint32_t mtu, struct instant now)
{
    uint32_t least = address_is_ipv4(&tcb->flow.remote.address) ? LEAST_MTU_IPV4 : LEAST_MTU_IPV6;
    struct sent_record *record, *next;

    tcb->pending_mtu = 0;
    if (mtu < least)
        mtu = least;
    if (mtu >= tcb->path_mtu) /* R1191-04: never raised by ICMP */
        return;
    tcb->path_mtu = tcb->proven_mtu = mtu;
    tcp_set_mss(tcb);
    if (tcb->search.on) {
        mtu_search_fall(&tcb->search, mtu, now);
        (void)mtu_search_bounded(&tcb->search, mtu, now);
    }
    TRACE(tcb->host->trace, path_mtu_reduced, .mtu = mtu);
    /* What was larger is lost, but not to congestion (R8201-03): cwnd stays. */
    for (record = sent_first(&tcb->sent); record; record = next) {
        next = sent_after(record);
        if (record->state == SENT_OUTSTANDING && record->to - sent_from(record) > tcb->mss)
            sent_mark_lost(&tcb->sent, record);
    }
    if (tcb->sent.lost_segments > 0)
        recovery_on_path_mtu(&tcb->recovery, tcb->snd.nxt);
}

static void too_big_arrives(struct tcb *tcb, const struct tcp_icmp *icmp, struct instant now)
{
    if (tcp_mtu_bounds_search(tcb, icmp->mtu, now) || icmp->mtu >= tcb->path_mtu)
        return;
    /* RFC 8201, 4 (R8201-01): every IPv6 link carries 1280 bytes; who tells of less is discarded.
     */
    if (!address_is_ipv4(&tcb->flow.remote.address) && icmp->mtu < LEAST_MTU_IPV6)
        return;
    /* RFC 5927, 7.2 (R5927-04): packets of the present size get through, so it may be forged: only
     * if no progress follows. */
    if (tcb->proven_mtu > icmp->mtu)
        tcb->pending_mtu = icmp->mtu;
    else
        tcp_apply_path_mtu(tcb, icmp->mtu, now);
    if (tcb->state == TCP_SYN_SENT && tcb->fast_open.text > 0)
        tcp_owe_syn(tcb, now); /* the SYN was what was too big (RFC 7413): plain, at once */
}

static void error_arrives(struct tcb *tcb, const struct tcp_icmp *icmp, struct instant now)
{
    bool opening = tcb->state == TCP_SYN_SENT || (tcb->state == TCP_SYN_RECEIVED && !tcb->passive);

    TRACE(tcb->host->trace, soft_error, .type = icmp->type, .code = icmp->code,
          .errnum = (uint64_t)icmp->errnum);
    if (opening && icmp->hard) { /* SHLD-26 */
        TRACE(tcb->host->trace, open_failed, .because = "ICMP: unreachable");
        tcp_fast_open_refused(tcb, now);
        tcp_fail(tcb, icmp->errnum, "ICMP: unreachable");
        return;
    }
    tcb->soft_error = icmp->errnum; /* MUST-47, 56; R5927-02 */
    tcp_note_change(tcb);
}

bool tcp_icmp_arrives(struct tcp *tcp, const struct tcp_icmp *icmp, struct instant now)
{
    struct tcb *tcb = tcp_find(tcp, &icmp->flow);
    seqno seq;

    if (!tcb || icmp->transport.len < 8 || tcb->state == TCP_CLOSED)
        return false;
    seq = seq_unwrap((struct wire_seq){get_be32(icmp->transport.data + 4)}, tcb->snd.una);
    if (seq < tcb->snd.una || seq >= tcb->snd.nxt) /* R5927-01 */
        return false;
    tcp_set_subject(tcp, tcb);
    if (icmp->too_big)
        too_big_arrives(tcb, icmp, now);
    else
        error_arrives(tcb, icmp, now);
    tcp_touch(tcb);
    return true;
}
