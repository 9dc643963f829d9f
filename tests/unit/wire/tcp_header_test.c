/* The TCP header: options at every place, cut at every byte, and the very bytes that Linux sends.
 */
#define _GNU_SOURCE
#include "wire/tcp_header.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"
#include "guard.h"

static struct guard guard;

static int make_guard(void **state)
{
    (void)state;
    guard = guard_make();
    return 0;
}

static int free_guard(void **state)
{
    (void)state;
    guard_free(&guard);
    return 0;
}

/* Reads a header whose options are these bytes; what is missing to a multiple of 4 is End. */
static struct tcp_options read_bytes(const uint8_t *options, size_t len)
{
    size_t padded = (len + 3) & ~(size_t)3;
    uint8_t bytes[TCP_HEADER_LONGEST] = {0};
    struct tcp_header h;
    bytes[12] = (uint8_t)((TCP_HEADER_LENGTH + padded) / 4 << 4);
    memcpy(bytes + TCP_HEADER_LENGTH, options, len);
    struct bytes segment = guard_copy(&guard, bytes, TCP_HEADER_LENGTH + padded);
    assert_int_equal(tcp_header_parse(segment, &h), TCP_HEADER_OK);
    assert_int_equal(h.length, TCP_HEADER_LENGTH + padded);
    return h.options;
}

#define READ(text) read_bytes((const uint8_t *)(text), sizeof(text) - 1)

static void fields_are_read(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {0x00, 0x50, 0x9c, 0x40, 1,    2,    3,    4,    5,    6,
                                    7,    8,    0x5f, 0xff, 0x80, 0x01, 0xbe, 0xef, 0x12, 0x34};
    struct tcp_header h;
    assert_int_equal(tcp_header_parse((struct bytes){bytes, sizeof bytes}, &h), TCP_HEADER_OK);
    assert_int_equal(h.source_port, 80);
    assert_int_equal(h.destination_port, 40000);
    assert_int_equal(h.seq.u32, 0x01020304);
    assert_int_equal(h.ack.u32, 0x05060708);
    assert_int_equal(h.flags, 0x1ff);
    assert_int_equal(h.reserved, 7);
    assert_int_equal(h.window, 0x8001);
    assert_int_equal(h.checksum, 0xbeef);
    assert_int_equal(h.urgent, 0x1234);
    assert_int_equal(h.length, 20);
}

/* 9293-U-1 */
static void reserved_bits_are_sent_as_zero(void **state)
{
    (void)state;
    struct tcp_header h = {.flags = 0xffff & ~TCP_SYN, .reserved = 7};
    uint8_t out[TCP_HEADER_LONGEST];
    assert_int_equal(tcp_header_build(&h, out), 20);
    assert_int_equal(get_be16(out + 12), 0x51ff & ~TCP_SYN);
}

static void the_data_offset_is_judged(void **state)
{
    (void)state;
    for (size_t len = 0; len <= 64; len++)
        for (unsigned words = 0; words < 16; words++) {
            uint8_t bytes[64] = {0};
            struct tcp_header h;
            bytes[12] = (uint8_t)(words << 4);
            enum tcp_header_fault fault = tcp_header_parse(guard_copy(&guard, bytes, len), &h);
            if (len < 20)
                assert_int_equal(fault, TCP_HEADER_TOO_SHORT);
            else if (words < 5 || words * 4 > len)
                assert_int_equal(fault, TCP_HEADER_BAD_OFFSET);
            else
                assert_int_equal(fault, TCP_HEADER_OK);
        }
}

static bool has_mss(const struct tcp_options *o)
{
    return o->has_mss && o->mss == 0x0102;
}

static bool has_window_scale(const struct tcp_options *o)
{
    return o->has_window_scale && o->window_scale == 200;
}

static bool has_sack_permitted(const struct tcp_options *o)
{
    return o->has_sack_permitted;
}

static bool has_sack(const struct tcp_options *o)
{
    return o->sack_count == 1 && o->sack[0].left.u32 == 1 && o->sack[0].right.u32 == 2;
}

