/* One TCP and a peer played by hand. See tcp_steps.h. */
#include "support/tcp_steps.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "wire/checksum.h"
#include "wire/describe.h"
#include "wire/ipv4.h"

static struct steps the_steps;
struct steps *steps = &the_steps;
static uint64_t drops_before[DROP_REASONS];

static void story_line(const char *line)
{
    if (steps->line_count < sizeof steps->lines / sizeof steps->lines[0])
        snprintf(steps->lines[steps->line_count++], sizeof steps->lines[0], "%9.3f ms  %s",
                 (double)(steps->now.ns - 1000000000) / 1e6, line);
}

static void hear(struct trace_sink *sink, const struct trace_record *record)
{
    char line[200];

    (void)sink;
    trace_text(record, line, sizeof line);
    story_line(line);
}

static void print_story(void)
{
    for (unsigned i = 0; i < steps->line_count; i++)
        print_message("  %3u  %s\n", i + 1, steps->lines[i]);
}

uint8_t pattern_at(uint64_t position)
{
    return (uint8_t)(position ^ position >> 8 ^ 0x55);
}

static struct address our_address(const struct steps_config *config)
{
    static const uint8_t v6[16] = {0xfd, 0, 0x74, 0x75, 0x6e, [15] = 2};

    return config->ipv6 ? address_from_ipv6(v6) : address_from_ipv4_u32(0xc6120002);
}

static struct address peer_address(const struct steps_config *config)
{
    static const uint8_t v6[16] = {0xfd, 0, 0x74, 0x75, 0x6e, [15] = 1};

    return config->ipv6 ? address_from_ipv6(v6) : address_from_ipv4_u32(0xc6120001);
}

static void default_settings(struct tcp_settings *chosen)
{
    tcp_default_settings(steps->tcp, chosen);
    if (steps->config.receive_buffer) {
        chosen->receive_buffer = steps->config.receive_buffer;
        chosen->receive_buffer_fixed = true;
    }
}

void steps_open(const struct steps_config *config)
{
    struct tcp_config tcp = {.secret = {11, 13}};
    struct tcp_claim claim = {.local = {our_address(config), 80}};
    struct tcp_settings chosen;

    memset(steps, 0, sizeof *steps);
    steps->config = *config;
    if (steps->config.irs == 0)
        steps->config.irs = UINT32_MAX;
    steps->now = config->start.ns ? config->start : instant_add(INSTANT_ZERO, duration_s(1));
    steps->ts = 1000;
    steps->story.event = hear;
    trace_subscribe(&steps->trace, &steps->story);
    assert_int_equal(memory_init(&steps->memory, config->memory ? config->memory : 32u << 20), 0);
    tcp.memory = &steps->memory;
    tcp.trace = &steps->trace;
    tcp.mtu = config->mtu ? config->mtu : 1500;
    tcp.largest4 = tcp.largest6 = config->largest;
    steps->tcp = malloc(tcp_size());
    assert_int_equal(tcp_init(steps->tcp, &tcp), 0);
    tcp_tunables(steps->tcp)->tcp_invalid_ratelimit = 0;
    default_settings(&chosen);
    assert_int_equal(tcp_open_passive(steps->tcp, &claim, &chosen,
                                      config->backlog ? config->backlog : 10, steps,
                                      &steps->listener),
                     0);
    steps->flow.local = claim.local;
    steps->flow.remote = (struct endpoint){peer_address(config), 40000};
}

void steps_close(void)
{
    if (!steps->tcp)
        return;
    tcp_destroy(steps->tcp);
    free(steps->tcp);
    steps->tcp = NULL;
    assert_int_equal(steps->memory.used, 0);
    memory_destroy(&steps->memory);
}

int steps_teardown(void **state)
{
    (void)state;
    steps_close();
    return 0;
}

static seqno our_iss(void)
{
    const struct tcb *tcb = tcp_find_view(steps->tcp, &steps->flow);

    return tcb ? tcb->snd.iss : (steps->tcb ? steps->tcb->snd.iss : 0);
}

static void note_text(struct step_sent *s, const struct tcp_emission *out)
{
    size_t at = 0;

    for (int k = 0; k < 2; k++)
        for (size_t i = 0; i < out->text[k].len && at < sizeof s->text; i++)
            s->text[at++] = out->text[k].data[i];
}

/* SHLD-14, 9293-U-19: the right edge never moves back. MUST-65, R7323-01, R2018-01: what belongs on
 * SYNs stands there only. MUST-16: no segment is larger than the peer takes. MUST-45: all come from
 * the same address of ours. In every test. */
