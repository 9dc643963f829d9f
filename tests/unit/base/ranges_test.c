/* The set of intervals against a set of single positions. */
#include "base/ranges.h"

#include <errno.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"

enum { POSITIONS = 200 };

/* Position p is in the set if in[p]. Positions of the set under test are `base` higher. */
struct model {
    struct memory memory;
    struct pool pool;
    struct ranges ranges;
    uint64_t base;
    bool in[POSITIONS + 1]; /* the last is never in: a sentinel */
};

static void model_start(struct model *m, uint64_t base)
{
    *m = (struct model){.base = base};
    assert_int_equal(memory_init(&m->memory, 1 << 16), 0);
    pool_init(&m->pool, &m->memory, sizeof(struct range));
    ranges_init(&m->ranges, &m->pool);
}

static void model_end(struct model *m)
{
    ranges_clear(&m->ranges);
    assert_int_equal(ranges_count(&m->ranges), 0);
    pool_destroy(&m->pool);
    memory_destroy(&m->memory);
}

static void mark(struct model *m, uint64_t from, uint64_t to, bool in)
{
    for (uint64_t p = from; p < to; p++)
        m->in[p] = in;
}

/* The model's interval around `at`, which is in it. */
static void model_whole(const struct model *m, uint64_t at, uint64_t *from, uint64_t *to)
{
    uint64_t low = at, high = at;
    while (low > 0 && m->in[low - 1])
        low--;
    while (m->in[high])
        high++;
    *from = m->base + low;
    *to = m->base + high;
}

static void all_intervals_agree(const struct model *m)
{
    uint64_t from = 0, to = 0, expected_from = 0, expected_to = 0;
    size_t count = 0;
    tree_check(&m->ranges.tree);
    for (uint64_t p = 0; p < POSITIONS; p++) {
        if (!m->in[p] || (p > 0 && m->in[p - 1]))
            continue;
        model_whole(m, p, &expected_from, &expected_to);
        assert_true(ranges_at_or_after(&m->ranges, m->base + p, &from, &to));
        assert_int_equal(from, expected_from);
        assert_int_equal(to, expected_to);
        if (count++ == 0) {
            assert_true(ranges_first(&m->ranges, &from, &to));
            assert_int_equal(from, expected_from);
        }
    }
    assert_int_equal(ranges_count(&m->ranges), count);
    assert_int_equal(ranges_last(&m->ranges, &from, &to), count > 0);
    if (count > 0)
        assert_int_equal(to, expected_to);
}

static void one_position_agrees(const struct model *m, uint64_t p)
{
    uint64_t from, to, expected_from, expected_to;
    bool found = ranges_find(&m->ranges, m->base + p, &from, &to);
    assert_int_equal(found, m->in[p]);
    assert_int_equal(ranges_contain(&m->ranges, m->base + p, m->base + p + 1), m->in[p]);
    if (!found)
        return;
    model_whole(m, p, &expected_from, &expected_to);
    assert_int_equal(from, expected_from);
    assert_int_equal(to, expected_to);
    assert_true(ranges_contain(&m->ranges, from, to));
    assert_false(ranges_contain(&m->ranges, from, to + 1));
}

static void change(struct model *m, struct random *random)
{
    uint64_t whole_from, whole_to, expected_from, expected_to;
    uint64_t from = random_below(random, POSITIONS);
    uint64_t to = from + 1 + random_below(random, 12);
    if (to > POSITIONS)
        to = POSITIONS;
    if (random_one_in(random, 40)) {
        ranges_remove_below(&m->ranges, m->base + from);
        mark(m, 0, from, false);
        return;
    }
    if (random_one_in(random, 2)) {
        assert_int_equal(ranges_remove(&m->ranges, m->base + from, m->base + to), 0);
        mark(m, from, to, false);
        return;
    }
    assert_int_equal(ranges_add(&m->ranges, m->base + from, m->base + to, &whole_from, &whole_to),
                     0);
    mark(m, from, to, true);
    model_whole(m, from, &expected_from, &expected_to);
    assert_int_equal(whole_from, expected_from);
    assert_int_equal(whole_to, expected_to);
}