static bool has_timestamps(const struct tcp_options *o)
{
    return o->has_timestamps && o->ts_val == 0x01020304 && o->ts_ecr == 0x05060708;
}

static bool has_md5(const struct tcp_options *o)
{
    return o->has_md5;
}

static bool has_ao(const struct tcp_options *o)
{
    return o->has_ao;
}

static bool has_fast_open(const struct tcp_options *o)
{
    return o->has_fast_open && o->fast_open_length == 8 &&
           memcmp(o->fast_open_cookie, "cookies!", 8) == 0;
}

static bool has_accecn0(const struct tcp_options *o)
{
    return o->has_accecn && o->accecn_order == 0 && o->accecn_count == 2 &&
           o->accecn[0] == 0x010203 && o->accecn[1] == 0x040506;
}

static bool has_accecn1(const struct tcp_options *o)
{
    return o->has_accecn && o->accecn_order == 1 && o->accecn_count == 1 &&
           o->accecn[0] == 0xffeeff;
}

static const struct known_option {
    const char *bytes;
    size_t length;
    bool (*is_read)(const struct tcp_options *);
} known_options[] = {
    {"\x02\x04\x01\x02", 4, has_mss},
    {"\x03\x03\xc8", 3, has_window_scale},
    {"\x04\x02", 2, has_sack_permitted},
    {"\x05\x0a\0\0\0\x01\0\0\0\x02", 10, has_sack},
    {"\x08\x0a\x01\x02\x03\x04\x05\x06\x07\x08", 10, has_timestamps},
    {"\x13\x12 16 bytes digest", 18, has_md5},
    {"\x1d\x10\x01\x02 and 12 bytes", 16, has_ao},
    {"\x22\x0a"
     "cookies!",
     10, has_fast_open},
    {"\xfe\x0c\xf9\x89"
     "cookies!",
     12, has_fast_open},
    {"\xac\x08\x01\x02\x03\x04\x05\x06", 8, has_accecn0},
    {"\xae\x05\xff\xee\xff", 5, has_accecn1},
};
enum { KNOWN_OPTIONS = sizeof known_options / sizeof known_options[0] };

/* MUST-4, MUST-5, MUST-64 */
static void every_option_is_read_at_every_offset(void **state)
{
    (void)state;
    for (size_t i = 0; i < KNOWN_OPTIONS; i++) {
        const struct known_option *known = &known_options[i];
        for (size_t at = 0; at + known->length <= TCP_OPTIONS_LONGEST; at++) {
            uint8_t options[TCP_OPTIONS_LONGEST];
            memset(options, TCP_OPTION_NOP, sizeof options);
            memcpy(options + at, known->bytes, known->length);
            struct tcp_options o = read_bytes(options, at + known->length);
            assert_true(known->is_read(&o));
            assert_false(o.malformed);
        }
    }
}

/* MUST-6, MUST-68 */
static void unknown_options_are_skipped_by_their_length(void **state)
{
    (void)state;
    for (size_t i = 0; i < KNOWN_OPTIONS; i++) {
        const struct known_option *known = &known_options[i];
        for (size_t length = 2; length + known->length <= TCP_OPTIONS_LONGEST; length++) {
            uint8_t options[TCP_OPTIONS_LONGEST] = {253, (uint8_t)length, 2, 0, 2, 1};
            memcpy(options + length, known->bytes, known->length);
            struct tcp_options o = read_bytes(options, length + known->length);
            assert_true(known->is_read(&o));
        }
    }
}

/* MUST-7, CVE-2020-24341: the option is cut at every byte, at the end of every length of options */
static void an_option_cut_at_any_byte_is_malformed(void **state)
{
    (void)state;
    for (size_t i = 0; i < KNOWN_OPTIONS; i++) {
        const struct known_option *known = &known_options[i];
        for (size_t left = 1; left < known->length; left++)
            for (size_t total = 4; total <= TCP_OPTIONS_LONGEST; total += 4) {
                uint8_t options[TCP_OPTIONS_LONGEST];
                if (left > total)
                    continue;
                memset(options, TCP_OPTION_NOP, sizeof options);
                memcpy(options + total - left, known->bytes, left);
                struct tcp_options o = read_bytes(options, total);
                assert_true(o.malformed);
                assert_false(known->is_read(&o));
            }
    }
}

