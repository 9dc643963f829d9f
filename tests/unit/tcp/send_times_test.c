/* A sender's time, by what held it up. */
#include "tcp/send_times.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct instant at_ms(int64_t ms)
{
    return instant_add(INSTANT_ZERO, duration_ms(ms));
}

static int64_t ms_of(const struct send_times *times, enum sending kind, int64_t now)
{
    return duration_to_ms(send_times_of(times, kind, at_ms(now)));
}

static void kinds_exclude_one_another_and_sum_up_to_busy(void **state)
{
    struct send_times times = {.is = SENDING_NOTHING};

    (void)state;
    send_times_set(&times, SENDING_FREELY, at_ms(100));
    send_times_set(&times, SENDING_WINDOW_LIMITED, at_ms(110));
    send_times_set(&times, SENDING_BUFFER_LIMITED, at_ms(130));
    send_times_set(&times, SENDING_FREELY, at_ms(170));
    send_times_set(&times, SENDING_NOTHING, at_ms(250));
    send_times_set(&times, SENDING_WINDOW_LIMITED, at_ms(1000));
    send_times_set(&times, SENDING_NOTHING, at_ms(1001));
    assert_int_equal(ms_of(&times, SENDING_FREELY, 2000), 90);
    assert_int_equal(ms_of(&times, SENDING_WINDOW_LIMITED, 2000), 21);
    assert_int_equal(ms_of(&times, SENDING_BUFFER_LIMITED, 2000), 40);
    assert_int_equal(duration_to_ms(send_times_busy(&times, at_ms(2000))), 151);
}

static void what_goes_on_counts_until_now(void **state)
{
    struct send_times times = {.is = SENDING_NOTHING};

    (void)state;
    send_times_set(&times, SENDING_WINDOW_LIMITED, at_ms(10));
    assert_int_equal(ms_of(&times, SENDING_WINDOW_LIMITED, 15), 5);
    send_times_set(&times, SENDING_WINDOW_LIMITED, at_ms(20)); /* nothing changes */
    assert_int_equal(ms_of(&times, SENDING_WINDOW_LIMITED, 25), 15);
    assert_int_equal(duration_to_ms(send_times_busy(&times, at_ms(25))), 15);
    assert_int_equal(ms_of(&times, SENDING_FREELY, 25), 0);
}

static void a_new_sender_has_spent_nothing(void **state)
{
    struct send_times times = {.is = SENDING_NOTHING};

    (void)state;
    assert_int_equal(duration_to_ms(send_times_busy(&times, at_ms(5000))), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_exclude_one_another_and_sum_up_to_busy),
        cmocka_unit_test(what_goes_on_counts_until_now),
        cmocka_unit_test(a_new_sender_has_spent_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
