/* rtnetlink messages: their bytes, attributes inside attributes, what does not fit, and the
 * kernel's answer. */
#define _GNU_SOURCE
#include "dev/netlink.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "namespace.h"

static struct netlink_message message;

static void begins(void)
{
    struct ifinfomsg body = {.ifi_family = 7, .ifi_index = 0x01020304};
    netlink_begin(&message, RTM_NEWLINK, NLM_F_CREATE, &body, sizeof body);
}

static void attributes_stand_behind_the_body_in_fours(void **state)
{
    (void)state;
    begins();
    netlink_put_string(&message, 3, "ab");
    netlink_put_u32(&message, 4, 0x11223344);
    netlink_put_u64(&message, 5, UINT64_C(0x0102030405060708));
    assert_int_equal(message.length, 16 + 16 + 8 + 8 + 12);
    const uint8_t *at = message.bytes + 32;
    struct rtattr attribute;
    uint64_t wide;
    memcpy(&attribute, at, sizeof attribute);
    assert_int_equal(attribute.rta_len, 7);
    assert_int_equal(attribute.rta_type, 3);
    assert_memory_equal(at + 4, "ab\0\0", 4);
    memcpy(&attribute, at + 8, sizeof attribute);
    assert_int_equal(attribute.rta_len, 8);
    memcpy(&wide, at + 20, sizeof wide);
    assert_true(wide == UINT64_C(0x0102030405060708));
}

static void a_nest_is_as_long_as_what_is_in_it(void **state)
{
    (void)state;
    static const uint8_t fixed[6] = {1, 2, 3, 4, 5, 6};
    struct rtattr attribute;
    begins();
    size_t outer = netlink_nest_begin(&message, 2, fixed, sizeof fixed);
    size_t inner = netlink_nest_begin(&message, 9, NULL, 0);
    netlink_put_u32(&message, 1, 5);
    netlink_nest_end(&message, inner);
    netlink_nest_end(&message, outer);
    memcpy(&attribute, message.bytes + outer, sizeof attribute);
    assert_int_equal(attribute.rta_len, 4 + 8 + 4 + 8);
    memcpy(&attribute, message.bytes + inner, sizeof attribute);
    assert_int_equal(attribute.rta_len, 4 + 8);
    assert_int_equal(inner, outer + 4 + 8);
}

static void what_does_not_fit_is_not_sent(void **state)
{
    (void)state;
    static uint8_t much[40000];
    char words[64];
    begins();
    netlink_put(&message, 1, much, sizeof much);
    assert_false(message.overflow);
    netlink_put(&message, 1, much, sizeof much);
    assert_true(message.overflow);
    assert_int_equal(netlink_talk(&message, words, sizeof words), -EMSGSIZE);
    begins();
    assert_false(message.overflow);
    netlink_put(&message, 1, much, UINT16_MAX);
    assert_true(message.overflow);
    begins();
    size_t nest = netlink_nest_begin(&message, 1, much, 35000);
    netlink_put(&message, 1, much, 35000);
    netlink_nest_end(&message, nest);
    assert_true(message.overflow);
}

static void the_kernel_answers(void **state)
{
    (void)state;
    char words[128];
    if (!namespace_enter())
        skip();
    struct ifinfomsg body = {.ifi_index = 1, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
    netlink_begin(&message, RTM_NEWLINK, 0, &body, sizeof body);
    assert_int_equal(netlink_talk(&message, words, sizeof words), 0);
    assert_string_equal(words, "");
    struct ifreq request = {.ifr_flags = 0};
    assert_true(interface_ioctl("lo", SIOCGIFFLAGS, &request));
    assert_true(request.ifr_flags & IFF_UP);
    body.ifi_index = 4711;
    netlink_begin(&message, RTM_NEWLINK, 0, &body, sizeof body);
    assert_int_equal(netlink_talk(&message, words, sizeof words), -ENODEV);
    /* One that the kernel says a word about. */
    body.ifi_index = 1;
    netlink_begin(&message, RTM_NEWLINK, 0, &body, sizeof body);
    netlink_put_u32(&message, IFLA_MTU, 1);
    netlink_put(&message, IFLA_IFNAME, "much too long a name for any interface", 39);
    assert_true(netlink_talk(&message, words, sizeof words) < 0);
    assert_true(strlen(words) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attributes_stand_behind_the_body_in_fours),
        cmocka_unit_test(a_nest_is_as_long_as_what_is_in_it),
        cmocka_unit_test(what_does_not_fit_is_not_sent),
        cmocka_unit_test(the_kernel_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
