/* The ring: text keeps its position in the stream when it wraps and when the ring grows. */
#include "base/ring.h"

#include <errno.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { KIB = 1024, BUDGET = 256 * KIB };

/* What stands at a position, so that any text can be checked by itself. */
static uint8_t text_at(uint64_t position)
{
    return (uint8_t)(position * 31 + (position >> 8));
}

static void put_text(struct ring *ring, uint64_t from, size_t len)
{
    static uint8_t text[BUDGET];
    for (size_t i = 0; i < len; i++)
        text[i] = text_at(from + i);
    ring_put(ring, from, text, len);
}

static void has_text(const struct ring *ring, uint64_t from, size_t len)
{
    static uint8_t text[BUDGET];
    ring_get(ring, from, text, len);
    for (size_t i = 0; i < len; i++)
        assert_int_equal(text[i], text_at(from + i));
}

static struct memory make(void)
{
    struct memory memory;
    assert_int_equal(memory_init(&memory, BUDGET), 0);
    return memory;
}

static void an_empty_ring_has_no_storage(void **state)
{
    (void)state;
    struct memory memory = make();
    struct ring ring = {0};
    struct bytes pieces[2];
    ring_put(&ring, 5, NULL, 0);
    ring_pieces(&ring, 5, 0, pieces);
    assert_int_equal(pieces[0].len + pieces[1].len, 0);
    assert_int_equal(ring_grow(&ring, &memory, 0, 7, 7), 0);
    assert_null(ring.data);
    ring_release(&ring, &memory);
    memory_destroy(&memory);
}

static void capacity_is_rounded_up(void **state)
{
    (void)state;
    struct memory memory = make();
    struct ring ring = {0};
    assert_int_equal(ring_grow(&ring, &memory, 1, 0, 0), 0);
    assert_int_equal(ring.capacity, 4 * KIB);
    assert_int_equal(ring_grow(&ring, &memory, 5 * KIB, 0, 0), 0);
    assert_int_equal(ring.capacity, 8 * KIB);
    assert_int_equal(ring_grow(&ring, &memory, 1, 0, 0), 0);
    assert_int_equal(ring.capacity, 8 * KIB);
    assert_int_equal(memory.used, 8 * KIB);
    ring_release(&ring, &memory);
    assert_int_equal(memory.used, 0);
    memory_destroy(&memory);
}

static void text_wraps_at_the_end(void **state)
{
    (void)state;
    struct memory memory = make();
    struct ring ring = {0};
    struct bytes pieces[2];
    uint64_t at = (UINT64_C(1) << 32) - 100;
    assert_int_equal(ring_grow(&ring, &memory, 4 * KIB, at, at), 0);
    put_text(&ring, at, 4 * KIB);
    has_text(&ring, at, 4 * KIB);
    ring_pieces(&ring, at, 300, pieces);
    assert_int_equal(pieces[0].len, 100);
    assert_int_equal(pieces[1].len, 200);
    assert_ptr_equal(pieces[1].data, ring.data);
    ring_pieces(&ring, at, 100, pieces);
    assert_int_equal(pieces[0].len, 100);
    assert_int_equal(pieces[1].len, 0);
    ring_release(&ring, &memory);
    memory_destroy(&memory);
}

static void rooms_and_pieces_are_the_same_places(void **state)
{
    (void)state;
    struct memory memory = make();
    struct ring ring = {0};
    struct room rooms[2];
    struct bytes pieces[2];
    assert_int_equal(ring_grow(&ring, &memory, 4 * KIB, 0, 0), 0);
    ring_rooms(&ring, 4000, 200, rooms);
    ring_pieces(&ring, 4000, 200, pieces);
    for (int i = 0; i < 2; i++) {
        assert_ptr_equal(rooms[i].data, pieces[i].data);
        assert_int_equal(rooms[i].len, pieces[i].len);
    }
    ring_release(&ring, &memory);
    memory_destroy(&memory);
}

static void growing_keeps_text_at_its_position(void **state)
{
    (void)state;
    static const size_t starts[] = {0, 1, 4095, 4096, 5000, 8191, 12288 + 77};
    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
        struct memory memory = make();
        struct ring ring = {0};
        uint64_t from = starts[i];
        assert_int_equal(ring_grow(&ring, &memory, 4 * KIB, from, from), 0);
        put_text(&ring, from, 4 * KIB);
        for (size_t capacity = 8 * KIB; capacity <= 64 * KIB; capacity *= 2) {
            assert_int_equal(ring_grow(&ring, &memory, capacity, from, from + 4 * KIB), 0);
            has_text(&ring, from, 4 * KIB);
        }
        put_text(&ring, from, 64 * KIB);
        has_text(&ring, from, 64 * KIB);
        ring_release(&ring, &memory);
        assert_int_equal(memory.used, 0);
        memory_destroy(&memory);
    }
}

static void a_ring_that_cannot_grow_stays_as_it_is(void **state)
{
    (void)state;
    struct memory memory = make();
    struct ring ring = {0};
    assert_int_equal(ring_grow(&ring, &memory, 4 * KIB, 10, 10), 0);
    put_text(&ring, 10, 4 * KIB);
    memory.fail_at = memory.takes + 1;
    assert_int_equal(ring_grow(&ring, &memory, 8 * KIB, 10, 10 + 4 * KIB), -ENOBUFS);
    assert_int_equal(ring_grow(&ring, &memory, 2 * (size_t)BUDGET, 10, 10 + 4 * KIB), -ENOBUFS);
    assert_int_equal(ring_grow(&ring, &memory, SIZE_MAX, 10, 10 + 4 * KIB), -ENOBUFS);
    assert_int_equal(ring.capacity, 4 * KIB);
    has_text(&ring, 10, 4 * KIB);
    ring_release(&ring, &memory);
    memory_destroy(&memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_ring_has_no_storage),
        cmocka_unit_test(capacity_is_rounded_up),
        cmocka_unit_test(text_wraps_at_the_end),
        cmocka_unit_test(rooms_and_pieces_are_the_same_places),
        cmocka_unit_test(growing_keeps_text_at_its_position),
        cmocka_unit_test(a_ring_that_cannot_grow_stays_as_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