static void check_sent(const struct tcp_emission *out)
{
    const struct tcb *tcb = tcp_find_view(steps->tcp, &out->flow);
    const struct tcp_options *o = &out->header.options;
    size_t text = out->text[0].len + out->text[1].len;
    seqno edge;

    if (out->header.flags & (TCP_SYN | TCP_RST) || !tcb)
        return;
    assert_false(o->has_mss || o->has_window_scale || o->has_sack_permitted);
    assert_true((out->gso_size ? out->gso_size : text) <= tcb->mss || tcb->search.probe);
    edge = tcb->rcv.nxt + ((seqno)out->header.window << tcb->window.shift);
    assert_true(steps->told_of != tcb->number || edge >= steps->told_edge);
    assert_true(steps->told_of != tcb->number ||
                address_equal(&steps->told_by, &out->flow.local.address));
    steps->told_of = tcb->number;
    steps->told_edge = edge;
    steps->told_by = out->flow.local.address;
}

static void note_sent(const struct tcp_emission *out, uint32_t iss)
{
    struct step_sent *s = &steps->sent[steps->sent_count % STEPS_SENT];
    char flags[12], line[160];

    *s = (struct step_sent){
        .flags = out->header.flags,
        .len = (uint32_t)(out->text[0].len + out->text[1].len),
        .window = out->header.window,
        .header = out->header,
        .seq = out->header.seq.u32 - iss,
        .ack = out->header.ack.u32 - steps->config.irs,
        .at = steps->now,
        .tos = out->tos,
        .ttl = out->ttl,
        .gso_size = out->gso_size,
    };
    note_text(s, out);
    describe_tcp_flags(s->flags, flags);
    snprintf(line, sizeof line, "> %s seq %u ack %u len %u win %u", flags, s->seq, s->ack, s->len,
             s->window);
    story_line(line);
    steps->sent_count++;
}

/* Every connection's invariants; the usual single one is found without walking the table. */
static void check_connections(void)
{
    const struct tcb *tcb = NULL;

    if (steps->tcp->connections == 1)
        tcb = tcp_find_view(steps->tcp, &steps->flow);
    if (tcb) {
        tcp_check(tcb);
        return;
    }
    if (steps->tcp->connections > 0)
        for (tcb = tcp_each(steps->tcp, NULL); tcb; tcb = tcp_each(steps->tcp, tcb))
            tcp_check(tcb);
}

static void pull(void)
{
    struct tcp_emission out;
    uint32_t iss = (uint32_t)our_iss();
    unsigned most = 10000;

    steps->trace.now = steps->now;
    check_connections();
    while (tcp_next(steps->tcp, &out, steps->now)) {
        assert_true(--most > 0);
        note_sent(&out, iss);
        check_sent(&out);
    }
    check_connections();
}

static void fill_options(const struct step_segment *s, struct tcp_options *o, uint32_t iss)
{
    o->has_mss = s->mss != 0;
    o->mss = s->mss;
    o->has_sack_permitted = s->sack_permitted;
    o->has_window_scale = s->window_scale;
    o->window_scale = s->shift;
    o->has_timestamps = s->ts_val != 0;
    o->ts_val = s->ts_val;
    o->ts_ecr = s->ts_ecr;
    o->has_fast_open = s->fast_open;
    o->fast_open_experiment = s->fast_open_experiment;
    o->fast_open_length = s->cookie_len;
    if (s->cookie_len)
        memcpy(o->fast_open_cookie, s->cookie, s->cookie_len);
    o->sack_count = (uint8_t)s->sack_count;
    for (unsigned i = 0; i < s->sack_count; i++)
        o->sack[i] = (struct tcp_sack_block){{iss + s->sack[2 * i]}, {iss + s->sack[2 * i + 1]}};
}

