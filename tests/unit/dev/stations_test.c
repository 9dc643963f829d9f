/* The table of stations: learning, moving, being full. */
#include "dev/stations.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct stations stations;

static int fresh(void **state)
{
    static const struct siphash_key key = {3, 4};
    (void)state;
    stations_init(&stations, &key);
    return 0;
}

static struct address host(uint32_t number)
{
    return address_from_ipv4_u32(0x0a000000 + number);
}

static void what_was_heard_is_found(void **state)
{
    (void)state;
    struct address a = host(1), b = host(2);
    stations_learn(&stations, &a, 5);
    assert_int_equal(stations_find(&stations, &a), 5);
    assert_int_equal(stations_find(&stations, &b), STATION_UNKNOWN);
}

static void a_station_that_moves_is_found_at_its_new_place(void **state)
{
    (void)state;
    struct address a = host(1);
    stations_learn(&stations, &a, 0);
    stations_learn(&stations, &a, 1);
    assert_int_equal(stations_find(&stations, &a), 1);
    assert_int_equal(stations.count, 1);
}

static void a_full_table_keeps_what_it_has(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 2 * STATIONS_SIZE; i++) {
        struct address a = host(i);
        stations_learn(&stations, &a, (int)(i % 16));
    }
    assert_int_equal(stations.count, STATIONS_MOST);
    for (uint32_t i = 0; i < 2 * STATIONS_SIZE; i++) {
        struct address a = host(i);
        int expected = i < STATIONS_MOST ? (int)(i % 16) : STATION_UNKNOWN;
        assert_int_equal(stations_find(&stations, &a), expected);
    }
    struct address a = host(0);
    stations_learn(&stations, &a, 9);
    assert_int_equal(stations_find(&stations, &a), 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(what_was_heard_is_found, fresh),
        cmocka_unit_test_setup(a_station_that_moves_is_found_at_its_new_place, fresh),
        cmocka_unit_test_setup(a_full_table_keeps_what_it_has, fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
