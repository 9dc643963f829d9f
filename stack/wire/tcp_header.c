/* The TCP header and options of RFC 9293, 3.1 and 3.2, RFC 7323 (timestamps, window scale), RFC
 * 2018 (SACK), RFC 7413 (Fast Open) and RFC 9768 (AccECN): bytes <-> struct. Called by tcp/, gso
 * and describe; it must not know a connection, and it judges nothing but whether bytes can be read.
 */
#include "wire/tcp_header.h"

#include "base/check.h"

enum {
    MSS_LENGTH = 4,
    WINDOW_SCALE_LENGTH = 3,
    SACK_PERMITTED_LENGTH = 2,
    SACK_BLOCK_LENGTH = 8,
    TIMESTAMPS_LENGTH = 10,
    MD5_LENGTH = 18,
    AO_SHORTEST = 4,
    FAST_OPEN_COOKIE_SHORTEST = 4,
    FAST_OPEN_EXPERIMENT = 0xf989, /* RFC 6994's identifier, registered for Fast Open */
    ACCECN_COUNTER_LENGTH = 3,
    ACCECN_COUNTERS = 3,
    EVERY_OPTION_LENGTH = 96, /* all that one call can be asked to write, and more */
};

static void read_mss(struct tcp_options *o, struct bytes value)
{
    if (o->has_mss || value.len != MSS_LENGTH - 2)
        return;
    o->has_mss = true;
    o->mss = get_be16(value.data);
}

static void read_window_scale(struct tcp_options *o, struct bytes value)
{
    if (o->has_window_scale || value.len != WINDOW_SCALE_LENGTH - 2)
        return;
    o->has_window_scale = true;
    o->window_scale = value.data[0];
}

static void read_timestamps(struct tcp_options *o, struct bytes value)
{
    if (o->has_timestamps || value.len != TIMESTAMPS_LENGTH - 2)
        return;
    o->has_timestamps = true;
    o->ts_val = get_be32(value.data);
    o->ts_ecr = get_be32(value.data + 4);
}

static void read_sack(struct tcp_options *o, struct bytes value)
{
    size_t count = value.len / SACK_BLOCK_LENGTH;
    if (o->sack_count || count == 0 || count > TCP_SACK_BLOCKS || value.len % SACK_BLOCK_LENGTH)
        return;
    o->sack_count = (uint8_t)count;
    for (size_t i = 0; i < count; i++) {
        const uint8_t *block = value.data + i * SACK_BLOCK_LENGTH;
        o->sack[i].left.u32 = get_be32(block);
        o->sack[i].right.u32 = get_be32(block + 4);
    }
}

/* RFC 7413, 4.1.1: no cookie (a request), or one of 4 to 16 bytes, an even number. */
static void read_fast_open(struct tcp_options *o, struct bytes value)
{
    bool has_cookie = value.len >= FAST_OPEN_COOKIE_SHORTEST &&
                      value.len <= TCP_FAST_OPEN_COOKIE_LONGEST && value.len % 2 == 0;
    if ((o->has_fast_open && !o->fast_open_experiment) || (value.len != 0 && !has_cookie))
        return;
    o->has_fast_open = true;
    o->fast_open_experiment = false;
    o->fast_open_length = (uint8_t)value.len;
    if (value.len)
        memcpy(o->fast_open_cookie, value.data, value.len);
}

/* RFC 7413, appendix of drafts before it; RFC 6994: the experiment identifier, then the cookie. A
 * peer that says both forms means the one of RFC 7413. */
static void read_experiment(struct tcp_options *o, struct bytes value)
{
    if (value.len < 2 || get_be16(value.data) != FAST_OPEN_EXPERIMENT || o->has_fast_open)
        return;
    read_fast_open(o, bytes_part(value, 2, value.len));
    o->fast_open_experiment = o->has_fast_open;
}

/* RFC 9768, 3.2.3: up to three counters of 24 bits, in one of two orders. Of an unusual length the
 * whole counters are used and the rest ignored, so that the option may grow later. */
