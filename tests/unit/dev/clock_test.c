/* The real clock: monotonic, beside the wall clock, and a wait that ends for each of its reasons.
 */
#define _GNU_SOURCE
#include "dev/clock.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static void instants_do_not_go_back(void **state)
{
    (void)state;
    struct instant before = clock_now();
    for (unsigned i = 0; i < 1000; i++) {
        struct instant now = clock_now();
        assert_false(instant_before(now, before));
        before = now;
    }
}

static void the_epoch_leads_to_the_time_of_day(void **state)
{
    (void)state;
    int64_t wall_ns = clock_epoch_ns() + clock_now().ns;
    int64_t seconds_off = wall_ns / 1000000000 - (int64_t)time(NULL);
    assert_in_range(seconds_off + 2, 0, 4);
}

static void a_wait_ends_at_its_deadline(void **state)
{
    (void)state;
    struct instant until = instant_add(clock_now(), duration_ms(20));
    assert_int_equal(clock_wait(NULL, 0, until), 0);
    assert_true(instant_reached(until, clock_now()));
}

static void a_deadline_in_the_past_does_not_wait(void **state)
{
    (void)state;
    int pipes[2];
    assert_int_equal(pipe(pipes), 0);
    assert_int_equal(clock_wait(pipes, 1, INSTANT_ZERO), 0); /* would hang on an empty pipe */
    close(pipes[0]);
    close(pipes[1]);
}

static void a_wait_ends_when_a_descriptor_is_readable(void **state)
{
    (void)state;
    int pipes[2];
    assert_int_equal(pipe(pipes), 0);
    assert_int_equal(write(pipes[1], "x", 1), 1);
    int descriptors[] = {-1, pipes[0]};
    assert_int_equal(clock_wait(descriptors, 2, INSTANT_NEVER), 0); /* would hang if it did not */
    close(pipes[0]);
    close(pipes[1]);
}

static void on_alarm(int signal_number)
{
    (void)signal_number;
}

static void a_signal_ends_a_wait(void **state)
{
    (void)state;
    struct sigaction action = {.sa_handler = on_alarm};
    /* repeated, for the case that the first comes before the wait begins */
    struct itimerval soon = {.it_value = {.tv_usec = 10000}, .it_interval = {.tv_usec = 10000}};
    struct itimerval off = {.it_value = {.tv_usec = 0}};
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &soon, NULL);
    assert_int_equal(clock_wait(NULL, 0, INSTANT_NEVER), -EINTR);
    setitimer(ITIMER_REAL, &off, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(instants_do_not_go_back),
        cmocka_unit_test(the_epoch_leads_to_the_time_of_day),
        cmocka_unit_test(a_wait_ends_at_its_deadline),
        cmocka_unit_test(a_deadline_in_the_past_does_not_wait),
        cmocka_unit_test(a_wait_ends_when_a_descriptor_is_readable),
        cmocka_unit_test(a_signal_ends_a_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
