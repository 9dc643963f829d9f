/* RFC 9293, 3.10.7 as a table: state x segment -> state, drop, reply. Each row is one sentence of
 * the RFC (or of RFC 5961, 7323, 1337 where they amend it). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "support/tcp_steps.h"

enum reply { NOTHING, AN_ACK, A_RESET, A_RESET_WITH_ACK, A_SYN_ACK, ANY_REPLY };
enum { NO_DROP = DROP_REASONS };

struct row {
    const char *ids;
    enum tcp_state from;
    struct step_segment segment;
    enum tcp_state to;
    unsigned drop;
    enum reply reply;
    uint32_t reply_seq; /* of a reset */
};

#define AT(...)                                                                                    \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }

static const struct row rows[] = {
    /* --- CLOSED (no listener on port 81: see closed_rows) and LISTEN --- */
    {"9293-U-3", TCP_LISTEN, AT(.seq = 0, .flags = RST), TCP_CLOSED, DROP_listen_reset, NOTHING, 0},
    {"9293-U-3", TCP_LISTEN, AT(.seq = 0, .flags = RST | ACK), TCP_CLOSED, DROP_listen_reset,
     NOTHING, 0},
    {"9293-U-3", TCP_LISTEN, AT(.seq = 9, .ack = 7, .flags = ACK), TCP_CLOSED, DROP_listen_bad_ack,
     A_RESET, 7},
    {"9293-U-3", TCP_LISTEN, AT(.seq = 9, .ack = 7, .flags = SYN | ACK), TCP_CLOSED,
     DROP_listen_bad_ack, A_RESET, 7},
    {"9293-U-3", TCP_LISTEN, AT(.seq = 0, .flags = 0), TCP_CLOSED, DROP_listen_no_syn, NOTHING, 0},
    {"9293-U-16", TCP_LISTEN, AT(.seq = 0, .flags = FIN), TCP_CLOSED, DROP_listen_no_syn, NOTHING,
     0},
    {"CVE-2012-6638", TCP_LISTEN, AT(.seq = 0, .flags = SYN | FIN), TCP_CLOSED, DROP_tcp_bad_flags,
     NOTHING, 0},
    {"9293-U-3", TCP_LISTEN, AT(.seq = 0, .flags = SYN | RST), TCP_CLOSED, DROP_listen_reset,
     NOTHING, 0},
    {"3.10.7.2", TCP_LISTEN, AT(.seq = 0, .flags = SYN), TCP_SYN_RECEIVED, NO_DROP, A_SYN_ACK, 0},

    /* --- SYN-SENT --- */
    {"9293-U-4", TCP_SYN_SENT, AT(.seq = 0, .ack = 0, .flags = ACK), TCP_SYN_SENT,
     DROP_syn_sent_bad_ack, A_RESET, 0},
    {"9293-U-4", TCP_SYN_SENT, AT(.seq = 0, .ack = 2, .flags = SYN | ACK), TCP_SYN_SENT,
     DROP_syn_sent_bad_ack, A_RESET, 2},
    {"9293-U-4", TCP_SYN_SENT, AT(.seq = 0, .ack = 2, .flags = RST | ACK), TCP_SYN_SENT,
     DROP_syn_sent_bad_ack, NOTHING, 0},
    {"9293-U-4", TCP_SYN_SENT, AT(.seq = 0, .ack = 1, .flags = RST | ACK), TCP_CLOSED, NO_DROP,
     NOTHING, 0},
    {"9293-U-4", TCP_SYN_SENT, AT(.seq = 0, .flags = RST), TCP_SYN_SENT, DROP_syn_sent_blind_reset,
     NOTHING, 0},
    {"3.10.7.3", TCP_SYN_SENT, AT(.seq = 0, .ack = 1, .flags = ACK), TCP_SYN_SENT,
     DROP_syn_sent_no_syn, NOTHING, 0},
    {"9293-U-16", TCP_SYN_SENT, AT(.seq = 0, .ack = 1, .flags = FIN | ACK), TCP_SYN_SENT,
     DROP_syn_sent_no_syn, NOTHING, 0},
    {"3.10.7.3", TCP_SYN_SENT, AT(.seq = 0, .flags = 0), TCP_SYN_SENT, DROP_syn_sent_no_syn,
     NOTHING, 0},
    {"3.10.7.3", TCP_SYN_SENT, AT(.seq = 0, .ack = 1, .flags = SYN | ACK), TCP_ESTABLISHED, NO_DROP,
     AN_ACK, 0},
    {"MUST-10", TCP_SYN_SENT, AT(.seq = 0, .flags = SYN), TCP_SYN_RECEIVED, NO_DROP, A_SYN_ACK, 0},

    /* --- first: sequence number (all synchronized states) --- */
    {"9293-U-7", TCP_ESTABLISHED, AT(.seq = 70000, .ack = 1, .flags = ACK, .len = 10),
     TCP_ESTABLISHED, DROP_out_of_window, AN_ACK, 0},
    {"9293-U-7", TCP_ESTABLISHED, AT(.seq = 0, .ack = 1, .flags = ACK), TCP_ESTABLISHED,
     DROP_old_duplicate, AN_ACK, 0},
    {"9293-U-7", TCP_ESTABLISHED, AT(.seq = 70000, .ack = 1, .flags = RST), TCP_ESTABLISHED,
     DROP_reset_out_of_window, NOTHING, 0},
    {"9293-U-6", TCP_ESTABLISHED, AT(.seq = 1, .ack = 1, .flags = ACK, .len = 10), TCP_ESTABLISHED,
     NO_DROP, AN_ACK, 0},
    {"9293-U-6", TCP_ESTABLISHED, AT(.seq = 0, .ack = 1, .flags = ACK, .len = 10), TCP_ESTABLISHED,
     NO_DROP, AN_ACK, 0},
    {"SHLD-31", TCP_ESTABLISHED, AT(.seq = 100, .ack = 1, .flags = ACK, .len = 10), TCP_ESTABLISHED,
     NO_DROP, AN_ACK, 0},

    /* --- second: RST --- */
    {"9293-U-8", TCP_SYN_RECEIVED, AT(.seq = 1, .flags = RST), TCP_CLOSED, NO_DROP, NOTHING, 0},
    {"9293-U-8", TCP_ESTABLISHED, AT(.seq = 1, .flags = RST), TCP_CLOSED, NO_DROP, NOTHING, 0},
    {"SHLD-2", TCP_ESTABLISHED, AT(.seq = 1, .flags = RST, .len = 20), TCP_CLOSED, NO_DROP, NOTHING,
     0},
    {"R5961-01", TCP_ESTABLISHED, AT(.seq = 2, .flags = RST), TCP_ESTABLISHED, DROP_blind_reset,
     AN_ACK, 0},
    {"R5961-01", TCP_FIN_WAIT_1, AT(.seq = 2, .flags = RST), TCP_FIN_WAIT_1, DROP_blind_reset,
     AN_ACK, 0},
    {"9293-U-8", TCP_FIN_WAIT_1, AT(.seq = 1, .flags = RST), TCP_CLOSED, NO_DROP, NOTHING, 0},
    {"9293-U-8", TCP_FIN_WAIT_2, AT(.seq = 1, .flags = RST), TCP_CLOSED, NO_DROP, NOTHING, 0},
    {"9293-U-8", TCP_CLOSE_WAIT, AT(.seq = 2, .flags = RST), TCP_CLOSED, NO_DROP, NOTHING, 0},
    {"9293-U-8", TCP_CLOSING, AT(.seq = 2, .flags = RST), TCP_CLOSED, NO_DROP, NOTHING, 0},
    {"9293-U-8", TCP_LAST_ACK, AT(.seq = 2, .flags = RST), TCP_CLOSED, NO_DROP, NOTHING, 0},
    {"R1337-01", TCP_TIME_WAIT, AT(.seq = 2, .flags = RST), TCP_TIME_WAIT, DROP_time_wait_segment,
     NOTHING, 0},

    /* --- fourth: SYN --- */
    {"9293-U-10", TCP_SYN_RECEIVED, AT(.seq = 1, .flags = SYN), TCP_CLOSED,
     DROP_syn_in_syn_received, NOTHING, 0},
    {"9293-U-9", TCP_ESTABLISHED, AT(.seq = 1, .flags = SYN), TCP_ESTABLISHED, DROP_blind_syn,
     AN_ACK, 0},
    {"9293-U-9", TCP_ESTABLISHED, AT(.seq = 5, .ack = 1, .flags = SYN | ACK), TCP_ESTABLISHED,
     DROP_blind_syn, AN_ACK, 0},
    {"9293-U-9", TCP_FIN_WAIT_1, AT(.seq = 1, .flags = SYN), TCP_FIN_WAIT_1, DROP_blind_syn, AN_ACK,
     0},
    {"9293-U-9", TCP_FIN_WAIT_2, AT(.seq = 1, .flags = SYN), TCP_FIN_WAIT_2, DROP_blind_syn, AN_ACK,
     0},
    {"9293-U-9", TCP_CLOSE_WAIT, AT(.seq = 2, .flags = SYN), TCP_CLOSE_WAIT, DROP_blind_syn, AN_ACK,
     0},
    {"9293-U-9", TCP_CLOSING, AT(.seq = 2, .flags = SYN), TCP_CLOSING, DROP_blind_syn, AN_ACK, 0},
    {"9293-U-9", TCP_LAST_ACK, AT(.seq = 2, .flags = SYN), TCP_LAST_ACK, DROP_blind_syn, AN_ACK, 0},

    /* --- fifth: ACK --- */
    {"9293-U-11", TCP_ESTABLISHED, AT(.seq = 1, .flags = 0, .len = 5), TCP_ESTABLISHED,
     DROP_no_ack_bit, NOTHING, 0},
    {"9293-U-11", TCP_ESTABLISHED, AT(.seq = 1, .flags = FIN), TCP_ESTABLISHED, DROP_no_ack_bit,
     NOTHING, 0},
    {"9293-U-12", TCP_SYN_RECEIVED, AT(.seq = 1, .ack = 0, .flags = ACK), TCP_SYN_RECEIVED,
     DROP_syn_received_bad_ack, A_RESET, 0},
    {"9293-U-12", TCP_SYN_RECEIVED, AT(.seq = 1, .ack = 2, .flags = ACK), TCP_SYN_RECEIVED,
     DROP_syn_received_bad_ack, A_RESET, 2},
    {"3.10.7.4", TCP_SYN_RECEIVED, AT(.seq = 1, .ack = 1, .flags = ACK), TCP_ESTABLISHED, NO_DROP,
     NOTHING, 0},
    {"9293-U-13", TCP_ESTABLISHED, AT(.seq = 1, .ack = 2, .flags = ACK, .len = 5), TCP_ESTABLISHED,
     DROP_ack_of_unsent, AN_ACK, 0},
    {"R5961-03", TCP_ESTABLISHED, AT(.seq = 1, .ack = UINT32_MAX - 20000, .flags = ACK, .len = 5),
     TCP_ESTABLISHED, DROP_ack_too_old, AN_ACK, 0},
    {"3.10.7.4", TCP_FIN_WAIT_1, AT(.seq = 1, .ack = 2, .flags = ACK), TCP_FIN_WAIT_2, NO_DROP,
     NOTHING, 0},
    {"3.10.7.4", TCP_FIN_WAIT_1, AT(.seq = 1, .ack = 1, .flags = ACK), TCP_FIN_WAIT_1, NO_DROP,
     NOTHING, 0},
    {"3.10.7.4", TCP_CLOSING, AT(.seq = 2, .ack = 2, .flags = ACK), TCP_TIME_WAIT, NO_DROP, NOTHING,
     0},
    {"3.10.7.4", TCP_CLOSING, AT(.seq = 2, .ack = 1, .flags = ACK), TCP_CLOSING, NO_DROP, NOTHING,
     0},
    {"3.10.7.4", TCP_LAST_ACK, AT(.seq = 2, .ack = 2, .flags = ACK), TCP_CLOSED, NO_DROP, NOTHING,
     0},
    {"3.10.7.4", TCP_LAST_ACK, AT(.seq = 2, .ack = 1, .flags = ACK), TCP_LAST_ACK, NO_DROP, NOTHING,
     0},

    /* --- seventh: text --- */
    {"9293-U-15", TCP_CLOSE_WAIT, AT(.seq = 2, .ack = 1, .flags = ACK, .len = 5), TCP_CLOSE_WAIT,
     DROP_text_after_fin, NOTHING, 0},
    {"9293-U-15", TCP_CLOSING, AT(.seq = 2, .ack = 1, .flags = ACK, .len = 5), TCP_CLOSING,
     DROP_text_after_fin, NOTHING, 0},
    {"9293-U-15", TCP_LAST_ACK, AT(.seq = 2, .ack = 1, .flags = ACK, .len = 5), TCP_LAST_ACK,
     DROP_text_after_fin, NOTHING, 0},
    {"3.10.7.4", TCP_FIN_WAIT_2, AT(.seq = 1, .ack = 2, .flags = ACK, .len = 5), TCP_FIN_WAIT_2,
     NO_DROP, AN_ACK, 0},

    /* --- eighth: FIN --- */
    {"3.10.7.4", TCP_SYN_RECEIVED, AT(.seq = 1, .ack = 1, .flags = FIN | ACK), TCP_CLOSE_WAIT,
     NO_DROP, AN_ACK, 0},
    {"3.10.7.4", TCP_ESTABLISHED, AT(.seq = 1, .ack = 1, .flags = FIN | ACK), TCP_CLOSE_WAIT,
     NO_DROP, AN_ACK, 0},
    {"9293-U-17", TCP_FIN_WAIT_1, AT(.seq = 1, .ack = 1, .flags = FIN | ACK), TCP_CLOSING, NO_DROP,
     AN_ACK, 0},
    {"9293-U-17", TCP_FIN_WAIT_1, AT(.seq = 1, .ack = 2, .flags = FIN | ACK), TCP_TIME_WAIT,
     NO_DROP, AN_ACK, 0},
    {"3.10.7.4", TCP_FIN_WAIT_2, AT(.seq = 1, .ack = 2, .flags = FIN | ACK), TCP_TIME_WAIT, NO_DROP,
     AN_ACK, 0},
    {"9293-U-18", TCP_TIME_WAIT, AT(.seq = 1, .ack = 2, .flags = FIN | ACK), TCP_TIME_WAIT,
     DROP_old_duplicate, AN_ACK, 0},
    {"9293-U-20", TCP_ESTABLISHED, AT(.seq = 50, .ack = 1, .flags = FIN | ACK), TCP_ESTABLISHED,
     NO_DROP, AN_ACK, 0},
};

