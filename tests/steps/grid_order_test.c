/* Text in every order: all arrival orders of five segments, also with a duplicate of each at each
 * place, with and without SACK; every overlap of two and of three segments whose bytes conflict
 * (the first copy of a byte wins); FINs in every place of a short exchange. After each segment the
 * stack is compared with an independent model (tests/support/oracle.h). */
#include "support/grid.h"

enum { SEGMENTS = 5, ORDERS = 120, SPAN = 8 };

/* The `n`th of the 120 orders. */
static void nth_order(unsigned n, unsigned order[SEGMENTS])
{
    bool used[SEGMENTS] = {false};

    for (unsigned i = 0, f = ORDERS; i < SEGMENTS; i++) {
        unsigned pick;
        f /= SEGMENTS - i;
        pick = n / f;
        n %= f;
        for (unsigned k = 0; k < SEGMENTS; k++) {
            if (used[k] || pick-- > 0)
                continue;
            used[k] = true;
            order[i] = k;
            break;
        }
    }
}

/* Whether [left, right), by distance from IRS, is text that the model holds beyond a hole, and all
 * that is connected with it. */
static bool is_island(uint32_t left, uint32_t right)
{
    const bool *here = grid_oracle.here; /* here[i] is the byte at IRS + 1 + i */

    if (left <= grid_oracle.rcv.nxt - grid_oracle.rcv.irs || right <= left || here[left - 2] ||
        here[right - 1])
        return false;
    for (uint32_t at = left; at < right; at++)
        if (!here[at - 1])
            return false;
    return true;
}

/* R2018-03, R2018-04: while text is held, each ACK reports it, the newest first; a duplicate goes
 * in front of all (RFC 2883). */
static void check_sack(uint32_t seq, bool duplicate)
{
    const struct tcp_options *o = &last_sent()->header.options;
    uint32_t nxt = grid_oracle.rcv.nxt - grid_oracle.rcv.irs;
    unsigned first = duplicate ? 1 : 0;

    if (grid_oracle.sack_edge == grid_oracle.rcv.nxt || grid_oracle.rcv.fin_taken)
        return;
    assert_true(o->sack_count > first);
    for (unsigned i = first; i < o->sack_count; i++)
        assert_true(is_island(o->sack[i].left.u32 - steps->config.irs,
                              o->sack[i].right.u32 - steps->config.irs));
    if (!duplicate && seq > nxt)
        assert_true(o->sack[0].left.u32 - steps->config.irs <= seq &&
                    seq < o->sack[0].right.u32 - steps->config.irs);
}

static const uint32_t lengths[SEGMENTS] = {10, 3, 20, 1, 7};
static const uint32_t begins[SEGMENTS] = {1, 11, 14, 34, 35};

static void segment_arrives(unsigned k, bool sack, bool duplicate)
{
    grid_arrives(.seq = begins[k], .ack = 1, .len = lengths[k],
                 .flags = k == SEGMENTS - 1 ? FIN | ACK : ACK);
    if (sack)
        check_sack(begins[k], duplicate);
}

/* SHLD-31, MAY-13, R2018-03, R2018-04, R5681-12, 9293-U-20, FIN handling */
static void all_orders_of_five_segments(void **state)
{
    (void)state;
    for (unsigned n = 0; n < 10 * ORDERS; n++) {
        struct grid_start start = {.name = "orders", .state = TCP_ESTABLISHED};
        unsigned order[SEGMENTS];
        start.sack = n / ORDERS % 2;
        start.irs = grid_edges[n / ORDERS / 2];
        nth_order(n % ORDERS, order);
        grid_begins(&start);
        for (unsigned i = 0; i < SEGMENTS; i++)
            segment_arrives(order[i], start.sack, false);
        assert_int_equal(oracle_delivered(&grid_oracle), 41);
        assert_state(TCP_CLOSE_WAIT);
    }
    grid_ends("orders of five segments x IRS x SACK");
}

/* R2883-01, R2883-02, FIN handling: segment `twice` comes again after `place` others. */
static void all_orders_with_a_duplicate(void **state)
{
    (void)state;
    for (unsigned n = 0; n < ORDERS * SEGMENTS * SEGMENTS; n++) {
        struct grid_start start = {.name = "duplicates", .state = TCP_ESTABLISHED};
        unsigned order[SEGMENTS], twice = n / ORDERS % SEGMENTS, place = n / ORDERS / SEGMENTS;
        bool seen = false;
        start.sack = n % 2;
        start.irs = grid_edges[n % 5];
        nth_order(n % ORDERS, order);
        grid_begins(&start);
        for (unsigned i = 0; i < SEGMENTS; i++) {
            segment_arrives(order[i], start.sack, seen && order[i] == twice);
            if (i == place) {
                segment_arrives(twice, false, seen);
                seen = true;
            }
        }
        assert_int_equal(oracle_delivered(&grid_oracle), 41);
        assert_state(TCP_CLOSE_WAIT);
    }
    grid_ends("orders of five segments and a duplicate");
}

/* --- overlaps ---------------------------------------------------------------------------- */

/* The `n`th of the 36 stretches of at least one of SPAN bytes. */
static void nth_stretch(unsigned n, uint32_t *at, uint32_t *len)
{
    for (*at = 0; n >= SPAN - *at; ++*at)
        n -= SPAN - *at;
    *len = n + 1;
}

