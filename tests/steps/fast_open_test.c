/* Fast Open (RFC 7413) step by step, both roles: who gets a cookie, when text is taken, how many
 * may be pending, and what a client does when it does not work. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "support/tcp_steps.h"

static const struct steps_config plain = {0};
static const uint8_t their_cookie[4] = {1, 2, 3, 4};

/* --- server ---------------------------------------------------------------------------------- */

/* What the listener has given out last. */
static struct {
    uint8_t bytes[16];
    uint8_t length;
} cookie;

static void take_cookie(void)
{
    const struct tcp_options *o = &last_sent()->header.options;

    assert_true(o->has_fast_open);
    cookie.length = o->fast_open_length;
    assert_int_equal(cookie.length, 8);
    memcpy(cookie.bytes, o->fast_open_cookie, 8);
}

static void from_port(uint16_t port)
{
    steps->flow.remote.port = port;
    steps->tcb = NULL;
}

static void ask_for_cookie(uint16_t port)
{
    from_port(port);
    arrives(.seq = 0, .flags = SYN, .mss = 1000, .fast_open = true);
    assert_sent(.flags = SYN | ACK, .seq = 0, .ack = 1);
    take_cookie();
    arrives(.seq = 1, .flags = RST);
}

/* A listener that may have `most` pending, and a cookie of its. */
static void serve(uint32_t most)
{
    steps_open(&plain);
    tunables()->tcp_fastopen = 3;
    tcp_listener_settings(steps->listener)->fast_open_queue = most;
    ask_for_cookie(30000);
}

static void syn_with_text(uint16_t port, uint32_t len)
{
    from_port(port);
    arrives(.seq = 0, .flags = SYN, .mss = 1000, .fast_open = true, .cookie = cookie.bytes,
            .cookie_len = cookie.length, .len = len, .text = NULL);
}

/* The text of a SYN begins behind it: what arrives() has put there is pattern_at(0) on. */
static void reads_text_of_syn(uint32_t len)
{
    uint8_t data[64];

    assert_true(len <= sizeof data);
    assert_int_equal(tcp_receive(steps->tcb, data, sizeof data, 0, steps->now), len);
    for (uint32_t i = 0; i < len; i++)
        assert_int_equal(data[i], pattern_at(i));
}

/* R7413-02, R7413-04: RFC 7413, 4.2.2: open at once, text delivered once, the user may answer. */
static void a_good_cookie_opens_at_once(void **state)
{
    (void)state;
    serve(5);
    assert_int_equal(event_count(fast_open_cookie_asked), 1);
    syn_with_text(30001, 10);
    assert_sent(.flags = SYN | ACK, .seq = 0, .ack = 11);
    assert_false(last_sent()->header.options.has_fast_open);
    assert_int_equal(event_count(fast_open_accepted), 1);
    assert_state(TCP_SYN_RECEIVED);
    assert_true(tcp_can_accept(steps->listener));
    steps->tcb = tcp_accept(steps->listener, steps);
    assert_int_equal(tcp_readiness(steps->tcb) & (TCP_READABLE | TCP_WRITABLE),
                     TCP_READABLE | TCP_WRITABLE);
    reads_text_of_syn(10);
    assert_int_equal(user_sends(100), 100);
    assert_sent(.flags = ACK, .seq = 1, .ack = 11, .len = 100);
    arrives(.seq = 11, .ack = 101, .flags = ACK);
    assert_state(TCP_ESTABLISHED);
    assert_int_equal(steps->listener->fast_open_pending, 0);
    assert_int_equal(steps->tcb->snd.una, steps->tcb->snd.nxt);
    assert_int_equal(tcp_receive(steps->tcb, (uint8_t[4]){0}, 4, 0, steps->now), -EAGAIN);
}

/* R7413-02: another address's cookie. */
static void a_cookie_of_another_address_is_refused(void **state)
{
    (void)state;
    serve(5);
    steps->flow.remote.address.bytes[15]++;
    syn_with_text(30001, 10);
    assert_sent(.flags = SYN | ACK, .seq = 0, .ack = 1);
    assert_true(last_sent()->header.options.has_fast_open);
    assert_memory_not_equal(last_sent()->header.options.fast_open_cookie, cookie.bytes, 8);
    assert_int_equal(event_count(fast_open_refused), 1);
    assert_false(tcp_can_accept(steps->listener));
    arrives(.seq = 1, .ack = 1, .flags = ACK, .len = 10);
    assert_state(TCP_ESTABLISHED);
    steps->tcb = tcp_accept(steps->listener, steps);
    assert_int_equal(user_reads(100), 10);
}

