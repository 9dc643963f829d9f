/* RFC 9293, 3.10.7 as a grid: every state x every combination of the eight control bits x positions
 * of SEQ, ACK and window around every edge, with ISS and IRS at 0, 1, 2^31 -+ 1 and 2^32 - 1. An
 * independent model (tests/support/oracle.h) says what must come of each. */
#include "support/grid.h"

enum { TEXT = 10 };

static const struct grid_start starts[] = {
    {.name = "CLOSED", .state = TCP_CLOSED},
    {.name = "LISTEN", .state = TCP_LISTEN},
    {.name = "SYN-SENT", .state = TCP_SYN_SENT, .active = true},
    {.name = "SYN-RECEIVED", .state = TCP_SYN_RECEIVED},
    {.name = "SYN-RECEIVED, simultaneous", .state = TCP_SYN_RECEIVED, .active = true},
    {.name = "ESTABLISHED", .state = TCP_ESTABLISHED},
    {.name = "ESTABLISHED, active", .state = TCP_ESTABLISHED, .active = true},
    {.name = "ESTABLISHED, text in flight", .state = TCP_ESTABLISHED, .in_flight = true},
    {.name = "ESTABLISHED, closed window", .state = TCP_ESTABLISHED, .closed_window = true},
    {.name = "ESTABLISHED, a hole", .state = TCP_ESTABLISHED, .sack = true, .hole = true},
    {.name = "FIN-WAIT-1", .state = TCP_FIN_WAIT_1},
    {.name = "FIN-WAIT-1, text in flight", .state = TCP_FIN_WAIT_1, .in_flight = true},
    {.name = "FIN-WAIT-2", .state = TCP_FIN_WAIT_2},
    {.name = "FIN-WAIT-2, closed window", .state = TCP_FIN_WAIT_2, .closed_window = true},
    {.name = "CLOSE-WAIT", .state = TCP_CLOSE_WAIT},
    {.name = "CLOSE-WAIT, text in flight", .state = TCP_CLOSE_WAIT, .in_flight = true},
    {.name = "CLOSING", .state = TCP_CLOSING},
    {.name = "LAST-ACK", .state = TCP_LAST_ACK},
    {.name = "LAST-ACK, text in flight", .state = TCP_LAST_ACK, .in_flight = true},
    {.name = "TIME-WAIT", .state = TCP_TIME_WAIT},
};
enum { STARTS = sizeof starts / sizeof starts[0] };

/* Around RCV.NXT and RCV.NXT + RCV.WND, around text that is held, and as far away as numbers go. */
enum { SEQS = 18, ACKS = 11 };

static void seq_positions(uint32_t nxt, uint32_t edge, uint32_t out[SEQS])
{
    const uint32_t all[SEQS] = {
        nxt - 0x7fffffff, nxt - TEXT - 1,   nxt - TEXT,  nxt - TEXT + 1,  nxt - 1,  nxt,
        nxt + 1,          edge - TEXT - 1,  edge - TEXT, edge - TEXT + 1, edge - 1, edge,
        edge + 1,         nxt + 0x7fffffff, nxt + 4,     nxt + 5,         nxt + 15, nxt + 16,
    };
    memcpy(out, all, sizeof all);
}

/* Around SND.UNA, SND.NXT and SND.UNA - MAX.SND.WND. */
static void ack_positions(uint32_t una, uint32_t nxt, uint32_t max_wnd, uint32_t out[ACKS])
{
    const uint32_t all[ACKS] = {
        una - 0x7fffffff,  una - max_wnd - 1, una - max_wnd,
        una - max_wnd + 1, una - 1,           una,
        una + 1,           nxt - 1,           nxt,
        nxt + 1,           una + 0x7fffffff,
    };
    memcpy(out, all, sizeof all);
}

/* All positions for one combination of bits; text, window and urgent pointer take turns. */
static void sweep(const struct grid_start *start, unsigned bits, unsigned turn)
{
    static const uint16_t windows[] = {0, 1, 10000, 65535};
    static const uint16_t urgent[] = {0, 1, TEXT, 65535};
    uint32_t seqs[SEQS], acks[ACKS];

    grid_stands_at(start);
    seq_positions(grid_oracle.rcv.nxt - grid_oracle.rcv.irs,
                  grid_oracle.rcv.edge - grid_oracle.rcv.irs, seqs);
    ack_positions(grid_oracle.snd.una - grid_oracle.snd.iss,
                  grid_oracle.snd.nxt - grid_oracle.snd.iss, grid_oracle.snd.max_wnd, acks);
    for (unsigned i = 0; i < (start->hole ? SEQS : SEQS - 4u); i++) {
        for (unsigned k = 0; k < (bits & ACK ? ACKS : 1u); k++) {
            uint16_t window = windows[(turn + i + k) % 4];
            grid_stands_at(start);
            grid_arrives(.seq = seqs[i], .ack = acks[k], .flags = bits,
                         .len = (turn + k) % 2 ? TEXT : 0, .window = window,
                         .zero_window = window == 0, .urgent = urgent[(turn + i) % 4]);
        }
    }
}

/* 9293-U-2, 9293-U-3, 9293-U-4, 9293-U-6, 9293-U-7, 9293-U-8, 9293-U-9, 9293-U-10, 9293-U-11,
 * 9293-U-12, 9293-U-13, 9293-U-14, 9293-U-15, 9293-U-16, 9293-U-17, 9293-U-19, 9293-U-20,
 * 9293-U-25, MUST-66, MAY-12, R5961-01, R5961-02, R5961-03, R1337-01, SYN+FIN / odd flags, Blind
 * RST, Blind SYN reset, Blind data injection: all 256 combinations of bits. */
static void every_combination_of_bits_in_every_state(void **state)
{
    (void)state;
    for (unsigned s = 0; s < STARTS; s++) {
        struct grid_start start = starts[s];
        start.iss = grid_edges[s % 5];
        start.irs = grid_edges[(s + 2) % 5];
        for (unsigned bits = 0; bits < 256; bits++)
            sweep(&start, bits, bits + bits / 64 + (bits & PSH ? 1 : 0));
    }
    grid_ends("bits x states x positions");
}

/* ISN at the wrap, Sequence compare errors, R7323-17: the bits that decide (PSH, ECE and CWR do
 * not), with each of the five numbers as ISS and as IRS, the same and different ones. */
static void every_initial_number(void **state)
{
    (void)state;
    for (unsigned s = 0; s < STARTS; s++) {
        for (unsigned pair = 0; pair < 10; pair++) {
            struct grid_start start = starts[s];
            start.iss = grid_edges[pair % 5];
            start.irs = grid_edges[(pair % 5 + 2 * (pair / 5)) % 5];
            for (unsigned bits = 0; bits < 64; bits++)
                if (!(bits & PSH))
                    sweep(&start, bits, bits + pair + s);
        }
    }
    grid_ends("initial numbers x bits x states x positions");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(every_combination_of_bits_in_every_state, steps_teardown),
        cmocka_unit_test_teardown(every_initial_number, steps_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
