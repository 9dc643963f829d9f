/* Cursor and builder: bytes in network order, and failing once for all. */
#include "base/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const uint8_t eight[] = {1, 2, 3, 4, 5, 6, 7, 8};
static const struct bytes all_eight = {eight, sizeof eight};

static void reads_in_network_order(void **state)
{
    (void)state;
    struct cursor c = cursor_over(all_eight);
    assert_int_equal(cursor_u8(&c), 1);
    assert_int_equal(cursor_u16(&c), 0x0203);
    assert_int_equal(cursor_u32(&c), 0x04050607);
    assert_int_equal(cursor_left(&c), 1);
    assert_false(c.failed);
}

static void a_failed_cursor_reads_zeros_for_good(void **state)
{
    (void)state;
    struct cursor c = cursor_over(bytes_part(all_eight, 0, 3));
    assert_int_equal(cursor_u32(&c), 0);
    assert_true(c.failed);
    assert_int_equal(cursor_u8(&c), 0);
    assert_int_equal(cursor_take(&c, SIZE_MAX).len, 0);
}

static void parts_stay_inside(void **state)
{
    (void)state;
    assert_int_equal(bytes_part(all_eight, 6, 10).len, 2);
    assert_int_equal(bytes_part(all_eight, 6, SIZE_MAX).len, 2);
    assert_int_equal(bytes_part(all_eight, 8, 1).len, 0);
    assert_int_equal(bytes_part(all_eight, SIZE_MAX, 1).len, 0);
    assert_ptr_equal(bytes_part(all_eight, 2, 3).data, eight + 2);
}

static void writes_in_network_order(void **state)
{
    (void)state;
    uint8_t out[8] = {0};
    struct builder b = builder_over(out, sizeof out);
    builder_u8(&b, 1);
    builder_u16(&b, 0x0203);
    builder_u32(&b, 0x04050607);
    builder_copy(&b, eight + 7, 1);
    assert_false(b.failed);
    assert_int_equal(builder_length(&b), 8);
    assert_memory_equal(out, eight, 8);
}

static void a_failed_builder_writes_nothing_more(void **state)
{
    (void)state;
    uint8_t out[4] = {0};
    struct builder b = builder_over(out, 3);
    builder_u16(&b, 0x0102);
    builder_u16(&b, 0x0304);
    builder_u8(&b, 5);
    assert_true(b.failed);
    assert_int_equal(builder_length(&b), 2);
    assert_int_equal(out[2], 0);
    assert_null(builder_room(&b, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_in_network_order),
        cmocka_unit_test(a_failed_cursor_reads_zeros_for_good),
        cmocka_unit_test(parts_stay_inside),
        cmocka_unit_test(writes_in_network_order),
        cmocka_unit_test(a_failed_builder_writes_nothing_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
