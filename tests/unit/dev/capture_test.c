/* What passes through the capturing device, and what stands beside it in the file. The inner device
 * is one end of a pair; the test plays the stack and the other end. */
#define _GNU_SOURCE
#include "dev/capture.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "dev/pair.h"
#include "pcapng_reader.h"
#include "wire/checksum.h"

enum { HEADERS = 40 };

struct scene {
    char path[40];
    struct trace trace;
    struct device *ends[2];
    struct device *device; /* captures ends[0] */
    struct capture_file file;
    struct block *packets; /* of the file */
    unsigned count;
};

static struct scene scene;

static void begin_with(uint32_t snap_length)
{
    char error[200];
    struct capture_config config = {
        .comment = "tunny test", .snap_length = snap_length, .epoch_ns = 1000000};
    scene = (struct scene){.path = "/tmp/tunny_captureXXXXXX"};
    int file = mkstemp(scene.path);
    assert_true(file >= 0);
    close(file);
    config.path = scene.path;
    assert_int_equal(pair_open(&(struct pair_config){1500, 65535, 50}, scene.ends), 0);
    assert_int_equal(
        capture_open(&config, scene.ends[0], &scene.trace, &scene.device, error, sizeof error), 0);
}

static void read_file(void)
{
    scene.file = reader_open(scene.path);
    assert_true(scene.file.count >= 2);
    assert_string_equal(scene.file.blocks[0].comments[0], "tunny test");
    scene.packets = scene.file.blocks + 2;
    scene.count = scene.file.count - 2;
}

static void end(void)
{
    device_close(scene.device);
    device_close(scene.ends[1]);
    read_file();
    unlink(scene.path);
    assert_null(scene.trace.sinks);
}

static struct packet packet_of(const void *data, size_t len)
{
    return (struct packet){.parts = {{data, len}}, .count = 1};
}

/* The other end sends; the stack receives. */
static void arrives(const char *text, int64_t ns)
{
    struct packet p = packet_of(text, strlen(text)), got;
    assert_int_equal(device_transmit(scene.ends[1], &p, INSTANT_ZERO), 0);
    assert_int_equal(device_receive(scene.device, &got, (struct instant){ns}), 0);
    assert_memory_equal(got.parts[0].data, text, strlen(text));
}

static int departs(const char *text, int64_t ns)
{
    struct packet p = packet_of(text, strlen(text));
    return device_transmit(scene.device, &p, (struct instant){ns});
}

static void nothing_arrives(void)
{
    struct packet p;
    assert_int_equal(device_receive(scene.device, &p, INSTANT_ZERO), -EAGAIN);
}

static void each_packet_is_written_once_with_its_direction(void **state)
{
    (void)state;
    begin_with(0);
    arrives("in", 5);
    assert_int_equal(departs("out", 7), 0);
    arrives("last", 9);
    assert_int_equal(scene.device->received, 2);
    assert_int_equal(scene.device->transmitted, 1);
    end();
    assert_int_equal(scene.count, 3);
    assert_memory_equal(scene.packets[0].data, "in", 2);
    assert_int_equal(scene.packets[0].flags, 1);
    assert_int_equal(scene.packets[0].time_ns, 1000005);
    assert_memory_equal(scene.packets[1].data, "out", 3);
    assert_int_equal(scene.packets[1].flags, 2);
    assert_int_equal(scene.packets[1].time_ns, 1000007);
    assert_memory_equal(scene.packets[2].data, "last", 4);
    reader_close(&scene.file);
}

static void what_is_said_about_an_arrival_stands_beside_it(void **state)
{
    (void)state;
    begin_with(0);
    arrives("first", 1);
    trace_drop(&scene.trace, DROP_paws);
    TRACE(&scene.trace, window_closed, );
    arrives("second", 2);
    TRACE(&scene.trace, ecn_reduced, .cwnd = 10);
    nothing_arrives();
    trace_drop(&scene.trace, DROP_fragment_timeout); /* a timer's doing: beside no packet */
    arrives("third", 3);
    end();
    assert_int_equal(scene.packets[0].comment_count, 2);
    assert_non_null(strstr(scene.packets[0].comments[0], "dropped: paws"));
    assert_non_null(strstr(scene.packets[0].comments[1], "the peer closed its window"));
    assert_int_equal(scene.packets[1].comment_count, 1);
    assert_non_null(strstr(scene.packets[1].comments[0], "cwnd=10"));
    assert_int_equal(scene.packets[2].comment_count, 0);
    reader_close(&scene.file);
}

