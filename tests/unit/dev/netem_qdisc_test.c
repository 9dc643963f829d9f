/* What the kernel's netem is told, byte for byte; and that a kernel without netem is said to be
 * one. The layout was compared with tc's on Linux 6.1: `tc qdisc show` says the same for both. */
#define _GNU_SOURCE
#include "dev/netem_qdisc.h"

#include <errno.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dev/netem_parse.h"
#include "namespace.h"

static struct netem_tables tables;
static struct netlink_message message;

static void requests(const char *specification)
{
    struct netem_notes notes = {.error = ""};
    struct netem_config config;
    netem_tables_free(&tables);
    assert_int_equal(netem_parse(specification, &tables, &config, &notes), 0);
    netem_qdisc_request(&config, 7, &message);
    assert_false(message.overflow);
}

/* --- the options inside the message ----------------------------------------------------------- */

enum { OPTIONS_AT = 16 + 20 + 4 + 8 /* headers, kind */, FIXED_AT = OPTIONS_AT + 4 };

static size_t attribute_end(size_t at)
{
    struct rtattr attribute;
    memcpy(&attribute, message.bytes + at, sizeof attribute);
    return at + ((attribute.rta_len + 3U) & ~3U);
}

/* Where the data of an attribute from `at` up to `end` is, 0: there is none; its length. */
static size_t find_between(size_t at, size_t end, uint16_t type, size_t *length)
{
    for (; at < end; at = attribute_end(at)) {
        struct rtattr attribute;
        memcpy(&attribute, message.bytes + at, sizeof attribute);
        if (attribute.rta_type == type) {
            *length = attribute.rta_len - sizeof attribute;
            return at + sizeof attribute;
        }
    }
    return 0;
}

static size_t find(uint16_t type, size_t *length)
{
    return find_between(FIXED_AT + sizeof(struct tc_netem_qopt), attribute_end(OPTIONS_AT), type,
                        length);
}

/* The attribute has exactly these bytes. */
static void holds(uint16_t type, const void *data, size_t size)
{
    size_t length = 0, at = find(type, &length);
    assert_int_not_equal(at, 0);
    assert_int_equal(length, size);
    assert_memory_equal(message.bytes + at, data, size);
}

static void lacks(uint16_t type)
{
    size_t length;
    assert_int_equal(find(type, &length), 0);
}

static void holds_u64(uint16_t type, uint64_t value)
{
    holds(type, &value, sizeof value);
}

static struct tc_netem_qopt fixed(void)
{
    struct tc_netem_qopt options;
    memcpy(&options, message.bytes + FIXED_AT, sizeof options);
    return options;
}

/* --- tests ------------------------------------------------------------------------------------ */

/* `loss 1% limit 77`, on a machine that stores the low byte first. */
static void the_bytes_are_these(void **state)
{
    (void)state;
    static const uint8_t expected[] = {
        /* nlmsghdr: length, RTM_NEWQDISC, REQUEST|ACK|EXCL|CREATE, sequence, port */
        76, 0, 0, 0, 36, 0, 0x05, 0x06, 1, 0, 0, 0, 0, 0, 0, 0,
        /* tcmsg: family, interface, handle, parent: root, info */
        0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0,
        /* TCA_KIND */
        10, 0, 1, 0, 'n', 'e', 't', 'e', 'm', 0, 0, 0,
        /* TCA_OPTIONS: latency, limit, loss, gap, duplicate, jitter */
        28, 0, 2, 0, 0, 0, 0, 0, 77, 0, 0, 0, 0x29, 0x5c, 0x8f, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0};
    static const uint16_t low_byte_first = 1;
    if (*(const uint8_t *)&low_byte_first != 1)
        skip();
    requests("loss 1% limit 77");
    assert_int_equal(message.length, sizeof expected);
    /* The length in the header is set when the message is sent. */
    assert_memory_equal(message.bytes + 4, expected + 4, sizeof expected - 4);
}

static void times_are_told_in_both_units(void **state)
{
    (void)state;
    requests("delay 100ms 10ms");
    assert_int_equal(fixed().latency, 100000000 / 64);
    assert_int_equal(fixed().jitter, 10000000 / 64);
    holds_u64(TCA_NETEM_LATENCY64, 100000000);
    holds_u64(TCA_NETEM_JITTER64, 10000000);
    lacks(TCA_NETEM_DELAY_DIST);
    requests("delay 1000s");
    assert_true(fixed().latency == UINT32_MAX);
    holds_u64(TCA_NETEM_LATENCY64, UINT64_C(1000000000000));
}

static void tables_are_told_whole(void **state)
{
    (void)state;
    const struct netem_table *normal, *pareto;
    size_t length = 0;
    requests("delay 20ms 5ms distribution normal slot distribution pareto 1ms 2ms");
    assert_int_equal(netem_tables_find(&tables, "normal", &normal), 0);
    assert_int_equal(netem_tables_find(&tables, "pareto", &pareto), 0);
    holds(TCA_NETEM_DELAY_DIST, normal->values, 2 * normal->size);
    holds(TCA_NETEM_SLOT_DIST, pareto->values, 2 * pareto->size);
    find(TCA_NETEM_SLOT, &length);
    assert_int_equal(length, sizeof(struct tc_netem_slot));
}

