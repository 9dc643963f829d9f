/* Any bytes as a TCP header: what is read has legal sizes, and what can be built of it reads the
 * same. */
#include "base/check.h"
#include "wire/tcp_header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void equals(const struct tcp_options *a, const struct tcp_options *b, bool syn)
{
    CHECK(!b->malformed);
    CHECK(b->has_timestamps == a->has_timestamps);
    CHECK(b->ts_val == a->ts_val && b->ts_ecr == a->ts_ecr);
    CHECK(b->has_accecn == a->has_accecn && b->accecn_count == a->accecn_count);
    CHECK(memcmp(b->accecn, a->accecn, sizeof a->accecn) == 0);
    CHECK(b->sack_count == (syn ? 0 : a->sack_count));
    CHECK(syn || memcmp(b->sack, a->sack, sizeof a->sack) == 0);
    CHECK(b->has_mss == (syn && a->has_mss));
    CHECK(!syn || b->mss == a->mss);
    CHECK(b->has_window_scale == (syn && a->has_window_scale));
    CHECK(!syn || b->window_scale == a->window_scale);
    CHECK(b->has_sack_permitted == (syn && a->has_sack_permitted));
    CHECK(b->has_fast_open == (syn && a->has_fast_open));
    CHECK(!syn || b->fast_open_length == a->fast_open_length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tcp_header header, again;
    uint8_t built[TCP_HEADER_LONGEST];
    if (tcp_header_parse((struct bytes){data, size}, &header) != TCP_HEADER_OK)
        return 0;
    bool syn = header.flags & TCP_SYN;
    CHECK(header.length <= size);
    CHECK(header.options.sack_count <= TCP_SACK_BLOCKS);
    CHECK(header.options.accecn_count <= 3);
    CHECK(header.options.fast_open_length <= TCP_FAST_OPEN_COOKIE_LONGEST);
    if (tcp_options_length(&header.options, syn) > TCP_OPTIONS_LONGEST)
        return 0;
    size_t length = tcp_header_build(&header, built);
    CHECK(tcp_header_parse((struct bytes){built, length}, &again) == TCP_HEADER_OK);
    CHECK(again.length == length && again.flags == header.flags && again.reserved == 0);
    CHECK(memcmp(built, data, 12) == 0 && memcmp(built + 14, data + 14, 6) == 0);
    equals(&header.options, &again.options, syn);
    return 0;
}