/* MUST-7, CVE-2020-24337: every kind, lengths 0, 1 and past the end, at every offset */
static void illegal_lengths_stop_the_reading(void **state)
{
    (void)state;
    for (unsigned kind = 2; kind < 256; kind++)
        for (size_t at = 0; at + 2 <= TCP_OPTIONS_LONGEST; at++) {
            const size_t left = TCP_OPTIONS_LONGEST - at;
            const size_t illegal[] = {0, 1, left + 1, 255};
            for (size_t i = 0; i < 4; i++) {
                uint8_t options[TCP_OPTIONS_LONGEST];
                memset(options, TCP_OPTION_NOP, sizeof options);
                options[at] = (uint8_t)kind;
                options[at + 1] = (uint8_t)illegal[i];
                assert_true(read_bytes(options, sizeof options).malformed);
            }
        }
}

static void what_came_before_the_illegal_length_holds(void **state)
{
    (void)state;
    struct tcp_options o = READ("\x02\x04\x05\xb4\x03\x00\x07\x01\x04\x02");
    assert_true(o.malformed);
    assert_true(o.has_mss);
    assert_false(o.has_window_scale);
    assert_false(o.has_sack_permitted);
}

/* MUST-69 */
static void nothing_behind_the_end_is_read(void **state)
{
    (void)state;
    struct tcp_options o = READ("\x02\x04\x05\xb4\x00\x03\x03\x07\x04\x02\x08\x00");
    assert_true(o.has_mss);
    assert_false(o.has_window_scale);
    assert_false(o.has_sack_permitted);
    assert_false(o.malformed);
}

/* R7413-01, CVE-2021-31889: every length of every kind, filled up with zeros */
static void known_options_of_the_wrong_length_are_skipped(void **state)
{
    (void)state;
    for (size_t i = 0; i < KNOWN_OPTIONS; i++)
        for (size_t length = 2; length + 4 <= TCP_OPTIONS_LONGEST; length++) {
            uint8_t options[TCP_OPTIONS_LONGEST] = {(uint8_t)known_options[i].bytes[0],
                                                    (uint8_t)length};
            struct tcp_options o;
            memcpy(options + length, "\x03\x03\x09", 4);
            o = read_bytes(options, length + 4);
            assert_false(o.malformed);
            bool is_window_scale = options[0] == TCP_OPTION_WINDOW_SCALE && length == 3;
            assert_int_equal(o.window_scale, is_window_scale ? 0 : 9);
            assert_int_equal(o.has_mss, options[0] == TCP_OPTION_MSS && length == 4);
            assert_int_equal(o.has_timestamps, options[0] == TCP_OPTION_TIMESTAMPS && length == 10);
            assert_int_equal(o.has_sack_permitted,
                             options[0] == TCP_OPTION_SACK_PERMITTED && length == 2);
            bool is_sack = options[0] == TCP_OPTION_SACK && length > 2 && length % 8 == 2;
            assert_int_equal(o.sack_count, is_sack ? length / 8 : 0);
            bool is_fast_open = options[0] == TCP_OPTION_FAST_OPEN &&
                                (length == 2 || (length >= 6 && length <= 18 && length % 2 == 0));
            assert_int_equal(o.has_fast_open, is_fast_open);
            assert_int_equal(o.fast_open_length, is_fast_open ? length - 2 : 0);
            assert_int_equal(o.has_md5, options[0] == TCP_OPTION_MD5 && length == 18);
            assert_int_equal(o.has_ao, options[0] == TCP_OPTION_AO && length >= 4);
        }
}

