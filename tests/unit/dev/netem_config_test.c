/* The text of a configuration: canonical, complete, and reading back as the same. */
#include "dev/netem_config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "dev/netem_parse.h"

static void assert_text(const char *specification, const char *expected)
{
    struct netem_tables tables = {0};
    struct netem_notes notes = {0};
    struct netem_config config;
    char text[NETEM_TEXT_SIZE], again[NETEM_TEXT_SIZE];
    assert_int_equal(netem_parse(specification, &tables, &config, &notes), 0);
    assert_int_equal(netem_config_text(&config, text, sizeof text), strlen(expected));
    assert_string_equal(text, expected);
    assert_int_equal(netem_parse(text, &tables, &config, &notes), 0);
    netem_config_text(&config, again, sizeof again);
    assert_string_equal(again, expected);
    netem_tables_free(&tables);
}

static void defaults_are_left_out(void **state)
{
    (void)state;
    assert_text("", "limit 1000");
    assert_text("delay 0 loss 0% corrupt 0% duplicate 0% reorder 0%", "limit 1000");
    assert_text("loss 0% ecn", "limit 1000 loss 0% ecn");
}

static void every_option_has_its_words(void **state)
{
    (void)state;
    assert_text("lat 20ms 5ms 25% dist normal",
                "limit 1000 delay 20ms 5ms 25% distribution normal");
    assert_text("loss 0.3% 25%", "limit 1000 loss 0.3% 25%");
    assert_text("loss state 1% 10%", "limit 1000 loss state 1% 10% 0% 100% 0%");
    assert_text("loss gemodel 1% 10% 70% 0.1% ecn", "limit 1000 loss gemodel 1% 10% 70% 0.1% ecn");
    assert_text("delay 10ms reorder 25% 50% gap 5", "limit 1000 delay 10ms reorder 25% 50% gap 5");
    assert_text("delay 10ms corrupt 2% duplicate 1%", "limit 1000 delay 10ms corrupt 2% "
                                                      "duplicate 1%");
    assert_text("rate 5kbit 20 100 5", "limit 1000 rate 5kbit 20 100 5");
    assert_text("rate 1gbit -14", "limit 1000 rate 1gbit -14");
    assert_text("slot 800us", "limit 1000 slot 800us 800us");
    assert_text("slot distribution pareto 5ms 1ms packets 9 bytes 3k",
                "limit 1000 slot distribution pareto 5ms 1ms packets 9 bytes 3072");
    assert_text("limit 10k seed 0x10", "limit 10240 seed 16");
}

static void a_correlation_that_only_makes_another_count_stays(void **state)
{
    (void)state;
    assert_text("corrupt 0% 50% duplicate 10% 50%", "limit 1000 corrupt 0% 50% duplicate 10% 50%");
    assert_text("delay 0 0 50% duplicate 10% 50%",
                "limit 1000 delay 0ns 0ns 50% duplicate 10% 50%");
}

static void every_probability_reads_back(void **state)
{
    (void)state;
    struct random random;
    random_seed(&random, 3);
    for (int i = 0; i < 2000; i++) {
        struct netem_tables tables = {0};
        struct netem_notes notes = {0};
        struct netem_config config, back;
        char text[NETEM_TEXT_SIZE];
        netem_config_default(&config);
        config.loss_model = NETEM_LOSS_GEMODEL;
        config.gemodel.p = random_u32(&random) >> random_below(&random, 32);
        config.gemodel.r = random_u32(&random);
        config.gemodel.h = random_u32(&random) >> random_below(&random, 32);
        config.gemodel.k1 = UINT32_MAX - (random_u32(&random) >> random_below(&random, 32));
        netem_config_text(&config, text, sizeof text);
        assert_int_equal(netem_parse(text, &tables, &back, &notes), 0);
        assert_memory_equal(&back.gemodel, &config.gemodel, sizeof config.gemodel);
    }
}

static void a_short_buffer_is_filled_and_the_length_told(void **state)
{
    (void)state;
    struct netem_config config;
    char text[8];
    netem_config_default(&config);
    assert_int_equal(netem_config_text(&config, text, sizeof text), strlen("limit 1000"));
    assert_string_equal(text, "limit 1");
    assert_int_equal(netem_config_text(&config, NULL, 0), strlen("limit 1000"));
}

static void plain_is_what_changes_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool plain;
    } cases[] = {
        {"", true},
        {"limit 5 seed 3", true},
        {"loss 0% corrupt 0%", true},
        {"loss 1%", false},
        {"loss state 0%", false},
        {"loss gemodel 0%", false},
        {"limit 0", false},
        {"delay 1ns", false},
        {"delay 0 1ms", false},
        {"rate 1gbit", false},
        {"slot 1ms", false},
        {"duplicate 1%", false},
        {"corrupt 1%", false},
        {"delay 1ms reorder 1%", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct netem_tables tables = {0};
        struct netem_notes notes = {0};
        struct netem_config config;
        assert_int_equal(netem_parse(cases[i].text, &tables, &config, &notes), 0);
        assert_int_equal(netem_config_is_plain(&config), cases[i].plain);
        netem_tables_free(&tables);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_left_out),
        cmocka_unit_test(every_option_has_its_words),
        cmocka_unit_test(a_correlation_that_only_makes_another_count_stays),
        cmocka_unit_test(every_probability_reads_back),
        cmocka_unit_test(plain_is_what_changes_nothing),
        cmocka_unit_test(a_short_buffer_is_filled_and_the_length_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
