/* Which addresses are ours, everybody's, and which of ours to use. */
#include "support/ip_world.h"

static struct ip *ip_of(struct memory *memory, struct trace *trace, const char *const *prefixes)
{
    struct ip_config config = {.mtu = 1500};
    for (; prefixes[config.address_count]; config.address_count++)
        assert_true(
            prefix_parse(prefixes[config.address_count], &config.addresses[config.address_count]));
    struct ip *ip = test_malloc(ip_size());
    assert_int_equal(memory_init(memory, 1 << 20), 0);
    assert_int_equal(ip_init(ip, &config, memory, trace), 0);
    return ip;
}

static void ip_gone(struct ip *ip, struct memory *memory)
{
    ip_destroy(ip);
    memory_destroy(memory);
    test_free(ip);
}

static void our_addresses_are_ours(void **state)
{
    struct ip_world *w = *state;
    static const char *const ours[] = {OURS4, OTHER4, OURS6, OTHER6};
    static const char *const others[] = {PEER4, PEER6, "127.0.0.1", "::1", "0.0.0.0", "::"};
    for (size_t i = 0; i < 4; i++) {
        struct address a = address_of(ours[i]);
        assert_true(ip_is_ours(w->ip, &a));
    }
    for (size_t i = 0; i < 6; i++) {
        struct address a = address_of(others[i]);
        assert_false(ip_is_ours(w->ip, &a));
    }
}

/* R1122-03: every subnet has its own; /31 (RFC 3021) and /32 have none. */
static void broadcasts_are_those_of_our_subnets(void **state)
{
    (void)state;
    static const char *const prefixes[] = {"198.18.1.1/24", "198.18.2.1/30", "198.18.3.1/31",
                                           "198.18.4.1/32", "fd00::1/64",    NULL};
    static const struct {
        const char *address;
        bool broadcast;
    } cases[] = {
        {"255.255.255.255", true}, {"198.18.1.255", true},  {"198.18.2.3", true},
        {"198.18.2.255", false},   {"198.18.3.1", false},   {"198.18.3.255", false},
        {"198.18.4.1", false},     {"198.18.4.255", false}, {"fd00::ffff:ffff:ffff:ffff", false},
    };
    struct memory memory;
    struct trace trace = {0};
    struct ip *ip = ip_of(&memory, &trace, prefixes);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct address a = address_of(cases[i].address);
        assert_int_equal(ip_is_broadcast(ip, &a), cases[i].broadcast);
    }
    ip_gone(ip, &memory);
}

/* RFC 6724 in small; R1122-03: the source is always a unicast address of ours. */
static void the_nearest_source_of_the_family_is_chosen(void **state)
{
    (void)state;
    static const char *const prefixes[] = {"198.18.1.1/24", "198.18.2.1/24", "fe80::1/64",
                                           "fd00:1::1/64",  "fd00:2::1/64",  NULL};
    static const struct {
        const char *destination, *source;
    } cases[] = {
        {"198.18.1.9", "198.18.1.1"}, {"198.18.2.9", "198.18.2.1"}, {"8.8.8.8", "198.18.1.1"},
        {"198.18.2.1", "198.18.2.1"}, {"fd00:2::9", "fd00:2::1"},   {"fd00:1::9", "fd00:1::1"},
        {"fe80::9", "fe80::1"},       {"2001:db8::1", "fd00:1::1"}, {"fe00::1", "fd00:1::1"},
    };
    struct memory memory;
    struct trace trace = {0};
    struct ip *ip = ip_of(&memory, &trace, prefixes);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct address destination = address_of(cases[i].destination), source;
        struct address expected = address_of(cases[i].source);
        assert_true(ip_choose_source(ip, &destination, &source));
        assert_memory_equal(&source, &expected, sizeof expected);
        assert_true(ip_is_ours(ip, &source));
    }
    ip_gone(ip, &memory);
}

static void without_an_address_of_the_family_there_is_no_source(void **state)
{
    (void)state;
    static const char *const only4[] = {"198.18.1.1/24", NULL};
    struct memory memory;
    struct trace trace = {0};
    struct ip *ip = ip_of(&memory, &trace, only4);
    struct address destination = address_of("fd00::1"), source;
    assert_false(ip_choose_source(ip, &destination, &source));
    ip_gone(ip, &memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(our_addresses_are_ours, world_setup, world_teardown),
        cmocka_unit_test(broadcasts_are_those_of_our_subnets),
        cmocka_unit_test(the_nearest_source_of_the_family_is_chosen),
        cmocka_unit_test(without_an_address_of_the_family_there_is_no_source),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
