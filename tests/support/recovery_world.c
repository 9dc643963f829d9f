/* The world of recovery_world.h. Used by the unit tests of recovery.c. */
#include "support/recovery_world.h"

#include <stdlib.h>

/* --- a congestion control that halves and remembers -------------------------------------- */

struct cc_ack last_ack;
struct cc_loss last_loss;
unsigned losses, timeouts, undos, recovered;

static void halving_init(struct cc *cc, struct instant now)
{
    (void)cc;
    (void)now;
}

static void halving_on_ack(struct cc *cc, const struct cc_ack *ack)
{
    last_ack = *ack;
    if (!ack->in_recovery && ack->cwnd_limited)
        cc->cwnd += cc->cwnd < cc->ssthresh ? ack->acked : 0;
}

static void halving_reduce(struct cc *cc, const struct cc_loss *loss)
{
    last_loss = *loss;
    cc->prior_cwnd = cc->cwnd;
    cc->prior_ssthresh = cc->ssthresh;
    cc->ssthresh = loss->flight / 2 > 2 * cc->smss ? loss->flight / 2 : 2 * cc->smss;
}

static void halving_on_loss(struct cc *cc, const struct cc_loss *loss)
{
    losses++;
    halving_reduce(cc, loss);
}

static void halving_on_recovered(struct cc *cc, struct instant now)
{
    (void)cc;
    (void)now;
    recovered++;
}

static void halving_on_timeout(struct cc *cc, const struct cc_loss *loss)
{
    timeouts++;
    halving_reduce(cc, loss);
    cc->cwnd = cc->smss;
}

static void halving_on_undo(struct cc *cc, struct instant now)
{
    (void)now;
    undos++;
    cc->cwnd = cc->prior_cwnd;
    cc->ssthresh = cc->prior_ssthresh;
}

static void halving_on_idle(struct cc *cc, struct duration idle, struct duration rto,
                            struct instant now)
{
    (void)cc;
    (void)idle;
    (void)rto;
    (void)now;
}

struct cc_ops halving = {
    .name = "halving",
    .init = halving_init,
    .on_ack = halving_on_ack,
    .on_loss = halving_on_loss,
    .on_recovered = halving_on_recovered,
    .on_timeout = halving_on_timeout,
    .on_undo = halving_on_undo,
    .on_idle = halving_on_idle,
};

/* --- the story's verbs ------------------------------------------------------------------- */

int world_set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    assert_int_equal(memory_init(&w->memory, 16u << 20), 0);
    pool_init(&w->pool, &w->memory, sizeof(struct sent_record));
    sent_init(&w->sent, &w->pool);
#define TUNABLE(name, fallback, least, most, unit, sentence) w->tunables.name = (fallback);
#include "tcp/tunables.def"
#undef TUNABLE
    rtt_init(&w->rtt, &w->tunables);
    recovery_init(&w->recovery, &w->tunables);
    w->cc = (struct cc){.ops = &halving,
                        .cwnd = 10 * MSS,
                        .ssthresh = CC_SSTHRESH_INFINITE,
                        .smss = MSS,
                        .initial_cwnd = 10 * MSS};
    w->scene = (struct recovery_scene){&w->recovery, &w->sent,     &w->cc,
                                       &w->rtt,      &w->tunables, &w->trace};
    w->una = w->nxt = START;
    w->sack = true;
    w->unsent = 1000 * MSS;
    w->now = instant_add(INSTANT_ZERO, duration_s(10));
    rtt_sample(&w->rtt, &w->tunables, duration_ms(40), 1, w->now);
    losses = timeouts = undos = recovered = 0;
    halving.owns_recovery_window = false;
    *state = w;
    return 0;
}

int world_tear_down(void **state)
{
    struct world *w = *state;
    sent_check(&w->sent);
    sent_clear(&w->sent);
    memory_destroy(&w->memory);
    free(w);
    return 0;
}

void later(struct world *w, int64_t ms)
{
    w->now = instant_add(w->now, duration_ms(ms));
}

uint32_t clock_of(const struct world *w)
{
    return (uint32_t)duration_to_ms(instant_since(w->now, INSTANT_ZERO));
}

void send_new(struct world *w)
{
    assert_true(sent_reserve(&w->sent, 8));
    sent_add(&w->sent, w->nxt, w->nxt + MSS, 1, w->now);
    w->nxt += MSS;
    w->unsent -= MSS;
    w->sent_new++;
    recovery_on_sent(&w->scene, MSS, false, clock_of(w));
}

void send_lost(struct world *w)
{
    struct sent_record *record = sent_first_lost(&w->sent);
    if (record->to - sent_from(record) > MSS)
        record = sent_cut(&w->sent, record, sent_from(record) + MSS, MSS);
    sent_again(&w->sent, record, w->now);
    w->sent_again++;
    recovery_on_sent(&w->scene, (uint32_t)(record->to - sent_from(record)), true, clock_of(w));
}

void pull(struct world *w)
{
    w->sent_new = w->sent_again = 0;
    while (recovery_allowance(&w->recovery, &w->sent, &w->cc, &w->tunables) >= MSS) {
        assert_true(sent_reserve(&w->sent, 8));
        if (sent_first_lost(&w->sent))
            send_lost(w);
        else if (w->unsent >= MSS)
            send_new(w);
        else
            break;
    }
}

void arrives_ack(struct world *w, const struct ack *ack)
{
    struct sent_delivery d = {.lowest_once = UINT64_MAX};
    seqno una = ack->una ? ack->una : w->una;
    uint64_t due = recovery_allowance(&w->recovery, &w->sent, &w->cc, &w->tunables);
    assert_true(sent_reserve(&w->sent, 8));
    if (ack->right > ack->left)
        sent_sack(&w->sent, SEG(ack->left), SEG(ack->right), MSS, &d, w->now);
    if (una > w->una)
        sent_acknowledge(&w->sent, una, MSS, &d, w->now);
    if (d.has_rtt)
        rtt_sample(&w->rtt, &w->tunables, instant_since(w->now, d.rtt_sent_at), 1, w->now);
    struct recovery_ack facts = {
        .now = w->now,
        .una_before = w->una,
        .una = una,
        .nxt = w->nxt,
        .duplicate = una == w->una && !ack->without_news &&
                     (w->sack ? d.newly_sacked_bytes > 0 : w->nxt > una),
        .sack = w->sack,
        .has_dsack = ack->dsack_right > 0,
        .dsack_left = ack->dsack_left,
        .dsack_right = ack->dsack_right,
        .has_ts_ecr = ack->ts_ecr != 0,
        .ts_ecr = ack->ts_ecr,
        .ece = ack->ece,
        .cwnd_limited = true,
        .mss = MSS,
        .unsent = w->unsent,
        .due = due < w->unsent ? due : w->unsent,
    };
    w->una = una;
    recovery_on_ack(&w->scene, &facts, &d);
    sent_check(&w->sent);
    assert_true(w->cc.cwnd >= MSS);
}

void times_out(struct world *w)
{
    recovery_on_timeout(&w->scene, w->una, w->nxt, MSS, w->now);
    rtt_back_off(&w->rtt);
    sent_check(&w->sent);
}

unsigned traced(const struct world *w, enum event_id id)
{
    return (unsigned)w->trace.events[id];
}

void flight_of_ten(struct world *w)
{
    pull(w);
    assert_int_equal(w->sent_new, 10);
    later(w, 40);
}
