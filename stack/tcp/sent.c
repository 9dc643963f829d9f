/* The scoreboard: a tree of transmissions by sequence number, beside it one tree each for those
 * that are lost and those that are SACKed, and a list of those in flight by time (RFC 6675, 2; RFC
 * 8985, 5.2). Every change of state goes through leave() and join(), which keep sums, trees and
 * list in step. Called when something is sent, acknowledged or taken as lost; it must not know why.
 */
#include "tcp/sent.h"

#include "base/check.h"

enum {
    SPARES_KEPT = 64,       /* more ready records than this go back to the pool */
    SPLINTERS_ALLOWED = 64, /* cuts inside of single segments that any connection may have */
};

/* --- records ----------------------------------------------------------------------------- */

static struct sent_record *record_of(struct tree_node *node)
{
    return TREE_ENTRY(node, struct sent_record, node);
}

static struct sent_record *record_of_state(struct tree_node *node)
{
    return TREE_ENTRY(node, struct sent_record, state_node);
}

static struct sent_record *record_in_time(struct list *node)
{
    return LIST_ENTRY(node, struct sent_record, in_time);
}

static uint64_t length_of(const struct sent_record *record)
{
    return record->to - sent_from(record);
}

static uint64_t total_bytes(const struct sent *sent)
{
    return sent->pipe_bytes + sent->sacked_bytes + sent->lost_bytes;
}

static struct sent_record *take_spare(struct sent *sent)
{
    struct list *node = list_first(&sent->spare);
    CHECK(node && sent->spare_count > 0);
    list_remove(node);
    sent->spare_count--;
    struct sent_record *record = record_in_time(node);
    *record = (struct sent_record){.transmissions = 0};
    return record;
}

static void give_record(struct sent *sent, struct sent_record *record)
{
    if (sent->spare_count >= SPARES_KEPT && record != &sent->own) {
        pool_give(sent->pool, record);
        return;
    }
    list_append(&sent->spare, &record->in_time);
    sent->spare_count++;
}

/* All but the connection's own. */
static void give_spares(struct sent *sent)
{
    bool own = false;

    for (struct list *node; (node = list_first(&sent->spare));) {
        list_remove(node);
        if (record_in_time(node) == &sent->own)
            own = true;
        else
            pool_give(sent->pool, record_in_time(node));
    }
    sent->spare_count = 0;
    if (own)
        give_record(sent, &sent->own);
}

/* --- membership -------------------------------------------------------------------------- */

/* Takes the record out of the sums of its state. */
static void subtract(struct sent *sent, const struct sent_record *record)
{
    switch (record->state) {
    case SENT_OUTSTANDING:
        sent->pipe_bytes -= length_of(record);
        sent->pipe_segments -= record->segments;
        if (record->transmissions > 1)
            sent->retransmitted_segments -= record->segments;
        break;
    case SENT_LOST:
        sent->lost_bytes -= length_of(record);
        sent->lost_segments -= record->segments;
        break;
    case SENT_SACKED:
        sent->sacked_bytes -= length_of(record);
        sent->sacked_segments -= record->segments;
        break;
    }
}

static void count_in(struct sent *sent, const struct sent_record *record)
{
    switch (record->state) {
    case SENT_OUTSTANDING:
        sent->pipe_bytes += length_of(record);
        sent->pipe_segments += record->segments;
        if (record->transmissions > 1)
            sent->retransmitted_segments += record->segments;
        break;
    case SENT_LOST:
        sent->lost_bytes += length_of(record);
        sent->lost_segments += record->segments;
        break;
    case SENT_SACKED:
        sent->sacked_bytes += length_of(record);
        sent->sacked_segments += record->segments;
        break;
    }
}

/* Out of the sums and out of the tree or list of its state. */
static void leave(struct sent *sent, struct sent_record *record)
{
    subtract(sent, record);
    switch (record->state) {
    case SENT_OUTSTANDING:
        list_remove(&record->in_time);
        break;
    case SENT_LOST:
        tree_remove(&sent->lost, &record->state_node);
        break;
    case SENT_SACKED:
        tree_remove(&sent->sacked, &record->state_node);
        break;
    }
}