/* R9768-06 */
static void accecn_of_any_length_gives_its_whole_counters(void **state)
{
    (void)state;
    for (size_t length = 2; length <= TCP_OPTIONS_LONGEST; length++) {
        uint8_t options[TCP_OPTIONS_LONGEST] = {TCP_OPTION_ACCECN0, (uint8_t)length, 0, 0, 7};
        struct tcp_options o = read_bytes(options, length);
        size_t whole = (length - 2) / 3;
        assert_true(o.has_accecn);
        assert_int_equal(o.accecn_count, whole < 3 ? whole : 3);
        assert_int_equal(o.accecn[0], whole > 0 ? 7 : 0);
    }
}

/* TCP-Fuzz: a duplicate option */
static void the_first_of_a_kind_counts(void **state)
{
    (void)state;
    struct tcp_options o = READ("\x02\x04\x00\x01\x02\x04\x00\x02\x03\x03\x01\x03\x03\x02"
                                "\x08\x0a\0\0\0\x01\0\0\0\0\x08\x0a\0\0\0\x02\0\0\0\0");
    assert_int_equal(o.mss, 1);
    assert_int_equal(o.window_scale, 1);
    assert_int_equal(o.ts_val, 1);
    o = READ("\x05\x0a\0\0\0\x01\0\0\0\x02\x05\x0a\0\0\0\x03\0\0\0\x04\xac\x05\0\0\x01\xae\x05\0\0"
             "\x02\x22\x02\x22\x06"
             "abcd");
    assert_int_equal(o.sack_count, 1);
    assert_int_equal(o.sack[0].left.u32, 1);
    assert_int_equal(o.accecn_order, 0);
    assert_int_equal(o.accecn[0], 1);
    assert_true(o.has_fast_open);
    assert_int_equal(o.fast_open_length, 0);
}

/* R7413-01: another experiment is none of ours; RFC 7413's form counts more than the experiment's.
 */
static void the_experiments_form_of_fast_open_is_known(void **state)
{
    (void)state;
    struct tcp_options o = READ("\xfe\x04\xf9\x89");
    assert_true(o.has_fast_open && o.fast_open_experiment);
    assert_int_equal(o.fast_open_length, 0);
    o = READ("\xfe\x08\xf9\x88\x01\x02\x03\x04");
    assert_false(o.has_fast_open);
    o = READ("\xfe\x07\xf9\x89\x01\x02\x03\x00");
    assert_false(o.has_fast_open || o.fast_open_experiment);
    o = READ("\xfe\x08\xf9\x89\x01\x02\x03\x04\x22\x06wxyz\x01\x01");
    assert_true(o.has_fast_open && !o.fast_open_experiment);
    assert_memory_equal(o.fast_open_cookie, "wxyz", 4);
    o = READ("\x22\x06wxyz\xfe\x08\xf9\x89\x01\x02\x03\x04\x01\x01");
    assert_true(o.has_fast_open && !o.fast_open_experiment);
    assert_memory_equal(o.fast_open_cookie, "wxyz", 4);
}

static void four_sack_blocks_are_read_in_order(void **state)
{
    (void)state;
    uint8_t options[34] = {TCP_OPTION_SACK, 34};
    for (int i = 0; i < 32; i++)
        options[2 + i] = (uint8_t)i;
    struct tcp_options o = read_bytes(options, sizeof options);
    assert_int_equal(o.sack_count, 4);
    assert_int_equal(o.sack[0].left.u32, 0x00010203);
    assert_int_equal(o.sack[3].right.u32, 0x1c1d1e1f);
}

/* A header with these options builds exactly these option bytes. */
static void builds(unsigned flags, const struct tcp_options *o, const char *bytes, size_t len)
{
    struct tcp_header h = {.flags = (uint16_t)flags, .options = *o};
    uint8_t *out = guard_room(&guard, TCP_HEADER_LONGEST);
    assert_int_equal(tcp_header_build(&h, out), TCP_HEADER_LENGTH + len);
    assert_memory_equal(out + TCP_HEADER_LENGTH, bytes, len);
    assert_int_equal(out[12] >> 4, (TCP_HEADER_LENGTH + len) / 4);
    assert_int_equal(tcp_options_length(o, flags & TCP_SYN), len);
}