void arrives_(const struct step_segment *s)
{
    static uint8_t bytes[70000];
    uint32_t iss = (uint32_t)our_iss();
    struct tcp_header h = {
        .source_port = steps->flow.remote.port,
        .destination_port = steps->flow.local.port,
        .seq = {steps->config.irs + s->seq},
        .ack = {s->flags & ACK ? iss + s->ack : 0},
        .flags = (uint16_t)s->flags,
        .window = s->zero_window ? 0 : (s->window ? s->window : 10000),
        .urgent = s->urgent,
    };
    struct tcp_arrival arrival = {.source = steps->flow.remote.address,
                                  .destination = steps->flow.local.address,
                                  .tos = s->tos,
                                  .to_group = s->to_group,
                                  .gso_size = s->gso_size};
    struct checksum sum = {0};
    size_t len;
    char flags[12], line[160];

    fill_options(s, &h.options, iss);
    len = tcp_header_build(&h, bytes);
    if (s->raw_len > 0) {
        len = TCP_HEADER_LENGTH + s->raw_len;
        memcpy(bytes + TCP_HEADER_LENGTH, s->raw_options, s->raw_len);
    }
    bytes[12] = (uint8_t)((len / 4) << 4 | (bytes[12] & 1)); /* and AE */
    if (s->corrupt_offset)
        bytes[12] = 0xf0;
    for (uint32_t i = 0; i < s->len; i++)
        bytes[len + i] = s->text ? (uint8_t)s->text[i] : pattern_at((uint64_t)s->seq + i);
    len += s->len;
    checksum_add_pseudo(&sum, &arrival.source, &arrival.destination, PROTOCOL_TCP, (uint32_t)len);
    checksum_add(&sum, bytes, len);
    put_be16(bytes + 16, (uint16_t)(checksum_finish(&sum) ^ (s->bad_checksum ? 0x100 : 0)));
    arrival.payload = (struct bytes){bytes, len};
    memcpy(drops_before, steps->trace.drops, sizeof drops_before);
    describe_tcp_flags(s->flags, flags);
    snprintf(line, sizeof line, "< %s seq %u ack %u len %u", flags, s->seq, s->ack, s->len);
    story_line(line);
    steps->trace.now = steps->now;
    tcp_arrives(steps->tcp, &arrival, steps->now);
    pull();
}

void passes_ms(int64_t ms)
{
    struct instant until = instant_add(steps->now, duration_ms(ms));

    pull();
    for (;;) {
        struct instant next = tcp_host_deadline(steps->tcp);
        if (instant_before(until, next))
            break;
        steps->now = instant_max(steps->now, next);
        steps->trace.now = steps->now;
        tcp_run_timers(steps->tcp, steps->now);
        pull();
    }
    steps->now = until;
    steps->ts += (uint32_t)ms;
}

void lets_send(void)
{
    pull();
}

int64_t user_sends_with(uint32_t len, unsigned flags)
{
    static uint8_t data[200000];
    int64_t n;

    for (uint32_t i = 0; i < len; i++)
        data[i] = pattern_at(i);
    n = tcp_send(steps->tcb, data, len, flags, steps->now);
    pull();
    return n;
}

int64_t user_sends(uint32_t len)
{
    return user_sends_with(len, TCP_SEND_PUSH);
}

int64_t user_reads(uint32_t most)
{
    static uint8_t data[200000];
    uint64_t position = steps->tcb->received.read - steps->tcb->rcv.irs;
    int64_t n = tcp_receive(steps->tcb, data, most, 0, steps->now);

    for (int64_t i = 0; i < n; i++)
        assert_int_equal(data[i], pattern_at(position + (uint64_t)i));
    pull();
    return n;
}

struct tcp_settings *settings(void)
{
    return tcp_settings_of(steps->tcb);
}

void settings_changed(void)
{
    tcp_settings_changed(steps->tcb, steps->now);
    pull();
}

struct tcp_tunables *tunables(void)
{
    return tcp_tunables(steps->tcp);
}

bool icmp_arrives_(const struct step_icmp *s)
{
    uint8_t quoted[TCP_HEADER_LENGTH] = {0};
    struct tcp_icmp icmp = {.flow = steps->flow,
                            .type = s->type,
                            .code = s->code,
                            .errnum = s->errnum,
                            .hard = s->hard,
                            .too_big = s->mtu > 0,
                            .mtu = s->mtu,
                            .transport = {quoted, s->quoted ? s->quoted : 8}};
    bool believed;

    put_be16(quoted, steps->flow.local.port);
    put_be16(quoted + 2, steps->flow.remote.port);
    put_be32(quoted + 4, (uint32_t)our_iss() + s->seq);
    story_line("< ICMP");
    steps->trace.now = steps->now;
    believed = tcp_icmp_arrives(steps->tcp, &icmp, steps->now);
    pull();
    return believed;
}

void user_closes(void)
{
    tcp_shutdown_send(steps->tcb, steps->now);
    pull();
}

void user_goes_away(void)
{
    tcp_close(steps->tcb, steps->now);
    pull();
}

/* --- reaching states --------------------------------------------------------------------- */

static void open_actively(void)
{
    struct tcp_settings chosen;

    default_settings(&chosen);
    steps->flow.local.port = 50000;
    steps->flow.remote.port = 80;
    assert_int_equal(
        tcp_open_active(steps->tcp, &steps->flow, &chosen, 0, steps, &steps->tcb, steps->now), 0);
    pull();
}

static void syn_arrives(void)
{
    arrives(.seq = 0, .flags = SYN, .mss = steps->config.peer_mss ? steps->config.peer_mss : 1000,
            .sack_permitted = steps->config.sack, .window_scale = steps->config.window_scale,
            .shift = 0, .window = steps->config.peer_window,
            .ts_val = steps->config.timestamps ? steps->ts : 0);
    steps->tcb = tcp_find(steps->tcp, &steps->flow);
    assert_non_null(steps->tcb);
}