/* Into the sums and the tree or, as the newest, the list of its state. */
static void join(struct sent *sent, struct sent_record *record, enum sent_state state)
{
    record->state = state;
    count_in(sent, record);
    switch (state) {
    case SENT_OUTSTANDING:
        list_append(&sent->by_time, &record->in_time);
        break;
    case SENT_LOST:
        tree_insert(&sent->lost, &record->state_node, sent_from(record));
        break;
    case SENT_SACKED:
        tree_insert(&sent->sacked, &record->state_node, sent_from(record));
        break;
    }
}

static void forget(struct sent *sent, struct sent_record *record)
{
    leave(sent, record);
    tree_remove(&sent->all, &record->node);
    give_record(sent, record);
}

void sent_init(struct sent *sent, struct pool *pool)
{
    *sent = (struct sent){.pool = pool};
    sent_unpack(sent);
}

void sent_clear(struct sent *sent)
{
    for (struct sent_record *record; (record = sent_first(sent));)
        forget(sent, record);
    give_spares(sent);
}

void sent_pack(struct sent *sent)
{
    CHECK(sent_is_empty(sent));
    give_spares(sent);
    sent->spare = sent->by_time = (struct list){0};
    sent->spare_count = 0;
    sent->own = (struct sent_record){.transmissions = 0};
}

void sent_unpack(struct sent *sent)
{
    list_init(&sent->by_time);
    list_init(&sent->spare);
    give_record(sent, &sent->own);
}

bool sent_reserve(struct sent *sent, uint32_t count)
{
    while (sent->spare_count < count) {
        struct sent_record *record = pool_take(sent->pool);
        if (!record)
            return false;
        list_append(&sent->spare, &record->in_time);
        sent->spare_count++;
    }
    return true;
}

/* --- sending ----------------------------------------------------------------------------- */

/* draft-cheng-iccrg-delivery-rate-estimation, 3.2: after silence a new sampling interval begins. */
static void begin_rate_interval(struct sent *sent, struct instant now)
{
    if (sent->pipe_bytes == 0)
        sent->rate_start = sent->delivered_at = now;
}

/* The state of the connection goes with the transmission. */
static void stamp(const struct sent *sent, struct sent_record *record, struct instant now)
{
    record->sent_at = now;
    record->delivered_at = sent->delivered_at;
    record->rate_start = sent->rate_start;
    record->delivered = sent->delivered;
    record->lost_before = sent->lost_total;
    record->in_flight = sent->pipe_bytes;
    record->app_limited = sent->app_limited_until != 0;
    record->transmissions++;
}

void sent_add(struct sent *sent, seqno from, seqno to, uint32_t segments, struct instant now)
{
    CHECK(from < to && segments >= 1);
    const struct sent_record *last = sent_last(sent);
    CHECK(!last || last->to <= from);
    struct sent_record *record = take_spare(sent);
    record->to = to;
    record->segments = segments;
    record->first_sent_at = now;
    begin_rate_interval(sent, now);
    stamp(sent, record, now);
    tree_insert(&sent->all, &record->node, from);
    join(sent, record, SENT_OUTSTANDING);
    record->in_flight = sent->pipe_bytes;
}

void sent_again(struct sent *sent, struct sent_record *record, struct instant now)
{
    CHECK(record->state != SENT_SACKED);
    leave(sent, record);
    begin_rate_interval(sent, now);
    stamp(sent, record, now);
    join(sent, record, SENT_OUTSTANDING);
    record->in_flight = sent->pipe_bytes;
}

void sent_mark_app_limited(struct sent *sent)
{
    uint64_t until = sent->delivered + sent->pipe_bytes;
    sent->app_limited_until = until ? until : 1;
}

/* --- cutting and merging ----------------------------------------------------------------- */

/* How many wire packets the first `length` bytes of the record were. Both parts of a cut have at
 * least one; together they have as many as before unless there was one only. */
