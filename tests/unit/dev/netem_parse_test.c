/* The grammar of tc-netem: what its manual page shows, shortened words, wrong words with their
 * reasons, warnings. */
#include "dev/netem_parse.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct parsed {
    int rc;
    struct netem_tables tables;
    struct netem_config config;
    struct netem_notes notes;
};

static struct parsed parse(const char *text)
{
    struct parsed p = {0};
    p.rc = netem_parse(text, &p.tables, &p.config, &p.notes);
    netem_tables_free(&p.tables);
    return p;
}

static void accepts(const char *text)
{
    struct parsed p = parse(text);
    if (p.rc)
        print_error("'%s': %s\n", text, p.notes.error);
    assert_int_equal(p.rc, 0);
}

/* The synopsis and the examples of tc-netem(8), every form of them. */
static void everything_the_manual_page_shows_is_accepted(void **state)
{
    (void)state;
    static const char *const examples[] = {
        "limit 1000",
        "delay 100ms",
        "delay 100ms 20ms",
        "delay 100ms 20ms 25%",
        "delay 100ms 20ms distribution uniform",
        "delay 100ms 20ms distribution normal",
        "delay 100ms 20ms 25% distribution pareto",
        "delay 100ms 20ms distribution paretonormal",
        "latency 100ms",
        "loss random 0.1%",
        "loss random 0.3% 25%",
        "loss 0.1%",
        "loss 0.3% 25%",
        "drop 1%",
        "loss state 1%",
        "loss state 1% 10%",
        "loss state 1% 10% 50%",
        "loss state 1% 10% 50% 20%",
        "loss state 1% 10% 50% 20% 0.5%",
        "loss gemodel 1%",
        "loss gemodel 1% 10%",
        "loss gemodel 1% 10% 70%",
        "loss gemodel 1% 10% 70% 0.1%",
        "loss random 1% ecn",
        "loss gemodel 1% 10% ecn",
        "corrupt 0.1%",
        "corrupt 0.1% 25%",
        "duplicate 1%",
        "duplicate 1% 25%",
        "delay 10ms reorder 25% 50% gap 5",
        "delay 10ms reorder 25% 50%",
        "delay 10ms reorder 100% gap 5",
        "rate 100kbit",
        "rate 5kbit 20 100 5",
        "rate 1mbit -14",
        "rate 1mbit -14 48 -5",
        "slot 800us",
        "slot 20ms 30ms",
        "slot 800us packets 10",
        "slot 800us bytes 64k",
        "slot 20ms 30ms packets 10 bytes 64k",
        "slot distribution uniform 10ms 2ms",
        "slot distribution normal 10ms 2ms packets 10",
        "slot distribution pareto 10ms 2ms bytes 3000",
        "slot distribution paretonormal 10ms 2ms packets 10 bytes 3000",
        "rate 1mbit slot 20ms packets 5",
        "seed 12345678901234567890",
        "limit 5000 delay 20ms 3ms distribution normal loss gemodel 1% 20% corrupt 0.1%",
        "delay 9ms duplicate 0.5% reorder 5% gap 3 rate 10mbit seed 4711471147114711",
    };
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++)
        accepts(examples[i]);
}

static void options_become_numbers(void **state)
{
    (void)state;
    struct parsed p = parse("limit 10k delay 20ms 3ms 10% loss 3% corrupt 0.5 duplicate 1% "
                            "reorder 25% 50% gap 5 rate 10mbit 20 100 -5 seed 77");
    assert_int_equal(p.rc, 0);
    assert_int_equal(p.config.limit, 10240);
    assert_int_equal(p.config.delay.ns, 20000000);
    assert_int_equal(p.config.jitter.ns, 3000000);
    assert_int_equal(p.config.delay_correlation, 429496730);
    assert_int_equal(p.config.loss.probability, 128849019);
    assert_int_equal(p.config.corrupt.probability, 21474836);
    assert_int_equal(p.config.reorder.correlation, 2147483648);
    assert_int_equal(p.config.gap, 5);
    assert_int_equal(p.config.rate, 1250000);
    assert_int_equal(p.config.overhead, 20);
    assert_int_equal(p.config.cell, 100);
    assert_int_equal(p.config.cell_overhead, -5);
    assert_true(p.config.has_seed);
    assert_int_equal(p.config.seed, 77);
}

