/* Resets that nobody sent, see the header. */
#include "sim/sim_forge.h"

#include "sim/sim_packet.h"
#include "tcp/tcp_demux.h"
#include "wire/ipv4.h"

/* The client's connection, when it is one that a reset would end; or NULL. */
static struct tcb *victim(const struct sim_flow *flow, uint16_t server_port)
{
    const struct sim_host *host = flow->ends[0].host;

    /* From its own address nothing comes over a device (RFC 1122, 3.2.1.3). */
    if (host->stack == NULL || host == flow->ends[1].host)
        return NULL;
    struct tcp *tcp = host->stack->tcp;
    for (struct tcb *tcb = tcp_each(tcp, NULL); tcb; tcb = tcp_each(tcp, tcb)) {
        bool open = tcb->state == TCP_ESTABLISHED || tcb->state == TCP_FIN_WAIT_1 ||
                    tcb->state == TCP_FIN_WAIT_2 || tcb->state == TCP_CLOSE_WAIT;
        if (tcb->flow.remote.port == server_port && open)
            return tcb;
    }
    return NULL;
}

static struct bytes build_reset(const struct flow *flow, seqno seq, uint8_t *out)
{
    const struct address *from = &flow->remote.address, *to = &flow->local.address;
    struct tcp_header header = {.source_port = flow->remote.port,
                                .destination_port = flow->local.port,
                                .seq = seq_wrap(seq),
                                .flags = TCP_RST};
    uint8_t *tcp = out + sim_ip_length(from);
    size_t length = tcp_header_build(&header, tcp);

    sim_put_tcp_checksum(tcp, length, from, to);
    return (struct bytes){out, sim_put_ip(out, from, to, PROTOCOL_TCP, length)};
}

void sim_forge_reset(struct sim_flow *flow, uint32_t distance)
{
    struct sim_host *host = flow->ends[0].host;
    struct sim_world *world = flow->world;

    sim_host_run(host); /* what has arrived is dealt with first */
    struct tcb *tcb = victim(flow, sim_flow_port(flow, 1));
    if (tcb == NULL)
        return;
    uint64_t number = tcb->number;
    enum tcp_state before = tcb->state;
    struct flow name = tcb->flow;
    sim_host_arrives(host, build_reset(&name, tcb->rcv.nxt + distance, world->wire), false);
    sim_host_run(host);
    tcb = tcp_find(host->stack->tcp, &name);
    bool lives = tcb && tcb->number == number && tcb->state == before;
    if (lives == (distance == 0))
        sim_fail(world, "reset: flow %s: the client %s a reset %u bytes from RCV.NXT",
                 flow->is->name, lives ? "survived" : "was ended by", distance);
}
