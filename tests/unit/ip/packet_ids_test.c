/* Identifications. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "ip/packet_ids.h"

static const struct siphash_key key = {9, 10};
static struct packet_ids ids;

static int fresh(void **state)
{
    (void)state;
    packet_ids_init(&ids, &key);
    return 0;
}

static struct address v4(uint32_t n)
{
    return address_from_ipv4_u32(0xc6120000 + n);
}

static uint32_t next4(uint32_t to)
{
    struct address a = v4(1), b = v4(to);
    return packet_ids_next(&ids, &a, &b, 17);
}

/* R6864-01: non-atomic datagrams to one destination are unique as long as 16 bits allow. */
static void all_65536_come_before_any_comes_again(void **state)
{
    (void)state;
    static bool seen[65536];
    for (uint32_t i = 0; i < 65536; i++) {
        uint32_t id = next4(2);
        assert_true(id < 65536);
        assert_false(seen[id]);
        seen[id] = true;
    }
    assert_true(seen[next4(2)]);
}

static void ids_of_ipv6_use_32_bits_and_do_not_repeat(void **state)
{
    (void)state;
    struct address a = {{0xfd, 1}}, b = {{0xfd, 2}};
    static uint8_t seen[1 << 16];
    unsigned repeated = 0, large = 0;
    for (uint32_t i = 0; i < 1000; i++) {
        uint32_t id = packet_ids_next(&ids, &a, &b, 17);
        uint32_t hash = (id * UINT32_C(2654435761)) >> 16;
        repeated += seen[hash];
        seen[hash] = 1;
        large += id > UINT16_MAX;
    }
    assert_true(large > 950);
    assert_true(repeated < 40); /* what a hash of 16 bits makes of 1000 different numbers */
}

/* IPID counter leak / idle scan, R7739-01: no counter is to be seen. */
static void consecutive_ids_have_nothing_to_do_with_each_other(void **state)
{
    (void)state;
    unsigned small_steps = 0, rising = 0;
    uint32_t before = next4(2);
    for (unsigned i = 0; i < 60000; i++) {
        uint32_t id = next4(2);
        uint32_t step = (id - before) & 0xffff;
        small_steps += step < 256;
        rising += id > before;
        before = id;
    }
    assert_in_range(small_steps, 100, 500); /* 234 of chance */
    assert_in_range(rising, 29000, 31000);
}

/* Mixed IPID assignment: traffic to B leaves no trace in the ids that A sees. */
static void what_others_get_does_not_change_what_one_gets(void **state)
{
    (void)state;
    uint32_t quiet[100];
    for (unsigned i = 0; i < 100; i++)
        quiet[i] = next4(2);
    packet_ids_init(&ids, &key);
    for (unsigned i = 0; i < 100; i++) {
        assert_int_equal(next4(2), quiet[i]);
        for (unsigned k = 0; k < i % 7; k++)
            next4(3);
    }
}

static void another_key_or_protocol_or_destination_gives_another_order(void **state)
{
    (void)state;
    struct address a = v4(1), b = v4(2);
    uint32_t first[4][16];
    for (unsigned i = 0; i < 16; i++) {
        first[0][i] = next4(2);
        first[1][i] = next4(3);
        first[2][i] = packet_ids_next(&ids, &a, &b, 1);
    }
    struct siphash_key other = {9, 11};
    packet_ids_init(&ids, &other);
    for (unsigned i = 0; i < 16; i++)
        first[3][i] = next4(2);
    for (unsigned i = 0; i < 4; i++) {
        for (unsigned k = 0; k < i; k++)
            assert_memory_not_equal(first[i], first[k], sizeof first[i]);
    }
}

/* A slot that was taken from a destination begins anew, in another order. */
static void a_destination_that_lost_its_slot_does_not_start_over(void **state)
{
    (void)state;
    uint32_t first[16], again[16];
    for (unsigned i = 0; i < 16; i++)
        first[i] = next4(2);
    for (uint32_t to = 100; to < 100 + 20 * PACKET_IDS_SLOTS; to++)
        next4(to);
    for (unsigned i = 0; i < 16; i++)
        again[i] = next4(2);
    assert_memory_not_equal(first, again, sizeof first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(all_65536_come_before_any_comes_again, fresh),
        cmocka_unit_test_setup(ids_of_ipv6_use_32_bits_and_do_not_repeat, fresh),
        cmocka_unit_test_setup(consecutive_ids_have_nothing_to_do_with_each_other, fresh),
        cmocka_unit_test_setup(what_others_get_does_not_change_what_one_gets, fresh),
        cmocka_unit_test_setup(another_key_or_protocol_or_destination_gives_another_order, fresh),
        cmocka_unit_test_setup(a_destination_that_lost_its_slot_does_not_start_over, fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