static void rates_beyond_32_bits_have_an_attribute_of_their_own(void **state)
{
    (void)state;
    struct tc_netem_rate rate = {
        .rate = 625000, .packet_overhead = -20, .cell_size = 48, .cell_overhead = 5};
    requests("rate 5mbit -20 48 5");
    holds(TCA_NETEM_RATE, &rate, sizeof rate);
    lacks(TCA_NETEM_RATE64);
    rate = (struct tc_netem_rate){.rate = UINT32_MAX};
    requests("rate 40gbit");
    holds(TCA_NETEM_RATE, &rate, sizeof rate);
    holds_u64(TCA_NETEM_RATE64, UINT64_C(5000000000));
}

static void slots_have_their_bounds(void **state)
{
    (void)state;
    struct tc_netem_slot slot = {
        .min_delay = 10000000, .max_delay = 20000000, .max_packets = 50, .max_bytes = 1024};
    requests("slot 10ms 20ms packets 50 bytes 1k");
    holds(TCA_NETEM_SLOT, &slot, sizeof slot);
    lacks(TCA_NETEM_SLOT_DIST);
}

static void models_are_nested(void **state)
{
    (void)state;
    struct tc_netem_gimodel state4 = {.p13 = netem_share_to_u32(.1),
                                      .p31 = netem_share_to_u32(.2),
                                      .p32 = netem_share_to_u32(.3),
                                      .p14 = netem_share_to_u32(.05),
                                      .p23 = netem_share_to_u32(.4)};
    struct tc_netem_gemodel gemodel = {netem_share_to_u32(.01), netem_share_to_u32(.1),
                                       netem_share_to_u32(1. - .7), netem_share_to_u32(.001)};
    size_t length = 0, inner = 0;
    requests("loss state 10% 20% 30% 40% 5%");
    size_t at = find(TCA_NETEM_LOSS, &length);
    size_t model = find_between(at, at + length, NETEM_LOSS_GI, &inner);
    assert_int_equal(inner, sizeof state4);
    assert_memory_equal(message.bytes + model, &state4, sizeof state4);
    requests("loss gemodel 1% 10% 70% 0.1%");
    at = find(TCA_NETEM_LOSS, &length);
    model = find_between(at, at + length, NETEM_LOSS_GE, &inner);
    assert_int_equal(inner, sizeof gemodel);
    assert_memory_equal(message.bytes + model, &gemodel, sizeof gemodel);
    assert_int_equal(fixed().loss, 0);
}

static void events_and_correlations_are_told(void **state)
{
    (void)state;
    uint32_t pair[2] = {netem_share_to_u32(.25), netem_share_to_u32(.5)}, one = 1;
    requests("delay 10ms reorder 25% 50% gap 5 corrupt 25% 50% loss 1% 10% duplicate 2% 20% ecn "
             "seed 1234567890123");
    struct tc_netem_corr correlations = {0, netem_share_to_u32(.1), netem_share_to_u32(.2)};
    holds(TCA_NETEM_REORDER, pair, sizeof pair);
    holds(TCA_NETEM_CORRUPT, pair, sizeof pair);
    holds(TCA_NETEM_CORR, &correlations, sizeof correlations);
    holds(TCA_NETEM_ECN, &one, sizeof one);
    holds_u64(14, UINT64_C(1234567890123));
    assert_int_equal(fixed().gap, 5);
    assert_int_equal(fixed().duplicate, netem_share_to_u32(.02));
}

static void what_is_not_asked_for_is_not_told(void **state)
{
    (void)state;
    requests("");
    for (uint16_t type = 1; type < 20; type++)
        lacks(type);
}

/* Either the kernel has netem, and then it takes all of this, or it says that it has none. */
static void the_kernel_takes_it_or_has_none(void **state)
{
    (void)state;
    struct netem_notes notes = {.error = ""};
    struct netem_config config;
    char error[512] = "";
    if (!namespace_enter())
        skip();
    netem_tables_free(&tables);
    assert_int_equal(netem_parse("delay 10ms 1ms distribution normal loss gemodel 1% rate 40gbit "
                                 "slot 1ms seed 5",
                                 &tables, &config, &notes),
                     0);
    int rc = netem_qdisc_set("lo", &config, error, sizeof error);
    if (rc == -ENOENT) {
        assert_non_null(strstr(error, "this kernel has no netem"));
    } else {
        assert_int_equal(rc, 0);
        assert_int_equal(netem_qdisc_set("lo", &config, error, sizeof error), 0);
    }
    assert_int_equal(netem_qdisc_clear("lo", error, sizeof error), 0);
    assert_int_equal(netem_qdisc_set("no-such-one", &config, error, sizeof error), -ENODEV);
    assert_string_equal(error, "there is no interface 'no-such-one' here");
}

static int frees(void **state)
{
    (void)state;
    netem_tables_free(&tables);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_bytes_are_these),
        cmocka_unit_test(times_are_told_in_both_units),
        cmocka_unit_test(tables_are_told_whole),
        cmocka_unit_test(rates_beyond_32_bits_have_an_attribute_of_their_own),
        cmocka_unit_test(slots_have_their_bounds),
        cmocka_unit_test(models_are_nested),
        cmocka_unit_test(events_and_correlations_are_told),
        cmocka_unit_test(what_is_not_asked_for_is_not_told),
        cmocka_unit_test(the_kernel_takes_it_or_has_none),
    };
    return cmocka_run_group_tests(tests, NULL, frees);
}
