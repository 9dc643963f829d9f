/* The public calls of a link, between two TUNs in a network namespace of the test's own: what is
 * carried and counted, live change, what is refused. Skipped, with the reason printed, where no TUN
 * may be made. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../dev/namespace.h"
#include "tunny.h"

static bool in_namespace;
static char error[512];
static struct tunny_link *link_made;

static int enter(void **state)
{
    (void)state;
    in_namespace = namespace_enter();
    return 0;
}

static const char *const two_ends[] = {"ta=198.18.0.1/24", "tb=198.18.1.1/24"};

static void opens(struct tunny_link_config config)
{
    config.ends = two_ends;
    config.end_count = 2;
    if (!in_namespace)
        skip();
    int rc = tunny_link_create(&config, &link_made, error, sizeof error);
    if (rc == -EACCES || rc == -ENOENT || rc == -EPERM || rc == -ENODEV) {
        printf("skipped: %s\n", error);
        skip();
    }
    if (rc)
        fail_msg("%s", error);
}

/* The kernel sends `count` datagrams into ta. */
static void kernel_sends(int count)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9)};
    inet_pton(AF_INET, "198.18.0.77", &to.sin_addr);
    int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    for (int i = 0; i < count; i++)
        assert_int_equal(sendto(s, "hello", 5, 0, (struct sockaddr *)&to, sizeof to), 5);
    close(s);
}

/* Carries what is there: a descriptor that is readable already ends the run as soon as the link has
 * nothing to do. */
static void carries(void)
{
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(write(ends[1], "x", 1), 1);
    int rc = tunny_link_run(link_made, ends, 1, error, sizeof error);
    if (rc)
        fail_msg("%s", error);
    close(ends[0]);
    close(ends[1]);
}

static void packets_are_carried_and_counted(void **state)
{
    (void)state;
    struct tunny_link_end end;
    opens((struct tunny_link_config){.seed = 5});
    kernel_sends(3);
    carries();
    struct tunny_link_figures f = tunny_link_figures(link_made, TUNNY_FORWARD);
    assert_int_equal(f.impaired.packets, 3);
    assert_int_equal(f.bytes, 3 * 33);
    assert_int_equal(tunny_link_figures(link_made, TUNNY_BACKWARD).impaired.packets, 0);
    assert_int_equal(tunny_link_end(link_made, 0, &end), 0);
    assert_string_equal(end.name, "ta");
    assert_int_equal(end.received, 3);
    assert_false(end.is_far);
    assert_int_equal(tunny_link_end(link_made, 1, &end), 0);
    assert_int_equal(end.transmitted, 3);
    assert_true(end.is_far);
    assert_int_equal(tunny_link_end(link_made, 2, &end), -ENOENT);
    assert_true(tunny_link_seed(link_made) == 5);
    assert_true(tunny_link_age_ns(link_made) > 0);
    assert_int_equal(tunny_link_destroy(link_made), 0);
}

static void a_running_link_can_be_changed(void **state)
{
    (void)state;
    char text[256];
    opens((struct tunny_link_config){.forward = "seed 77", .offload = 1});
    assert_int_equal(tunny_link_set(link_made, TUNNY_FORWARD, "loss 100%", error, sizeof error), 0);
    kernel_sends(2);
    carries();
    assert_int_equal(tunny_link_figures(link_made, TUNNY_FORWARD).impaired.lost, 2);
    tunny_link_impair(link_made, TUNNY_FORWARD, text, sizeof text);
    assert_string_equal(text, "limit 1000 loss 100% seed 77");
    assert_int_equal(tunny_link_set(link_made, TUNNY_BOTH, "loss", error, sizeof error), -EINVAL);
    tunny_link_down(link_made, TUNNY_BACKWARD);
    assert_true(tunny_link_figures(link_made, TUNNY_BACKWARD).is_down);
    assert_false(tunny_link_figures(link_made, TUNNY_FORWARD).is_down);
    tunny_link_up(link_made, TUNNY_BOTH);
    assert_false(tunny_link_figures(link_made, TUNNY_BACKWARD).is_down);
    assert_int_equal(tunny_link_set(link_made, TUNNY_FORWARD, "seed 3", error, sizeof error), 0);
    assert_non_null(strstr(tunny_link_warnings(link_made, TUNNY_FORWARD), "seed:"));
    assert_string_equal(tunny_link_warnings(link_made, TUNNY_BACKWARD), "");
    tunny_link_destroy(link_made);
}

static void seeds_are_made_up_where_none_is_named(void **state)
{
    (void)state;
    opens((struct tunny_link_config){.seed = 0});
    uint64_t first = tunny_link_seed(link_made);
    tunny_link_destroy(link_made);
    opens((struct tunny_link_config){.seed = 0});
    assert_true(first != 0 && tunny_link_seed(link_made) != first);
    tunny_link_destroy(link_made);
}

static void refuses(const char *const *ends, unsigned count, unsigned far, const char *sentence)
{
    struct tunny_link_config config = {.ends = ends, .end_count = count, .far_count = far};
    assert_true(tunny_link_create(&config, &link_made, error, sizeof error) < 0);
    if (!strstr(error, sentence))
        fail_msg("'%s' is not in '%s'", sentence, error);
}

static void wrong_ends_are_refused(void **state)
{
    (void)state;
    static const char *const wrong[][2] = {
        {"ta=198.18.0.1", "tb=x"},
        {"/ta", "tb"},
        {"tun:", "tb"},
        {"no-such-namespace/ta", "tb"},
        {"a-name-of-an-interface-that-is-longer-than-fifteen", "tb"},
    };
    static const char *const sentences[] = {
        "'x' is no address", "'/ta' is no end", "'tun:' is no end",
        "there is no network namespace 'no-such-namespace'", "more than 15 characters"};
    if (!in_namespace)
        skip();
    refuses(two_ends, 1, 0, "a link has 2 to 16 ends");
    refuses(two_ends, 2, 2, "leave none on the near side");
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        refuses(wrong[i], 2, 1, sentences[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packets_are_carried_and_counted),
        cmocka_unit_test(a_running_link_can_be_changed),
        cmocka_unit_test(seeds_are_made_up_where_none_is_named),
        cmocka_unit_test(wrong_ends_are_refused),
    };
    return cmocka_run_group_tests(tests, enter, NULL);
}