static enum reply what_was_sent(void)
{
    unsigned flags;

    if (steps->looked_at == steps->sent_count)
        return NOTHING;
    flags = steps->sent[steps->looked_at].flags;
    if (flags & RST)
        return flags & ACK ? A_RESET_WITH_ACK : A_RESET;
    return flags & SYN ? A_SYN_ACK : AN_ACK;
}

static void check_row(const struct row *row, uint32_t irs)
{
    uint64_t before = 0;

    steps_open(&(struct steps_config){.irs = irs});
    reach(row->from);
    if (row->drop != NO_DROP)
        before = steps->trace.drops[row->drop];
    arrives_(&row->segment);
    if (state_now() != row->to || what_was_sent() != row->reply ||
        (row->drop != NO_DROP && steps->trace.drops[row->drop] != before + 1) ||
        ((row->reply == A_RESET) &&
         last_sent()->header.seq.u32 != (row->from == TCP_LISTEN
                                             ? row->reply_seq
                                             : (uint32_t)(steps->tcb->snd.iss + row->reply_seq)))) {
        print_error("row %d (%s) in %s with IRS %u: now %s, reply %d\n", (int)(row - rows),
                    row->ids, tcp_state_name(row->from), irs, tcp_state_name(state_now()),
                    what_was_sent());
        for (unsigned i = 0; i < steps->line_count; i++)
            print_error("  %s\n", steps->lines[i]);
        fail();
    }
    steps_close();
}

