/* The budget: block sizes, splitting and joining, what happens when it is used up, and that
 * mistakes with it do not pass. */
#define _GNU_SOURCE
#include "base/memory.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"
#include "dies.h"

enum { KIB = 1024, MIB = 1024 * 1024 };

static struct memory make(size_t budget)
{
    struct memory memory;
    assert_int_equal(memory_init(&memory, budget), 0);
    return memory;
}

static void sizes_are_powers_of_two_from_4_kib(void **state)
{
    (void)state;
    assert_int_equal(memory_block_size(0), 4 * KIB);
    assert_int_equal(memory_block_size(1), 4 * KIB);
    assert_int_equal(memory_block_size(4 * KIB), 4 * KIB);
    assert_int_equal(memory_block_size(4 * KIB + 1), 8 * KIB);
    assert_int_equal(memory_block_size(3 * MIB), 4 * MIB);
    assert_int_equal(memory_block_size((size_t)1 << 30), (size_t)1 << 30);
}

static void budget_is_rounded_up_to_a_block(void **state)
{
    (void)state;
    struct memory memory = make(1);
    assert_int_equal(memory.budget, 4 * KIB);
    memory_destroy(&memory);
    memory = make(12 * KIB + 1);
    assert_int_equal(memory.budget, 16 * KIB);
    memory_destroy(&memory);
}

static void an_impossible_budget_is_refused(void **state)
{
    (void)state;
    struct memory memory;
    assert_int_equal(memory_init(&memory, SIZE_MAX), -ENOMEM);
}

static void a_used_up_budget_gives_null(void **state)
{
    (void)state;
    struct memory memory = make(16 * KIB);
    void *whole = memory_take(&memory, 16 * KIB);
    assert_non_null(whole);
    assert_null(memory_take(&memory, 1));
    assert_int_equal(memory.failures, 1);
    assert_int_equal(memory.used, 16 * KIB);
    memory_give(&memory, whole, 16 * KIB);
    assert_int_equal(memory.used, 0);
    assert_int_equal(memory.peak, 16 * KIB);
    memory_destroy(&memory);
}

static void more_than_the_largest_block_gives_null(void **state)
{
    (void)state;
    struct memory memory = make(16 * KIB);
    assert_null(memory_take(&memory, ((size_t)1 << 30) + 1));
    assert_null(memory_take(&memory, SIZE_MAX));
    memory_destroy(&memory);
}

static void every_byte_of_an_odd_budget_can_be_used(void **state)
{
    (void)state;
    struct memory memory = make(28 * KIB);
    void *blocks[7];
    for (int i = 0; i < 7; i++) {
        blocks[i] = memory_take(&memory, 4 * KIB);
        assert_non_null(blocks[i]);
        memset(blocks[i], i, 4 * KIB);
    }
    assert_null(memory_take(&memory, 4 * KIB));
    for (int i = 0; i < 7; i++)
        memory_give(&memory, blocks[i], 4 * KIB);
    assert_non_null(memory_take(&memory, 16 * KIB));
    assert_non_null(memory_take(&memory, 8 * KIB));
    assert_non_null(memory_take(&memory, 4 * KIB));
    memory_destroy(&memory);
}

static void null_is_ignored(void **state)
{
    (void)state;
    struct memory memory = make(4 * KIB);
    memory_give(&memory, NULL, 100);
    assert_int_equal(memory.used, 0);
    memory_destroy(&memory);
}

static void untouched_parts_have_no_pages(void **state)
{
    (void)state;
    enum { PAGES = 64 * MIB / 4096 };
    static unsigned char resident[PAGES];
    struct memory memory = make(64 * MIB);
    void *block = memory_take(&memory, 4 * KIB);
    memset(block, 1, 4 * KIB);
    assert_int_equal(mincore(memory.region, 64 * MIB, resident), 0);
    int count = 0;
    for (int i = 0; i < PAGES; i++)
        count += resident[i] & 1;
    assert_in_range(count, 1, PAGES / 4);
    memory_destroy(&memory);
}

static void the_chosen_request_fails(void **state)
{
    (void)state;
    struct memory memory = make(64 * KIB);
    struct pool pool;
    pool_init(&pool, &memory, 100);
    memory.fail_at = 2;
    assert_non_null(memory_take(&memory, 1));
    assert_null(pool_take(&pool));
    assert_non_null(pool_take(&pool));
    assert_int_equal(memory.takes, 3);
    assert_int_equal(memory.failures, 1);
    memory_destroy(&memory);
}

/* A block of the random test: its bytes all hold its mark. */
struct taken {
    uint8_t *block;
    size_t size;
    uint8_t mark;
};

static void fill(struct taken *t)
{
    memset(t->block, t->mark, t->size);
}

static void still_filled(const struct taken *t)
{
    for (size_t i = 0; i < t->size; i++)
        assert_int_equal(t->block[i], t->mark);
}