enum { STRETCHES = SPAN * (SPAN + 1) / 2 };

static void conflicting(uint32_t base, unsigned n, char byte)
{
    char text[SPAN];
    uint32_t at, len;

    nth_stretch(n, &at, &len);
    memset(text, byte, sizeof text);
    grid_arrives(.seq = base + at, .ack = 1, .flags = ACK, .len = len, .text = text);
}

static void filled(uint32_t at, uint32_t to)
{
    char text[512];

    memset(text, '.', sizeof text);
    for (uint32_t len; at < to; at += len) {
        len = to - at < 512 ? to - at : 512;
        grid_arrives(.seq = at, .ack = 1, .flags = ACK, .len = len, .text = text);
    }
}

/* 9293-U-6, 9293-U-20, Inconsistent retransmission overlap, Middlebox/IDS ambiguity: at the left
 * edge (two of the bytes are old), beyond a hole, and across the right edge. */
static void every_overlap_of_two_segments(void **state)
{
    static const uint32_t bases[] = {0xffffffff, 1, 5, 2044};
    (void)state;
    for (unsigned n = 0; n < 4 * STRETCHES * STRETCHES; n++) {
        struct grid_start start = {.name = "overlaps of two", .state = TCP_ESTABLISHED};
        uint32_t base = bases[n / STRETCHES / STRETCHES], end;
        start.irs = grid_edges[n % 5];
        grid_begins(&start);
        end = grid_oracle.rcv.edge - grid_oracle.rcv.irs;
        conflicting(base, n % STRETCHES, 'a');
        conflicting(base, n / STRETCHES % STRETCHES, 'b');
        filled(1, base == 2044 ? end : 5 + SPAN);
        assert_int_equal(oracle_delivered(&grid_oracle), base == 2044 ? end - 1 : 4 + SPAN);
    }
    grid_ends("overlaps of two segments with conflicting bytes");
}

/* Inconsistent retransmission overlap, Teardrop / overlap of TCP segments, beyond a hole */
static void every_overlap_of_three_segments(void **state)
{
    (void)state;
    for (unsigned n = 0; n < STRETCHES * STRETCHES * STRETCHES; n++) {
        struct grid_start start = {.name = "overlaps of three", .state = TCP_ESTABLISHED};
        start.irs = UINT32_MAX - 4; /* the numbers wrap in the middle of them */
        grid_begins(&start);
        conflicting(3, n % STRETCHES, 'a');
        conflicting(3, n / STRETCHES % STRETCHES, 'b');
        conflicting(3, n / STRETCHES / STRETCHES, 'c');
        filled(1, 3 + SPAN);
        assert_int_equal(oracle_delivered(&grid_oracle), 2 + SPAN);
    }
    grid_ends("overlaps of three segments with conflicting bytes");
}

/* --- FINs -------------------------------------------------------------------------------- */

/* What the peer may send in a short exchange: its text in two pieces, its FIN alone and with text,
 * text behind the FIN, and a FIN that contradicts the text. */
static const struct step_segment pieces[] = {
    {.seq = 1, .len = 10, .flags = ACK},      {.seq = 11, .len = 10, .flags = ACK},
    {.seq = 21, .flags = FIN | ACK},          {.seq = 11, .len = 10, .flags = FIN | ACK},
    {.seq = 22, .len = 5, .flags = ACK},      {.seq = 11, .flags = FIN | ACK},
    {.seq = 1, .len = 20, .flags = FIN | ACK}};
enum { PIECES = sizeof pieces / sizeof pieces[0], STEPS = 4 };

/* One exchange of four pieces; the user closes before piece `close`, and the peer has our FIN from
 * piece `acked` on. */
static void exchange(unsigned n, unsigned close, unsigned acked, uint32_t irs)
{
    struct grid_start start = {.name = "FINs", .state = TCP_ESTABLISHED, .irs = irs};

    grid_begins(&start);
    for (unsigned i = 0; i < STEPS; i++, n /= PIECES) {
        struct step_segment piece = pieces[n % PIECES];
        if (i == close)
            grid_user_closes();
        if (grid_oracle.state == ORACLE_LISTEN)
            return; /* LAST-ACK is over: the numbers have lost their meaning */
        piece.ack = i >= acked && i >= close ? 2 : 1;
        grid_arrives_(&piece);
    }
}

/* 9293-U-15, 9293-U-16, 9293-U-17, FIN handling, Simultaneous close race, LAST-ACK / CLOSING
 * duplicates: every sequence of four of the pieces, our FIN before each, its ACK with each. */
static void fins_in_every_place(void **state)
{
    unsigned all = PIECES * PIECES * PIECES * PIECES;
    (void)state;
    for (unsigned n = 0; n < all; n++)
        for (unsigned close = 0; close <= STEPS; close++)
            for (unsigned acked = close; acked <= (close < STEPS ? STEPS : close); acked++)
                exchange(n, close, acked, grid_edges[(n + acked) % 5]);
    grid_ends("FINs in every place");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(all_orders_of_five_segments, steps_teardown),
        cmocka_unit_test_teardown(all_orders_with_a_duplicate, steps_teardown),
        cmocka_unit_test_teardown(every_overlap_of_two_segments, steps_teardown),
        cmocka_unit_test_teardown(every_overlap_of_three_segments, steps_teardown),
        cmocka_unit_test_teardown(fins_in_every_place, steps_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