static void what_is_said_about_a_departure_stands_beside_it(void **state)
{
    (void)state;
    begin_with(0);
    arrives("in", 1);
    TRACE(&scene.trace, retransmitted, .seq = 1, .len = 3, .because = "RTO");
    assert_int_equal(departs("again", 2), 0);
    assert_int_equal(departs("new", 3), 0);
    end();
    assert_int_equal(scene.packets[0].comment_count, 0);
    assert_int_equal(scene.packets[1].comment_count, 1);
    assert_non_null(strstr(scene.packets[1].comments[0], "sent again"));
    assert_int_equal(scene.packets[2].comment_count, 0);
    reader_close(&scene.file);
}

static void details_are_not_written(void **state)
{
    (void)state;
    begin_with(0);
    arrives("in", 1);
    TRACE(&scene.trace, segment_arrived, .len = 2);
    TRACE(&scene.trace, segment_sent, .len = 2);
    assert_int_equal(departs("out", 2), 0);
    end();
    assert_int_equal(scene.packets[0].comment_count, 0);
    assert_int_equal(scene.packets[1].comment_count, 0);
    reader_close(&scene.file);
}

static void a_packet_that_was_not_taken_is_written_when_it_is(void **state)
{
    (void)state;
    begin_with(0);
    for (unsigned i = 0; i < 50; i++)
        assert_int_equal(departs("x", 1), 0);
    TRACE(&scene.trace, retransmitted, .len = 4);
    assert_int_equal(departs("late", 2), -EAGAIN);
    assert_int_equal(scene.device->refused, 1);
    struct packet p;
    assert_int_equal(device_receive(scene.ends[1], &p, INSTANT_ZERO), 0);
    assert_int_equal(departs("late", 3), 0);
    end();
    assert_int_equal(scene.count, 51);
    assert_memory_equal(scene.packets[50].data, "late", 4);
    assert_int_equal(scene.packets[50].comment_count, 1);
    reader_close(&scene.file);
}

static void too_many_comments_are_counted(void **state)
{
    (void)state;
    begin_with(0);
    arrives("in", 1);
    for (unsigned i = 0; i < 40; i++)
        TRACE(&scene.trace, window_closed, );
    arrives("next", 2);
    end();
    assert_int_equal(scene.packets[0].comment_count, 33);
    assert_string_equal(scene.packets[0].comments[32], "and 8 more");
    assert_int_equal(scene.packets[1].comment_count, 0);
    reader_close(&scene.file);
}

/* The device completes it, so what is on the wire is what the file must show. */
static void a_partial_checksum_is_completed_in_the_file_only(void **state)
{
    (void)state;
    static uint8_t header[HEADERS] = {0x45, 0, 0,   0,  0, 0, 0,   0,  64, 6,
                                      0,    0, 198, 18, 0, 1, 198, 18, 0,  2};
    static const uint8_t text[3000] = {1, 2, 3};
    struct checksum pseudo = {.sum = 0}, whole = {.sum = 0};
    struct address from = address_from_ipv4(header + 12), to = address_from_ipv4(header + 16);
    put_be16(header + 2, HEADERS + sizeof text);
    header[32] = 0x50;
    checksum_add_pseudo(&pseudo, &from, &to, 6, 20 + sizeof text);
    put_be16(header + 36, checksum_fold(&pseudo));
    struct packet p = {.parts = {{header, HEADERS}, {text, 1000}, {text + 1000, 2000}},
                       .count = 3,
                       .gso_size = 1460,
                       .checksum = PACKET_CHECKSUM_PARTIAL,
                       .checksum_at = 20,
                       .checksum_offset = 16,
                       .header_length = HEADERS};
    struct packet got;
    begin_with(0);
    assert_int_equal(device_transmit(scene.device, &p, INSTANT_ZERO), 0);
    assert_int_equal(device_receive(scene.ends[1], &got, INSTANT_ZERO), 0);
    assert_int_equal(got.checksum, PACKET_CHECKSUM_PARTIAL);
    assert_int_equal(get_be16(got.parts[0].data + 36), checksum_fold(&pseudo));
    end();
    assert_int_equal(scene.packets[0].kept, HEADERS + sizeof text);
    checksum_add_pseudo(&whole, &from, &to, 6, 20 + sizeof text);
    checksum_add(&whole, scene.packets[0].data + 20, 20 + sizeof text);
    assert_int_equal(checksum_finish(&whole), 0);
    reader_close(&scene.file);
}

