/* Settings by name. */
#include "tcp/tunables.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void defaults_are_those_of_the_list(void **state)
{
    struct tcp_tunables values;
    size_t count;
    const struct tunable *all = tunables_all(&count);

    (void)state;
    memset(&values, 0xa5, sizeof values);
    tunables_defaults(&values);
    assert_int_equal(count * sizeof(int64_t), sizeof values);
    for (size_t i = 0; i < count; i++) {
        int64_t value = -1;
        assert_int_equal(tunables_get(&values, all[i].name, &value), 0);
        assert_true(value == all[i].fallback);
    }
    assert_int_equal(values.tcp_reordering, 3);
}

static void every_default_lies_within_its_bounds_and_every_name_is_unique(void **state)
{
    size_t count;
    const struct tunable *all = tunables_all(&count);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        assert_true(all[i].least <= all[i].fallback && all[i].fallback <= all[i].most);
        assert_true(strlen(all[i].unit) > 0 && strlen(all[i].sentence) > 0);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(all[i].name, all[j].name);
    }
}

/* R6928-03 */
static void a_setting_changes_by_name(void **state)
{
    struct tcp_tunables values;
    int64_t value;

    (void)state;
    tunables_defaults(&values);
    assert_int_equal(tunables_set(&values, "tcp_initial_cwnd", 2), 0);
    assert_int_equal(values.tcp_initial_cwnd, 2);
    assert_int_equal(tunables_get(&values, "tcp_initial_cwnd", &value), 0);
    assert_int_equal(value, 2);
}

static void both_bounds_belong_to_the_range(void **state)
{
    struct tcp_tunables values;
    size_t count;
    const struct tunable *all = tunables_all(&count);

    (void)state;
    tunables_defaults(&values);
    for (size_t i = 0; i < count; i++) {
        int64_t value;
        assert_int_equal(tunables_set(&values, all[i].name, all[i].least), 0);
        assert_int_equal(tunables_set(&values, all[i].name, all[i].most), 0);
        assert_int_equal(tunables_set(&values, all[i].name, all[i].least - 1), -ERANGE);
        assert_int_equal(tunables_set(&values, all[i].name, all[i].most + 1), -ERANGE);
        assert_int_equal(tunables_get(&values, all[i].name, &value), 0);
        assert_true(value == all[i].most);
    }
}

static void an_unknown_name_is_refused(void **state)
{
    struct tcp_tunables values;
    int64_t value = 17;

    (void)state;
    tunables_defaults(&values);
    assert_int_equal(tunables_set(&values, "tcp_teleport", 1), -ENOENT);
    assert_int_equal(tunables_get(&values, "tcp_teleport", &value), -ENOENT);
    assert_int_equal(tunables_get(&values, "", &value), -ENOENT);
    assert_int_equal(value, 17);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_those_of_the_list),
        cmocka_unit_test(every_default_lies_within_its_bounds_and_every_name_is_unique),
        cmocka_unit_test(a_setting_changes_by_name),
        cmocka_unit_test(both_bounds_belong_to_the_range),
        cmocka_unit_test(an_unknown_name_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