#define BUILDS(flags, text, ...)                                                                   \
    builds(flags, &(struct tcp_options){__VA_ARGS__}, text, sizeof(text) - 1)

#define MSS_1460 .has_mss = true, .mss = 1460
#define WSCALE_8 .has_window_scale = true, .window_scale = 8
#define SACK_OK  .has_sack_permitted = true
#define TS_1_2   .has_timestamps = true, .ts_val = 1, .ts_ecr = 2
#define TS_BYTES "\x08\x0a\0\0\0\x01\0\0\0\x02"

static void syns_are_laid_out_as_linux_does(void **state)
{
    (void)state;
    BUILDS(TCP_SYN, "\x02\x04\x05\xb4\x04\x02" TS_BYTES "\x01\x03\x03\x08", MSS_1460, SACK_OK,
           TS_1_2, WSCALE_8);
    BUILDS(TCP_SYN, "\x02\x04\x05\xb4\x01\x01\x04\x02\x01\x03\x03\x08", MSS_1460, SACK_OK,
           WSCALE_8);
    BUILDS(TCP_SYN, "\x02\x04\x05\xb4\x01\x01" TS_BYTES "\x01\x03\x03\x08", MSS_1460, TS_1_2,
           WSCALE_8);
    BUILDS(TCP_SYN | TCP_ACK, "\x02\x04\x05\xb4\x01\x03\x03\x08", MSS_1460, WSCALE_8);
    BUILDS(TCP_SYN, "\x02\x04\x05\xb4", MSS_1460);
    BUILDS(TCP_SYN | TCP_ACK, "\x02\x04\x05\xb4\x04\x02" TS_BYTES, MSS_1460, SACK_OK, TS_1_2);
}

static void established_segments_are_laid_out_as_linux_does(void **state)
{
    (void)state;
    BUILDS(TCP_ACK, "", .mss = 0);
    BUILDS(TCP_ACK, "\x01\x01" TS_BYTES, TS_1_2);
    BUILDS(TCP_ACK, "\x01\x01" TS_BYTES "\x01\x01\x05\x12\0\0\0\x03\0\0\0\x04\0\0\0\x05\0\0\0\x06",
           TS_1_2, .sack_count = 2, .sack = {{{3}, {4}}, {{5}, {6}}});
    BUILDS(TCP_ACK, "\x01\x01\x05\x0a\0\0\0\x03\0\0\0\x04", .sack_count = 1, .sack = {{{3}, {4}}});
}

/* Fast Open, item 14: last, and padded behind */
static void fast_open_comes_last(void **state)
{
    (void)state;
    BUILDS(TCP_SYN,
           "\x02\x04\x05\xb4\x04\x02" TS_BYTES "\x01\x03\x03\x08\x22\x0a"
           "cookies!\x01\x01",
           MSS_1460, SACK_OK, TS_1_2, WSCALE_8, .has_fast_open = true, .fast_open_length = 8,
           .fast_open_cookie = "cookies!");
    BUILDS(TCP_SYN, "\x02\x04\x05\xb4\x22\x02\x01\x01", MSS_1460, .has_fast_open = true);
    BUILDS(TCP_SYN, "\x02\x04\x05\xb4\xfe\x04\xf9\x89", MSS_1460, .has_fast_open = true,
           .fast_open_experiment = true);
    BUILDS(TCP_SYN, "\xfe\x08\xf9\x89\x01\x02\x03\x04", .has_fast_open = true,
           .fast_open_experiment = true, .fast_open_length = 4, .fast_open_cookie = {1, 2, 3, 4});
}