/* R7413-02: the stack's own keys change by time; the one before is good, older ones are not. */
static void cookies_outlive_one_change_of_keys(void **state)
{
    (void)state;
    serve(5);
    tunables()->tcp_fastopen_key_lifetime = 100;
    ask_for_cookie(30000);
    passes_ms(100 * 1000);
    syn_with_text(30001, 10);
    assert_int_equal(last_sent()->ack, 11);
    assert_int_equal(event_count(fast_open_old_key), 1);
    assert_true(last_sent()->header.options.has_fast_open);
    arrives(.seq = 11, .flags = RST);
    passes_ms(100 * 1000);
    syn_with_text(30002, 10);
    assert_int_equal(last_sent()->ack, 1);
    assert_int_equal(event_count(fast_open_refused), 1);
}

/* R7413-03, TFO abuse: the cap holds whatever comes; a completed handshake makes room. */
static void no_more_are_pending_than_the_user_allows(void **state)
{
    (void)state;
    serve(3);
    for (uint16_t i = 0; i < 3; i++)
        syn_with_text((uint16_t)(31000 + i), 10);
    assert_int_equal(event_count(fast_open_accepted), 3);
    forget_sent();
    for (uint16_t i = 0; i < 5; i++) {
        syn_with_text((uint16_t)(32000 + i), 10);
        assert_sent(.flags = SYN | ACK, .seq = 0, .ack = 1);
    }
    assert_int_equal(event_count(fast_open_overflow), 5);
    assert_int_equal(steps->listener->fast_open_pending, 3);
    from_port(31000);
    arrives(.seq = 11, .ack = 1, .flags = ACK);
    forget_sent();
    syn_with_text(33000, 10);
    assert_sent(.flags = SYN | ACK, .seq = 0, .ack = 11);
}

/* R7413-03, TFO abuse: RFC 7413, 5.1: resets make no room, for a minute. */
static void resets_make_no_room_at_once(void **state)
{
    (void)state;
    serve(2);
    for (uint16_t i = 0; i < 2; i++) {
        syn_with_text((uint16_t)(31000 + i), 10);
        arrives(.seq = 11, .flags = RST);
    }
    assert_int_equal(steps->listener->fast_open_pending, 2);
    forget_sent();
    syn_with_text(32000, 10);
    assert_sent(.flags = SYN | ACK, .seq = 0, .ack = 1);
    passes_ms(60 * 1000);
    forget_sent();
    syn_with_text(33000, 10);
    assert_sent(.flags = SYN | ACK, .seq = 0, .ack = 11);
    assert_int_equal(steps->listener->fast_open_pending, 1);
}

/* R7413-03: a handshake that is never completed makes room when it is given up. */
static void what_is_given_up_makes_room(void **state)
{
    (void)state;
    serve(1);
    syn_with_text(31000, 10);
    steps->tcb = tcp_accept(steps->listener, steps);
    passes_ms(70 * 1000);
    assert_int_equal(tcp_state_of(steps->tcb), TCP_CLOSED);
    assert_int_equal(tcp_take_error(steps->tcb), ETIMEDOUT);
    assert_int_equal(steps->listener->fast_open_pending, 0);
}

static void a_closed_listener_leaves_accepted_ones_alone(void **state)
{
    (void)state;
    serve(2);
    syn_with_text(31000, 10);
    steps->tcb = tcp_accept(steps->listener, steps);
    syn_with_text(31001, 10);
    arrives(.seq = 11, .flags = RST); /* a slot that a reset holds */
    forget_sent();
    tcp_close_listener(steps->listener, steps->now);
    steps->flow.remote.port = 31000;
    steps->tcb = tcp_find(steps->tcp, &steps->flow);
    arrives(.seq = 11, .ack = 1, .flags = ACK);
    assert_state(TCP_ESTABLISHED);
    reads_text_of_syn(10);
}

