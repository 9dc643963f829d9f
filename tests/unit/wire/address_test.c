/* Addresses: texts in and out, classes, prefixes. */
#include "wire/address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct address of(const char *text)
{
    struct address a;
    assert_true(address_parse(text, &a));
    return a;
}

static void prints_as(const char *text, const char *expected)
{
    char printed[ADDRESS_TEXT_SIZE];
    struct address a = of(text);
    assert_string_equal(address_print(&a, printed), expected);
}

static void ipv4_reads_and_prints(void **state)
{
    (void)state;
    prints_as("198.18.0.1", "198.18.0.1");
    prints_as("0.0.0.0", "0.0.0.0");
    prints_as("255.255.255.255", "255.255.255.255");
    struct address a = of("198.18.0.1");
    assert_true(address_is_ipv4(&a));
    assert_int_equal(address_ipv4_u32(&a), 0xc6120001);
    struct address b = address_from_ipv4_u32(0xc6120001);
    assert_true(address_equal(&a, &b));
    struct address c = of("::ffff:198.18.0.1");
    assert_true(address_equal(&a, &c));
}

/* RFC 5952, 4 and 5 */
static void ipv6_prints_in_the_recommended_form(void **state)
{
    (void)state;
    prints_as("::", "::");
    prints_as("::1", "::1");
    prints_as("1::", "1::");
    prints_as("2001:0DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1");
    prints_as("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1");
    prints_as("2001:0:0:1:0:0:0:1", "2001:0:0:1::1");
    prints_as("1:2:3:4:5:6:0:0", "1:2:3:4:5:6::");
    prints_as("[fd00:7475:6e::1]", "fd00:7475:6e::1");
    prints_as("fd00::1.2.3.4", "fd00::102:304");
    prints_as("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0");
    prints_as("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
}

static void what_is_no_address_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "1.2.3",
        "1.2.3.4.5",
        "1.2.3.256",
        "01.2.3.4",
        "1.2.3.",
        "1..3.4",
        " 1.2.3.4",
        "1.2.3.4 ",
        "1.2.3.-4",
        ":",
        ":::",
        "1::2::3",
        "12345::",
        "1:2:3:4:5:6:7",
        ":1::",
        "::1:",
        "1:2:3:4:5:6:7:8:9",
        "[::1",
        "::1]",
        "[1.2.3.4]",
        "g::",
        "::1.2.3",
        "1.2.3.4::",
        "[]",
        "1:2:3:4:5:6:7:1.2.3.4",
        "1:2:3:4:5:6:7:8::",
        "::1.2.3.4.5",
        "1:2:3:4::5:6:7:8",
    };
    struct address a;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        if (address_parse(wrong[i], &a))
            fail_msg("\"%s\" was read", wrong[i]);
}

static void prefixes_read(void **state)
{
    (void)state;
    struct prefix p;
    assert_true(prefix_parse("198.18.0.1/24", &p));
    assert_int_equal(p.length, 24);
    assert_true(prefix_parse("198.18.0.1", &p));
    assert_int_equal(p.length, 32);
    assert_true(prefix_parse("fd00::1/64", &p));
    assert_int_equal(p.length, 64);
    assert_true(prefix_parse("::/0", &p));
    assert_int_equal(p.length, 0);
    assert_true(prefix_parse("fd00::1", &p));
    assert_int_equal(p.length, 128);
    assert_false(prefix_parse("198.18.0.1/33", &p));
    assert_false(prefix_parse("fd00::1/129", &p));
    assert_false(prefix_parse("198.18.0.1/", &p));
    assert_false(prefix_parse("198.18.0.1/024", &p));
    assert_false(prefix_parse("198.18.0.1/2x", &p));
    assert_false(prefix_parse("/24", &p));
}

