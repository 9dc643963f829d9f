/* struct sockaddr to and from endpoints. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>

#include "sock/sock_names.h"

static struct endpoint endpoint(const char *text)
{
    struct endpoint e;
    assert_true(endpoint_parse(text, &e));
    return e;
}

/* Written as a socket of this family sees it, and read back. */
static void round_trip(const char *text, int family, socklen_t size)
{
    struct endpoint e = endpoint(text), back;
    struct sockaddr_storage name = {0};
    socklen_t length = sizeof name;
    sock_name_write(&e, family, (struct sockaddr *)&name, &length);
    assert_int_equal(length, size);
    assert_int_equal(name.ss_family, family);
    assert_int_equal(sock_name_read((struct sockaddr *)&name, length, family, &back), 0);
    assert_true(address_equal(&back.address, &e.address));
    assert_int_equal(back.port, e.port);
}

static void names_come_back_as_they_were(void **state)
{
    (void)state;
    round_trip("192.0.2.1:80", AF_INET, sizeof(struct sockaddr_in));
    round_trip("[fd00::1]:65535", AF_INET6, sizeof(struct sockaddr_in6));
    /* RFC 3493, 3.7 */
    round_trip("192.0.2.1:80", AF_INET6, sizeof(struct sockaddr_in6));
}

static void ipv4_looks_mapped_to_an_ipv6_socket(void **state)
{
    struct endpoint e = endpoint("192.0.2.1:80");
    struct sockaddr_in6 name;
    socklen_t length = sizeof name;
    (void)state;
    sock_name_write(&e, AF_INET6, (struct sockaddr *)&name, &length);
    assert_true(IN6_IS_ADDR_V4MAPPED(&name.sin6_addr));
}

static void a_short_buffer_gets_the_beginning_and_the_length(void **state)
{
    struct endpoint e = endpoint("192.0.2.1:80");
    struct {
        struct sockaddr_in name;
        char guard;
    } buffer = {.guard = 'g'};
    socklen_t length = 4;
    (void)state;
    sock_name_write(&e, AF_INET, (struct sockaddr *)&buffer.name, &length);
    assert_int_equal(length, sizeof buffer.name);
    assert_int_equal(buffer.name.sin_port, htons(80));
    assert_int_equal(buffer.name.sin_addr.s_addr, 0);
    assert_int_equal(buffer.guard, 'g');
}

static void what_is_no_name_of_the_family_is_refused(void **state)
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    struct endpoint e;
    (void)state;
    assert_int_equal(sock_name_read(NULL, 16, AF_INET, &e), -EINVAL);
    assert_int_equal(sock_name_read((struct sockaddr *)&in, 1, AF_INET, &e), -EINVAL);
    assert_int_equal(sock_name_read((struct sockaddr *)&in, sizeof in - 1, AF_INET, &e), -EINVAL);
    assert_int_equal(sock_name_read((struct sockaddr *)&in6, 23, AF_INET6, &e), -EINVAL);
    assert_int_equal(sock_name_read((struct sockaddr *)&in6, 24, AF_INET6, &e), 0);
    assert_int_equal(sock_name_read((struct sockaddr *)&in, sizeof in, AF_INET6, &e),
                     -EAFNOSUPPORT);
    assert_int_equal(sock_name_read((struct sockaddr *)&in6, sizeof in6, AF_INET, &e),
                     -EAFNOSUPPORT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_come_back_as_they_were),
        cmocka_unit_test(ipv4_looks_mapped_to_an_ipv6_socket),
        cmocka_unit_test(a_short_buffer_gets_the_beginning_and_the_length),
        cmocka_unit_test(what_is_no_name_of_the_family_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