static void models_have_defaults(void **state)
{
    (void)state;
    struct parsed p = parse("loss state 25%");
    assert_int_equal(p.config.loss_model, NETEM_LOSS_STATE);
    assert_int_equal(p.config.state.p13, 1073741824);
    assert_int_equal(p.config.state.p31, 3221225471); /* 1 - p13 */
    assert_int_equal(p.config.state.p32, 0);
    assert_int_equal(p.config.state.p23, UINT32_MAX);
    assert_int_equal(p.config.state.p14, 0);
    p = parse("loss gemodel 25%");
    assert_int_equal(p.config.loss_model, NETEM_LOSS_GEMODEL);
    assert_int_equal(p.config.gemodel.r, 3221225471); /* 1 - p */
    assert_int_equal(p.config.gemodel.h, 0);
    assert_int_equal(p.config.gemodel.k1, 0);
    p = parse("loss gemodel 25% 50% 75% 1%");
    assert_int_equal(p.config.gemodel.h, 1073741824); /* the option is 1-h */
    assert_int_equal(p.config.gemodel.k1, 42949673);
}

static void words_may_be_shortened_to_any_prefix(void **state)
{
    (void)state;
    struct parsed p = parse("l 7 la 9ms lo 1% se 70000000 rat 1mbit co 1% du 1%");
    assert_int_equal(p.rc, 0);
    assert_int_equal(p.config.limit, 7);
    assert_int_equal(p.config.delay.ns, 9000000);
    assert_int_equal(p.config.loss_model, NETEM_LOSS_RANDOM);
    assert_int_equal(p.config.seed, 70000000);
    assert_int_equal(p.config.rate, 125000);
    assert_int_not_equal(p.config.corrupt.probability, 0);
    assert_int_not_equal(p.config.duplicate.probability, 0);
}

static void the_first_of_several_that_fit_is_meant(void **state)
{
    (void)state;
    assert_int_equal(parse("d 9ms").config.delay.ns, 9000000);
    assert_int_equal(parse("s 70000000").config.seed, 70000000);
    assert_int_equal(parse("dr 1%").config.loss_model, NETEM_LOSS_RANDOM);
    assert_true(parse("sl 9ms p 3 b 9").config.slot.on);
    assert_int_equal(parse("d 9ms r 1% g 4").config.gap, 4);
}

static void gap_is_1_with_reorder_alone(void **state)
{
    (void)state;
    assert_int_equal(parse("delay 1ms reorder 5%").config.gap, 1);
    assert_int_equal(parse("delay 1ms reorder 0%").config.gap, 0);
}

static void a_slot_from_one_time_has_no_width(void **state)
{
    (void)state;
    struct parsed p = parse("slot 800us packets 3");
    assert_int_equal(p.config.slot.shortest.ns, 800000);
    assert_int_equal(p.config.slot.longest.ns, 800000);
    assert_int_equal(p.config.slot.packets, 3);
    assert_int_equal(p.config.slot.bytes, 0);
}

static void wrong_specifications_are_refused_with_the_reason(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *error; /* what the sentence begins with */
    } wrong[] = {
        {"speed 5", "'speed' is no option of netem"},
        {"delay", "delay: nothing follows; time like"},
        {"delay fast", "delay: 'fast' is no time"},
        {"delay 10 ms", "'ms' is no option"},
        {"delay -10ms", "delay: '-10ms' is no time"},
        {"delay 10ms 5ms 101%", "delay, correlation: '101%' is no percentage from 0% to 100%"},
        {"loss", "loss: nothing follows"},
        {"loss 101%", "loss: '101%' is no percentage"},
        {"loss -1%", "loss: '-1%' is no percentage and neither random, state nor gemodel"},
        {"loss bernoulli 1%", "loss: 'bernoulli' is no percentage"},
        {"loss random", "loss: nothing follows"},
        {"loss 1% loss 2%", "loss: given twice"},
        {"loss 1% drop 2%", "loss: given twice"},
        {"loss gemodel 1% 200%", "loss gemodel, r: '200%'"},
        {"loss state x", "loss state: 'x'"},
        {"ecn", "ecn: needs 'loss'"},
        {"gap 5", "gap: needs 'reorder"},
        {"reorder 25%", "reorder: needs a delay"},
        {"delay 1ms reorder 25% gap x", "gap: 'x' is no whole number"},
        {"distribution normal", "distribution: needs 'delay TIME JITTER'"},
        {"delay 10ms distribution normal", "distribution: needs 'delay TIME JITTER'"},
        {"delay 10ms 1ms distribution gaussian", "distribution: there is no table 'gaussian'"},
        {"limit ten", "limit: 'ten' is no number"},
        {"limit 5000000000", "limit: '5000000000' is no number"},
        {"rate fast", "rate: 'fast' is no rate"},
        {"rate 50%", "rate: '50%' is a share of a speed"},
        {"rate 1mbit 1x", "rate, overhead: '1x' is no whole number"},
        {"slot", "slot: nothing follows"},
        {"slot 5ms 1ms", "slot: the longest is shorter than the shortest"},
        {"slot table normal", "slot: 'table' is no time"},
        {"slot distribution normal 5ms", "slot distribution, jitter: nothing follows"},
        {"slot distribution normal 5ms 0", "slot distribution: the jitter must be more than 0"},
        {"slot 5ms bytes 5 packets 3", "'packets' is no option"},
        {"seed", "seed: nothing follows"},
        {"seed -1", "seed: '-1' is no whole number of 64 bits"},
        {"seed 99999999999999999999", "seed: '99999999999999999999'"},
        {"LOSS 1%", "'LOSS' is no option"},
        {"delays 10ms", "'delays' is no option"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct parsed p = parse(wrong[i].text);
        assert_int_equal(p.rc, -EINVAL);
        if (strncmp(p.notes.error, wrong[i].error, strlen(wrong[i].error)) != 0)
            print_error("'%s' gave: %s\n", wrong[i].text, p.notes.error);
        assert_memory_equal(p.notes.error, wrong[i].error, strlen(wrong[i].error));
    }
}

