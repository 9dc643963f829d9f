/* The specification of a link: directions, seeds, schedules, what netem does not have, errors. */
#include "dev/impair_spec.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct impair_specification spec;
static struct netem_notes notes;

static int parse(const char *text)
{
    impair_specification_free(&spec);
    memset(&notes, 0, sizeof notes);
    return impair_specification_parse(text, &spec, &notes);
}

static const struct netem_config *out(void)
{
    return &spec.side[IMPAIR_OUT].netem;
}

static const struct netem_config *in(void)
{
    return &spec.side[IMPAIR_IN].netem;
}

static void one_clause_is_for_both_directions(void **state)
{
    (void)state;
    assert_int_equal(parse("delay 20ms loss 3%"), 0);
    assert_int_equal(out()->delay.ns, 20000000);
    assert_int_equal(in()->delay.ns, 20000000);
    assert_int_equal(out()->loss.probability, in()->loss.probability);
}

static void directions_have_two_names_each(void **state)
{
    (void)state;
    static const char *const forms[] = {
        "out: delay 20ms ; in: delay 5ms",    "forward: delay 20ms;backward: delay 5ms",
        "  in:delay 5ms;\n out:delay 20ms  ", "out delay 20ms; in delay 5ms",
        "both: delay 5ms; out: delay 20ms",   "delay 5ms; forward: delay 20ms;",
    };
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        assert_int_equal(parse(forms[i]), 0);
        assert_int_equal(out()->delay.ns, 20000000);
        assert_int_equal(in()->delay.ns, 5000000);
    }
}

static void clauses_add_up(void **state)
{
    (void)state;
    assert_int_equal(parse("delay 20ms; in: loss 3%"), 0);
    assert_int_equal(in()->delay.ns, 20000000);
    assert_int_equal(in()->loss_model, NETEM_LOSS_RANDOM);
    assert_int_equal(out()->loss_model, NETEM_LOSS_NONE);
}

static void nothing_is_a_plain_link(void **state)
{
    (void)state;
    assert_int_equal(parse(""), 0);
    assert_int_equal(parse(" ; ;"), 0);
    assert_int_equal(out()->limit, 1000);
}

static void unnamed_seeds_come_from_the_one_and_differ(void **state)
{
    (void)state;
    assert_int_equal(parse("delay 20ms"), 0);
    impair_specification_seed(&spec, 42);
    uint64_t first = out()->seed, second = in()->seed;
    assert_true(first != second);
    assert_true(first == UINT64_C(13679457532755275413)); /* splitmix64(42) */
    assert_int_equal(parse("out: seed 77000000"), 0);
    impair_specification_seed(&spec, 42);
    assert_true(out()->seed == 77000000);
    assert_true(in()->seed == second);
}

static void scripts_and_queues_are_kept_apart(void **state)
{
    (void)state;
    assert_int_equal(parse("out: drop 3,7,20-25 loss 1% mask 0x5 ; "
                           "in: drop syn#1 rate 10mbit queue codel 64k ecn"),
                     0);
    assert_int_equal(spec.side[IMPAIR_OUT].script.count, 3);
    assert_int_equal(spec.side[IMPAIR_OUT].script.mask, 5);
    assert_int_equal(out()->loss_model, NETEM_LOSS_RANDOM);
    assert_int_equal(spec.side[IMPAIR_IN].script.count, 1);
    assert_int_equal(spec.side[IMPAIR_IN].queue.kind, IMPAIR_QUEUE_CODEL);
    assert_int_equal(spec.side[IMPAIR_IN].queue.bytes, 65536);
    assert_true(spec.side[IMPAIR_IN].queue.ecn);
    assert_int_equal(parse("rate 1mbit queue tail 10k loss 1%"), 0);
    assert_int_equal(spec.side[IMPAIR_IN].queue.kind, IMPAIR_QUEUE_TAIL);
    assert_false(spec.side[IMPAIR_IN].queue.ecn);
}

static void drop_with_a_number_is_tcs_loss(void **state)
{
    (void)state;
    assert_int_equal(parse("drop 3%"), 0);
    assert_int_equal(out()->loss_model, NETEM_LOSS_RANDOM);
    assert_string_equal(notes.warnings, "");
    assert_int_equal(parse("drop 3"), 0);
    assert_int_equal(out()->loss_model, NETEM_LOSS_RANDOM);
    assert_non_null(strstr(notes.warnings, "'#3'"));
    assert_int_equal(parse("drop #3"), 0);
    assert_int_equal(out()->loss_model, NETEM_LOSS_NONE);
    assert_int_equal(spec.side[IMPAIR_OUT].script.ranges[0].first, 3);
}

