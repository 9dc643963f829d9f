/* The expected segment (header prediction) is the eight steps of RFC 9293, 3.10.7.4, in short: two
 * connections with the same past, one of them without the short cut, are fed the same segments,
 * user calls and time, and everything that they know and send is compared after each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/random.h"
#include "support/tcp_steps.h"

enum { STEPS = 300, SEEDS = 60 };

static struct steps with, without;
static struct random dice;
/* The peer, and the stack's numbers as it knows them. */
static uint32_t peer_next, peer_window; /* 0: closed */
static uint64_t arrived, taken_short;

static uint32_t rolled(uint32_t sides)
{
    return (uint32_t)random_below(&dice, sides);
}

/* --- both at once ---------------------------------------------------------------------------- */

#define BOTH(call)                                                                                 \
    do {                                                                                           \
        steps = &without;                                                                          \
        call;                                                                                      \
        steps = &with;                                                                             \
        call;                                                                                      \
    } while (0)

static void begin(struct steps *twin, const struct steps_config *config, int64_t short_cut)
{
    steps = twin;
    steps_open(config);
    trace_unsubscribe(&steps->trace, &steps->story);
    tunables()->tcp_expected_segment = short_cut;
    reach(TCP_ESTABLISHED);
    settings()->keep_alive = true;
    settings()->keep_idle_s = settings()->keep_interval_s = 1;
    settings_changed();
}

static int both_close(void **state)
{
    (void)state;
    BOTH(steps_close());
    return 0;
}

/* Where things lie, and when the host looks at the connection again at the latest: not what it
 * knows. */
static struct tcb without_places(const struct tcb *tcb)
{
    struct tcb copy = *tcb;

    copy.text.ring.data = copy.received.ring.data = NULL;
    memset(&copy.record_ends, 0, sizeof copy.record_ends);
    memset(&copy.received.held, 0, sizeof copy.received.held);
    memset(&copy.sent, 0, sizeof copy.sent);
    memset(&copy.in_ready, 0, sizeof copy.in_ready);
    memset(&copy.in_changed, 0, sizeof copy.in_changed);
    memset(&copy.in_accept, 0, sizeof copy.in_accept);
    memset(&copy.in_drowsy, 0, sizeof copy.in_drowsy);
    copy.alarm = INSTANT_NEVER;
    copy.host = NULL;
    copy.listener = copy.fast_open.pending_at = NULL;
    copy.connection = NULL;
    copy.user = NULL;
    return copy;
}

static void assert_same_connection(void)
{
    struct tcb a = without_places(with.tcb), b = without_places(without.tcb);

    assert_memory_equal(&a, &b, sizeof a);
    assert_int_equal(ranges_count(&with.tcb->received.held),
                     ranges_count(&without.tcb->received.held));
    assert_int_equal(with.tcb->sent.pipe_bytes, without.tcb->sent.pipe_bytes);
    assert_int_equal(with.tcb->sent.lost_segments, without.tcb->sent.lost_segments);
    assert_int_equal(with.tcb->sent.delivered, without.tcb->sent.delivered);
    assert_int_equal(list_contains_node(&with.tcb->in_changed),
                     list_contains_node(&without.tcb->in_changed));
    assert_memory_equal(with.trace.drops, without.trace.drops, sizeof with.trace.drops);
    for (enum event_id id = 0; id < EVENT_KINDS; id++)
        if (id != EVENT_segment_expected)
            assert_int_equal(with.trace.events[id], without.trace.events[id]);
    assert_int_equal(without.trace.events[EVENT_segment_expected], 0);
    assert_int_equal(with.sent_count, without.sent_count);
    for (unsigned i = with.looked_at; i < with.sent_count; i++)
        assert_memory_equal(&with.sent[i % STEPS_SENT], &without.sent[i % STEPS_SENT],
                            sizeof with.sent[0]);
    with.looked_at = without.looked_at = with.sent_count;
}

/* --- what happens ---------------------------------------------------------------------------- */

