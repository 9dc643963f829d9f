/* Unwrapping against a search for the nearest number, around every place where it could go wrong.
 */
#include "base/seq.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"

/* The number with the wire's low 32 bits in [near - 2^31, near + 2^31), in 128-bit arithmetic. */
static seqno nearest(uint32_t wire, seqno near)
{
    __extension__ typedef __int128 wide;
    wide lowest = (wide)near - (INT64_C(1) << 31);
    wide candidate = (lowest >> 32 << 32) + wire;
    return (seqno)(candidate < lowest ? candidate + (INT64_C(1) << 32) : candidate);
}

static void unwraps_to_the_nearest_number(void **state)
{
    (void)state;
    static const seqno centres[] = {
        (UINT64_C(1) << 31) + 300, SEQ_FIRST_EPOCH,   SEQ_FIRST_EPOCH + (UINT64_C(1) << 31),
        2 * SEQ_FIRST_EPOCH,       UINT64_C(1) << 62,
    };
    static const uint32_t wires[] = {0, UINT32_C(1) << 31, UINT32_MAX};
    for (size_t c = 0; c < sizeof centres / sizeof centres[0]; c++)
        for (int64_t d = -300; d <= 300; d++) {
            seqno near = centres[c] + (seqno)d;
            for (size_t w = 0; w < sizeof wires / sizeof wires[0]; w++)
                for (int32_t e = -3; e <= 3; e++) {
                    uint32_t wire = wires[w] + (uint32_t)e;
                    seqno number = seq_unwrap((struct wire_seq){wire}, near);
                    assert_int_equal(number, nearest(wire, near));
                    assert_int_equal((uint32_t)number, wire);
                }
        }
}

static void both_ends_of_the_half_circle(void **state)
{
    (void)state;
    seqno near = 3 * SEQ_FIRST_EPOCH + 5;
    seqno lowest = near - (UINT64_C(1) << 31);
    seqno highest = near + (UINT64_C(1) << 31) - 1;
    assert_int_equal(seq_unwrap(seq_wrap(lowest), near), lowest);
    assert_int_equal(seq_unwrap(seq_wrap(highest), near), highest);
    assert_int_equal(seq_unwrap(seq_wrap(highest + 1), near), lowest);
    assert_int_equal(seq_unwrap(seq_wrap(lowest - 1), near), highest);
}

static void wrapping_and_unwrapping_gives_the_same(void **state)
{
    (void)state;
    uint64_t seed = 20265;
    struct random random;
    print_message("seed %llu\n", (unsigned long long)seed);
    random_seed(&random, seed);
    for (int i = 0; i < 100000; i++) {
        seqno near = SEQ_FIRST_EPOCH + (random_u64(&random) >> 2);
        seqno number = near - (UINT64_C(1) << 31) + random_below(&random, UINT64_C(1) << 32);
        assert_int_equal(seq_unwrap(seq_wrap(number), near), number);
    }
}

static void wraps_past_2_to_the_32(void **state)
{
    (void)state;
    assert_int_equal(seq_wrap(2 * SEQ_FIRST_EPOCH - 1).u32, UINT32_MAX);
    assert_int_equal(seq_wrap(2 * SEQ_FIRST_EPOCH).u32, 0);
    seqno before = 2 * SEQ_FIRST_EPOCH - 1;
    assert_int_equal(seq_unwrap((struct wire_seq){0}, before), before + 1);
}

static void the_smaller_and_the_larger(void **state)
{
    (void)state;
    assert_int_equal(seq_min(SEQ_FIRST_EPOCH, SEQ_FIRST_EPOCH - 1), SEQ_FIRST_EPOCH - 1);
    assert_int_equal(seq_max(SEQ_FIRST_EPOCH, SEQ_FIRST_EPOCH - 1), SEQ_FIRST_EPOCH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unwraps_to_the_nearest_number),
        cmocka_unit_test(both_ends_of_the_half_circle),
        cmocka_unit_test(wrapping_and_unwrapping_gives_the_same),
        cmocka_unit_test(wraps_past_2_to_the_32),
        cmocka_unit_test(the_smaller_and_the_larger),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
