/* The queue of packets to ourselves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>

#include "loopback.h"

static void packets_come_out_whole_and_in_order(void **state)
{
    struct memory memory;
    struct loopback loopback;
    uint8_t head[] = "head", text[] = "text";
    (void)state;
    assert_int_equal(memory_init(&memory, 1 << 20), 0);
    loopback_init(&loopback, &memory);
    assert_null(loopback_take(&loopback));
    for (unsigned i = 0; i < LOOPBACK_PACKETS; i++) {
        struct packet packet = {.parts = {{head, 4}, {text, i % 5}},
                                .count = 2,
                                .gso_size = (uint16_t)i,
                                .checksum = PACKET_CHECKSUM_PARTIAL};
        assert_false(loopback_is_full(&loopback));
        assert_int_equal(loopback_add(&loopback, &packet), 0);
    }
    head[0] = 'X'; /* copies */
    assert_true(loopback_is_full(&loopback));
    for (unsigned i = 0; i < LOOPBACK_PACKETS / 2; i++) {
        struct looped_packet *looped = loopback_take(&loopback);
        assert_int_equal(looped->packet.count, 1);
        assert_int_equal(looped->packet.parts[0].len, 4 + i % 5);
        assert_memory_equal(looped->packet.parts[0].data, "headtext", 4 + i % 5);
        assert_int_equal(looped->packet.gso_size, i);
        assert_int_equal(looped->packet.checksum, PACKET_CHECKSUM_PARTIAL);
        loopback_free(&loopback, looped);
    }
    assert_false(loopback_is_full(&loopback));
    loopback_destroy(&loopback);
    assert_int_equal(memory.used, 0);
    memory_destroy(&memory);
}

static void a_full_budget_is_told(void **state)
{
    struct memory memory;
    struct loopback loopback;
    uint8_t text[4] = "text";
    struct packet packet = {.parts = {{text, 4}}, .count = 1};
    (void)state;
    assert_int_equal(memory_init(&memory, 8192), 0);
    loopback_init(&loopback, &memory);
    assert_int_equal(loopback_add(&loopback, &packet), 0);
    assert_int_equal(loopback_add(&loopback, &packet), 0);
    assert_int_equal(loopback_add(&loopback, &packet), -ENOBUFS);
    loopback_destroy(&loopback);
    memory_destroy(&memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packets_come_out_whole_and_in_order),
        cmocka_unit_test(a_full_budget_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
