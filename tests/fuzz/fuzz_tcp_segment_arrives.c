/* A whole TCP driven by the input: segments arrive, the user calls, time passes, memory fails.
 * After each step every control block keeps its invariants; text is the peer's text, ours is ours,
 * the window never moves back; in the end all memory is returned. */
#include "base/check.h"
#include "tcp/tcp_demux.h"
#include "wire/ipv4.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HELD = 8, MOST_OPERATIONS = 400, MOST_CONNECTIONS = 512 };

static struct {
    struct memory memory;
    struct trace trace;
    struct tcp tcp;
    struct tcp_listener *listener;
    struct tcb *held[HELD]; /* what the user has */
    struct instant now;
    struct cursor in;
    seqno edge[MOST_CONNECTIONS]; /* by number: the right edge that the peer was told */
} fuzz;

/* Numbers of the input; 0 when it has ended. */
static uint8_t byte(void)
{
    return cursor_left(&fuzz.in) > 0 ? cursor_u8(&fuzz.in) : 0;
}

static uint16_t word(void)
{
    uint8_t high = byte();

    return (uint16_t)(high << 8 | byte());
}

static uint32_t number(void)
{
    uint32_t high = word();

    return high << 16 | word();
}

/* What stands at this place of either stream. */
static uint8_t text_at(uint32_t seq)
{
    return (uint8_t)(seq ^ seq >> 8 ^ seq >> 16);
}

/* --- segments out --- */

static void check_text(const struct tcp_emission *out)
{
    uint32_t seq = out->header.seq.u32;

    for (int k = 0; k < 2; k++)
        for (size_t i = 0; i < out->text[k].len; i++)
            CHECK(out->text[k].data[i] == text_at(seq++));
}

/* SHLD-14: as the peer computes it. */
static void check_window(const struct tcp_emission *out)
{
    const struct tcb *tcb = tcp_find(&fuzz.tcp, &out->flow);
    seqno edge;

    if (!tcb || out->header.flags & (TCP_RST | TCP_SYN) || tcb->number >= MOST_CONNECTIONS)
        return;
    edge = tcb->rcv.nxt + ((seqno)out->header.window << tcb->window.shift);
    CHECK(edge >= fuzz.edge[tcb->number]);
    fuzz.edge[tcb->number] = edge;
}

/* What the user has is there until the user gives it back. */
static void check_all(void)
{
    unsigned held = 0, found = 0;

    for (int i = 0; i < HELD; i++)
        held += fuzz.held[i] != NULL;
    for (struct tcb *tcb = tcp_each(&fuzz.tcp, NULL); tcb; tcb = tcp_each(&fuzz.tcp, tcb)) {
        tcp_check(tcb);
        for (int i = 0; i < HELD; i++)
            found += fuzz.held[i] == tcb;
    }
    CHECK(found == held);
}

static void pull(void)
{
    struct tcp_emission out;
    uint8_t header[TCP_HEADER_LONGEST];
    unsigned most = 100000;

    check_all();
    while (tcp_next(&fuzz.tcp, &out, fuzz.now)) {
        CHECK(--most > 0);
        CHECK(tcp_header_build(&out.header, header) <= TCP_HEADER_LONGEST);
        check_text(&out);
        check_window(&out);
    }
    while (tcp_next_changed(&fuzz.tcp))
        ;
    check_all();
}

/* --- segments in --- */

static struct flow flow_of(uint8_t which)
{
    struct flow flow = {.local = {address_from_ipv4_u32(0xc6120002), 80},
                        .remote = {address_from_ipv4_u32(0xc6120001), 40000}};

    if (which & 1)
        flow.local.port = 50000, flow.remote.port = 80;
    flow.remote.port = (uint16_t)(flow.remote.port + (which >> 1 & 3));
    if (which & 8) /* itself */
        flow.remote = flow.local;
    return flow;
}

static struct tcb *held_of(uint8_t which)
{
    return fuzz.held[which % HELD];
}