static void endpoints_read_and_print(void **state)
{
    (void)state;
    struct endpoint e;
    char text[ENDPOINT_TEXT_SIZE];
    assert_true(endpoint_parse("198.18.0.1:80", &e));
    assert_int_equal(e.port, 80);
    assert_string_equal(endpoint_print(&e, text), "198.18.0.1:80");
    assert_true(endpoint_parse("[fd00::1]:65535", &e));
    assert_string_equal(endpoint_print(&e, text), "[fd00::1]:65535");
    static const char *const wrong[] = {
        "198.18.0.1",  "198.18.0.1:", "198.18.0.1:65536", "fd00::1:80",  ":80",         "[fd00::1]",
        "[fd00::1]80", "1.2.3.4:080", "1.2.3.4:-1",       "[fd00::1:80", "[1.2.3.4]:80"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        if (endpoint_parse(wrong[i], &e))
            fail_msg("\"%s\" was read", wrong[i]);
}

static void the_longest_texts_fit(void **state)
{
    (void)state;
    char text[FLOW_TEXT_SIZE];
    struct flow f;
    memset(&f, 0xff, sizeof f);
    assert_string_equal(flow_print(&f, text), "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535 > "
                                              "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535");
}

static bool holds(bool (*predicate)(const struct address *), const char *text)
{
    struct address a = of(text);
    return predicate(&a);
}

/* R1122-02 */
static void classes_have_their_edges(void **state)
{
    (void)state;
    static const struct address zero;
    assert_true(address_is_unspecified(&zero));
    assert_true(holds(address_is_unspecified, "0.0.0.0"));
    assert_false(holds(address_is_unspecified, "0.0.0.1"));
    assert_true(holds(address_is_loopback, "127.255.0.1"));
    assert_true(holds(address_is_loopback, "::1"));
    assert_false(holds(address_is_loopback, "::2"));
    assert_false(holds(address_is_loopback, "128.0.0.1"));
    assert_true(holds(address_is_multicast, "224.0.0.1"));
    assert_true(holds(address_is_multicast, "239.255.255.255"));
    assert_true(holds(address_is_multicast, "ff02::1"));
    assert_false(holds(address_is_multicast, "240.0.0.1"));
    assert_false(holds(address_is_multicast, "223.255.255.255"));
    assert_true(holds(address_is_broadcast, "255.255.255.255"));
    assert_false(holds(address_is_broadcast, "ffff:ffff::ffff:ffff"));
    assert_true(holds(address_is_link_local, "169.254.1.1"));
    assert_true(holds(address_is_link_local, "febf::1"));
    assert_false(holds(address_is_link_local, "fec0::1"));
    assert_true(holds(address_is_reserved_source, "0.1.2.3"));
    assert_true(holds(address_is_reserved_source, "240.0.0.1"));
    assert_false(holds(address_is_reserved_source, "198.18.0.1"));
    assert_false(holds(address_is_reserved_source, "fd00::1"));
}

static bool contains(const char *prefix_text, const char *text)
{
    struct prefix p;
    struct address a = of(text);
    assert_true(prefix_parse(prefix_text, &p));
    return prefix_contains(&p, &a);
}

static void prefixes_contain_their_family_only(void **state)
{
    (void)state;
    assert_true(contains("198.18.0.0/15", "198.19.255.255"));
    assert_false(contains("198.18.0.0/15", "198.20.0.0"));
    assert_true(contains("198.18.0.1/32", "198.18.0.1"));
    assert_false(contains("198.18.0.1/32", "198.18.0.0"));
    assert_true(contains("0.0.0.0/0", "1.2.3.4"));
    assert_false(contains("0.0.0.0/0", "fd00::1"));
    assert_false(contains("::/0", "1.2.3.4"));
    assert_true(contains("::/0", "fd00::1"));
    assert_true(contains("fd00::/9", "fd7f::1"));
    assert_false(contains("fd00::/9", "fd80::1"));
}

static void broadcast_is_the_last_of_the_subnet(void **state)
{
    (void)state;
    struct prefix p;
    char text[ADDRESS_TEXT_SIZE];
    assert_true(prefix_parse("198.18.5.1/22", &p));
    struct address a = prefix_broadcast(&p);
    assert_string_equal(address_print(&a, text), "198.18.7.255");
    assert_true(prefix_parse("198.18.5.1/30", &p));
    a = prefix_broadcast(&p);
    assert_string_equal(address_print(&a, text), "198.18.5.3");
    assert_true(prefix_parse("0.0.0.0/0", &p));
    a = prefix_broadcast(&p);
    assert_true(address_is_broadcast(&a));
}

static void flows_are_equal_in_all_four_parts(void **state)
{
    (void)state;
    struct flow f = {{of("1.1.1.1"), 1}, {of("2.2.2.2"), 2}};
    struct flow other = f;
    assert_true(flow_equal(&f, &other));
    other.local.port = 3;
    assert_false(flow_equal(&f, &other));
    other = f;
    other.remote.port = 3;
    assert_false(flow_equal(&f, &other));
    other = f;
    other.local.address = of("1.1.1.2");
    assert_false(flow_equal(&f, &other));
    other = f;
    other.remote.address = of("2.2.2.3");
    assert_false(flow_equal(&f, &other));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ipv4_reads_and_prints),
        cmocka_unit_test(ipv6_prints_in_the_recommended_form),
        cmocka_unit_test(what_is_no_address_is_refused),
        cmocka_unit_test(prefixes_read),
        cmocka_unit_test(endpoints_read_and_print),
        cmocka_unit_test(the_longest_texts_fit),
        cmocka_unit_test(classes_have_their_edges),
        cmocka_unit_test(prefixes_contain_their_family_only),
        cmocka_unit_test(broadcast_is_the_last_of_the_subnet),
        cmocka_unit_test(flows_are_equal_in_all_four_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
