/* Accurate ECN's counters (RFC 9768, 3.2). Called by tcp_ecn.c; see accecn.h. */
#include "tcp/accecn.h"

#include "base/check.h"

enum {
    CEP_AT_FIRST = 5, /* 3.2.1 */
    BYTES_AT_FIRST = 1,
    ACE_VALUES = 8,
    COUNTER_MASK = 0xffffff,
};

/* --- the handshake form ------------------------------------------------------------------ */

static const uint8_t codes[ACCECN_CODEPOINTS] = {
    [ECN_NOT_ECT] = 2, [ECN_ECT1] = 3, [ECN_ECT0] = 4, [ECN_CE] = 6};

unsigned accecn_handshake_code(uint8_t ecn)
{
    return codes[ecn & 3];
}

uint8_t accecn_handshake_field(unsigned code, uint8_t unchanged)
{
    for (uint8_t ecn = 0; ecn < ACCECN_CODEPOINTS; ecn++)
        if (codes[ecn] == code)
            return ecn;
    return unchanged;
}

/* --- the data receiver ------------------------------------------------------------------- */

void accecn_receiver_init(struct accecn_receiver *receiver)
{
    *receiver = (struct accecn_receiver){
        .cep = CEP_AT_FIRST,
        .told_cep = CEP_AT_FIRST,
        .bytes = {[ECN_ECT1] = BYTES_AT_FIRST, [ECN_ECT0] = BYTES_AT_FIRST},
        .told = {[ECN_ECT1] = BYTES_AT_FIRST, [ECN_ECT0] = BYTES_AT_FIRST},
    };
}

bool accecn_packet(struct accecn_receiver *receiver, uint8_t ecn, uint32_t packets, uint32_t text,
                   bool unacknowledged)
{
    /* 3.2.2.5.1: n is 2 while text waits for an ACK, else 3, so that ACKs of ACKs die out. */
    uint64_t most = unacknowledged ? 2 : 3;
    bool changed = ecn == ECN_CE && receiver->last != ECN_CE && text > 0;

    receiver->last = ecn;
    if (ecn != ECN_NOT_ECT)
        receiver->bytes[ecn] += text;
    if (ecn != ECN_CE)
        return false;
    receiver->cep += packets;
    return changed || receiver->cep - receiver->told_cep >= most;
}

static bool has_changed(const struct accecn_receiver *receiver, uint8_t ecn)
{
    return receiver->bytes[ecn] != receiver->told[ecn];
}

bool accecn_option_is_due(const struct accecn_receiver *receiver)
{
    return has_changed(receiver, ECN_ECT0) || has_changed(receiver, ECN_CE) ||
           has_changed(receiver, ECN_ECT1);
}

/* Table 5: order 0 begins with ECT(0)'s counter, order 1 with ECT(1)'s; CE's is always second. */
static uint8_t counter_at(int place, uint8_t order)
{
    static const uint8_t places[2][ACCECN_COUNTERS] = {{ECN_ECT0, ECN_CE, ECN_ECT1},
                                                       {ECN_ECT1, ECN_CE, ECN_ECT0}};
    return places[order][place];
}

static bool all_changed_are_in(const struct accecn_receiver *receiver, int count, uint8_t order)
{
    for (int i = count; i < ACCECN_COUNTERS; i++)
        if (has_changed(receiver, counter_at(i, order)))
            return false;
    return true;
}

int accecn_plan(const struct accecn_receiver *receiver, int room, uint8_t *order)
{
    int count = room < ACCECN_COUNTERS ? room : ACCECN_COUNTERS;

    for (*order = 1;; *order = 0) {
        if (all_changed_are_in(receiver, count, *order))
            return count;
        if (*order == 0)
            return -1;
    }
}

void accecn_fill(const struct accecn_receiver *receiver, int count, uint8_t order,
                 struct tcp_options *options)
{
    CHECK(count >= 0 && count <= ACCECN_COUNTERS && order < 2);
    options->has_accecn = true;
    options->accecn_order = order;
    options->accecn_count = (uint8_t)count;
    for (int i = 0; i < count; i++)
        options->accecn[i] = (uint32_t)(receiver->bytes[counter_at(i, order)] & COUNTER_MASK);
}

