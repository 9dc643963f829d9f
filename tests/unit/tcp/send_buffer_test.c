/* Unit tests of send_buffer.c: the user's text until it is acknowledged (RFC 9293, 3.9.1.2). */
#include "tcp/send_buffer.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/random.h"

/* Text starts just below 2^32 unless a test says otherwise. */
#define FIRST (SEQ_FIRST_EPOCH + UINT32_MAX - 2)

static struct memory memory;
static struct send_buffer buffer;

static int setup(void **state)
{
    (void)state;
    if (memory_init(&memory, 1 << 20) != 0)
        return -1;
    send_buffer_init(&buffer, FIRST, 10000);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    send_buffer_release(&buffer, &memory);
    assert_int_equal(memory.used, 0);
    memory_destroy(&memory);
    return 0;
}

static uint8_t byte_at(seqno position)
{
    return (uint8_t)(position * 7 ^ position >> 8);
}

static int64_t append(size_t len)
{
    static uint8_t data[70000];

    for (size_t i = 0; i < len; i++)
        data[i] = byte_at(buffer.end + i);
    return send_buffer_append(&buffer, &memory, data, len);
}

/* The pieces hold exactly the text of [from, from + len). */
static void assert_text(seqno from, size_t len)
{
    struct bytes pieces[2];

    send_buffer_pieces(&buffer, from, len, pieces);
    assert_int_equal(pieces[0].len + pieces[1].len, len);
    for (int k = 0; k < 2; k++)
        for (size_t i = 0; i < pieces[k].len; i++)
            assert_int_equal(pieces[k].data[i], byte_at(from++));
}

static void an_empty_buffer_costs_no_storage(void **state)
{
    (void)state;
    assert_int_equal(memory.used, 0);
    assert_int_equal(send_buffer_held(&buffer), 0);
    assert_int_equal(send_buffer_room(&buffer), 10000);
}

static void takes_only_what_the_limit_allows(void **state)
{
    (void)state;
    assert_int_equal(append(9000), 9000);
    assert_int_equal(append(9000), 1000);
    assert_int_equal(append(1), 0);
    assert_int_equal(send_buffer_room(&buffer), 0);
    assert_text(FIRST, 10000);
}

static void a_limit_that_shrank_keeps_what_is_held(void **state)
{
    (void)state;
    assert_int_equal(append(5000), 5000);
    buffer.limit = 2000;
    assert_int_equal(send_buffer_room(&buffer), 0);
    assert_int_equal(append(1), 0);
    assert_text(FIRST, 5000);
    send_buffer_acknowledge(&buffer, FIRST + 3500);
    assert_int_equal(send_buffer_room(&buffer), 500);
}

/* Retransmission cuts anywhere. */
static void any_part_can_be_had_again(void **state)
{
    (void)state;
    append(10000);
    for (size_t from = 0; from < 10000; from += 333)
        assert_text(FIRST + from, 10000 - from < 1460 ? 10000 - from : 1460);
}

static void acknowledged_text_makes_room(void **state)
{
    (void)state;
    append(10000);
    send_buffer_acknowledge(&buffer, FIRST + 4000);
    assert_int_equal(send_buffer_held(&buffer), 6000);
    assert_int_equal(append(5000), 4000);
    assert_text(FIRST + 4000, 10000);
}

static void an_old_acknowledgment_changes_nothing(void **state)
{
    (void)state;
    append(100);
    send_buffer_acknowledge(&buffer, FIRST + 50);
    send_buffer_acknowledge(&buffer, FIRST + 20);
    assert_int_equal(send_buffer_held(&buffer), 50);
}

/* The ACK of a FIN is one more than the text. */
static void an_acknowledgment_beyond_the_text_stops_at_its_end(void **state)
{
    (void)state;
    append(100);
    send_buffer_acknowledge(&buffer, FIRST + 101);
    assert_int_equal(send_buffer_held(&buffer), 0);
    assert_true(buffer.begin == buffer.end);
    assert_true(buffer.end == FIRST + 100);
}

static void rooms_and_commit_are_append_without_a_copy(void **state)
{
    struct room rooms[2];
    (void)state;
    append(4000);
    send_buffer_acknowledge(&buffer, FIRST + 3000);
    int64_t room = send_buffer_rooms(&buffer, &memory, 5000, rooms);
    assert_int_equal(room, 5000);
    assert_int_equal(rooms[0].len + rooms[1].len, 5000);
    seqno position = buffer.end;
    for (int k = 0; k < 2; k++)
        for (size_t i = 0; i < rooms[k].len; i++)
            rooms[k].data[i] = byte_at(position++);
    assert_int_equal(send_buffer_held(&buffer), 1000);
    send_buffer_commit(&buffer, 4999);
    assert_text(FIRST + 3000, 5999);
}

static void rooms_of_a_full_buffer_are_empty(void **state)
{
    struct room rooms[2];
    (void)state;
    append(10000);
    assert_int_equal(send_buffer_rooms(&buffer, &memory, 1, rooms), 0);
    assert_int_equal(rooms[0].len + rooms[1].len, 0);
}

static void a_used_up_budget_gives_enobufs_and_keeps_the_text(void **state)
{
    (void)state;
    append(4000);
    memory.fail_at = memory.takes + 1;
    buffer.limit = 20000;
    assert_int_equal(append(96), 96); /* still fits the ring of 4096 */
    memory.fail_at = memory.takes + 1;
    assert_int_equal(append(100), -ENOBUFS);
    assert_text(FIRST, 4096);
    assert_int_equal(append(100), 100); /* the budget has something again */
    assert_text(FIRST, 4196);
}

static void a_ring_that_cannot_grow_takes_what_fits(void **state)
{
    (void)state;
    append(4000);
    memory.fail_at = memory.takes + 1;
    assert_int_equal(append(5000), 96);
    assert_text(FIRST, 4096);
}

/* Many laps around the ring and across 2^32, against a model that is a function of the position. */
static void text_survives_laps_around_the_ring(void **state)
{
    struct random random;
    (void)state;
    random_seed(&random, 5);
    for (int i = 0; i < 3000; i++) {
        append((size_t)random_below(&random, 3000));
        size_t held = send_buffer_held(&buffer);
        if (held > 0) {
            size_t from = (size_t)random_below(&random, held);
            assert_text(buffer.begin + from, (size_t)random_below(&random, held - from + 1));
        }
        send_buffer_acknowledge(&buffer, buffer.begin + random_below(&random, held + 1));
    }
    assert_true(buffer.end > FIRST + (1 << 20));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_empty_buffer_costs_no_storage),
        TEST(takes_only_what_the_limit_allows),
        TEST(a_limit_that_shrank_keeps_what_is_held),
        TEST(any_part_can_be_had_again),
        TEST(acknowledged_text_makes_room),
        TEST(an_old_acknowledgment_changes_nothing),
        TEST(an_acknowledgment_beyond_the_text_stops_at_its_end),
        TEST(rooms_and_commit_are_append_without_a_copy),
        TEST(rooms_of_a_full_buffer_are_empty),
        TEST(a_used_up_budget_gives_enobufs_and_keeps_the_text),
        TEST(a_ring_that_cannot_grow_takes_what_fits),
        TEST(text_survives_laps_around_the_ring),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
