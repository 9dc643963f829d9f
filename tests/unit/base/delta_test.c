/* Objects written as their difference from a model come back as they were. */
#include "base/delta.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "dies.h"

enum { WORDS = 1500, SIZE = WORDS * 8, ROOM = SIZE + WORDS + WORDS / 255 + 2 };

static uint64_t object[WORDS], model[WORDS], again[WORDS];
static uint8_t written[ROOM];

static size_t comes_back(void)
{
    size_t length = delta_write(object, model, SIZE, written, sizeof written);
    assert_true(length <= sizeof written);
    memset(again, 0xaa, sizeof again);
    delta_read(again, model, SIZE, written, length);
    assert_memory_equal(again, object, SIZE);
    return length;
}

static void begins_equal(uint64_t first)
{
    for (unsigned i = 0; i < WORDS; i++)
        object[i] = model[i] = first + i * 77777;
}

static void what_is_equal_costs_nothing(void **state)
{
    (void)state;
    begins_equal(3);
    assert_int_equal(comes_back(), 0);
}

static void a_word_costs_as_many_bytes_as_it_differs_by(void **state)
{
    (void)state;
    for (unsigned bytes = 1; bytes <= 8; bytes++) {
        begins_equal(UINT64_MAX / 3);
        object[1] += UINT64_C(1) << (8 * bytes - 2);
        assert_int_equal(comes_back(), 1 + (bytes == 7 ? 8 : bytes));
        begins_equal(UINT64_MAX / 3);
        object[1] -= UINT64_C(1) << (8 * bytes - 2);
        assert_int_equal(comes_back(), 1 + (bytes == 7 ? 8 : bytes));
    }
}

static void a_word_written_just_before_costs_one_byte(void **state)
{
    (void)state;
    begins_equal(0);
    for (unsigned i = 0; i < 7; i++)
        object[i] = UINT64_MAX / (i + 2);
    for (unsigned i = 7; i < 14; i++)
        object[i] = object[i - 7];
    assert_int_equal(comes_back(), 7 * 9 + 7);
}

static void gaps_of_every_length_are_kept(void **state)
{
    (void)state;
    for (unsigned gap = 0; gap < WORDS - 1; gap++) {
        begins_equal(gap);
        object[0]++;
        object[gap + 1]++;
        (void)comes_back();
    }
}

static void whatever_differs_comes_back(void **state)
{
    (void)state;
    struct random random;
    for (uint64_t seed = 0; seed < 500; seed++) {
        random_seed(&random, seed);
        begins_equal(random_u64(&random));
        for (uint64_t changes = random_below(&random, 2 * WORDS); changes > 0; changes--) {
            uint64_t *word = &object[random_below(&random, WORDS)];
            if (random_one_in(&random, 2))
                *word = object[random_below(&random, WORDS)] + random_below(&random, 9) - 4;
            else
                *word = random_u64(&random) >> random_below(&random, 64);
        }
        (void)comes_back();
    }
}

static void never_writes_beyond_its_room(void **state)
{
    (void)state;
    begins_equal(0);
    for (unsigned i = 0; i < WORDS; i += 2)
        object[i] = ~model[i] << i % 64;
    size_t length = comes_back();
    for (size_t room = 0; room < length; room += 7) {
        written[room] = 0x5a;
        assert_int_equal(delta_write(object, model, SIZE, written, room), SIZE_MAX);
        assert_int_equal(written[room], 0x5a);
    }
}

static void read_into_less(void *length)
{
    delta_read(again, model, SIZE - 8, written, *(const size_t *)length);
}

static void a_difference_of_another_size_is_our_mistake(void **state)
{
    (void)state;
    begins_equal(0);
    object[WORDS - 1]++;
    size_t length = delta_write(object, model, SIZE, written, sizeof written);
    assert_true(dies_of_a_check(read_into_less, &length));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_equal_costs_nothing),
        cmocka_unit_test(a_word_costs_as_many_bytes_as_it_differs_by),
        cmocka_unit_test(a_word_written_just_before_costs_one_byte),
        cmocka_unit_test(gaps_of_every_length_are_kept),
        cmocka_unit_test(whatever_differs_comes_back),
        cmocka_unit_test(never_writes_beyond_its_room),
        cmocka_unit_test(a_difference_of_another_size_is_our_mistake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