static void packets_are_cut_at_the_snap_length(void **state)
{
    (void)state;
    begin_with(4);
    assert_int_equal(departs("abcdefgh", 1), 0);
    assert_int_equal(departs("ab", 1), 0);
    end();
    assert_int_equal(scene.packets[0].kept, 4);
    assert_int_equal(scene.packets[0].whole, 8);
    assert_int_equal(scene.packets[1].kept, 2);
    reader_close(&scene.file);
}

static void a_flush_shows_everything_so_far(void **state)
{
    (void)state;
    begin_with(0);
    arrives("in", 1);
    capture_flush(scene.device);
    read_file();
    assert_int_equal(scene.count, 1);
    reader_close(&scene.file);
    end();
    assert_int_equal(scene.count, 1);
    reader_close(&scene.file);
}

static void a_path_that_cannot_be_written_is_named(void **state)
{
    (void)state;
    struct device *ends[2], *device = NULL;
    char error[200];
    struct capture_config config = {.path = "/nonexistent/x.pcapng"};
    assert_int_equal(pair_open(&(struct pair_config){1500, 0, 1}, ends), 0);
    assert_int_equal(capture_open(&config, ends[0], NULL, &device, error, sizeof error), -ENOENT);
    assert_string_equal(error, "cannot write the capture file '/nonexistent/x.pcapng': No such "
                               "file or directory");
    config.path = "/dev/full";
    assert_int_equal(capture_open(&config, ends[0], NULL, &device, error, sizeof error), -ENOSPC);
    assert_null(device);
    device_close(ends[0]); /* still ours */
    device_close(ends[1]);
}

/* The stack goes on without the capture. */
static void a_full_disk_ends_the_capture_only(void **state)
{
    (void)state;
    struct rlimit old, small;
    begin_with(0);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = (struct rlimit){.rlim_cur = 300, .rlim_max = old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    for (unsigned i = 0; i < 10; i++)
        assert_int_equal(departs("a packet of some length", 1), 0);
    capture_flush(scene.device);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_null(scene.trace.sinks);
    assert_int_equal(departs("after the end", 2), 0);
    assert_int_equal(scene.device->transmitted, 11);
    device_close(scene.device);
    device_close(scene.ends[1]);
    unlink(scene.path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_packet_is_written_once_with_its_direction),
        cmocka_unit_test(what_is_said_about_an_arrival_stands_beside_it),
        cmocka_unit_test(what_is_said_about_a_departure_stands_beside_it),
        cmocka_unit_test(details_are_not_written),
        cmocka_unit_test(a_packet_that_was_not_taken_is_written_when_it_is),
        cmocka_unit_test(too_many_comments_are_counted),
        cmocka_unit_test(a_partial_checksum_is_completed_in_the_file_only),
        cmocka_unit_test(packets_are_cut_at_the_snap_length),
        cmocka_unit_test(a_flush_shows_everything_so_far),
        cmocka_unit_test(a_path_that_cannot_be_written_is_named),
        cmocka_unit_test(a_full_disk_ends_the_capture_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
