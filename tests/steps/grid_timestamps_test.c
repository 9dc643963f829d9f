/* Timestamps as a grid: every state x the bits that decide x SEQ around the window x TSval around
 * TS.Recent, with TS.Recent itself at the edges of its 32 bits (RFC 7323, 3.2, 4.3, 5.3). */
#include "support/grid.h"

enum { TEXT = 10, SEQS = 7, STAMPS = 6 };

static const struct grid_start starts[] = {
    {.name = "LISTEN, timestamps", .state = TCP_LISTEN},
    {.name = "SYN-SENT, timestamps", .state = TCP_SYN_SENT, .active = true},
    {.name = "SYN-RECEIVED, timestamps", .state = TCP_SYN_RECEIVED},
    {.name = "SYN-RECEIVED, simultaneous, timestamps", .state = TCP_SYN_RECEIVED, .active = true},
    {.name = "ESTABLISHED, timestamps", .state = TCP_ESTABLISHED, .in_flight = true},
    {.name = "ESTABLISHED, closed window, timestamps",
     .state = TCP_ESTABLISHED,
     .closed_window = true},
    {.name = "FIN-WAIT-1, timestamps", .state = TCP_FIN_WAIT_1},
    {.name = "FIN-WAIT-2, timestamps", .state = TCP_FIN_WAIT_2},
    {.name = "CLOSE-WAIT, timestamps", .state = TCP_CLOSE_WAIT},
    {.name = "CLOSING, timestamps", .state = TCP_CLOSING},
    {.name = "LAST-ACK, timestamps", .state = TCP_LAST_ACK},
    {.name = "TIME-WAIT, timestamps", .state = TCP_TIME_WAIT},
};

static void sweep(const struct grid_start *start, unsigned bits)
{
    const uint32_t stamps[STAMPS] = {
        0, /* none */
        start->ts - 0x7fffffff,
        start->ts - 1,
        start->ts,
        start->ts + 1,
        start->ts + 0x7fffffff,
    };

    for (unsigned i = 0; i < SEQS; i++) {
        for (unsigned k = 0; k < STAMPS; k++) {
            for (unsigned a = 0; a < (bits & ACK ? 4u : 1u); a++) {
                uint32_t nxt, edge, una, sent;
                grid_stands_at(start);
                nxt = grid_oracle.rcv.nxt - grid_oracle.rcv.irs;
                edge = grid_oracle.rcv.edge - grid_oracle.rcv.irs;
                una = grid_oracle.snd.una - grid_oracle.snd.iss;
                sent = grid_oracle.snd.nxt - grid_oracle.snd.iss;
                grid_arrives(.seq = (const uint32_t[]){nxt - TEXT, nxt - TEXT + 1, nxt - 1, nxt,
                                                       nxt + 1, edge - 1, edge}[i],
                             .ack = (const uint32_t[]){una - 1, una, sent, sent + 1}[a],
                             .flags = bits, .len = (k + a) % 2 ? TEXT : 0, .ts_val = stamps[k]);
            }
        }
    }
}

/* R7323-06, R7323-07, R7323-11, R7323-12, R7323-13, R7323-17, R7323-19, PAWS poisoning,
 * Missing/extra timestamps */
static void old_timestamps_are_refused_and_new_ones_remembered(void **state)
{
    static const uint32_t recent[] = {1, 0x7fffffff, 0x80000001, UINT32_MAX};
    (void)state;
    for (unsigned s = 0; s < sizeof starts / sizeof starts[0]; s++) {
        for (unsigned r = 0; r < 4; r++) {
            struct grid_start start = starts[s];
            start.ts = recent[r];
            start.iss = grid_edges[(s + r) % 5];
            start.irs = grid_edges[(s + 2 * r) % 5];
            for (unsigned bits = 0; bits < 64; bits++)
                if (!(bits & (PSH | URG)))
                    sweep(&start, bits);
        }
    }
    grid_ends("TS.Recent x bits x states x TSval x SEQ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(old_timestamps_are_refused_and_new_ones_remembered,
                                  steps_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