static void random_blocks_never_overlap_and_join_again(void **state)
{
    (void)state;
    enum { SLOTS = 40, BUDGET = 1020 * KIB };
    uint64_t seed = 20261;
    struct memory memory = make(BUDGET);
    struct taken slots[SLOTS] = {0};
    struct random random;
    print_message("seed %llu\n", (unsigned long long)seed);
    random_seed(&random, seed);
    for (int i = 0; i < 5000; i++) {
        struct taken *t = &slots[random_below(&random, SLOTS)];
        if (t->block) {
            still_filled(t);
            memory_give(&memory, t->block, t->size);
            t->block = NULL;
            continue;
        }
        t->size = 1 + random_below(&random, 70 * KIB);
        t->mark = (uint8_t)random_u32(&random);
        t->block = memory_take(&memory, t->size);
        if (t->block)
            fill(t);
    }
    for (int i = 0; i < SLOTS; i++)
        memory_give(&memory, slots[i].block, slots[i].size);
    assert_int_equal(memory.used, 0);
    assert_true(memory.failures > 0);
    assert_non_null(memory_take(&memory, 512 * KIB));
    assert_non_null(memory_take(&memory, 256 * KIB));
    assert_non_null(memory_take(&memory, 128 * KIB));
    memory_destroy(&memory);
}

/* A block, and how it is given back wrongly. */
struct wrong_gift {
    struct memory *memory;
    uint8_t *block;
    size_t size;
};

static void give_it(void *argument)
{
    struct wrong_gift *gift = argument;
    memory_give(gift->memory, gift->block, gift->size);
}

static void wrong_gifts_are_noticed(void **state)
{
    (void)state;
    struct memory memory = make(64 * KIB);
    uint8_t *kept = memory_take(&memory, 8 * KIB);
    uint8_t *given = memory_take(&memory, 8 * KIB);
    uint8_t elsewhere[16];
    memory_give(&memory, given, 8 * KIB);
    struct wrong_gift twice = {&memory, given, 8 * KIB};
    struct wrong_gift smaller = {&memory, kept, 4 * KIB};
    struct wrong_gift larger = {&memory, kept, 16 * KIB};
    struct wrong_gift inside = {&memory, kept + 4 * KIB, 4 * KIB};
    struct wrong_gift unaligned = {&memory, kept + 1, 8 * KIB};
    struct wrong_gift foreign = {&memory, elsewhere, sizeof elsewhere};
    struct wrong_gift right = {&memory, kept, 8 * KIB};
    assert_true(dies_of_a_check(give_it, &twice));
    assert_true(dies_of_a_check(give_it, &smaller));
    assert_true(dies_of_a_check(give_it, &larger));
    assert_true(dies_of_a_check(give_it, &inside));
    assert_true(dies_of_a_check(give_it, &unaligned));
    assert_true(dies_of_a_check(give_it, &foreign));
    assert_false(dies_of_a_check(give_it, &right));
    memory_destroy(&memory);
}

static void objects_are_zeroed_and_aligned(void **state)
{
    (void)state;
    static const uint8_t zeros[40];
    struct memory memory = make(64 * KIB);
    struct pool pool;
    pool_init(&pool, &memory, sizeof zeros);
    for (int round = 0; round < 2; round++) {
        void *objects[200];
        for (int i = 0; i < 200; i++) {
            objects[i] = pool_take(&pool);
            assert_non_null(objects[i]);
            assert_int_equal((uintptr_t)objects[i] % 16, 0);
            assert_memory_equal(objects[i], zeros, sizeof zeros);
            memset(objects[i], 0xee, sizeof zeros);
        }
        assert_int_equal(pool.live, 200);
        for (int i = 0; i < 200; i++)
            pool_give(&pool, objects[i]);
    }
    pool_destroy(&pool);
    assert_int_equal(memory.used, 0);
    memory_destroy(&memory);
}

static void a_pool_ends_with_the_budget(void **state)
{
    (void)state;
    struct memory memory = make(32 * KIB);
    struct pool pool;
    pool_init(&pool, &memory, 5000);
    void *first = pool_take(&pool);
    int count = 1;
    while (pool_take(&pool))
        count++;
    assert_int_equal(count, 6);
    assert_int_equal(memory.used, 32 * KIB);
    pool_give(&pool, first);
    assert_ptr_equal(pool_take(&pool), first);
    memory_destroy(&memory);
}

static void give_object_twice(void *argument)
{
    struct pool *pool = argument;
    void *object = pool_take(pool);
    pool_take(pool);
    pool_give(pool, object);
    pool_give(pool, object);
}

static void destroy_with_live_object(void *argument)
{
    pool_take(argument);
    pool_destroy(argument);
}

static void mistakes_with_objects_are_noticed(void **state)
{
    (void)state;
    struct memory memory = make(32 * KIB);
    struct pool pool;
    pool_init(&pool, &memory, 64);
    assert_true(dies_of_a_check(give_object_twice, &pool));
    assert_true(dies_of_a_check(destroy_with_live_object, &pool));
    memory_destroy(&memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_are_powers_of_two_from_4_kib),
        cmocka_unit_test(budget_is_rounded_up_to_a_block),
        cmocka_unit_test(an_impossible_budget_is_refused),
        cmocka_unit_test(a_used_up_budget_gives_null),
        cmocka_unit_test(more_than_the_largest_block_gives_null),
        cmocka_unit_test(every_byte_of_an_odd_budget_can_be_used),
        cmocka_unit_test(null_is_ignored),
        cmocka_unit_test(untouched_parts_have_no_pages),
        cmocka_unit_test(the_chosen_request_fails),
        cmocka_unit_test(random_blocks_never_overlap_and_join_again),
        cmocka_unit_test(wrong_gifts_are_noticed),
        cmocka_unit_test(objects_are_zeroed_and_aligned),
        cmocka_unit_test(a_pool_ends_with_the_budget),
        cmocka_unit_test(mistakes_with_objects_are_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