static void plain(uint32_t seq, uint32_t ack, unsigned flags)
{
    uint32_t ecr = steps->sent_count
                       ? steps->sent[(steps->sent_count - 1) % STEPS_SENT].header.options.ts_val
                       : 0;
    arrives(.seq = seq, .ack = ack, .flags = flags, .window = steps->config.peer_window,
            .ts_val = steps->config.timestamps ? steps->ts : 0, .ts_ecr = ecr);
}

static void establish(void)
{
    syn_arrives();
    plain(1, 1, ACK);
    assert_ptr_equal(tcp_accept(steps->listener, steps), steps->tcb);
    assert_int_equal(tcp_state_of(steps->tcb), TCP_ESTABLISHED);
}

void reach(enum tcp_state state)
{
    switch (state) {
    case TCP_CLOSED:
    case TCP_LISTEN:
        break;
    case TCP_SYN_SENT:
        open_actively();
        break;
    case TCP_SYN_RECEIVED:
        syn_arrives();
        break;
    case TCP_ESTABLISHED:
        establish();
        break;
    case TCP_FIN_WAIT_1:
        establish();
        user_closes();
        break;
    case TCP_FIN_WAIT_2:
        reach(TCP_FIN_WAIT_1);
        plain(1, 2, ACK);
        break;
    case TCP_CLOSE_WAIT:
        establish();
        plain(1, 1, FIN | ACK);
        break;
    case TCP_CLOSING:
        reach(TCP_FIN_WAIT_1);
        plain(1, 1, FIN | ACK);
        break;
    case TCP_LAST_ACK:
        reach(TCP_CLOSE_WAIT);
        user_closes();
        break;
    case TCP_TIME_WAIT:
        reach(TCP_FIN_WAIT_2);
        plain(1, 2, FIN | ACK);
        break;
    }
    if (state != TCP_LISTEN)
        assert_int_equal(state_now(), state);
    forget_sent();
}

/* --- assertions -------------------------------------------------------------------------- */

enum tcp_state state_now(void)
{
    const struct tcb *tcb = tcp_find_view(steps->tcp, &steps->flow);

    return tcb ? tcp_state_of(tcb) : TCP_CLOSED;
}

static void fails(const char *file, int line)
{
    print_story();
    _fail(file, line);
}

void assert_state_(enum tcp_state state, const char *file, int line)
{
    if (state_now() == state)
        return;
    print_error("state is %s, expected %s\n", tcp_state_name(state_now()), tcp_state_name(state));
    fails(file, line);
}

void assert_dropped_(enum drop_reason reason, const char *file, int line)
{
    if (steps->trace.drops[reason] > drops_before[reason])
        return;
    print_error("expected the drop \"%s\"\n", trace_drop_name(reason));
    fails(file, line);
}

const struct step_sent *last_sent(void)
{
    assert_true(steps->sent_count > 0);
    return &steps->sent[(steps->sent_count - 1) % STEPS_SENT];
}

const struct step_sent *next_sent(void)
{
    if (steps->looked_at == steps->sent_count) {
        print_error("nothing was sent\n");
        fails(__FILE__, __LINE__);
    }
    return &steps->sent[steps->looked_at++ % STEPS_SENT];
}

unsigned unseen(void)
{
    return steps->sent_count - steps->looked_at;
}

void forget_sent(void)
{
    steps->looked_at = steps->sent_count;
}

int64_t now_ms(void)
{
    return steps->now.ns / 1000000;
}

void assert_sent_(const struct step_expected *e, const char *file, int line)
{
    const struct step_sent *s = &steps->sent[steps->looked_at % STEPS_SENT];
    unsigned mask = ~(unsigned)PSH;

    if (steps->looked_at == steps->sent_count) {
        print_error("nothing was sent\n");
        fails(file, line);
    }
    steps->looked_at++;
    if ((s->flags & mask) == (e->flags & mask) && (e->any_seq || s->seq == e->seq) &&
        (e->any_ack || !(s->flags & ACK) || s->ack == e->ack) && s->len == e->len)
        return;
    print_error("sent flags %x seq %u ack %u len %u; expected flags %x seq %u ack %u len %u\n",
                s->flags, s->seq, s->ack, s->len, e->flags, e->seq, e->ack, e->len);
    fails(file, line);
}

void assert_nothing_sent_(const char *file, int line)
{
    if (steps->looked_at == steps->sent_count)
        return;
    print_error("something was sent\n");
    fails(file, line);
}