static void changes_keep_what_they_do_not_name(void **state)
{
    (void)state;
    assert_int_equal(parse("delay 20ms loss 1% ; at 2s forward loss 5% ; at 3s delay 1ms"), 0);
    assert_int_equal(spec.change_count, 2);
    const struct impair_change *first = &spec.changes[0], *second = &spec.changes[1];
    assert_int_equal(first->at.ns, 2000000000);
    assert_true(first->concerns[IMPAIR_OUT]);
    assert_false(first->concerns[IMPAIR_IN]);
    assert_int_equal(first->netem[IMPAIR_OUT].delay.ns, 20000000);
    assert_int_equal(first->netem[IMPAIR_OUT].loss.probability, netem_share_to_u32(.05));
    assert_int_equal(second->netem[IMPAIR_OUT].delay.ns, 1000000);
    assert_int_equal(second->netem[IMPAIR_OUT].loss.probability, netem_share_to_u32(.05));
    assert_int_equal(second->netem[IMPAIR_IN].loss.probability, netem_share_to_u32(.01));
}

static void links_go_down_and_up(void **state)
{
    (void)state;
    assert_int_equal(parse("at 5s down; at 7s up; at 8s in: down"), 0);
    assert_int_equal(spec.changes[0].kind, IMPAIR_CHANGE_DOWN);
    assert_true(spec.changes[0].concerns[IMPAIR_OUT] && spec.changes[0].concerns[IMPAIR_IN]);
    assert_int_equal(spec.changes[1].kind, IMPAIR_CHANGE_UP);
    assert_int_equal(spec.changes[2].kind, IMPAIR_CHANGE_DOWN);
    assert_false(spec.changes[2].concerns[IMPAIR_OUT]);
}

static void the_text_reads_back_as_the_same(void **state)
{
    (void)state;
    static const char *const forms[] = {
        "",
        "delay 20ms loss 3%",
        "out: delay 9ms 5ms distribution normal drop 3,syn#1 ; in: rate 1mbit queue codel 64k ecn",
        "loss gemodel 1% 20% mask 0xff; at 2s forward loss 5%; at 1500ms down; at 7s in: up",
        "log /tmp/fates replay /tmp/others limit 10k",
    };
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        char first[IMPAIR_TEXT_SIZE], second[IMPAIR_TEXT_SIZE];
        int rc = parse(forms[i]);
        if (i == 3) { /* 1.5 s after 2 s */
            assert_int_equal(rc, -EINVAL);
            rc = parse("loss gemodel 1% 20% mask 0xff; at 1500ms down; at 2s forward loss 5%; "
                       "at 7s in: up");
        }
        assert_int_equal(rc, 0);
        impair_specification_seed(&spec, i);
        size_t length = impair_specification_text(&spec, first, sizeof first);
        assert_int_equal(length, strlen(first));
        assert_int_equal(parse(first), 0);
        impair_specification_seed(&spec, 999);
        impair_specification_text(&spec, second, sizeof second);
        assert_string_equal(second, first);
    }
}

static void wrong_specifications_are_refused_with_the_reason(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *error;
    } wrong[] = {
        {"fast", "'fast' is no option (netem:"},
        {"up: delay 5ms", "'up:' is no option"},
        {"delay 5ms; loss", "loss: nothing follows"},
        {"out: gap 5", "gap: needs"},
        {"drop 3,x", "drop: '3,x' is no list"},
        {"drop #0", "drop: '#0' is no list"},
        {"mask", "mask: '' is no number"},
        {"mask 5x", "mask: '5x' is no number"},
        {"queue fifo 5k", "queue: 'fifo' is neither tail nor codel"},
        {"rate 1mbit queue tail", "queue: '' is no number of bytes"},
        {"rate 1mbit queue tail 0", "queue: '0' is no number of bytes"},
        {"queue tail 64k", "queue: needs 'rate'"},
        {"trace", "trace: the name of a file"},
        {"trace /nonexistent/x", "trace: '/nonexistent/x' cannot be read"},
        {"trace /dev/null", "trace: '/dev/null', line 0 is no time"},
        {"log", "log: the name of a file"},
        {"at 2s", "at: options, 'down' or 'up'"},
        {"at soon down", "at: 'soon' is no time"},
        {"at 5s down; at 2s up", "at: 2s comes after a later time"},
        {"at 2s sideways loss 5%", "at: 'sideways' is no option"},
        {"at 2s loss 200%", "loss: '200%'"},
        {"at 2s queue tail 64k", "at: 'queue' is no option"},
        {"at 2s reorder 5%", "reorder: needs a delay"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(parse(wrong[i].text), -EINVAL);
        if (strncmp(notes.error, wrong[i].error, strlen(wrong[i].error)) != 0)
            print_error("'%s' gave: %s\n", wrong[i].text, notes.error);
        assert_memory_equal(notes.error, wrong[i].error, strlen(wrong[i].error));
    }
}