/* R7413-04: text is taken once, however often the SYN comes. */
static void a_repeated_syn_delivers_nothing_twice(void **state)
{
    (void)state;
    serve(5);
    syn_with_text(31000, 10);
    steps->tcb = tcp_accept(steps->listener, steps);
    forget_sent();
    for (int i = 0; i < 3; i++) {
        arrives(.seq = 0, .flags = SYN, .mss = 1000, .fast_open = true, .cookie = cookie.bytes,
                .cookie_len = cookie.length, .len = 20);
        assert_sent(.flags = SYN | ACK, .seq = 0, .ack = 11);
        assert_dropped(DROP_old_duplicate);
    }
    reads_text_of_syn(10);
    assert_int_equal(tcp_receive(steps->tcb, (uint8_t[4]){0}, 4, 0, steps->now), -EAGAIN);
}

/* A budget that is nearly used up has no storage for text that can come again. */
/* 9293-U-10 is for new SYNs: one whose text was not taken is acceptable when it comes again. */
static void a_repeated_syn_with_text_ends_nothing(void **state)
{
    (void)state;
    steps_open(&plain);
    arrives(.seq = 0, .flags = SYN, .mss = 1000, .len = 100);
    steps->tcb = tcp_find(steps->tcp, &steps->flow);
    assert_state(TCP_SYN_RECEIVED);
    forget_sent();
    arrives(.seq = 0, .flags = SYN, .mss = 1000, .len = 100);
    assert_ptr_equal(tcp_find(steps->tcp, &steps->flow), steps->tcb);
    assert_state(TCP_SYN_RECEIVED);
    assert_sent(.flags = SYN | ACK, .seq = 0, .ack = 1);
}

static void text_of_a_syn_needs_storage(void **state)
{
    void *block;
    (void)state;
    serve(5);
    syn_with_text(31000, 10); /* what a connection needs besides is there now */
    block = memory_take(&steps->memory, steps->memory.budget / 2);
    void *more = memory_take(&steps->memory, steps->memory.budget / 4);
    void *rest = memory_take(&steps->memory, steps->memory.budget / 8);
    forget_sent();
    syn_with_text(31001, 10);
    assert_sent(.flags = SYN | ACK, .seq = 0, .ack = 1);
    arrives(.seq = 1, .ack = 1, .flags = ACK);
    assert_state(TCP_ESTABLISHED);
    memory_give(&steps->memory, block, steps->memory.budget / 2);
    memory_give(&steps->memory, more, steps->memory.budget / 4);
    memory_give(&steps->memory, rest, steps->memory.budget / 8);
}

/* What the user sent early is lost with the SYN-ACK: it is watched after the handshake. */
static void early_text_is_sent_again_after_the_handshake(void **state)
{
    (void)state;
    serve(5);
    syn_with_text(31000, 10);
    steps->tcb = tcp_accept(steps->listener, steps);
    user_sends(500);
    forget_sent();
    passes_ms(1000);
    assert_sent(.flags = SYN | ACK, .seq = 0, .ack = 11);
    assert_nothing_sent();
    arrives(.seq = 11, .ack = 1, .flags = ACK);
    assert_state(TCP_ESTABLISHED);
    passes_ms(5000);
    assert_sent(.flags = ACK, .seq = 1, .ack = 11, .len = 500);
}

/* --- client ---------------------------------------------------------------------------------- */

static void client(int64_t bits)
{
    steps_open(&plain);
    tunables()->tcp_fastopen = bits;
    steps->flow.remote.port = 80;
}

/* Opens to `port` and sends `len` bytes in the same breath; what the SYN took. */
static int64_t opens_with_text(uint16_t port, uint32_t len)
{
    static const uint8_t data[4000];
    struct tcp_settings chosen;
    int64_t sent;

    tcp_default_settings(steps->tcp, &chosen);
    chosen.fast_open = true;
    steps->flow.remote.port = port;
    steps->flow.local.port = (uint16_t)(steps->flow.local.port + 1);
    assert_int_equal(
        tcp_open_active(steps->tcp, &steps->flow, &chosen, 0, steps, &steps->tcb, steps->now), 0);
    sent = tcp_send(steps->tcb, data, len, 0, steps->now);
    forget_sent();
    lets_send();
    return sent;
}