static uint32_t segments_in_front(const struct sent_record *record, uint64_t length, uint32_t mss)
{
    if (record->segments < 2)
        return 1;
    uint64_t segments = (length + mss - 1) / mss;
    return segments < record->segments ? (uint32_t)segments : record->segments - 1;
}

static uint32_t segments_behind(const struct sent_record *record, uint64_t length, uint32_t mss)
{
    return record->segments < 2 ? 1 : record->segments - segments_in_front(record, length, mss);
}

/* The second part of a cut goes where the first is, right behind it. */
static void join_behind(struct sent *sent, struct sent_record *first, struct sent_record *second)
{
    if (first->state != SENT_OUTSTANDING) {
        join(sent, second, first->state);
        return;
    }
    second->state = SENT_OUTSTANDING;
    count_in(sent, second);
    list_insert_before(first->in_time.next, &second->in_time);
}

struct sent_record *sent_cut(struct sent *sent, struct sent_record *record, seqno at, uint32_t mss)
{
    CHECK(sent_from(record) < at && at < record->to);
    if (sent->spare_count == 0)
        return record;
    struct sent_record *second = take_spare(sent);
    uint64_t length = at - sent_from(record);
    subtract(sent, record);
    *second = *record;
    second->in_time = (struct list){NULL, NULL};
    second->segments = segments_behind(record, length, mss);
    record->segments = segments_in_front(record, length, mss);
    record->to = at;
    count_in(sent, record);
    tree_insert(&sent->all, &second->node, at);
    join_behind(sent, record, second);
    return record;
}

/* Whether a SACK edge may cut here. Cuts between the packets of a super-segment are bounded by what
 * was sent. Inside of a single packet only few are needed by honest peers (a partial window, a
 * changed segment size): they are bounded by the bytes in flight (CVE-2019-11478, CVE-2019-5599).
 */
static bool edge_may_cut(const struct sent *sent, const struct sent_record *record, uint32_t mss)
{
    if (sent->spare_count == 0)
        return false;
    return record->segments >= 2 || sent->all.count < total_bytes(sent) / mss + SPLINTERS_ALLOWED;
}

/* `low` takes in `high`, its neighbour; both are SACKED. */
static void merge(struct sent *sent, struct sent_record *low, struct sent_record *high)
{
    subtract(sent, low);
    low->to = high->to;
    uint32_t segments = low->segments + high->segments;
    low->segments = segments < low->segments ? UINT32_MAX : segments; /* CVE-2019-11477 */
    if (high->transmissions > low->transmissions)
        low->transmissions = high->transmissions;
    low->first_sent_at = instant_min(low->first_sent_at, high->first_sent_at);
    low->sent_at = instant_max(low->sent_at, high->sent_at);
    leave(sent, high);
    count_in(sent, low);
    tree_remove(&sent->all, &high->node);
    give_record(sent, high);
}

static bool are_sacked_neighbours(const struct sent_record *low, const struct sent_record *high)
{
    return low && high && low->state == SENT_SACKED && high->state == SENT_SACKED &&
           low->to == sent_from(high);
}

/* Returns the record that holds `record` afterwards. */
static struct sent_record *merge_with_neighbours(struct sent *sent, struct sent_record *record)
{
    struct sent_record *before = sent_before(record);
    if (are_sacked_neighbours(before, record)) {
        merge(sent, before, record);
        record = before;
    }
    struct sent_record *after = sent_after(record);
    if (are_sacked_neighbours(record, after))
        merge(sent, record, after);
    return record;
}

/* --- delivery ---------------------------------------------------------------------------- */

/* RFC 8985, 6.2: RACK_sent_after() */
static bool sent_later_than(struct instant a_at, seqno a_to, struct instant b_at, seqno b_to)
{
    return instant_before(b_at, a_at) || (a_at.ns == b_at.ns && a_to > b_to);
}

