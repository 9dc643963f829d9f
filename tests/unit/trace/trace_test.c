/* The trace: what is counted, who is told, and what the lists become in text and JSON. */
#include "trace/trace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct listener {
    struct trace_sink sink;
    struct trace *leaves; /* unsubscribes itself when told */
    unsigned events;
    struct trace_record last;
    char text[400], json[800];
};

static void listen_to(struct trace_sink *sink, const struct trace_record *record)
{
    struct listener *listener = (struct listener *)(void *)sink;
    listener->events++;
    listener->last = *record;
    trace_text(record, listener->text, sizeof listener->text);
    trace_json(record, listener->json, sizeof listener->json);
    if (listener->leaves)
        trace_unsubscribe(listener->leaves, sink);
}

static void counts_while_nobody_listens(void **state)
{
    (void)state;
    struct trace trace = {.sinks = NULL};
    TRACE(&trace, retransmitted, .seq = 1, .len = 2);
    TRACE(&trace, retransmitted, .seq = 1, .len = 2);
    trace_drop(&trace, DROP_paws);
    assert_int_equal(trace.events[EVENT_retransmitted], 2);
    assert_int_equal(trace.events[EVENT_dropped], 1);
    assert_int_equal(trace.drops[DROP_paws], 1);
}

static void standard_counters_sum_events_and_drops(void **state)
{
    (void)state;
    struct trace trace = {.sinks = NULL};
    TRACE(&trace, retransmitted, .len = 2);
    trace_drop(&trace, DROP_tcp_port_zero);
    trace_drop(&trace, DROP_tcp_land);
    trace_drop(&trace, DROP_paws);
    assert_int_equal(trace_counter(&trace, "TcpRetransSegs"), 1);
    assert_int_equal(trace_counter(&trace, "TcpInErrs"), 2);
    assert_int_equal(trace_counter(&trace, "TcpExtPAWSEstab"), 1);
    assert_int_equal(trace_counter(&trace, "NoSuchCounter"), 0);
    trace_drop(&trace, DROP_impaired_lost); /* adds to no standard counter */
    assert_int_equal(trace_counter(&trace, ""), 0);
}

static void sinks_are_told_in_order_of_subscription(void **state)
{
    (void)state;
    struct trace trace = {.now = {5}, .subject = {.connection = 3}};
    struct listener first = {.sink = {.event = listen_to}}, second = {.sink = {.event = listen_to}};
    trace_subscribe(&trace, &first.sink);
    trace_subscribe(&trace, &second.sink);
    assert_ptr_equal(trace.sinks, &first.sink);
    TRACE(&trace, app_limited, );
    trace_unsubscribe(&trace, &first.sink);
    TRACE(&trace, app_limited, );
    assert_int_equal(first.events, 1);
    assert_int_equal(second.events, 2);
    assert_int_equal(second.last.id, EVENT_app_limited);
    assert_int_equal(second.last.when.ns, 5);
    assert_int_equal(second.last.connection, 3);
}

static void a_sink_may_leave_while_it_is_told(void **state)
{
    (void)state;
    struct trace trace = {.sinks = NULL};
    struct listener first = {.sink = {.event = listen_to}, .leaves = &trace};
    struct listener second = {.sink = {.event = listen_to}};
    trace_subscribe(&trace, &first.sink);
    trace_subscribe(&trace, &second.sink);
    TRACE(&trace, app_limited, );
    TRACE(&trace, app_limited, );
    assert_int_equal(first.events, 1);
    assert_int_equal(second.events, 2);
}

static void every_entry_of_both_lists_is_complete(void **state)
{
    (void)state;
    for (enum event_id id = 0; id < EVENT_KINDS; id++) {
        size_t count;
        const struct trace_field *fields = trace_event_fields(id, &count);
        assert_true(*trace_event_name(id) && *trace_event_sentence(id));
        assert_true(*trace_event_citation(id) || id == EVENT_dropped);
        assert_true(trace_event_level(id) <= LEVEL_PROBLEM);
        assert_true(trace_event_about(id) <= ABOUT_DEPARTURE);
        assert_non_null(trace_event_counter(id));
        for (size_t i = 0; i < count; i++)
            assert_true(*fields[i].name && fields[i].kind <= FIELD_DROP);
    }
    for (enum drop_reason reason = 0; reason < DROP_REASONS; reason++) {
        assert_true(*trace_drop_name(reason) && *trace_drop_sentence(reason));
        assert_true(*trace_drop_citation(reason));
        assert_non_null(trace_drop_counter(reason));
    }
}

