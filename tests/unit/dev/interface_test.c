/* Setting an interface up, and a TUN made in another namespace: real ones, in namespaces of the
 * test's own. Skipped, with the reason printed, where they may not be made. */
#define _GNU_SOURCE
#include "dev/interface.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dev/network_namespace.h"
#include "dev/tun.h"
#include "namespace.h"

static bool in_namespace;
static char error[512];

static int enter(void **state)
{
    (void)state;
    in_namespace = namespace_enter();
    return 0;
}

static struct device *makes_tun(void)
{
    struct device *device;
    if (!in_namespace)
        skip();
    if (tun_open(&(struct tun_config){.name = "t0"}, &device, error, sizeof error) != 0) {
        printf("skipped: %s\n", error);
        skip();
    }
    return device;
}

static void kinds_are_told_apart(void **state)
{
    (void)state;
    struct device *device = makes_tun();
    assert_int_equal(interface_kind("t0"), INTERFACE_OTHER);
    assert_int_equal(interface_kind("t1"), INTERFACE_NONE);
    device_close(device);
    assert_int_equal(interface_kind("t0"), INTERFACE_NONE);
}

static void addresses_sizes_and_state_are_set(void **state)
{
    (void)state;
    struct device *device = makes_tun();
    struct prefix addresses[2];
    assert_true(prefix_parse("198.18.0.1/24", &addresses[0]));
    assert_true(prefix_parse("fd00:7475:6e::1/64", &addresses[1]));
    struct interface_config config = {
        .name = "t0", .addresses = addresses, .address_count = 1, .mtu = 1400, .queue = 2000};
    bool ipv6 = access("/proc/net/if_inet6", F_OK) == 0;
    config.address_count += ipv6;
    int rc = interface_set_up(&config, error, sizeof error);
    if (rc)
        fail_msg("%s", error);
    struct ifreq request = {.ifr_flags = 0};
    assert_true(interface_ioctl("t0", SIOCGIFFLAGS, &request));
    assert_true(request.ifr_flags & IFF_UP);
    assert_true(interface_ioctl("t0", SIOCGIFMTU, &request));
    assert_int_equal(request.ifr_mtu, 1400);
    assert_true(interface_ioctl("t0", SIOCGIFTXQLEN, &request));
    assert_int_equal(request.ifr_qlen, 2000);
    assert_true(interface_ioctl("t0", SIOCGIFADDR, &request));
    struct sockaddr_in in;
    memcpy(&in, &request.ifr_addr, sizeof in);
    assert_int_equal(ntohl(in.sin_addr.s_addr), 0xc6120001);
    assert_true(interface_ioctl("t0", SIOCGIFNETMASK, &request));
    memcpy(&in, &request.ifr_addr, sizeof in);
    assert_int_equal(ntohl(in.sin_addr.s_addr), 0xffffff00);
    device_close(device);
}

static void what_cannot_be_set_is_said(void **state)
{
    (void)state;
    struct device *device = makes_tun();
    struct interface_config config = {.name = "t0", .mtu = 1};
    assert_true(interface_set_up(&config, error, sizeof error) < 0);
    assert_non_null(strstr(error, "cannot set the MTU and the queue of the interface 't0'"));
    config.name = "t1";
    assert_true(interface_set_up(&config, error, sizeof error) < 0);
    assert_non_null(strstr(error, "'t1'"));
    device_close(device);
}

static void a_device_keeps_the_namespace_in_which_it_was_made(void **state)
{
    (void)state;
    struct device *device = makes_tun();
    int way_back;
    /* A second namespace, held by its descriptor's path. */
    int first = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    assert_int_equal(unshare(CLONE_NEWNET), 0);
    int second = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", first);
    assert_int_equal(interface_kind("t0"), INTERFACE_NONE);
    assert_int_equal(network_namespace_enter(path, &way_back, error, sizeof error), 0);
    assert_int_equal(interface_kind("t0"), INTERFACE_OTHER);
    assert_int_equal(network_namespace_leave(way_back), 0);
    assert_int_equal(interface_kind("t0"), INTERFACE_NONE);
    assert_int_equal(setns(first, CLONE_NEWNET), 0);
    snprintf(path, sizeof path, "%d", getpid());
    assert_int_equal(network_namespace_enter(path, &way_back, error, sizeof error), 0);
    assert_int_equal(network_namespace_leave(way_back), 0);
    close(first);
    close(second);
    device_close(device);
}

static void a_namespace_that_is_not_there_is_named(void **state)
{
    (void)state;
    int way_back;
    assert_true(network_namespace_enter("no-such-one", &way_back, error, sizeof error) < 0);
    assert_non_null(strstr(error, "no network namespace 'no-such-one'"));
    assert_true(network_namespace_enter("", &way_back, error, sizeof error) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_are_told_apart),
        cmocka_unit_test(addresses_sizes_and_state_are_set),
        cmocka_unit_test(what_cannot_be_set_is_said),
        cmocka_unit_test(a_device_keeps_the_namespace_in_which_it_was_made),
        cmocka_unit_test(a_namespace_that_is_not_there_is_named),
    };
    return cmocka_run_group_tests(tests, enter, NULL);
}