static void warns(const char *text, const char *warning)
{
    struct parsed p = parse(text);
    assert_int_equal(p.rc, 0);
    if (strstr(p.notes.warnings, warning) == NULL)
        print_error("'%s' gave: %s\n", text, p.notes.warnings);
    assert_non_null(strstr(p.notes.warnings, warning));
}

static void surprises_are_told(void **state)
{
    (void)state;
    warns("loss 10% 25%", "about 1.7");
    warns("loss 10% 50%", "about 0.1");
    warns("corrupt 10% 25%", "corrupt: netem's correlation");
    warns("delay 5ms reorder 10% 25%", "reorder: netem's correlation");
    warns("delay 20ms 5ms 90%", "no effect");
    warns("duplicate 10% 50%", "duplicate: tc ignores this correlation");
    warns("delay 10", "nanoseconds");
    warns("delay 5s 3s", "caps the jitter at 2.147 s");
    warns("seed 3", "small");
    warns("loss state 60% 10% 0% 100% 60%", "p13 + p14");
    warns("loss state 10% 60% 60%", "p31 + p32");
    warns("limit 0", "loses every packet");
    warns("delay 100ms rate 1gbit", "set limit 12500");
    warns("rate 1mbit -41", "shorter than 41 bytes stops the link");
}

static void what_does_not_surprise_is_not_warned_of(void **state)
{
    (void)state;
    static const char *const plain[] = {
        "delay 20ms 3ms distribution normal loss 1% seed 0xfeedfacecafebeef",
        "loss gemodel 1% 20%",
        "loss state 1% 10% 50% 20% 0.5%",
        "delay 100ms rate 10mbit reorder 25% gap 5",
        "delay 3s 2147ms 50%",
        "delay 0",
        "rate 1mbit -14",
    };
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        assert_string_equal(parse(plain[i]).notes.warnings, "");
}

static void the_correlation_of_duplicate_counts_only_beside_another(void **state)
{
    (void)state;
    assert_int_equal(parse("duplicate 10% 50%").config.duplicate.correlation, 0);
    assert_int_equal(parse("duplicate 10% 50% loss 1% 1%").config.duplicate.correlation,
                     2147483648);
}

static void jitter_is_capped_at_31_bits(void **state)
{
    (void)state;
    assert_int_equal(parse("delay 5s 3s").config.jitter.ns, INT32_MAX);
    assert_int_equal(parse("slot distribution normal 5s 3s").config.slot.jitter.ns, INT32_MAX);
}

static void a_warning_that_does_not_fit_is_left_out_whole(void **state)
{
    (void)state;
    struct netem_notes notes = {0};
    for (int i = 0; i < 100; i++)
        netem_parse_warning(&notes, "sentence number %d", i);
    size_t len = strlen(notes.warnings);
    assert_true(len > 900 && len < sizeof notes.warnings);
    assert_int_equal(notes.warnings[len - 1], '\n');
}

static void a_warning_is_given_once(void **state)
{
    (void)state;
    struct netem_notes notes = {0};
    netem_parse_warning(&notes, "twice");
    netem_parse_warning(&notes, "other");
    netem_parse_warning(&notes, "twice");
    assert_string_equal(notes.warnings, "twice\nother\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_the_manual_page_shows_is_accepted),
        cmocka_unit_test(options_become_numbers),
        cmocka_unit_test(models_have_defaults),
        cmocka_unit_test(words_may_be_shortened_to_any_prefix),
        cmocka_unit_test(the_first_of_several_that_fit_is_meant),
        cmocka_unit_test(gap_is_1_with_reorder_alone),
        cmocka_unit_test(a_slot_from_one_time_has_no_width),
        cmocka_unit_test(wrong_specifications_are_refused_with_the_reason),
        cmocka_unit_test(surprises_are_told),
        cmocka_unit_test(what_does_not_surprise_is_not_warned_of),
        cmocka_unit_test(the_correlation_of_duplicate_counts_only_beside_another),
        cmocka_unit_test(jitter_is_capped_at_31_bits),
        cmocka_unit_test(a_warning_that_does_not_fit_is_left_out_whole),
        cmocka_unit_test(a_warning_is_given_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