static void note_newest(struct sent *sent, const struct sent_record *record, seqno to,
                        struct sent_delivery *delivery)
{
    if (delivery->has_newest &&
        !sent_later_than(record->sent_at, to, delivery->newest_sent_at, delivery->newest_to))
        return;
    delivery->has_newest = true;
    delivery->newest_sent_at = record->sent_at;
    delivery->newest_to = to;
    delivery->newest_retransmitted = record->transmissions > 1;
    delivery->newest_ts = record->ts;
    delivery->newest_rate_start = record->rate_start;
    delivery->newest_delivered_at = record->delivered_at;
    delivery->newest_delivered = record->delivered;
    delivery->newest_lost_before = record->lost_before;
    delivery->newest_in_flight = record->in_flight;
    delivery->newest_app_limited = record->app_limited;
    sent->rate_start = record->sent_at;
}

static void note_sent_once(seqno to, struct sent_delivery *delivery)
{
    delivery->never_retransmitted_delivered = true;
    delivery->highest_once = seq_max(delivery->highest_once, to);
    if (delivery->lowest_once == 0 || to < delivery->lowest_once)
        delivery->lowest_once = to;
}

enum place { IN_ORDER, BEYOND_A_HOLE };

static void note_round_trip(const struct sent_record *record, seqno to, enum place place,
                            struct sent_delivery *delivery)
{
    if (record->transmissions > 1)
        return;
    if (delivery->has_rtt &&
        !sent_later_than(record->sent_at, to, delivery->rtt_sent_at, delivery->rtt_to))
        return;
    delivery->has_rtt = true;
    delivery->rtt_sent_at = record->sent_at;
    delivery->rtt_to = to;
    delivery->rtt_beyond_hole = place == BEYOND_A_HOLE;
}

/* The part of the record in front of `to`, which was not SACKED, is delivered. */
static void deliver(struct sent *sent, const struct sent_record *record, seqno to,
                    uint32_t segments, struct sent_delivery *delivery, struct instant now)
{
    uint64_t length = to - sent_from(record);
    sent->delivered += length;
    sent->delivered_at = now;
    delivery->newly_delivered_segments += segments;
    if (record->state == SENT_OUTSTANDING)
        delivery->left_pipe_bytes += length;
    if (record->transmissions > 1)
        delivery->retransmission_acked = true;
    else
        note_sent_once(to, delivery);
    note_newest(sent, record, to, delivery);
}

/* SND.UNA stands inside the record: its front goes. The keys keep their order, so they change in
 * place. */
static void trim_front(struct sent *sent, struct sent_record *record, seqno una, uint32_t mss)
{
    subtract(sent, record);
    record->segments = segments_behind(record, una - sent_from(record), mss);
    record->node.key = una;
    record->state_node.key = una;
    count_in(sent, record);
}

void sent_acknowledge(struct sent *sent, seqno una, uint32_t mss, struct sent_delivery *delivery,
                      struct instant now)
{
    struct sent_record *record;
    while ((record = sent_first(sent)) && sent_from(record) < una) {
        seqno to = seq_min(record->to, una);
        uint64_t length = to - sent_from(record);
        sent->touched++;
        delivery->acked_bytes += length;
        if (record->state != SENT_SACKED) {
            uint32_t segments = to == record->to ? record->segments
                                                 : segments_in_front(record, length, mss);
            delivery->newly_acked_bytes += length;
            deliver(sent, record, to, segments, delivery, now);
            /* R6298-06: what follows a retransmission may have been there long before it. */
            if (!delivery->retransmission_acked)
                note_round_trip(record, to, IN_ORDER, delivery);
        }
        if (to == record->to)
            forget(sent, record);
        else
            trim_front(sent, record, una, mss);
    }
    if (!record)
        give_spares(sent);
}

/* The first record that a block from `left` may cover as a whole. */
static struct sent_record *first_from(struct sent *sent, seqno left, uint32_t mss)
{
    struct sent_record *record = sent_at_or_after(sent, left);
    if (!record || left <= sent_from(record) || record->state == SENT_SACKED)
        return record;
    if (edge_may_cut(sent, record, mss))
        sent_cut(sent, record, left, mss);
    return sent_after(record);
}