/* A number near `base`, or any. */
static uint32_t near(seqno base)
{
    uint8_t how = byte();

    switch (how & 3) {
    case 0:
        return (uint32_t)base;
    case 1:
        return (uint32_t)base + (uint32_t)(int8_t)byte();
    case 2:
        return (uint32_t)base + (uint32_t)(int16_t)word();
    default:
        return number();
    }
}

static void fill_options(struct tcp_options *o, const struct tcb *tcb)
{
    uint8_t which = byte();

    o->has_mss = which & 1;
    o->mss = o->has_mss ? word() : 0;
    o->has_window_scale = which & 2;
    o->window_scale = o->has_window_scale ? byte() : 0;
    o->has_sack_permitted = which & 4;
    o->has_timestamps = which & 8;
    if (o->has_timestamps) {
        o->ts_val = tcb ? near(tcb->paws.recent) : byte();
        o->ts_ecr = tcb ? near(paws_clock(&tcb->paws, fuzz.now)) : byte();
    }
    o->sack_count = which >> 4 & 3;
    for (unsigned i = 0; i < o->sack_count; i++) {
        seqno base = tcb ? tcb->snd.una : 0;
        o->sack[i] = (struct tcp_sack_block){{near(base)}, {near(base)}};
    }
}

static void deliver(const struct flow *flow, const uint8_t *bytes, size_t len, uint8_t tos,
                    uint16_t gso_size)
{
    struct tcp_arrival arrival = {.source = flow->remote.address,
                                  .destination = flow->local.address,
                                  .tos = tos,
                                  .checksum_trusted = true,
                                  .gso_size = gso_size,
                                  .payload = {bytes, len}};

    tcp_arrives(&fuzz.tcp, &arrival, fuzz.now);
}

static void segment_arrives(void)
{
    static uint8_t bytes[TCP_HEADER_LONGEST + 4096];
    uint8_t which = byte();
    struct flow flow = flow_of(which);
    struct tcb *tcb = tcp_find(&fuzz.tcp, &flow);
    struct tcp_header h = {.source_port = flow.remote.port, .destination_port = flow.local.port};
    uint16_t gso_size;
    size_t len, header;

    h.flags = byte();
    h.seq.u32 = near(tcb ? tcb->rcv.nxt : 0);
    h.ack.u32 = near(tcb ? (which & 16 ? tcb->snd.una : tcb->snd.nxt) : 0);
    h.window = word();
    h.urgent = h.flags & TCP_URG ? word() : 0;
    fill_options(&h.options, tcb);
    len = which & 32 ? word() % 4096 : byte();
    gso_size = which & 64 ? word() : 0;
    if (tcp_options_length(&h.options, h.flags & TCP_SYN) > TCP_OPTIONS_LONGEST)
        h.options.sack_count = 0;
    header = tcp_header_build(&h, bytes);
    for (size_t i = 0; i < len; i++)
        bytes[header + i] = text_at(h.seq.u32 + (h.flags & TCP_SYN ? 1 : 0) + (uint32_t)i);
    deliver(&flow, bytes, header + len, which >> 6, gso_size);
}

/* Any header; no text, so that the streams stay what they are. */
static void bytes_arrive(void)
{
    uint8_t bytes[TCP_HEADER_LONGEST];
    struct flow flow = flow_of(byte());
    size_t len = byte() % (TCP_HEADER_LONGEST + 1);

    for (size_t i = 0; i < len; i++)
        bytes[i] = byte();
    if (len > 12 && (size_t)(bytes[12] >> 4) * 4 < len)
        len = (size_t)(bytes[12] >> 4) * 4;
    if (len >= 4) {
        put_be16(bytes, flow.remote.port);
        put_be16(bytes + 2, flow.local.port);
    }
    deliver(&flow, bytes, len, 0, 0);
}