/* Any event with nothing filled in can be told: no field is a pointer that must not be NULL. */
static void every_event_has_a_text_when_its_fields_are_zero(void **state)
{
    (void)state;
    static const uint64_t zeros[16];
    for (enum event_id id = 0; id < EVENT_KINDS; id++) {
        struct trace_record record = {.id = id, .fields = zeros};
        char line[800];
        size_t wanted = trace_text(&record, line, sizeof line);
        assert_int_equal(wanted, strlen(line));
        assert_memory_equal(line, trace_event_sentence(id), strlen(trace_event_sentence(id)));
        wanted = trace_json(&record, line, sizeof line);
        assert_int_equal(wanted, strlen(line));
        assert_int_equal(line[0], '{');
        assert_int_equal(line[wanted - 1], '}');
    }
}

/* A listener that hears everything from now on. */
static void hear(struct trace *trace, struct listener *listener)
{
    *listener = (struct listener){.sink = {.event = listen_to}};
    trace_subscribe(trace, &listener->sink);
}

static void text_is_sentence_fields_citation(void **state)
{
    (void)state;
    struct trace trace = {.subject = {.iss = SEQ_FIRST_EPOCH + 4000000000U}};
    struct listener l;
    hear(&trace, &l);
    TRACE(&trace, retransmitted, .seq = SEQ_FIRST_EPOCH + 4000000000U + 1461, .len = 1460,
          .times = 1, .because = "RTO");
    assert_string_equal(l.text, "sent again seq=1461 len=1460 times=1 because=RTO "
                                "(RFC 9293, 3.8.1)");
}

static void a_drop_tells_its_reason(void **state)
{
    (void)state;
    struct trace trace = {.sinks = NULL};
    struct listener l;
    hear(&trace, &l);
    trace_drop(&trace, DROP_paws);
    assert_string_equal(l.text, "a packet was dropped: paws, an old timestamp: a duplicate from "
                                "before (RFC 7323, 5.3)");
    assert_string_equal(l.json, "{\"time_ns\":0,\"event\":\"dropped\",\"level\":\"problem\","
                                "\"reason\":\"paws\",\"sentence\":\"an old timestamp: a duplicate "
                                "from before\",\"citation\":\"RFC 7323, 5.3\"}");
}

/* What a segment acknowledges counts from its receiver's ISS, its own number from its sender's. */
static void numbers_are_relative_to_the_right_end(void **state)
{
    (void)state;
    struct trace trace = {
        .subject = {.iss = SEQ_FIRST_EPOCH + 1000, .irs = SEQ_FIRST_EPOCH + UINT32_MAX}};
    struct listener l;
    hear(&trace, &l);
    TRACE(&trace, segment_arrived, .flags = 0x10, .seq = trace.subject.irs + 7,
          .ack = trace.subject.iss + 1);
    assert_non_null(strstr(l.text, "[.] seq=7 ack=1 "));
    TRACE(&trace, segment_sent, .flags = 0x10, .seq = trace.subject.iss + 1,
          .ack = trace.subject.irs + 7);
    assert_non_null(strstr(l.text, "[.] seq=1 ack=7 "));
    TRACE(&trace, sack_arrived, .left = trace.subject.iss + 20, .right = trace.subject.iss + 30);
    assert_non_null(strstr(l.text, "left=20 right=30"));
    TRACE(&trace, recovery_entered, .recover = trace.subject.iss + 99);
    assert_non_null(strstr(l.text, "recover=99 "));
    TRACE(&trace, passive_open, .irs = trace.subject.irs, .iss = trace.subject.iss);
    assert_non_null(strstr(l.text, "irs=4294967295 iss=1000"));
}