static void changes_are_at_most_32_and_255_bytes(void **state)
{
    (void)state;
    char text[4096] = "";
    for (int i = 0; i < IMPAIR_CHANGES; i++)
        strcat(text, "at 1s down;");
    assert_int_equal(parse(text), 0);
    strcat(text, "at 1s up");
    assert_int_equal(parse(text), -EINVAL);
    snprintf(text, sizeof text, "at 1s delay 5ms%300s", "loss 5%");
    assert_int_equal(parse(text), -EINVAL);
}

static int parse_each(const char *forward, const char *backward)
{
    const char *const texts[IMPAIR_DIRECTIONS] = {forward, backward};
    impair_specification_free(&spec);
    memset(&notes, 0, sizeof notes);
    return impair_specification_parse_each(texts, &spec, &notes);
}

static void a_trace_takes_the_place_of_the_rate(void **state)
{
    (void)state;
    char path[] = "/tmp/tunny-trace.XXXXXX", text[1024], again[1024];
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0 && write(descriptor, "5\n9\n", 4) == 4);
    close(descriptor);
    snprintf(text, sizeof text, "trace %s", path);
    assert_int_equal(parse(text), 0);
    const struct impair_queue_config *queue = &spec.side[IMPAIR_OUT].queue;
    assert_int_equal(queue->kind, IMPAIR_QUEUE_TAIL);
    assert_int_equal(queue->trace->count, 2);
    assert_ptr_equal(queue->trace, spec.side[IMPAIR_IN].queue.trace);
    snprintf(text, sizeof text,
             "out: limit 1000 delay 5ms trace %s queue codel 65536 ecn; in: limit 1000", path);
    assert_int_equal(parse(text), 0);
    impair_specification_text(&spec, again, sizeof again);
    assert_string_equal(again, text);
    snprintf(text, sizeof text, "rate 5mbit trace %s", path);
    assert_int_equal(parse(text), -EINVAL);
    snprintf(text, sizeof text, "trace %s; at 2s rate 5mbit", path);
    assert_int_equal(parse(text), -EINVAL);
    unlink(path);
}

static void each_direction_may_have_a_text_of_its_own(void **state)
{
    (void)state;
    char text[1024];
    assert_int_equal(parse_each("delay 20ms; at 5s loss 5%; at 9s down", "at 7s forward: up"),
                     -EINVAL);
    assert_non_null(strstr(notes.error, "speaks of the other"));
    assert_int_equal(parse_each("delay 20ms; at 5s loss 5%; at 9s down", "delay 1ms; at 7s up"), 0);
    assert_int_equal(out()->delay.ns, 20000000);
    assert_int_equal(in()->delay.ns, 1000000);
    assert_int_equal(spec.change_count, 3);
    assert_true(spec.changes[1].concerns[IMPAIR_IN] && !spec.changes[1].concerns[IMPAIR_OUT]);
    assert_int_equal(spec.changes[2].at.ns, 9000000000);
    impair_specification_side_text(&spec, IMPAIR_OUT, text, sizeof text);
    assert_string_equal(text, "limit 1000 delay 20ms; at 5s loss 5%; at 9s down");
    impair_specification_side_text(&spec, IMPAIR_IN, text, sizeof text);
    assert_string_equal(text, "limit 1000 delay 1ms; at 7s up");
    assert_int_equal(parse_each(NULL, "loss 1%"), 0);
    assert_int_equal(out()->loss_model, NETEM_LOSS_NONE);
}

static void a_warning_for_both_directions_is_given_once(void **state)
{
    (void)state;
    assert_int_equal(parse("seed 3"), 0);
    const char *first = strstr(notes.warnings, "seed:");
    assert_non_null(first);
    assert_null(strstr(first + 1, "seed:"));
}

static int free_spec(void **state)
{
    (void)state;
    impair_specification_free(&spec);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_clause_is_for_both_directions),
        cmocka_unit_test(directions_have_two_names_each),
        cmocka_unit_test(clauses_add_up),
        cmocka_unit_test(nothing_is_a_plain_link),
        cmocka_unit_test(unnamed_seeds_come_from_the_one_and_differ),
        cmocka_unit_test(scripts_and_queues_are_kept_apart),
        cmocka_unit_test(drop_with_a_number_is_tcs_loss),
        cmocka_unit_test(changes_keep_what_they_do_not_name),
        cmocka_unit_test(links_go_down_and_up),
        cmocka_unit_test(the_text_reads_back_as_the_same),
        cmocka_unit_test(wrong_specifications_are_refused_with_the_reason),
        cmocka_unit_test(changes_are_at_most_32_and_255_bytes),
        cmocka_unit_test(a_trace_takes_the_place_of_the_rate),
        cmocka_unit_test(each_direction_may_have_a_text_of_its_own),
        cmocka_unit_test(a_warning_for_both_directions_is_given_once),
    };
    return cmocka_run_group_tests(tests, NULL, free_spec);
}