/* Between timestamps and SACK-permitted, with NOPs used up by what follows */
static void accecn_uses_up_padding(void **state)
{
    (void)state;
    BUILDS(TCP_SYN | TCP_ACK,
           "\x02\x04\x05\xb4\xae\x0b\0\0\x01\0\0\x02\0\0\x03\x01\x01\x01\x04\x02\x01\x03\x03\x08",
           MSS_1460, SACK_OK, WSCALE_8, .has_accecn = true, .accecn_order = 1, .accecn_count = 3,
           .accecn = {1, 2, 3});
    BUILDS(TCP_SYN | TCP_ACK, "\x02\x04\x05\xb4\xae\x05\0\0\x01\x01\x04\x02\x01\x03\x03\x08",
           MSS_1460, SACK_OK, WSCALE_8, .has_accecn = true, .accecn_order = 1, .accecn_count = 1,
           .accecn = {1});
    BUILDS(TCP_ACK, "\x01\x01" TS_BYTES "\xac\x05\0\0\x01\x01\x05\x0a\0\0\0\x03\0\0\0\x04", TS_1_2,
           .has_accecn = true, .accecn_count = 1, .accecn = {1}, .sack_count = 1,
           .sack = {{{3}, {4}}});
}

/* MUST-65 */
static void what_is_for_syns_stays_in_syns(void **state)
{
    (void)state;
    BUILDS(TCP_ACK, "", MSS_1460, WSCALE_8, SACK_OK, .has_fast_open = true);
    BUILDS(TCP_SYN, "", .sack_count = 1, .sack = {{{3}, {4}}});
}

static void random_options(struct random *random, struct tcp_options *o)
{
    *o = (struct tcp_options){
        .has_mss = random_one_in(random, 2),
        .mss = (uint16_t)random_u32(random),
        .has_window_scale = random_one_in(random, 2),
        .window_scale = (uint8_t)random_u32(random),
        .has_sack_permitted = random_one_in(random, 2),
        .has_timestamps = random_one_in(random, 2),
        .ts_val = random_u32(random),
        .ts_ecr = random_u32(random),
        .sack_count = (uint8_t)random_below(random, TCP_SACK_BLOCKS + 1),
        .has_fast_open = random_one_in(random, 2),
        .fast_open_length = (uint8_t)(4 + 2 * random_below(random, 7)),
        .has_accecn = random_one_in(random, 2),
        .accecn_order = (uint8_t)random_below(random, 2),
        .accecn_count = (uint8_t)random_below(random, 4),
    };
    for (int i = 0; i < o->sack_count; i++)
        o->sack[i] = (struct tcp_sack_block){{random_u32(random)}, {random_u32(random)}};
    for (int i = 0; i < o->accecn_count; i++)
        o->accecn[i] = random_u32(random) >> 8;
    for (int i = 0; i < o->fast_open_length; i++)
        o->fast_open_cookie[i] = (uint8_t)random_u32(random);
}

/* What reads back from `asked`: only what this form of segment carries. */
static void expect_carried(const struct tcp_options *asked, bool syn, const struct tcp_options *got)
{
    assert_false(got->malformed);
    assert_int_equal(got->has_mss, syn && asked->has_mss);
    assert_int_equal(got->has_window_scale, syn && asked->has_window_scale);
    assert_int_equal(got->has_sack_permitted, syn && asked->has_sack_permitted);
    assert_int_equal(got->has_timestamps, asked->has_timestamps);
    assert_int_equal(got->sack_count, syn ? 0 : asked->sack_count);
    assert_memory_equal(got->sack, asked->sack, got->sack_count * sizeof got->sack[0]);
    assert_int_equal(got->has_fast_open, syn && asked->has_fast_open);
    assert_memory_equal(got->fast_open_cookie, asked->fast_open_cookie, got->fast_open_length);
    assert_int_equal(got->has_accecn, asked->has_accecn);
    if (got->has_mss)
        assert_int_equal(got->mss, asked->mss);
    if (got->has_window_scale)
        assert_int_equal(got->window_scale, asked->window_scale);
    if (got->has_timestamps)
        assert_true(got->ts_val == asked->ts_val && got->ts_ecr == asked->ts_ecr);
    if (got->has_accecn)
        assert_memory_equal(got->accecn, asked->accecn, asked->accecn_count * sizeof(uint32_t));
}

