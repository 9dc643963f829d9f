/* Bodies by length, in chunks and until the close, cut at every place. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "get/body.h"

struct sink {
    char text[256];
    size_t length;
};

/* Feeds a stretch, taking at most `most` bytes of text at a time. Bytes that were used, or
 * -EBADMSG. */
static ssize_t feed(struct body *body, const char *data, size_t length, size_t most,
                    struct sink *sink)
{
    size_t at = 0;
    while (at < length && !body_is_complete(body)) {
        ssize_t framing = body_framing(body, data + at, length - at);
        if (framing < 0)
            return framing;
        at += (size_t)framing;
        size_t text = body_text(body, length - at);
        if (text > most)
            text = most;
        if (text == 0)
            continue;
        assert_true(sink->length + text <= sizeof sink->text);
        memcpy(sink->text + sink->length, data + at, text);
        sink->length += text;
        body_took(body, text);
        at += text;
    }
    return (ssize_t)at;
}

static const char chunked[] = "5\r\nhello\r\n0a;name=\"v\"\r\n, worldly.\r\n1 \r\n!\r\n"
                              "000\r\nTrailer: x\r\nOther: y\r\n\r\n";
static const char chunked_text[] = "hello, worldly.!";

static void chunks_are_joined_at_every_split(void **state)
{
    size_t length = sizeof chunked - 1;
    (void)state;
    for (size_t first = 0; first <= length; first++) {
        for (size_t second = first; second <= length; second++) {
            struct body body;
            struct sink sink = {0};
            body_start(&body, BODY_CHUNKED, 0);
            assert_int_equal(feed(&body, chunked, first, 3, &sink), first);
            assert_int_equal(feed(&body, chunked + first, second - first, 99, &sink),
                             second - first);
            assert_int_equal(body_is_complete(&body), second == length);
            assert_int_equal(body_at_close(&body), second == length ? 0 : -EPIPE);
            assert_int_equal(feed(&body, chunked + second, length - second, 1, &sink),
                             length - second);
            assert_true(body_is_complete(&body));
            assert_int_equal(sink.length, sizeof chunked_text - 1);
            assert_memory_equal(sink.text, chunked_text, sink.length);
        }
    }
}

static void what_follows_the_last_chunk_is_left_alone(void **state)
{
    struct body body;
    struct sink sink = {0};
    static const char text[] = "0\r\n\r\nHTTP/1.1 200 OK";
    (void)state;
    body_start(&body, BODY_CHUNKED, 0);
    assert_int_equal(feed(&body, text, sizeof text - 1, 9, &sink), 5);
    assert_int_equal(sink.length, 0);
}

static void lines_may_end_with_a_bare_line_feed(void **state)
{
    struct body body;
    struct sink sink = {0};
    static const char text[] = "2\nab\n0\n\n";
    (void)state;
    body_start(&body, BODY_CHUNKED, 0);
    assert_int_equal(feed(&body, text, sizeof text - 1, 9, &sink), sizeof text - 1);
    assert_true(body_is_complete(&body));
    assert_memory_equal(sink.text, "ab", 2);
}

static void malformed_chunks_are_refused_at_every_split(void **state)
{
    static const char *const wrong[] = {
        "\r\n",
        "g\r\n",
        "-1\r\n",
        "+1\r\n",
        " 1\r\n",
        "0x1\r\n",
        ";x\r\n",
        "1\rx",
        "1\r\r\n",
        "1\r\nab\r\n",
        "1\r\na\rb",
        "0\r\n\rx",
        "fffffffffffffffff\r\n",
        "8000000000000000\r\n",
    };
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        size_t length = strlen(wrong[i]);
        for (size_t at = 0; at <= length; at++) {
            struct body body;
            struct sink sink = {0};
            body_start(&body, BODY_CHUNKED, 0);
            ssize_t first = feed(&body, wrong[i], at, 9, &sink);
            ssize_t second = first < 0 ? first : feed(&body, wrong[i] + at, length - at, 9, &sink);
            if (second != -EBADMSG)
                fail_msg("%s was taken", wrong[i]);
        }
    }
}

/* A size of zeros without end, extensions and trailers without end. */
static void endless_framing_is_refused(void **state)
{
    static const char *const starts[] = {"", "1;", "0\r\nA: ", "0\r\n"};
    static const char *const repeated[] = {"0", "x", "x", "a:b\r\n"};
    (void)state;
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
        struct body body;
        struct sink sink = {0};
        unsigned times = 0;
        body_start(&body, BODY_CHUNKED, 0);
        assert_true(feed(&body, starts[i], strlen(starts[i]), 9, &sink) >= 0);
        while (feed(&body, repeated[i], strlen(repeated[i]), 9, &sink) >= 0)
            assert_true(++times < 20000);
    }
}

static void a_length_ends_the_body(void **state)
{
    struct body body;
    struct sink sink = {0};
    (void)state;
    body_start(&body, BODY_BY_LENGTH, 5);
    assert_int_equal(feed(&body, "hel", 3, 2, &sink), 3);
    assert_int_equal(body_at_close(&body), -EPIPE);
    assert_int_equal(feed(&body, "lo, next", 8, 9, &sink), 2);
    assert_int_equal(body_at_close(&body), 0);
    assert_memory_equal(sink.text, "hello", 5);
    body_start(&body, BODY_BY_LENGTH, 0);
    assert_true(body_is_complete(&body));
    body_start(&body, BODY_EMPTY, 77);
    assert_true(body_is_complete(&body));
}

static void only_the_close_ends_a_body_without_length(void **state)
{
    struct body body;
    struct sink sink = {0};
    (void)state;
    body_start(&body, BODY_UNTIL_CLOSE, 0);
    assert_int_equal(feed(&body, "abc", 3, 2, &sink), 3);
    assert_false(body_is_complete(&body));
    assert_int_equal(body_at_close(&body), 0);
    assert_int_equal(sink.length, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chunks_are_joined_at_every_split),
        cmocka_unit_test(what_follows_the_last_chunk_is_left_alone),
        cmocka_unit_test(lines_may_end_with_a_bare_line_feed),
        cmocka_unit_test(malformed_chunks_are_refused_at_every_split),
        cmocka_unit_test(endless_framing_is_refused),
        cmocka_unit_test(a_length_ends_the_body),
        cmocka_unit_test(only_the_close_ends_a_body_without_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
