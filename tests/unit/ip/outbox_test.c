/* The packets that wait to be sent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "ip/outbox.h"

struct world {
    struct memory memory;
    struct outbox outbox;
};

static struct world world;

static int setup(void **state)
{
    *state = &world;
    return memory_init(&world.memory, 1 << 20) || outbox_init(&world.outbox, &world.memory);
}

static int teardown(void **state)
{
    (void)state;
    outbox_destroy(&world.outbox);
    int leaked = world.memory.used != 0;
    memory_destroy(&world.memory);
    return leaked;
}

static bool put(struct outbox *outbox, uint8_t value, size_t length)
{
    struct room room = outbox_room(outbox);
    if (room.len < length)
        return false;
    memset(room.data, value, length);
    outbox_commit(outbox, length);
    return true;
}

static void packets_come_out_in_the_order_they_went_in(void **state)
{
    struct world *w = *state;
    struct bytes packet;
    for (uint8_t i = 1; i < 100; i++)
        assert_true(put(&w->outbox, i, i));
    for (uint8_t i = 1; i < 100; i++) {
        assert_true(outbox_next(&w->outbox, &packet));
        assert_int_equal(packet.len, i);
        assert_int_equal(packet.data[0], i);
        assert_int_equal(packet.data[i - 1], i);
    }
    assert_false(outbox_next(&w->outbox, &packet));
}

/* As when a packet is looped back and answered while it is still being read. */
static void a_packet_that_was_taken_is_not_written_over_before_the_next_is(void **state)
{
    struct world *w = *state;
    struct bytes packet;
    put(&w->outbox, 1, 1000);
    assert_true(outbox_next(&w->outbox, &packet));
    put(&w->outbox, 2, 1000);
    for (size_t i = 0; i < 1000; i++)
        assert_int_equal(packet.data[i], 1);
}

static void a_full_box_takes_no_more_until_it_was_found_empty(void **state)
{
    struct world *w = *state;
    struct bytes packet;
    for (unsigned round = 0; round < 3; round++) {
        size_t count = 0;
        while (put(&w->outbox, 1, 60000))
            count++;
        assert_int_equal(count, OUTBOX_SIZE / 60004);
        assert_false(put(&w->outbox, 1, 60000));
        for (size_t i = 0; i < count; i++)
            assert_true(outbox_next(&w->outbox, &packet));
        assert_false(outbox_next(&w->outbox, &packet));
    }
}

static void a_scratch_and_packets_do_not_overlap(void **state)
{
    struct world *w = *state;
    uint8_t *scratch = outbox_scratch(&w->outbox, 65535);
    assert_non_null(scratch);
    memset(scratch, 7, 65535);
    size_t tail = w->outbox.tail;
    while (put(&w->outbox, 1, 1000))
        continue;
    for (size_t i = 0; i < 65535; i++)
        assert_int_equal(scratch[i], 7);
    outbox_end_scratch(&w->outbox);
    assert_true(put(&w->outbox, 1, 1000));
    assert_null(outbox_scratch(&w->outbox, 65535));
    outbox_rewind(&w->outbox, tail);
    struct bytes packet;
    assert_false(outbox_next(&w->outbox, &packet));
}

static void without_memory_it_is_not_made(void **state)
{
    (void)state;
    struct memory memory;
    struct outbox outbox;
    assert_int_equal(memory_init(&memory, 4096), 0);
    assert_true(outbox_init(&outbox, &memory) < 0);
    memory_destroy(&memory);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(packets_come_out_in_the_order_they_went_in),
        TEST(a_packet_that_was_taken_is_not_written_over_before_the_next_is),
        TEST(a_full_box_takes_no_more_until_it_was_found_empty),
        TEST(a_scratch_and_packets_do_not_overlap),
        cmocka_unit_test(without_memory_it_is_not_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