/* DF-0480: what fits reads back, what does not is known beforehand */
static void all_combinations_read_back(void **state)
{
    (void)state;
    uint64_t seed = 20270;
    struct random random;
    int too_long = 0;
    print_message("seed %llu\n", (unsigned long long)seed);
    random_seed(&random, seed);
    for (int i = 0; i < 20000; i++) {
        struct tcp_header h = {.flags = random_one_in(&random, 2) ? TCP_SYN : TCP_ACK}, read;
        bool syn = h.flags & TCP_SYN;
        random_options(&random, &h.options);
        size_t expected = tcp_options_length(&h.options, syn);
        assert_int_equal(expected % 4, 0);
        if (expected > TCP_OPTIONS_LONGEST) {
            too_long++;
            continue;
        }
        uint8_t out[TCP_HEADER_LONGEST];
        size_t length = tcp_header_build(&h, out);
        assert_int_equal(length, TCP_HEADER_LENGTH + expected);
        assert_int_equal(tcp_header_parse(guard_copy(&guard, out, length), &read), TCP_HEADER_OK);
        expect_carried(&h.options, syn, &read.options);
    }
    assert_true(too_long > 0);
}

/* CVE-2018-16524 */
static void random_bytes_stay_inside(void **state)
{
    (void)state;
    uint64_t seed = 20271;
    struct random random;
    print_message("seed %llu\n", (unsigned long long)seed);
    random_seed(&random, seed);
    for (int i = 0; i < 50000; i++) {
        uint8_t bytes[TCP_HEADER_LONGEST];
        struct tcp_header h;
        size_t len = random_below(&random, sizeof bytes + 1);
        for (size_t at = 0; at < len; at++)
            bytes[at] = (uint8_t)random_below(&random, random_one_in(&random, 3) ? 256 : 35);
        if (len > 12)
            bytes[12] = (uint8_t)(len / 4 << 4);
        if (tcp_header_parse(guard_copy(&guard, bytes, len), &h) != TCP_HEADER_OK)
            continue;
        assert_true(h.options.sack_count <= TCP_SACK_BLOCKS);
        assert_true(h.options.fast_open_length <= TCP_FAST_OPEN_COOKIE_LONGEST);
        assert_true(h.options.accecn_count <= 3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_read),
        cmocka_unit_test(reserved_bits_are_sent_as_zero),
        cmocka_unit_test(the_data_offset_is_judged),
        cmocka_unit_test(every_option_is_read_at_every_offset),
        cmocka_unit_test(unknown_options_are_skipped_by_their_length),
        cmocka_unit_test(an_option_cut_at_any_byte_is_malformed),
        cmocka_unit_test(illegal_lengths_stop_the_reading),
        cmocka_unit_test(what_came_before_the_illegal_length_holds),
        cmocka_unit_test(nothing_behind_the_end_is_read),
        cmocka_unit_test(known_options_of_the_wrong_length_are_skipped),
        cmocka_unit_test(accecn_of_any_length_gives_its_whole_counters),
        cmocka_unit_test(the_first_of_a_kind_counts),
        cmocka_unit_test(four_sack_blocks_are_read_in_order),
        cmocka_unit_test(syns_are_laid_out_as_linux_does),
        cmocka_unit_test(established_segments_are_laid_out_as_linux_does),
        cmocka_unit_test(fast_open_comes_last),
        cmocka_unit_test(the_experiments_form_of_fast_open_is_known),
        cmocka_unit_test(accecn_uses_up_padding),
        cmocka_unit_test(what_is_for_syns_stays_in_syns),
        cmocka_unit_test(all_combinations_read_back),
        cmocka_unit_test(random_bytes_stay_inside),
    };
    return cmocka_run_group_tests(tests, make_guard, free_guard);
}
