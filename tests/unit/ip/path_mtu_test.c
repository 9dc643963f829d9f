/* The estimates of path MTUs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "ip/path_mtu.h"

static const struct siphash_key key = {7, 8};
static struct path_mtu table;
static const struct instant start = {1000000000};

static int fresh(void **state)
{
    (void)state;
    path_mtu_init(&table, &key, 1500);
    return 0;
}

static struct address v4(uint32_t n)
{
    return address_from_ipv4_u32(0xc6120000 + n);
}

static struct address v6(uint8_t n)
{
    return (struct address){{0xfd, [15] = n}};
}

/* R1191-01 */
static void a_smaller_mtu_is_remembered_for_that_destination_only(void **state)
{
    (void)state;
    struct address a = v4(1), b = v4(2);
    assert_int_equal(path_mtu_get(&table, &a, start), 1500);
    assert_int_equal(path_mtu_reduce(&table, &a, 1400, 1500, start), 1400);
    assert_int_equal(path_mtu_get(&table, &a, start), 1400);
    assert_int_equal(path_mtu_get(&table, &b, start), 1500);
}

/* R1191-04, R8201-02 */
static void no_message_raises_the_estimate(void **state)
{
    (void)state;
    struct address a = v4(1), c = v6(1);
    assert_int_equal(path_mtu_reduce(&table, &a, 9000, 1500, start), 1500);
    assert_int_equal(path_mtu_reduce(&table, &c, 9000, 1500, start), 1500);
    path_mtu_reduce(&table, &a, 1000, 1500, start);
    path_mtu_reduce(&table, &c, 1300, 1500, start);
    assert_int_equal(path_mtu_reduce(&table, &a, 1400, 1500, start), 1000);
    assert_int_equal(path_mtu_reduce(&table, &c, 1400, 1500, start), 1300);
}

/* R1191-02, R5927-04, Forged PTB / PMTU collapse */
static void ipv4_never_falls_below_576(void **state)
{
    (void)state;
    static const uint32_t forged[] = {1, 40, 67, 68, 296, 552, 575, 576};
    for (uint32_t i = 0; i < 8; i++) {
        struct address a = v4(i);
        for (unsigned times = 0; times < 20; times++)
            path_mtu_reduce(&table, &a, forged[i], 1500, start);
        assert_in_range(path_mtu_get(&table, &a, start), 576, 1006);
        if (forged[i] >= 68)
            assert_int_equal(path_mtu_get(&table, &a, start), 576);
    }
}

/* R1191-03, R1191-02 */
static void a_message_without_an_mtu_steps_down_the_plateaus(void **state)
{
    (void)state;
    struct address a = v4(1);
    static const uint32_t steps[] = {1492, 1006, 576, 576};
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(path_mtu_reduce(&table, &a, 0, 1500, start), steps[i]);
    /* From the length that was too long, when that was shorter. */
    a = v4(2);
    assert_int_equal(path_mtu_reduce(&table, &a, 0, 1200, start), 1006);
    path_mtu_init(&table, &key, 65535);
    static const uint32_t all[] = {32000, 17914, 8166, 4352, 2002, 1492, 1006, 576};
    for (unsigned i = 0; i < 8; i++)
        assert_int_equal(path_mtu_reduce(&table, &a, 0, 65535, start), all[i]);
}

/* R8201-01, IPv6 atomic fragments via PTB<1280 */
static void ipv6_ignores_less_than_1280(void **state)
{
    (void)state;
    struct address a = v6(1);
    for (uint32_t mtu = 0; mtu < 1280; mtu++)
        assert_int_equal(path_mtu_reduce(&table, &a, mtu, 1500, start), 1500);
    assert_int_equal(path_mtu_reduce(&table, &a, 1280, 1500, start), 1280);
}

/* R1191-02, Forged PTB / PMTU collapse: heals in 10 minutes. */
static void after_10_minutes_it_is_forgotten(void **state)
{
    (void)state;
    struct address a = v4(1);
    path_mtu_reduce(&table, &a, 1000, 1500, start);
    struct instant end = instant_add(start, duration_s(600));
    assert_int_equal(path_mtu_get(&table, &a, instant_back(end, duration_ns(1))), 1000);
    assert_int_equal(path_mtu_get(&table, &a, end), 1500);
    assert_int_equal(path_mtu_reduce(&table, &a, 1400, 1500, end), 1400);
}

/* PMTU exception side channel: bounded, and who falls out depends on the key. */
static void the_table_is_bounded_and_keyed(void **state)
{
    (void)state;
    static bool kept[2][2000];
    for (unsigned k = 0; k < 2; k++) {
        struct siphash_key other = {k, 1};
        path_mtu_init(&table, &other, 1500);
        size_t count = 0;
        for (uint32_t i = 0; i < 2000; i++) {
            struct address a = v4(i);
            path_mtu_reduce(&table, &a, 1000, 1500, instant_add(start, duration_ns(i)));
        }
        for (uint32_t i = 0; i < 2000; i++) {
            struct address a = v4(i);
            kept[k][i] = path_mtu_get(&table, &a, instant_add(start, duration_s(1))) == 1000;
            count += kept[k][i];
        }
        assert_in_range(count, PATH_MTU_SETS * PATH_MTU_WAYS * 9 / 10,
                        PATH_MTU_SETS * PATH_MTU_WAYS);
        assert_true(kept[k][1999]); /* the youngest is never the one that goes */
    }
    assert_memory_not_equal(kept[0], kept[1], sizeof kept[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_smaller_mtu_is_remembered_for_that_destination_only, fresh),
        cmocka_unit_test_setup(no_message_raises_the_estimate, fresh),
        cmocka_unit_test_setup(ipv4_never_falls_below_576, fresh),
        cmocka_unit_test_setup(a_message_without_an_mtu_steps_down_the_plateaus, fresh),
        cmocka_unit_test_setup(ipv6_ignores_less_than_1280, fresh),
        cmocka_unit_test_setup(after_10_minutes_it_is_forgotten, fresh),
        cmocka_unit_test_setup(the_table_is_bounded_and_keyed, fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