/* A segment of a peer that has seen everything, with nothing new in its header. */
static struct step_segment next_segment(uint32_t len)
{
    struct step_segment s = {
        .seq = peer_next,
        .ack = (uint32_t)(with.tcb->snd.nxt - with.tcb->snd.iss),
        .flags = ACK | (rolled(3) == 0 ? PSH : 0),
        .window = (uint16_t)peer_window,
        .zero_window = peer_window == 0,
        .len = len,
    };
    if (with.config.timestamps) {
        s.ts_val = with.ts;
        s.ts_ecr = 1;
    }
    return s;
}

static void disturb(struct step_segment *s)
{
    switch (rolled(14)) {
    case 0: /* beyond a hole */
        s->seq += 1 + rolled(3000);
        break;
    case 1: /* old in part, or as a whole */
        s->seq -= rolled(peer_next < 1000 ? peer_next : 1000);
        break;
    case 2:
        s->window = (uint16_t)(peer_window = 1000 + rolled(20000));
        s->zero_window = false;
        break;
    case 3:
        s->zero_window = true;
        peer_window = rolled(2) ? peer_window : 0; /* and stays closed */
        break;
    case 4:
        s->ack -= rolled(s->ack);
        break;
    case 5:
        s->ack += 1 + rolled(2);
        break;
    case 6:
        s->ts_val = with.config.timestamps ? s->ts_val - 1 - rolled(2000) : 0;
        break;
    case 7:
        s->ts_val = with.config.timestamps && rolled(2) ? 0 : 77;
        break;
    case 8:
        s->tos = (uint8_t)rolled(4);
        break;
    case 9:
        s->sack_count = 1;
        s->sack[0] = s->ack - rolled(s->ack);
        s->sack[1] = s->ack;
        break;
    case 10:
        s->flags |= URG;
        s->urgent = (uint16_t)rolled(3000);
        break;
    case 11:
        s->len = 0;
        break;
    case 12:
        s->gso_size = (uint16_t)(1 + rolled(1000));
        break;
    case 13:
        s->flags = rolled(10) == 0 ? FIN | ACK : (rolled(20) == 0 ? SYN | ACK : ACK);
        if (s->flags & FIN && rolled(4)) {
            s->seq += 1 + rolled(2000);
            s->len = 0;
        }
        break;
    }
}

static void one_segment(void)
{
    struct step_segment s = next_segment(1 + rolled(rolled(2) ? 1000 : 3000));

    if (rolled(6) == 0)
        disturb(&s);
    BOTH(arrives_(&s));
    peer_next = (uint32_t)(with.tcb->rcv.nxt - with.tcb->rcv.irs);
}

static void one_step(void)
{
    uint32_t n = 1 + rolled(3000), ms = rolled(10) ? rolled(60) : rolled(3000);
    unsigned flags = rolled(4) ? TCP_SEND_PUSH : TCP_SEND_MORE;

    switch (rolled(12)) {
    case 0:
        BOTH(user_reads(n));
        break;
    case 1:
        BOTH(user_reads(200000));
        break;
    case 2:
        BOTH(passes_ms(ms));
        break;
    case 3:
        BOTH(user_sends_with(n / 10 + 1, flags));
        break;
    default:
        one_segment();
        break;
    }
}

static bool is_over(void)
{
    return with.tcb->state == TCP_CLOSED || with.tcb->state == TCP_TIME_WAIT;
}

static void play(const struct steps_config *config, uint64_t seed)
{
    random_seed(&dice, seed);
    begin(&without, config, 0);
    begin(&with, config, 1);
    peer_next = 1;
    peer_window = config->peer_window ? config->peer_window : 10000;
    assert_same_connection();
    for (unsigned i = 0; i < STEPS && !is_over(); i++) {
        one_step();
        assert_same_connection();
    }
    arrived += event_count(segment_arrived);
    taken_short += event_count(segment_expected);
    both_close(NULL);
}

static void both_ways_lead_to_the_same_connection(void **state)
{
    static const struct steps_config configs[] = {
        {.sack = true},
        {.sack = true, .timestamps = true, .window_scale = true},
        {.timestamps = true, .ipv6 = true},
        {.receive_buffer = 8000, .sack = true},
        {.memory = 1 << 18},
    };
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        play(&configs[seed % (sizeof configs / sizeof configs[0])], seed);
    /* Both were often there: the short cut, and what only looks like it. */
    assert_true(taken_short > arrived / 4);
    assert_true(taken_short < arrived * 3 / 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(both_ways_lead_to_the_same_connection, both_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