static void read_accecn(struct tcp_options *o, struct bytes value, uint8_t order)
{
    size_t count = value.len / ACCECN_COUNTER_LENGTH;
    if (o->has_accecn)
        return;
    if (count > ACCECN_COUNTERS)
        count = ACCECN_COUNTERS;
    o->has_accecn = true;
    o->accecn_order = order;
    o->accecn_count = (uint8_t)count;
    for (size_t i = 0; i < count; i++) {
        const uint8_t *counter = value.data + i * ACCECN_COUNTER_LENGTH;
        o->accecn[i] = (uint32_t)counter[0] << 16 | get_be16(counter + 1);
    }
}

/* Any number may stand in `kind`: what is not listed is unknown, and skipped (RFC 9293, MUST-6). */
static void read_option(struct tcp_options *o, uint8_t kind, struct bytes value)
{
    switch (kind) {
    case TCP_OPTION_MSS:
        read_mss(o, value);
        break;
    case TCP_OPTION_WINDOW_SCALE:
        read_window_scale(o, value);
        break;
    case TCP_OPTION_SACK_PERMITTED:
        o->has_sack_permitted |= value.len == SACK_PERMITTED_LENGTH - 2;
        break;
    case TCP_OPTION_SACK:
        read_sack(o, value);
        break;
    case TCP_OPTION_TIMESTAMPS:
        read_timestamps(o, value);
        break;
    case TCP_OPTION_MD5:
        o->has_md5 |= value.len == MD5_LENGTH - 2;
        break;
    case TCP_OPTION_AO:
        o->has_ao |= value.len >= AO_SHORTEST - 2;
        break;
    case TCP_OPTION_FAST_OPEN:
        read_fast_open(o, value);
        break;
    case TCP_OPTION_EXPERIMENT:
        read_experiment(o, value);
        break;
    case TCP_OPTION_ACCECN0:
        read_accecn(o, value, 0);
        break;
    case TCP_OPTION_ACCECN1:
        read_accecn(o, value, 1);
        break;
    default:
        break;
    }
}

/* RFC 9293, 3.1, Options (MUST-5, MUST-6, MUST-7, MUST-69). Every turn takes at least one byte. */
static void read_options(struct tcp_options *o, struct bytes bytes)
{
    struct cursor c = cursor_over(bytes);
    while (cursor_left(&c) > 0) {
        uint8_t kind = cursor_u8(&c);
        if (kind == TCP_OPTION_END)
            return;
        if (kind == TCP_OPTION_NOP)
            continue;
        size_t length = cursor_u8(&c);
        struct bytes value = cursor_take(&c, length - 2);
        if (c.failed) {
            o->malformed = true;
            return;
        }
        read_option(o, kind, value);
    }
}

enum tcp_header_fault tcp_header_parse(struct bytes segment, struct tcp_header *header)
{
    if (segment.len < TCP_HEADER_LENGTH)
        return TCP_HEADER_TOO_SHORT;
    const uint8_t *p = segment.data;
    size_t length = (size_t)(p[12] >> 4) * 4;
    *header = (struct tcp_header){
        .source_port = get_be16(p),
        .destination_port = get_be16(p + 2),
        .seq = {get_be32(p + 4)},
        .ack = {get_be32(p + 8)},
        .flags = get_be16(p + 12) & 0x1ff,
        .reserved = p[12] >> 1 & 7,
        .window = get_be16(p + 14),
        .checksum = get_be16(p + 16),
        .urgent = get_be16(p + 18),
        .length = (uint8_t)length,
    };
    if (length < TCP_HEADER_LENGTH || length > segment.len)
        return TCP_HEADER_BAD_OFFSET;
    read_options(&header->options,
                 (struct bytes){p + TCP_HEADER_LENGTH, length - TCP_HEADER_LENGTH});
    return TCP_HEADER_OK;
}

/* Fills with NOPs up to a place that is `phase` modulo 4. */
static void pad_to(struct builder *b, size_t phase)
{
    while (!b->failed && builder_length(b) % 4 != phase)
        builder_u8(b, TCP_OPTION_NOP);
}

/* Kind and length of an option that is to start at `phase` modulo 4. */
static void begin_option(struct builder *b, size_t phase, enum tcp_option_kind kind, size_t length)
{
    pad_to(b, phase);
    builder_u8(b, (uint8_t)kind);
    builder_u8(b, (uint8_t)length);
}