void sent_sack(struct sent *sent, seqno left, seqno right, uint32_t mss,
               struct sent_delivery *delivery, struct instant now)
{
    if (left >= right)
        return;
    for (struct sent_record *record = first_from(sent, left, mss);
         record && sent_from(record) < right; record = sent_after(record)) {
        sent->touched++;
        if (record->state == SENT_SACKED)
            continue;
        if (record->to > right && !edge_may_cut(sent, record, mss))
            break;
        if (record->to > right)
            sent_cut(sent, record, right, mss);
        delivery->newly_sacked_bytes += length_of(record);
        deliver(sent, record, record->to, record->segments, delivery, now);
        note_round_trip(record, record->to, BEYOND_A_HOLE, delivery);
        sent->highest_sacked = seq_max(sent->highest_sacked, record->to);
        leave(sent, record);
        join(sent, record, SENT_SACKED);
        record = merge_with_neighbours(sent, record);
    }
}

void sent_rate_sample(struct sent *sent, const struct sent_delivery *delivery,
                      struct duration min_rtt, struct rate_sample *rate, struct instant now)
{
    *rate = (struct rate_sample){.delivered = 0};
    if (sent->app_limited_until && sent->delivered > sent->app_limited_until)
        sent->app_limited_until = 0;
    if (!delivery->has_newest)
        return;
    /* 3.3: the longer of the two intervals, so that neither compressed ACKs nor a burst of sending
     * look like a fast path. */
    struct duration sending = instant_since(delivery->newest_sent_at, delivery->newest_rate_start);
    struct duration acking = instant_since(now, delivery->newest_delivered_at);
    struct duration interval = duration_max(sending, acking);
    if (interval.ns <= 0 || interval.ns < min_rtt.ns)
        return;
    rate->delivered = sent->delivered - delivery->newest_delivered;
    rate->prior_delivered = delivery->newest_delivered;
    rate->interval = interval;
    /* At most two windows of 2^30: the product stays within 64 bits. */
    rate->rate = rate->delivered * UINT64_C(1000000000) / (uint64_t)interval.ns;
    rate->tx_in_flight = delivery->newest_in_flight;
    rate->lost = sent->lost_total - delivery->newest_lost_before;
    rate->app_limited = delivery->newest_app_limited;
    if (!rate->app_limited || rate->rate >= sent->last_rate) {
        sent->last_rate = rate->rate;
        sent->last_rate_app_limited = rate->app_limited;
    }
}

/* --- losses ------------------------------------------------------------------------------ */

void sent_mark_lost(struct sent *sent, struct sent_record *record)
{
    CHECK(record->state == SENT_OUTSTANDING);
    sent->touched++;
    leave(sent, record);
    sent->lost_total += length_of(record);
    if (record->transmissions > 1)
        sent->lost_again++;
    join(sent, record, SENT_LOST);
}

void sent_forget_sacks(struct sent *sent)
{
    for (struct sent_record *record; (record = record_of_state(tree_first(&sent->sacked)));) {
        leave(sent, record);
        join(sent, record, SENT_LOST);
    }
    sent->highest_sacked = 0;
}

/* The node behind the run of ascending times that begins at `node`. */
static struct list *run_end(const struct list *head, struct list *node)
{
    struct list *next = node->next;
    while (next != head &&
           !instant_before(record_in_time(next)->sent_at, record_in_time(node)->sent_at)) {
        node = next;
        next = next->next;
    }
    return next;
}

/* Merges the neighbouring runs [a, b) and [b, end) in place. */
static void merge_runs(struct list *a, struct list *b, const struct list *end)
{
    while (a != b && b != end) {
        struct list *next = b->next;
        if (instant_before(record_in_time(b)->sent_at, record_in_time(a)->sent_at)) {
            list_remove(b);
            list_insert_before(a, b);
            b = next;
        } else {
            a = a->next;
        }
    }
}

/* A natural merge sort, oldest first: what is in order already costs one pass. */
static void sort_by_time(struct list *head)
{
    uint32_t merges = 1;
    while (merges > 0) {
        merges = 0;
        for (struct list *a = head->next, *b, *end; a != head; a = end) {
            end = b = run_end(head, a);
            if (b == head)
                break;
            end = run_end(head, b);
            merge_runs(a, b, end);
            merges++;
        }
    }
}