static void icmp_arrives(void)
{
    uint8_t quoted[8], how = byte();
    struct tcp_icmp icmp = {.flow = flow_of(byte()), .errnum = 113, .transport = {quoted, 8}};
    struct tcb *tcb = tcp_find(&fuzz.tcp, &icmp.flow);

    put_be16(quoted, icmp.flow.local.port);
    put_be16(quoted + 2, icmp.flow.remote.port);
    put_be32(quoted + 4, near(tcb ? tcb->snd.una : 0));
    icmp.hard = how & 1;
    icmp.too_big = how & 2;
    icmp.mtu = icmp.too_big ? word() : 0;
    if (how & 4)
        icmp.transport.len = byte() % 8;
    tcp_icmp_arrives(&fuzz.tcp, &icmp, fuzz.now);
}

/* --- the user --- */

static void hold(struct tcb *tcb)
{
    for (int i = 0; tcb && i < HELD; i++)
        if (!fuzz.held[i]) {
            fuzz.held[i] = tcb;
            return;
        }
    if (tcb)
        tcp_close(tcb, fuzz.now);
}

static void user_opens(void)
{
    struct flow flow = flow_of(byte() | 1);
    struct tcp_settings settings;
    struct tcb *tcb = NULL;
    uint16_t path_mtu = word();

    tcp_default_settings(&fuzz.tcp, &settings);
    if (path_mtu < 552)
        path_mtu = 0;
    if (tcp_open_active(&fuzz.tcp, &flow, &settings, path_mtu, &fuzz, &tcb, fuzz.now) == 0)
        hold(tcb);
}

static void user_accepts(void)
{
    if (fuzz.listener)
        hold(tcp_accept(fuzz.listener, &fuzz));
}

static void user_sends(void)
{
    static uint8_t text[8192];
    struct tcb *tcb = held_of(byte());
    unsigned flags = byte() & (TCP_SEND_PUSH | TCP_SEND_MORE | TCP_SEND_URGENT);
    size_t len = word() % sizeof text;

    if (!tcb)
        return;
    for (size_t i = 0; i < len; i++)
        text[i] = text_at((uint32_t)(tcb->text.end + i));
    CHECK(tcp_send(tcb, text, len, flags, fuzz.now) <= (int64_t)len);
}

static void user_receives(void)
{
    static uint8_t text[8192];
    struct tcb *tcb = held_of(byte());
    unsigned flags = byte() & (TCP_RECEIVE_PEEK | TCP_RECEIVE_URGENT | TCP_RECEIVE_DISCARD);
    size_t len = word() % sizeof text;
    int64_t got;

    if (!tcb)
        return;
    memset(text, 0, sizeof text);
    got = tcp_receive(tcb, text, len, flags, fuzz.now);
    CHECK(got <= (int64_t)len);
    if (flags & (TCP_RECEIVE_URGENT | TCP_RECEIVE_DISCARD))
        return;
    for (int64_t i = 0; i < got; i++) {
        uint32_t from = (uint32_t)(tcb->received.read -
                                   (seqno)(flags & TCP_RECEIVE_PEEK ? 0 : got));
        CHECK(text[i] == text_at(from + (uint32_t)i));
    }
}

static void user_closes(void)
{
    uint8_t which = byte(), how = byte();
    struct tcb **tcb = &fuzz.held[which % HELD];

    if (!*tcb)
        return;
    switch (how & 3) {
    case 0:
        tcp_shutdown_send(*tcb, fuzz.now);
        return;
    case 1:
        tcp_shutdown_receive(*tcb, fuzz.now);
        return;
    case 2:
        tcp_close(*tcb, fuzz.now);
        break;
    default:
        tcp_abort(*tcb, fuzz.now);
        break;
    }
    *tcb = NULL;
}

static void user_chooses(void)
{
    struct tcb *tcb = held_of(byte());
    uint16_t bits = word();
    struct tcp_settings *s;

    if (!tcb)
        return;
    s = tcp_settings_of(tcb);
    s->no_delay = bits & 1;
    s->cork = bits & 2;
    s->quick_ack = bits & 4;
    s->keep_alive = bits & 8;
    s->oob_inline = bits & 16;
    s->linger = bits & 32;
    s->cc = cc_find(cc_name(bits >> 6 & 1));
    s->user_timeout_ms = bits & 128 ? word() : 0;
    s->receive_buffer = bits & 256 ? 2304u + word() : s->receive_buffer;
    s->send_buffer = bits & 512 ? 4608u + word() : s->send_buffer;
    s->window_clamp = bits & 1024 ? word() : 0;
    s->max_pacing_rate = bits & 2048 ? 1000u + number() : 0;
    tcp_settings_changed(tcb, fuzz.now);
}