static void numbers_of_no_connection_are_those_of_the_wire(void **state)
{
    (void)state;
    struct trace trace = {.sinks = NULL};
    struct listener l;
    hear(&trace, &l);
    TRACE(&trace, reset_sent, .seq = SEQ_FIRST_EPOCH + 77, .because = "none");
    assert_non_null(strstr(l.text, "seq=77 "));
}

static const char *duration_text(struct listener *l, struct trace *trace, int64_t ns)
{
    TRACE(trace, reordering_seen, .reo_wnd = {ns});
    char *at = strstr(l->text, "reo_wnd=");
    assert_non_null(at);
    *strchr(at, ' ') = '\0';
    return at + strlen("reo_wnd=");
}

static void durations_choose_their_unit(void **state)
{
    (void)state;
    struct trace trace = {.sinks = NULL};
    struct listener l;
    hear(&trace, &l);
    assert_string_equal(duration_text(&l, &trace, 0), "0ns");
    assert_string_equal(duration_text(&l, &trace, 999), "999ns");
    assert_string_equal(duration_text(&l, &trace, 1500), "1.5us");
    assert_string_equal(duration_text(&l, &trace, 20000000), "20ms");
    assert_string_equal(duration_text(&l, &trace, 20001000), "20.001ms");
    assert_string_equal(duration_text(&l, &trace, -1250000000), "-1.25s");
    assert_string_equal(duration_text(&l, &trace, 200000000000), "200s");
    assert_string_equal(duration_text(&l, &trace, INT64_MAX), "forever");
}

static void json_has_units_flow_and_escapes(void **state)
{
    (void)state;
    struct flow flow = {.local = {.port = 80}, .remote = {.port = 40000}};
    flow.local.address = address_from_ipv4_u32(0xc6120001);
    flow.remote.address = address_from_ipv4_u32(0xc6120002);
    struct trace trace = {.now = {1234}, .subject = {.flow = &flow, .connection = 7}};
    struct listener l;
    hear(&trace, &l);
    TRACE(&trace, timed_out, .timer = "a\"b\\c\n", .retransmissions = 9);
    assert_string_equal(l.json,
                        "{\"time_ns\":1234,\"event\":\"timed_out\",\"level\":\"state\","
                        "\"connection\":7,\"local\":\"198.18.0.1:80\",\"remote\":"
                        "\"198.18.0.2:40000\",\"timer\":\"a\\\"b\\\\c\\u000a\","
                        "\"retransmissions\":9,\"citation\":\"RFC 9293, 3.8.3 (MUST-20)\"}");
    TRACE(&trace, rtt_sampled, .rtt = {20000000});
    assert_non_null(strstr(l.json, "\"rtt_ns\":20000000,"));
}

static void a_short_line_is_cut_and_terminated(void **state)
{
    (void)state;
    struct event_app_limited nothing = {.unused = 0};
    struct trace_record record = {.id = EVENT_app_limited, .fields = &nothing};
    char whole[200], line[200];
    size_t wanted = trace_text(&record, whole, sizeof whole);
    for (size_t size = 1; size <= wanted; size++) {
        memset(line, 'x', sizeof line);
        assert_int_equal(trace_text(&record, line, size), wanted);
        assert_int_equal(line[size - 1], '\0');
        assert_memory_equal(line, whole, size - 1);
        assert_int_equal(line[size], 'x');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_while_nobody_listens),
        cmocka_unit_test(standard_counters_sum_events_and_drops),
        cmocka_unit_test(sinks_are_told_in_order_of_subscription),
        cmocka_unit_test(a_sink_may_leave_while_it_is_told),
        cmocka_unit_test(every_entry_of_both_lists_is_complete),
        cmocka_unit_test(every_event_has_a_text_when_its_fields_are_zero),
        cmocka_unit_test(text_is_sentence_fields_citation),
        cmocka_unit_test(a_drop_tells_its_reason),
        cmocka_unit_test(numbers_are_relative_to_the_right_end),
        cmocka_unit_test(numbers_of_no_connection_are_those_of_the_wire),
        cmocka_unit_test(durations_choose_their_unit),
        cmocka_unit_test(json_has_units_flow_and_escapes),
        cmocka_unit_test(a_short_line_is_cut_and_terminated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