void accecn_told(struct accecn_receiver *receiver, int count, uint8_t order)
{
    receiver->told_cep = receiver->cep;
    for (int i = 0; i < count; i++) {
        uint8_t ecn = counter_at(i, order);
        receiver->told[ecn] = receiver->bytes[ecn];
    }
}

/* --- the data sender --------------------------------------------------------------------- */

void accecn_sender_init(struct accecn_sender *sender)
{
    *sender = (struct accecn_sender){
        .cep = CEP_AT_FIRST,
        .bytes = {[ECN_ECT1] = BYTES_AT_FIRST, [ECN_ECT0] = BYTES_AT_FIRST},
    };
}

void accecn_test_option(struct accecn_sender *sender, const struct tcp_options *options)
{
    if (!options->has_accecn)
        return;
    for (int i = 0; i < options->accecn_count; i++)
        if (counter_at(i, options->accecn_order) != ECN_CE && options->accecn[i] == 0)
            sender->option_ignored = true;
}

/* 3.2.3.1: each counter is the next number with these 24 bits. true: CE's was among them. */
static bool take_option(struct accecn_sender *sender, const struct tcp_options *options)
{
    bool has_ce = false;

    if (!options->has_accecn || sender->option_ignored)
        return false;
    for (int i = 0; i < options->accecn_count; i++) {
        uint8_t ecn = counter_at(i, options->accecn_order);
        uint64_t ahead = (options->accecn[i] - sender->bytes[ecn]) & COUNTER_MASK;
        /* A counter that went back is an older one (reordering), not one that has almost wrapped:
         * 3.2.3.3 has each told every 2^22 bytes. */
        if (ahead <= COUNTER_MASK / 2)
            sender->bytes[ecn] += ahead;
        has_ce |= ecn == ECN_CE;
    }
    return has_ce;
}

static uint64_t less(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

/* 3.2.2.5.2: the most that ends in these three bits and does not exceed what was delivered. What
 * the field shows at the least is believed even beyond that. */
static uint64_t safest(uint64_t least, uint64_t packets)
{
    return packets > least ? packets - (packets - least) % ACE_VALUES : least;
}

/* The number with these three bits that is nearest to what the CE bytes of all that was delivered
 * since the last option make in packets; within [least, most]. */
static uint64_t nearest(uint64_t least, uint64_t most, uint64_t estimate)
{
    uint64_t wraps = (less(estimate, least) + ACE_VALUES / 2) / ACE_VALUES;
    uint64_t packets = least + wraps * ACE_VALUES;

    return packets < most ? packets : most;
}

static uint64_t packets_in(const struct accecn_sender *sender, uint64_t ce_bytes)
{
    unsigned __int128 product = (unsigned __int128)ce_bytes * sender->packets;

    if (sender->delivered == 0)
        return 0;
    return (uint64_t)((product + sender->delivered - 1) / sender->delivered);
}

struct accecn_news accecn_feedback(struct accecn_sender *sender, const struct accecn_ack *ack)
{
    uint64_t ceb_before = sender->bytes[ECN_CE];
    uint64_t least = (ack->ace - sender->cep) % ACE_VALUES;
    uint64_t most = safest(least, ack->packets);
    struct accecn_news news = {.ce_packets = most};
    uint64_t ce_bytes;

    sender->packets += ack->packets;
    sender->delivered += ack->bytes;
    if (take_option(sender, ack->options)) {
        uint64_t since = sender->bytes[ECN_CE] - ceb_before;
        uint64_t estimate = less(packets_in(sender, since), sender->guessed_packets);
        news.ce_packets = nearest(least, most, estimate);
        news.contradiction = since > 0 && news.ce_packets + sender->guessed_packets == 0 &&
                             ack->packets < ACE_VALUES;
        ce_bytes = less(since, sender->guessed_bytes);
        sender->guessed_packets = sender->guessed_bytes = 0;
        sender->packets = sender->delivered = 0;
    } else {
        /* Without an option each marked packet counts as a full one. */
        ce_bytes = news.ce_packets * ack->mss;
        sender->guessed_packets += news.ce_packets;
        sender->guessed_bytes += ce_bytes < ack->bytes ? ce_bytes : ack->bytes;
    }
    news.ce_bytes = ce_bytes < ack->bytes ? ce_bytes : ack->bytes;
    sender->cep += news.ce_packets;
    return news;
}
