/* The heap of deadlines against a search through all of them. */
#define _GNU_SOURCE
#include "base/timer_heap.h"

#include <errno.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"
#include "dies.h"

enum { ENTRIES = 100 };

static struct memory make(void)
{
    struct memory memory;
    assert_int_equal(memory_init(&memory, 1 << 16), 0);
    return memory;
}

static void the_first_is_the_earliest(const struct timer_heap *heap,
                                      const struct timer_entry entries[ENTRIES])
{
    uint32_t count = 0;
    struct instant earliest = INSTANT_NEVER;
    for (int i = 0; i < ENTRIES; i++) {
        bool is_in = entries[i].index != 0;
        assert_int_equal(is_in, !instant_is_never(entries[i].when));
        count += is_in;
        if (is_in)
            earliest = instant_min(earliest, entries[i].when);
    }
    const struct timer_entry *first = timer_heap_first(heap);
    assert_int_equal(heap->count, count);
    if (count == 0)
        assert_null(first);
    else
        assert_int_equal(first->when.ns, earliest.ns);
}

static void random_moves_keep_the_earliest_first(void **state)
{
    (void)state;
    uint64_t seed = 20264;
    struct random random;
    struct memory memory = make();
    struct timer_heap heap;
    struct timer_entry entries[ENTRIES];
    print_message("seed %llu\n", (unsigned long long)seed);
    random_seed(&random, seed);
    timer_heap_init(&heap, &memory);
    assert_int_equal(timer_heap_reserve(&heap, ENTRIES), 0);
    for (int i = 0; i < ENTRIES; i++)
        entries[i] = (struct timer_entry){.when = INSTANT_NEVER};
    for (int i = 0; i < 20000; i++) {
        struct instant when = {(int64_t)random_below(&random, 1000)};
        if (random_one_in(&random, 3))
            when = INSTANT_NEVER;
        timer_heap_set(&heap, &entries[random_below(&random, ENTRIES)], when);
        the_first_is_the_earliest(&heap, entries);
    }
    timer_heap_destroy(&heap);
    assert_int_equal(memory.used, 0);
    memory_destroy(&memory);
}

static void entries_leave_in_order(void **state)
{
    (void)state;
    struct memory memory = make();
    struct timer_heap heap;
    struct timer_entry entries[ENTRIES] = {0};
    timer_heap_init(&heap, &memory);
    assert_int_equal(timer_heap_reserve(&heap, ENTRIES), 0);
    for (int i = 0; i < ENTRIES; i++)
        timer_heap_set(&heap, &entries[i], (struct instant){i * 37 % ENTRIES});
    for (int i = 0; i < ENTRIES; i++) {
        assert_int_equal(timer_heap_first(&heap)->when.ns, i);
        timer_heap_set(&heap, timer_heap_first(&heap), INSTANT_NEVER);
    }
    assert_null(timer_heap_first(&heap));
    timer_heap_destroy(&heap);
    memory_destroy(&memory);
}

static void growing_keeps_the_entries(void **state)
{
    (void)state;
    struct memory memory = make();
    struct timer_heap heap;
    struct timer_entry entry = {0};
    timer_heap_init(&heap, &memory);
    assert_int_equal(timer_heap_reserve(&heap, 1), 0);
    timer_heap_set(&heap, &entry, (struct instant){5});
    assert_int_equal(timer_heap_reserve(&heap, 3000), 0);
    assert_true(heap.capacity >= 3000);
    assert_ptr_equal(timer_heap_first(&heap), &entry);
    timer_heap_set(&heap, &entry, INSTANT_NEVER);
    timer_heap_destroy(&heap);
    memory_destroy(&memory);
}

static void a_full_budget_is_told_beforehand(void **state)
{
    (void)state;
    struct memory memory = make();
    struct timer_heap heap;
    timer_heap_init(&heap, &memory);
    assert_int_equal(timer_heap_reserve(&heap, 1000000), -ENOBUFS);
    assert_int_equal(timer_heap_reserve(&heap, UINT32_MAX), -ENOBUFS);
    assert_int_equal(heap.capacity, 0);
    timer_heap_destroy(&heap);
    memory_destroy(&memory);
}

static void set_without_room(void *heap)
{
    struct timer_entry entry = {0};
    timer_heap_set(heap, &entry, (struct instant){1});
}

static void an_entry_without_room_is_noticed(void **state)
{
    (void)state;
    struct memory memory = make();
    struct timer_heap heap;
    timer_heap_init(&heap, &memory);
    assert_true(dies_of_a_check(set_without_room, &heap));
    memory_destroy(&memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_moves_keep_the_earliest_first),
        cmocka_unit_test(entries_leave_in_order),
        cmocka_unit_test(growing_keeps_the_entries),
        cmocka_unit_test(a_full_budget_is_told_beforehand),
        cmocka_unit_test(an_entry_without_room_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