static void write_timestamps(struct builder *b, const struct tcp_options *o, bool syn)
{
    /* SACK-permitted fits where two NOPs would be. */
    if (syn && o->has_sack_permitted)
        begin_option(b, 0, TCP_OPTION_SACK_PERMITTED, SACK_PERMITTED_LENGTH);
    begin_option(b, 2, TCP_OPTION_TIMESTAMPS, TIMESTAMPS_LENGTH);
    builder_u32(b, o->ts_val);
    builder_u32(b, o->ts_ecr);
}

static void write_accecn(struct builder *b, const struct tcp_options *o)
{
    CHECK(o->accecn_count <= ACCECN_COUNTERS);
    enum tcp_option_kind kind = o->accecn_order ? TCP_OPTION_ACCECN1 : TCP_OPTION_ACCECN0;
    begin_option(b, 0, kind, 2 + (size_t)o->accecn_count * ACCECN_COUNTER_LENGTH);
    for (int i = 0; i < o->accecn_count; i++) {
        builder_u8(b, (uint8_t)(o->accecn[i] >> 16));
        builder_u16(b, (uint16_t)o->accecn[i]);
    }
}

static void write_sack(struct builder *b, const struct tcp_options *o)
{
    CHECK(o->sack_count <= TCP_SACK_BLOCKS);
    begin_option(b, 2, TCP_OPTION_SACK, 2 + (size_t)o->sack_count * SACK_BLOCK_LENGTH);
    for (int i = 0; i < o->sack_count; i++) {
        builder_u32(b, o->sack[i].left.u32);
        builder_u32(b, o->sack[i].right.u32);
    }
}

static void write_fast_open(struct builder *b, const struct tcp_options *o)
{
    CHECK(o->fast_open_length <= TCP_FAST_OPEN_COOKIE_LONGEST);
    if (o->fast_open_experiment) {
        begin_option(b, 0, TCP_OPTION_EXPERIMENT, 4U + o->fast_open_length);
        builder_u16(b, FAST_OPEN_EXPERIMENT);
    } else {
        begin_option(b, 0, TCP_OPTION_FAST_OPEN, 2U + o->fast_open_length);
    }
    builder_copy(b, o->fast_open_cookie, o->fast_open_length);
}

/* Each option starts where its values lie aligned, as Linux lays them out; what goes first has used
 * up NOPs of what follows. */
static void write_options(struct builder *b, const struct tcp_options *o, bool syn)
{
    if (syn && o->has_mss) {
        begin_option(b, 0, TCP_OPTION_MSS, MSS_LENGTH);
        builder_u16(b, o->mss);
    }
    if (o->has_timestamps)
        write_timestamps(b, o, syn);
    if (o->has_accecn)
        write_accecn(b, o);
    if (syn && o->has_sack_permitted && !o->has_timestamps)
        begin_option(b, 2, TCP_OPTION_SACK_PERMITTED, SACK_PERMITTED_LENGTH);
    if (syn && o->has_window_scale) {
        begin_option(b, 1, TCP_OPTION_WINDOW_SCALE, WINDOW_SCALE_LENGTH);
        builder_u8(b, o->window_scale);
    }
    if (!syn && o->sack_count)
        write_sack(b, o);
    if (syn && o->has_fast_open)
        write_fast_open(b, o);
    pad_to(b, 0);
}

size_t tcp_header_build(const struct tcp_header *header, uint8_t out[TCP_HEADER_LONGEST])
{
    struct builder options = builder_over(out + TCP_HEADER_LENGTH, TCP_OPTIONS_LONGEST);
    write_options(&options, &header->options, header->flags & TCP_SYN);
    CHECK(!options.failed);
    size_t length = TCP_HEADER_LENGTH + builder_length(&options);
    put_be16(out, header->source_port);
    put_be16(out + 2, header->destination_port);
    put_be32(out + 4, header->seq.u32);
    put_be32(out + 8, header->ack.u32);
    put_be16(out + 12, (uint16_t)(length / 4 << 12 | (header->flags & 0x1ffU)));
    put_be16(out + 14, header->window);
    put_be16(out + 16, header->checksum);
    put_be16(out + 18, header->urgent);
    return length;
}

size_t tcp_options_length(const struct tcp_options *options, bool syn)
{
    uint8_t scratch[EVERY_OPTION_LENGTH];
    struct builder b = builder_over(scratch, sizeof scratch);
    write_options(&b, options, syn);
    CHECK(!b.failed);
    return builder_length(&b);
}