static void learns_cookie(uint16_t port)
{
    assert_int_equal(opens_with_text(port, 10), -EAGAIN);
    assert_sent(.flags = SYN, .seq = 0);
    assert_true(last_sent()->header.options.has_fast_open);
    assert_int_equal(last_sent()->header.options.fast_open_length, 0);
    arrives(.seq = 0, .ack = 1, .flags = SYN | ACK, .mss = 1000, .fast_open = true,
            .cookie = their_cookie, .cookie_len = 4);
    assert_state(TCP_ESTABLISHED);
    tcp_abort(steps->tcb, steps->now);
    lets_send();
}

/* R7413-01, R7413-05 */
static void a_client_keeps_the_cookie(void **state)
{
    (void)state;
    client(1);
    learns_cookie(80);
    assert_int_equal(event_count(fast_open_cookie_kept), 1);
    assert_int_equal(opens_with_text(80, 2000), 960);
    assert_sent(.flags = SYN, .seq = 0, .len = 960);
    assert_memory_equal(last_sent()->header.options.fast_open_cookie, their_cookie, 4);
    assert_int_equal(tcp_send(steps->tcb, "x", 1, 0, steps->now), -EAGAIN);
    arrives(.seq = 0, .ack = 961, .flags = SYN | ACK, .mss = 1000);
    assert_sent(.flags = ACK, .seq = 961, .ack = 1);
    assert_int_equal(event_count(fast_open_acknowledged), 1);
    assert_true(steps->tcb->fast_open.done);
    assert_int_equal(steps->tcb->totals.bytes_acked, 961); /* with the SYN, as Linux counts */
    assert_int_equal(steps->tcb->sent.pipe_bytes, 0);
}

/* Who asks for room to write in has no text that could ride on the SYN: it goes alone. */
static void a_syn_that_waits_for_text_goes_when_room_is_lent(void **state)
{
    struct tcp_settings chosen;
    struct room rooms[2];
    (void)state;
    client(1);
    learns_cookie(80);
    tcp_default_settings(steps->tcp, &chosen);
    chosen.fast_open = chosen.fast_open_waits = true;
    steps->flow.local.port = (uint16_t)(steps->flow.local.port + 1);
    tcp_open_active(steps->tcp, &steps->flow, &chosen, 0, steps, &steps->tcb, steps->now);
    forget_sent();
    lets_send();
    assert_int_equal(unseen(), 0);
    assert_int_equal(tcp_send_rooms(steps->tcb, 100, rooms, steps->now), -EAGAIN);
    lets_send();
    assert_sent(.flags = SYN, .seq = 0);
}

/* R3168-02: ECE on a SYN-ACK says that the peer can ECN, also when it acknowledges text. */
static void ece_beside_the_text_of_a_syn_is_no_mark(void **state)
{
    (void)state;
    client(1);
    learns_cookie(80);
    tunables()->tcp_ecn = 1;
    assert_int_equal(opens_with_text(80, 500), 500);
    arrives(.seq = 0, .ack = 501, .flags = SYN | ACK | TCP_ECE, .mss = 1000);
    assert_state(TCP_ESTABLISHED);
    assert_int_equal(steps->tcb->ecn.mode, ECN_CLASSIC);
    assert_int_equal(event_count(ecn_reduced), 0);
}

/* R7413-04, R7413-06: not taken: exactly once more, with the ACK; no congestion. */
static void text_that_was_not_taken_goes_with_the_ack(void **state)
{
    uint64_t cwnd;
    (void)state;
    client(1);
    learns_cookie(80);
    opens_with_text(80, 500);
    arrives(.seq = 0, .ack = 1, .flags = SYN | ACK, .mss = 1000);
    cwnd = steps->tcb->cc.cwnd;
    assert_sent(.flags = SYN, .seq = 0, .len = 500);
    assert_sent(.flags = ACK, .seq = 1, .ack = 1, .len = 500);
    assert_nothing_sent();
    assert_int_equal(event_count(fast_open_failed), 1);
    arrives(.seq = 1, .ack = 501, .flags = ACK);
    assert_int_equal(steps->tcb->recovery.phase, RECOVERY_OPEN);
    assert_true(steps->tcb->cc.cwnd >= cwnd);
    assert_int_equal(event_count(recovery_entered), 0);
}

