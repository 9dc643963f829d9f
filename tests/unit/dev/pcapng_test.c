/* The file format: headers, packets, options of every length. */
#define _GNU_SOURCE
#include "dev/pcapng.h"

#include "pcapng_reader.h"

static struct capture_file written(const char *comment, uint32_t snap,
                                   const struct pcapng_packet *packet)
{
    struct capture_file file = {.length = 0};
    char *text = NULL;
    FILE *stream = open_memstream(&text, &file.length);
    assert_non_null(stream);
    pcapng_begin(stream, comment, snap);
    if (packet)
        pcapng_write(stream, packet);
    fclose(stream);
    file.bytes = (uint8_t *)text;
    reader_parse(&file);
    return file;
}

static void a_file_begins_with_section_and_interface(void **state)
{
    (void)state;
    struct capture_file file = written("seed 7, delay 20ms", 96, NULL);
    assert_int_equal(file.count, 2);
    assert_int_equal(file.blocks[0].type, 0x0a0d0d0a);
    assert_int_equal(file.blocks[0].comment_count, 1);
    assert_string_equal(file.blocks[0].comments[0], "seed 7, delay 20ms");
    assert_int_equal(file.blocks[1].type, 1);
    assert_int_equal(reader_u32(file.blocks[1].body), 101); /* LINKTYPE_RAW, reserved 0 */
    assert_int_equal(reader_u32(file.blocks[1].body + 4), 96);
    assert_int_equal(file.blocks[1].time_resolution, 9);
    reader_close(&file);
}

static void a_section_needs_no_comment(void **state)
{
    (void)state;
    struct capture_file file = written(NULL, 0, NULL);
    assert_int_equal(file.blocks[0].comment_count, 0);
    reader_close(&file);
}

static void a_packet_has_time_direction_and_comments(void **state)
{
    (void)state;
    static const char *const comments[] = {"one", "two!", ""};
    struct pcapng_packet packet = {.time_ns = 1700000000123456789,
                                   .direction = PCAPNG_OUT,
                                   .data = {(const uint8_t *)"abcde", 5},
                                   .length = 1500,
                                   .comments = comments,
                                   .comment_count = 3};
    struct capture_file file = written(NULL, 0, &packet);
    const struct block *block = &file.blocks[2];
    assert_int_equal(block->time_ns, 1700000000123456789);
    assert_int_equal(block->flags, 2);
    assert_int_equal(block->kept, 5);
    assert_int_equal(block->whole, 1500);
    assert_memory_equal(block->data, "abcde", 5);
    assert_int_equal(block->comment_count, 3);
    assert_string_equal(block->comments[0], "one");
    assert_string_equal(block->comments[1], "two!");
    assert_string_equal(block->comments[2], "");
    reader_close(&file);
}

/* Every length modulo 4, so that every padding is seen; the reader checks that all blocks fit. */
static void lengths_are_padded_to_words(void **state)
{
    (void)state;
    static const uint8_t data[8] = "1234567";
    for (size_t len = 0; len <= sizeof data; len++) {
        const char *comment = (const char *)data + sizeof data - 1 - len % 8;
        struct pcapng_packet packet = {.direction = PCAPNG_IN,
                                       .data = {data, len},
                                       .length = (uint32_t)len,
                                       .comments = &comment,
                                       .comment_count = 1};
        struct capture_file file = written(comment, 0, &packet);
        assert_int_equal(file.count, 3);
        assert_int_equal(file.blocks[2].kept, len);
        assert_int_equal(file.blocks[2].flags, 1);
        assert_string_equal(file.blocks[2].comments[0], comment);
        reader_close(&file);
    }
}

static void a_text_is_cut_at_the_formats_limit(void **state)
{
    (void)state;
    char *text = malloc(70001);
    memset(text, 'x', 70000);
    text[70000] = '\0';
    struct capture_file file = written(text, 0, NULL);
    assert_int_equal(file.blocks[0].comment_lengths[0], 65535);
    reader_close(&file);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_begins_with_section_and_interface),
        cmocka_unit_test(a_section_needs_no_comment),
        cmocka_unit_test(a_packet_has_time_direction_and_comments),
        cmocka_unit_test(lengths_are_padded_to_words),
        cmocka_unit_test(a_text_is_cut_at_the_formats_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