static void random_operations_agree_with_a_model(void **state)
{
    (void)state;
    static const uint64_t bases[] = {0, (UINT64_C(1) << 32) - 100, UINT64_MAX - POSITIONS - 1};
    for (size_t i = 0; i < sizeof bases / sizeof bases[0]; i++) {
        uint64_t seed = 20263 + i;
        struct random random;
        struct model m;
        print_message("seed %llu\n", (unsigned long long)seed);
        random_seed(&random, seed);
        model_start(&m, bases[i]);
        for (int n = 0; n < 10000; n++) {
            change(&m, &random);
            all_intervals_agree(&m);
            one_position_agrees(&m, random_below(&random, POSITIONS));
        }
        model_end(&m);
    }
}

static void touching_intervals_become_one(void **state)
{
    (void)state;
    struct model m;
    uint64_t from, to;
    model_start(&m, 0);
    assert_int_equal(ranges_add(&m.ranges, 10, 20, &from, &to), 0);
    assert_int_equal(ranges_add(&m.ranges, 30, 40, &from, &to), 0);
    assert_int_equal(ranges_add(&m.ranges, 20, 30, &from, &to), 0);
    assert_int_equal(ranges_count(&m.ranges), 1);
    assert_int_equal(from, 10);
    assert_int_equal(to, 40);
    model_end(&m);
}

static void an_empty_set_has_nothing(void **state)
{
    (void)state;
    struct model m;
    uint64_t from, to;
    model_start(&m, 0);
    assert_false(ranges_first(&m.ranges, &from, &to));
    assert_false(ranges_last(&m.ranges, &from, &to));
    assert_false(ranges_at_or_after(&m.ranges, 0, &from, &to));
    assert_false(ranges_find(&m.ranges, 0, &from, &to));
    assert_false(ranges_contain(&m.ranges, 0, 1));
    assert_int_equal(ranges_remove(&m.ranges, 0, UINT64_MAX), 0);
    ranges_remove_below(&m.ranges, UINT64_MAX);
    model_end(&m);
}

static void without_a_node_nothing_changes(void **state)
{
    (void)state;
    struct model m;
    uint64_t from, to;
    model_start(&m, 0);
    assert_int_equal(ranges_add(&m.ranges, 10, 20, &from, &to), 0);
    m.memory.fail_at = m.memory.takes + 1;
    assert_int_equal(ranges_add(&m.ranges, 30, 40, &from, &to), -ENOBUFS);
    m.memory.fail_at = m.memory.takes + 1;
    assert_int_equal(ranges_remove(&m.ranges, 12, 15), -ENOBUFS);
    assert_int_equal(ranges_count(&m.ranges), 1);
    assert_true(ranges_contain(&m.ranges, 10, 20));
    model_end(&m);
}

static void joining_needs_no_node(void **state)
{
    (void)state;
    struct model m;
    uint64_t from, to;
    model_start(&m, 0);
    assert_int_equal(ranges_add(&m.ranges, 10, 20, &from, &to), 0);
    uint64_t takes = m.memory.takes;
    assert_int_equal(ranges_add(&m.ranges, 20, 30, &from, &to), 0);
    assert_int_equal(ranges_add(&m.ranges, 5, 10, &from, &to), 0);
    assert_int_equal(ranges_add(&m.ranges, 1, 50, &from, &to), 0);
    assert_int_equal(m.memory.takes, takes);
    assert_int_equal(from, 1);
    assert_int_equal(to, 50);
    model_end(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_operations_agree_with_a_model),
        cmocka_unit_test(touching_intervals_become_one),
        cmocka_unit_test(an_empty_set_has_nothing),
        cmocka_unit_test(without_a_node_nothing_changes),
        cmocka_unit_test(joining_needs_no_node),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