static void user_asks(void)
{
    struct tcb *tcb = held_of(byte());
    struct tcp_status status;

    if (!tcb)
        return;
    tcp_status(tcb, &status, fuzz.now);
    CHECK(status.unread == reassembly_unread(&tcb->received));
    (void)tcp_readiness(tcb);
    (void)tcp_at_mark(tcb);
    (void)tcp_take_error(tcb);
}

static void listener_goes(void)
{
    if (fuzz.listener && byte() == 77) {
        tcp_close_listener(fuzz.listener, fuzz.now);
        fuzz.listener = NULL;
    } else if (fuzz.listener) {
        tcp_set_backlog(fuzz.listener, byte());
    }
}

/* --- the world --- */

static void time_passes(void)
{
    uint8_t unit = byte();
    struct instant until = instant_add(fuzz.now, duration_us((int64_t)word() << (unit % 20)));
    unsigned most = 100000;

    for (;;) {
        struct instant next = tcp_host_deadline(&fuzz.tcp);
        if (instant_before(until, next) || --most == 0)
            break;
        fuzz.now = instant_max(fuzz.now, next);
        fuzz.trace.now = fuzz.now;
        tcp_run_timers(&fuzz.tcp, fuzz.now);
        pull();
    }
    CHECK(most > 0);
    fuzz.now = fuzz.trace.now = until;
}

static void memory_fails(void)
{
    fuzz.memory.fail_at = fuzz.memory.takes + byte();
}

static void somebody_tunes(void)
{
    size_t count;
    const struct tunable *all = tunables_all(&count);
    const struct tunable *t = &all[byte() % count];
    uint64_t span = (uint64_t)(t->most - t->least) + 1;

    (void)tunables_set(tcp_tunables(&fuzz.tcp), t->name, t->least + (int64_t)(number() % span));
}

static void (*const operations[])(void) = {
    segment_arrives, segment_arrives, segment_arrives, bytes_arrive,  icmp_arrives,
    user_opens,      user_accepts,    user_sends,      user_sends,    user_receives,
    user_receives,   user_closes,     user_chooses,    user_asks,     time_passes,
    time_passes,     memory_fails,    somebody_tunes,  listener_goes,
};
enum { OPERATIONS = sizeof operations / sizeof operations[0] };

static void begin(const uint8_t *data, size_t size)
{
    struct tcp_config config = {.memory = &fuzz.memory,
                                .trace = &fuzz.trace,
                                .secret = {11, 13},
                                .mtu = 1500,
                                .largest4 = size > 0 && data[0] & 1 ? 65535 : 0};
    struct tcp_claim claim = {.local = {address_from_ipv4_u32(0xc6120002), 80}};
    struct tcp_settings settings;

    memset(&fuzz, 0, sizeof fuzz);
    fuzz.now = fuzz.trace.now = instant_add(INSTANT_ZERO, duration_s(1));
    fuzz.in = cursor_over((struct bytes){data, size});
    CHECK(memory_init(&fuzz.memory, 4 << 20) == 0);
    CHECK(tcp_init(&fuzz.tcp, &config) == 0);
    tcp_default_settings(&fuzz.tcp, &settings);
    CHECK(tcp_open_passive(&fuzz.tcp, &claim, &settings, 4, &fuzz, &fuzz.listener) == 0);
    (void)byte();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    begin(data, size);
    for (int i = 0; i < MOST_OPERATIONS && cursor_left(&fuzz.in) > 0; i++) {
        operations[byte() % OPERATIONS]();
        pull();
    }
    tcp_destroy(&fuzz.tcp);
    CHECK(fuzz.memory.used == 0);
    memory_destroy(&fuzz.memory);
    return 0;
}