/* R7413-05, R7413-06: black-holed: the retry is plain; the failure is remembered by port. */
static void a_black_hole_is_remembered(void **state)
{
    (void)state;
    client(1);
    learns_cookie(80);
    opens_with_text(80, 500);
    assert_sent(.flags = SYN, .seq = 0, .len = 500);
    passes_ms(1000);
    assert_sent(.flags = SYN, .seq = 0, .len = 0);
    assert_false(last_sent()->header.options.has_fast_open);
    arrives(.seq = 0, .ack = 1, .flags = SYN | ACK, .mss = 1000);
    assert_sent(.flags = ACK, .seq = 1, .ack = 1, .len = 500);
    assert_int_equal(opens_with_text(80, 500), -EAGAIN);
    assert_false(last_sent()->header.options.has_fast_open);
    assert_int_equal(event_count(fast_open_avoided), 1);
    assert_int_equal(opens_with_text(81, 500), 500);
}

/* R7413-05: ICMP errors and refusals by nobody count as failures too. */
static void an_error_is_remembered(void **state)
{
    (void)state;
    client(1);
    learns_cookie(80);
    opens_with_text(80, 500);
    assert_true(icmp_arrives(.seq = 0, .type = 3, .code = 3, .errnum = ECONNREFUSED, .hard = true));
    assert_state(TCP_CLOSED);
    assert_int_equal(opens_with_text(80, 500), -EAGAIN);
}

/* R7413-05: three timeouts in a row: nobody is tried for a while, if the user wants it so. */
static void fast_open_pauses_after_three_timeouts(void **state)
{
    (void)state;
    client(1);
    tunables()->tcp_fastopen_blackhole_timeout_sec = 100;
    learns_cookie(80);
    opens_with_text(80, 500);
    passes_ms(7000);
    assert_int_equal(event_count(fast_open_paused), 1);
    assert_int_equal(opens_with_text(81, 500), -EAGAIN);
    assert_false(last_sent()->header.options.has_fast_open);
    passes_ms(101 * 1000);
    assert_int_equal(opens_with_text(81, 500), 500);
}

static void no_pause_unless_told_so(void **state)
{
    (void)state;
    client(1);
    learns_cookie(80);
    opens_with_text(80, 500);
    passes_ms(7000);
    assert_int_equal(event_count(fast_open_paused), 0);
    assert_int_equal(opens_with_text(81, 500), 500);
}

/* R7413-04: a client that may not, does not. */
static void switched_off_a_syn_is_plain(void **state)
{
    (void)state;
    client(2);
    assert_int_equal(opens_with_text(80, 10), -EAGAIN);
    assert_false(last_sent()->header.options.has_fast_open);
    assert_false(tcp_fast_open_client_is_enabled(steps->tcp));
}

/* An unasked cookie is nobody's. */
static void an_unsolicited_cookie_is_ignored(void **state)
{
    (void)state;
    client(1);
    reach(TCP_SYN_SENT);
    arrives(.seq = 0, .ack = 1, .flags = SYN | ACK, .mss = 1000, .fast_open = true,
            .cookie = their_cookie, .cookie_len = 4);
    assert_int_equal(event_count(fast_open_cookie_kept), 0);
    tcp_abort(steps->tcb, steps->now);
    lets_send();
    assert_int_equal(opens_with_text(80, 10), -EAGAIN);
}

#define STEP(name) cmocka_unit_test_teardown(name, steps_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STEP(a_good_cookie_opens_at_once),
        STEP(a_cookie_of_another_address_is_refused),
        STEP(cookies_outlive_one_change_of_keys),
        STEP(no_more_are_pending_than_the_user_allows),
        STEP(resets_make_no_room_at_once),
        STEP(what_is_given_up_makes_room),
        STEP(a_closed_listener_leaves_accepted_ones_alone),
        STEP(a_repeated_syn_delivers_nothing_twice),
        STEP(a_repeated_syn_with_text_ends_nothing),
        STEP(text_of_a_syn_needs_storage),
        STEP(early_text_is_sent_again_after_the_handshake),
        STEP(a_client_keeps_the_cookie),
        STEP(a_syn_that_waits_for_text_goes_when_room_is_lent),
        STEP(ece_beside_the_text_of_a_syn_is_no_mark),
        STEP(text_that_was_not_taken_goes_with_the_ack),
        STEP(a_black_hole_is_remembered),
        STEP(an_error_is_remembered),
        STEP(fast_open_pauses_after_three_timeouts),
        STEP(no_pause_unless_told_so),
        STEP(switched_off_a_syn_is_plain),
        STEP(an_unsolicited_cookie_is_ignored),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
