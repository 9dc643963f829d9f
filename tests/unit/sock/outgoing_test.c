/* The queue of datagrams under way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "sock/outgoing.h"
#include "wire/udp_header.h"

static struct flow flow(void)
{
    struct flow f;
    assert_true(endpoint_parse("10.0.0.1:1000", &f.local));
    assert_true(endpoint_parse("10.0.0.2:2000", &f.remote));
    return f;
}

static void datagrams_leave_in_order_with_their_header(void **state)
{
    struct memory memory;
    struct outgoing outgoing;
    struct flow f = flow();
    int owner;
    (void)state;
    assert_int_equal(memory_init(&memory, 1 << 20), 0);
    outgoing_init(&outgoing, &memory);
    assert_null(outgoing_first(&outgoing));
    for (uint8_t i = 0; i < 3; i++) {
        struct bytes text = {&i, 1};
        struct outgoing_datagram *added = outgoing_add(&outgoing, (void *)&owner, &f, text);
        assert_non_null(added);
        assert_int_equal(added->block, outgoing_block(1));
    }
    outgoing_disown(&outgoing, (void *)&owner);
    for (uint8_t i = 0; i < 3; i++) {
        struct outgoing_datagram *first = outgoing_first(&outgoing);
        struct udp_header header;
        assert_true(udp_header_parse((struct bytes){first->bytes, first->length}, &header));
        assert_int_equal(header.source_port, 1000);
        assert_int_equal(header.destination_port, 2000);
        assert_int_equal(header.length, 9);
        assert_int_equal(first->bytes[UDP_HEADER_LENGTH], i);
        assert_null(first->owner);
        outgoing_drop(&outgoing, first);
    }
    assert_int_equal(memory.used, 0);
    memory_destroy(&memory);
}

static void a_full_budget_is_told(void **state)
{
    static uint8_t large[65507];
    struct memory memory;
    struct outgoing outgoing;
    struct flow f = flow();
    (void)state;
    assert_int_equal(memory_init(&memory, 200000), 0);
    outgoing_init(&outgoing, &memory);
    assert_non_null(outgoing_add(&outgoing, NULL, &f, (struct bytes){large, sizeof large}));
    assert_null(outgoing_add(&outgoing, NULL, &f, (struct bytes){large, sizeof large}));
    outgoing_destroy(&outgoing);
    assert_int_equal(memory.used, 0);
    memory_destroy(&memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(datagrams_leave_in_order_with_their_header),
        cmocka_unit_test(a_full_budget_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
