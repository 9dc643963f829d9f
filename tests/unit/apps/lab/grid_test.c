/* Experiments as text, and the links that their cells ask for. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lab/grid.h"
#include "lab/link_spec.h"
#include "lab/ready.h"

static struct grid grid;
static char error[256];

static void parse(const char *text)
{
    if (grid_parse(text, &grid, error, sizeof error) < 0)
        fail_msg("%s", error);
}

static void a_section_begins_with_what_stands_before_the_first(void **state)
{
    (void)state;
    parse("title  A title\n"
          "# a comment\n"
          "repeats 7\n"
          "loss 0 1%\n"
          "[one]\n"
          "loss 0 1% 2.5%\n"
          "[two]\n"
          "  stack kernel tunny+kernel  \n");
    assert_string_equal(grid.title, "A title");
    assert_int_equal(grid.section_count, 2);
    assert_int_equal(grid.sections[0].repeats, 7);
    assert_int_equal(grid.sections[0].dimension[DIMENSION_LOSS].count, 3);
    assert_int_equal(grid.sections[1].dimension[DIMENSION_LOSS].count, 2);
    assert_string_equal(grid.sections[1].dimension[DIMENSION_STACK].text[1], "tunny+kernel");
    assert_string_equal(grid.sections[1].dimension[DIMENSION_CC].text[0], "cubic");
}

static void without_a_section_everything_is_one(void **state)
{
    (void)state;
    parse("loss 3%");
    assert_int_equal(grid.section_count, 1);
    assert_string_equal(grid.sections[0].name, "grid");
    assert_int_equal(section_cells(&grid.sections[0]), 1);
}

static void cells_count_through_the_values_with_the_stack_innermost(void **state)
{
    (void)state;
    parse("loss 0 1% 3%\nrtt 2ms 20ms\nstack kernel tunny\n");
    const struct section *section = &grid.sections[0];
    assert_int_equal(section_cells(section), 12);
    assert_string_equal(section_cell(section, 0).values[DIMENSION_STACK], "kernel");
    assert_string_equal(section_cell(section, 1).values[DIMENSION_STACK], "tunny");
    assert_string_equal(section_cell(section, 2).values[DIMENSION_RTT], "20ms");
    assert_string_equal(section_cell(section, 4).values[DIMENSION_LOSS], "1%");
    assert_string_equal(section_cell(section, 11).values[DIMENSION_LOSS], "3%");
    assert_int_equal(section_axis(section), DIMENSION_LOSS);
    assert_true(section_varies(section, DIMENSION_RTT));
    assert_false(section_varies(section, DIMENSION_RATE));
}

static void wrong_lines_are_refused_with_their_number(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } wrong[] = {
        {"loss 1", "line 1: loss 1: expected"},
        {"\nrtt 20", "line 2: rtt 20: expected"},
        {"rate 10", "rate 10"},
        {"rate -1mbit", "rate -1mbit"},
        {"queue 0", "queue 0"},
        {"stack kernel+linux", "stack kernel+linux"},
        {"stack kernel+", "stack kernel+"},
        {"direction sideways", "direction sideways"},
        {"fault \"loss 1%", "a quote is not closed"},
        {"fault \"loss 1%; delay 1ms\"", "fault loss 1%; delay 1ms"},
        {"loss", "a value is missing"},
        {"repeats 0", "repeats 0"},
        {"repeats 1 2", "one value"},
        {"colour red", "there is no key colour"},
        {"show speed", "show speed"},
        {"axis x", "axis x"},
        {"[a b]", "[a b]"},
        {"[a]\n[a]", "line 2: [a] is there twice"},
        {"time 5s\nskip 5s", "skip is not shorter"},
        {"time 500s", "timeout is not longer"},
        {"loss 1% 1% 1% 1% 1% 1% 1% 1% 1% 1% 1% 1% 1% 1% 1% 1% 1%", "more than 16 values"},
        {"repeats 1000\nloss 0 1% 2% 3% 4%\nrtt 1ms 2ms 3ms 4ms 5ms\nrate 1mbit 2mbit 3mbit 4mbit "
         "5mbit",
         "more than 100000 runs"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(grid_parse(wrong[i].text, &grid, error, sizeof error), -EINVAL);
        if (strstr(error, wrong[i].says) == NULL)
            fail_msg("\"%s\" says \"%s\"", wrong[i].text, error);
    }
}

static const char *spec_of(const char *text)
{
    static char spec[LINK_SPEC_SIZE];
    parse(text);
    struct cell cell = section_cell(&grid.sections[0], 0);
    assert_int_equal(link_spec_of(&cell, spec), 0);
    return spec;
}

static void data_meets_the_faults_and_acknowledgements_half_the_rtt(void **state)
{
    (void)state;
    assert_string_equal(spec_of("direction up\nloss 1%\nrtt 25ms\nrate 10mbit\nqueue 64K\n"
                                "reorder 2%\njitter 1ms\nduplicate 3%\nfault \"corrupt 1%\""),
                        "forward: limit 200000 delay 12500us 1000us loss 1% reorder 2% duplicate "
                        "3% corrupt 1% rate 10mbit queue tail 65536; backward: limit 200000 delay "
                        "12500us");
    assert_string_equal(spec_of("direction down\nrate unlimited"),
                        "backward: limit 200000 delay 10000us; forward: limit 200000 delay "
                        "10000us");
    assert_string_equal(spec_of("direction up\nrate 1mbit\nqueue codel:1M\nrtt 0"),
                        "forward: limit 200000 delay 0us rate 1mbit queue codel 1048576; backward: "
                        "limit 200000 delay 0us");
}

static void a_schedule_names_the_directions_by_what_they_carry(void **state)
{
    (void)state;
    assert_string_equal(spec_of("direction down\nrate unlimited\nrtt 0\n"
                                "schedule at 1s data rate 3mbit; at 2s acks loss 1%; at 3s down"),
                        "backward: limit 200000 delay 0us; forward: limit 200000 delay 0us; at 1s "
                        "backward rate 3mbit; at 2s forward loss 1%; at 3s down");
}

static void a_queue_of_a_bandwidth_delay_product_has_a_floor(void **state)
{
    (void)state;
    parse("rate 100mbit\nrtt 100ms\nqueue bdp");
    struct cell cell = section_cell(&grid.sections[0], 0);
    assert_int_equal(link_queue_bytes(&cell), 1250000);
    parse("rate 10mbit\nrtt 2ms");
    cell = section_cell(&grid.sections[0], 0);
    assert_int_equal(link_queue_bytes(&cell), 32768);
    parse("rate unlimited\nrtt 2ms");
    cell = section_cell(&grid.sections[0], 0);
    assert_int_equal(link_queue_bytes(&cell), 0);
}

static void flows_are_joined_by_a_plus(void **state)
{
    (void)state;
    assert_int_equal(stack_flows("tunny"), 1);
    assert_int_equal(stack_flows("tunny+kernel+tunny"), 3);
    assert_int_equal(stack_of_flow("tunny+kernel+tunny", 0), STACK_TUNNY);
    assert_int_equal(stack_of_flow("tunny+kernel+tunny", 1), STACK_KERNEL);
    assert_int_equal(stack_of_flow("tunny+kernel+tunny", 2), STACK_TUNNY);
    assert_true(stack_is_kernel("kernel+kernel"));
    assert_false(stack_is_kernel("tunny+kernel"));
}

static void every_ready_experiment_can_be_read(void **state)
{
    const struct ready *ready;
    char spec[LINK_SPEC_SIZE];
    unsigned count = 0;
    (void)state;
    for (; (ready = ready_experiment(count)) != NULL; count++) {
        parse(ready->text);
        assert_true(grid.title[0] != '\0');
        assert_ptr_equal(ready_find(ready->name), ready);
        for (unsigned s = 0; s < grid.section_count; s++) {
            const struct section *section = &grid.sections[s];
            assert_true(section_varies(section, DIMENSION_STACK));
            for (unsigned i = 0; i < section_cells(section); i++) {
                struct cell cell = section_cell(section, i);
                assert_int_equal(link_spec_of(&cell, spec), 0);
            }
        }
    }
    assert_int_equal(count, 10);
    assert_null(ready_find("slow"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_section_begins_with_what_stands_before_the_first),
        cmocka_unit_test(without_a_section_everything_is_one),
        cmocka_unit_test(cells_count_through_the_values_with_the_stack_innermost),
        cmocka_unit_test(wrong_lines_are_refused_with_their_number),
        cmocka_unit_test(data_meets_the_faults_and_acknowledgements_half_the_rtt),
        cmocka_unit_test(a_schedule_names_the_directions_by_what_they_carry),
        cmocka_unit_test(a_queue_of_a_bandwidth_delay_product_has_a_floor),
        cmocka_unit_test(flows_are_joined_by_a_plus),
        cmocka_unit_test(every_ready_experiment_can_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
