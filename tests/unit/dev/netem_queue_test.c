/* The queue of a delay line: order by time, ties by arrival, the front, memory. */
#include "dev/netem_queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/random.h"

static uint32_t put(struct netem_queue *queue, int64_t due, uint64_t number)
{
    uint8_t byte = (uint8_t)number;
    uint32_t entry = netem_queue_take(queue, (struct bytes){&byte, 1});
    assert_int_not_equal(entry, NETEM_QUEUE_NONE);
    queue->entries[entry].number = number;
    netem_queue_insert(queue, entry, (struct instant){due});
    return entry;
}

static uint64_t get(struct netem_queue *queue)
{
    uint32_t first = netem_queue_remove_first(queue);
    uint64_t number = queue->entries[first].number;
    assert_int_equal(*netem_queue_bytes(queue, first), (uint8_t)number);
    netem_queue_give(queue, first);
    return number;
}

static void packets_leave_in_order_of_time(void **state)
{
    (void)state;
    struct netem_queue queue;
    assert_int_equal(netem_queue_open(&queue, 8, 64), 0);
    put(&queue, 30, 1);
    put(&queue, 10, 2);
    put(&queue, 20, 3);
    put(&queue, 40, 4);
    put(&queue, -5, 5);
    assert_int_equal(get(&queue), 5);
    assert_int_equal(get(&queue), 2);
    assert_int_equal(get(&queue), 3);
    assert_int_equal(get(&queue), 1);
    assert_int_equal(get(&queue), 4);
    assert_int_equal(netem_queue_first(&queue), NETEM_QUEUE_NONE);
    netem_queue_close(&queue);
}

static void ties_leave_in_order_of_arrival(void **state)
{
    (void)state;
    struct netem_queue queue;
    assert_int_equal(netem_queue_open(&queue, 8, 64), 0);
    put(&queue, 10, 1);
    put(&queue, 20, 2);
    put(&queue, 10, 3);
    put(&queue, 10, 4);
    put(&queue, 20, 5);
    for (unsigned i = 0; i < 5; i++) {
        static const uint64_t order[] = {1, 3, 4, 2, 5};
        assert_int_equal(get(&queue), order[i]);
    }
    netem_queue_close(&queue);
}

static void the_front_goes_first_and_its_last_before_its_first(void **state)
{
    (void)state;
    struct netem_queue queue;
    assert_int_equal(netem_queue_open(&queue, 8, 64), 0);
    put(&queue, 1, 1);
    for (uint64_t number = 2; number <= 3; number++) {
        uint8_t byte = (uint8_t)number;
        uint32_t entry = netem_queue_take(&queue, (struct bytes){&byte, 1});
        queue.entries[entry].number = number;
        netem_queue_insert_front(&queue, entry, (struct instant){99});
    }
    assert_int_equal(netem_queue_count(&queue), 3);
    assert_int_equal(get(&queue), 3);
    assert_int_equal(get(&queue), 2);
    assert_int_equal(get(&queue), 1);
    assert_int_equal(queue.bytes_held, 0);
    netem_queue_close(&queue);
}

static void the_latest_is_the_largest_time_in_the_queue(void **state)
{
    (void)state;
    struct netem_queue queue;
    struct instant latest;
    assert_int_equal(netem_queue_open(&queue, 8, 64), 0);
    assert_false(netem_queue_latest(&queue, &latest));
    put(&queue, 30, 1);
    put(&queue, 10, 2);
    assert_true(netem_queue_latest(&queue, &latest));
    assert_int_equal(latest.ns, 30);
    get(&queue);
    assert_true(netem_queue_latest(&queue, &latest));
    assert_int_equal(latest.ns, 30);
    netem_queue_close(&queue);
}

static void a_full_queue_takes_no_more_until_one_is_given_back(void **state)
{
    (void)state;
    struct netem_queue queue;
    assert_int_equal(netem_queue_open(&queue, 2, 64), 0);
    put(&queue, 1, 1);
    put(&queue, 2, 2);
    assert_int_equal(netem_queue_take(&queue, (struct bytes){(const uint8_t *)"", 1}),
                     NETEM_QUEUE_NONE);
    get(&queue);
    put(&queue, 3, 3);
    assert_int_equal(get(&queue), 2);
    assert_int_equal(get(&queue), 3);
    netem_queue_close(&queue);
}

static void memory_is_bounded_whatever_is_asked_for(void **state)
{
    (void)state;
    struct netem_queue queue;
    assert_int_equal(netem_queue_open(&queue, UINT32_MAX, 65536), 0);
    assert_int_equal(queue.capacity, 4096);
    netem_queue_close(&queue);
}

/* Against a plain search for the least (time, arrival). */
static void random_traffic_is_sorted(void **state)
{
    (void)state;
    enum { SPAN = 64, STEPS = 20000 };
    struct netem_queue queue;
    struct random random;
    int64_t due[SPAN];
    uint64_t number[SPAN];
    unsigned held = 0;
    uint64_t next = 0;
    random_seed(&random, 7);
    assert_int_equal(netem_queue_open(&queue, SPAN, 64), 0);
    for (unsigned step = 0; step < STEPS; step++) {
        if (held < SPAN && random_below(&random, 2)) {
            due[held] = (int64_t)(step / 4 + random_below(&random, 20));
            number[held] = next;
            put(&queue, due[held], next++);
            held++;
        } else if (held > 0) {
            unsigned least = 0;
            for (unsigned i = 1; i < held; i++) {
                if (due[i] < due[least] || (due[i] == due[least] && number[i] < number[least]))
                    least = i;
            }
            assert_int_equal(get(&queue), number[least]);
            held--;
            due[least] = due[held];
            number[least] = number[held];
        }
        assert_int_equal(netem_queue_count(&queue), held);
    }
    netem_queue_close(&queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packets_leave_in_order_of_time),
        cmocka_unit_test(ties_leave_in_order_of_arrival),
        cmocka_unit_test(the_front_goes_first_and_its_last_before_its_first),
        cmocka_unit_test(the_latest_is_the_largest_time_in_the_queue),
        cmocka_unit_test(a_full_queue_takes_no_more_until_one_is_given_back),
        cmocka_unit_test(memory_is_bounded_whatever_is_asked_for),
        cmocka_unit_test(random_traffic_is_sorted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
