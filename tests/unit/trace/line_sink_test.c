/* Lines in a FILE: their form, and the least level. */
#define _GNU_SOURCE
#include "trace/line_sink.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

struct page {
    FILE *file;
    char *text;
    size_t size;
    struct line_sink sink;
    struct trace trace;
};

static void page_open(struct page *page, enum line_format format, enum event_level least)
{
    *page = (struct page){.trace = {.now = {1000120000}}};
    page->file = open_memstream(&page->text, &page->size);
    assert_non_null(page->file);
    line_sink_init(&page->sink, page->file, format, least);
    trace_subscribe(&page->trace, &page->sink.sink);
}

static void page_is(struct page *page, const char *expected)
{
    fclose(page->file);
    assert_string_equal(page->text, expected);
    free(page->text);
}

static void text_begins_with_time_connection_and_flow(void **state)
{
    (void)state;
    struct page page;
    struct flow flow = {.local = {.port = 80}, .remote = {.port = 40000}};
    flow.local.address = address_from_ipv4_u32(0xc6120001);
    flow.remote.address = address_from_ipv4_u32(0xc6120002);
    page_open(&page, LINE_TEXT, LEVEL_DETAIL);
    TRACE(&page.trace, app_limited, );
    page.trace.subject = (struct trace_subject){.connection = 4, .flow = &flow};
    TRACE(&page.trace, app_limited, );
    page_is(&page, "1.000120 the application offers less than the window (RFC 7661, 4)\n"
                   "1.000120 #4 198.18.0.1:80 > 198.18.0.2:40000 the application offers less than "
                   "the window (RFC 7661, 4)\n");
}

static void events_below_the_least_level_are_not_written(void **state)
{
    (void)state;
    struct page page;
    page_open(&page, LINE_TEXT, LEVEL_STATE);
    TRACE(&page.trace, app_limited, );
    TRACE(&page.trace, retransmitted, .len = 1);
    TRACE(&page.trace, aborted, .because = "close");
    trace_drop(&page.trace, DROP_paws);
    page_is(&page, "1.000120 the user aborted the connection because=close (RFC 9293, 3.10.5)\n"
                   "1.000120 a packet was dropped: paws, an old timestamp: a duplicate from before "
                   "(RFC 7323, 5.3)\n");
}

static void json_is_one_object_a_line(void **state)
{
    (void)state;
    struct page page;
    page_open(&page, LINE_JSON, LEVEL_DETAIL);
    TRACE(&page.trace, app_limited, );
    TRACE(&page.trace, app_limited, );
    page_is(&page, "{\"time_ns\":1000120000,\"event\":\"app_limited\",\"level\":\"detail\","
                   "\"citation\":\"RFC 7661, 4\"}\n"
                   "{\"time_ns\":1000120000,\"event\":\"app_limited\",\"level\":\"detail\","
                   "\"citation\":\"RFC 7661, 4\"}\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_begins_with_time_connection_and_flow),
        cmocka_unit_test(events_below_the_least_level_are_not_written),
        cmocka_unit_test(json_is_one_object_a_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