static void each_row_holds(void **state)
{
    static const uint32_t starts[] = {1, 0x7fffffff, 0x80000000, UINT32_MAX - 1, UINT32_MAX};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (size_t k = 0; k < sizeof starts / sizeof starts[0]; k++)
            check_row(&rows[i], starts[k]);
}

/* 9293-U-2: all 64 flag combinations at a port where nobody listens. */
static void closed_answers_everything_but_resets(void **state)
{
    (void)state;
    for (unsigned flags = 0; flags < 64; flags++) {
        uint32_t len = 7u + (flags & SYN ? 1u : 0u) + (flags & FIN ? 1u : 0u);
        steps_open(&(struct steps_config){.irs = 500});
        steps->flow.local.port = 81;
        arrives(.seq = 10, .ack = 99, .flags = flags, .len = 7);
        if (flags & RST) {
            assert_nothing_sent();
            assert_dropped(DROP_tcp_reset_without_connection);
        } else if (flags & ACK) {
            assert_sent(.flags = RST, .seq = 99);
        } else {
            assert_sent(.flags = RST | ACK, .seq = 0, .ack = 10 + len);
        }
        steps_close();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(each_row_holds, steps_teardown),
        cmocka_unit_test_teardown(closed_answers_everything_but_resets, steps_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