void sent_restore_lost(struct sent *sent)
{
    if (sent->lost.count == 0)
        return;
    for (struct sent_record *record; (record = sent_first_lost(sent));) {
        leave(sent, record);
        sent->lost_total -= length_of(record);
        join(sent, record, SENT_OUTSTANDING);
    }
    sort_by_time(&sent->by_time);
}

/* --- looking ----------------------------------------------------------------------------- */

struct sent_record *sent_first_lost(const struct sent *sent)
{
    return record_of_state(tree_first(&sent->lost));
}

struct sent_record *sent_first(const struct sent *sent)
{
    return record_of(tree_first(&sent->all));
}

struct sent_record *sent_last(const struct sent *sent)
{
    return record_of(tree_last(&sent->all));
}

struct sent_record *sent_after(const struct sent_record *record)
{
    return record_of(tree_next(&record->node));
}

struct sent_record *sent_before(const struct sent_record *record)
{
    return record_of(tree_previous(&record->node));
}

struct sent_record *sent_oldest(const struct sent *sent)
{
    struct list *node = list_first(&sent->by_time);
    return node ? record_in_time(node) : NULL;
}

struct sent_record *sent_later(const struct sent *sent, const struct sent_record *record)
{
    struct list *next = record->in_time.next;
    return next == &sent->by_time ? NULL : record_in_time(next);
}

struct sent_record *sent_newest(const struct sent *sent)
{
    return list_is_empty(&sent->by_time) ? NULL : record_in_time(sent->by_time.previous);
}

struct sent_record *sent_highest_sacked(const struct sent *sent)
{
    return record_of_state(tree_last(&sent->sacked));
}

struct sent_record *sent_sacked_below(const struct sent_record *record)
{
    return record_of_state(tree_previous(&record->state_node));
}

struct sent_record *sent_at_or_after(const struct sent *sent, seqno at)
{
    struct sent_record *record = record_of(tree_at_or_before(&sent->all, at));
    if (record && at < record->to)
        return record;
    return record_of(tree_at_or_after(&sent->all, at));
}

/* --- checking ---------------------------------------------------------------------------- */

static void check_record(const struct sent_record *record, const struct sent_record *before)
{
    CHECK(sent_from(record) < record->to);
    CHECK(record->segments >= 1 && record->transmissions >= 1);
    CHECK(!before || before->to <= sent_from(record));
    CHECK(!are_sacked_neighbours(before, record));
    CHECK(list_contains_node(&record->in_time) == (record->state == SENT_OUTSTANDING));
    CHECK(record->state == SENT_OUTSTANDING || record->state_node.key == sent_from(record));
}

static void check_times(const struct sent *sent)
{
    size_t count = 0;
    const struct sent_record *before = NULL;
    for (const struct sent_record *record = sent_oldest(sent); record;
         record = sent_later(sent, record)) {
        CHECK(record->state == SENT_OUTSTANDING);
        CHECK(!before || before->sent_at.ns <= record->sent_at.ns);
        before = record;
        count++;
    }
    CHECK(count + sent->lost.count + sent->sacked.count == sent->all.count);
}

void sent_check(const struct sent *sent)
{
    struct sent sums = {.pool = NULL};
    const struct sent_record *before = NULL;
    for (const struct sent_record *record = sent_first(sent); record; record = sent_after(record)) {
        check_record(record, before);
        count_in(&sums, record);
        before = record;
    }
    CHECK(sums.pipe_bytes == sent->pipe_bytes && sums.pipe_segments == sent->pipe_segments);
    CHECK(sums.sacked_bytes == sent->sacked_bytes);
    CHECK(sums.sacked_segments == sent->sacked_segments);
    CHECK(sums.lost_bytes == sent->lost_bytes && sums.lost_segments == sent->lost_segments);
    CHECK(sums.retransmitted_segments == sent->retransmitted_segments);
    tree_check(&sent->all);
    tree_check(&sent->lost);
    tree_check(&sent->sacked);
    check_times(sent);
}
