/* The TCP header and its options (RFC 9293, 3.1 and 3.2): bytes <-> struct. No state, no time, no
 * judgement beyond what makes the bytes unreadable. */
#ifndef TUNNY_WIRE_TCP_HEADER_H
#define TUNNY_WIRE_TCP_HEADER_H

#include "base/bytes.h"
#include "base/seq.h"

enum {
    TCP_HEADER_LENGTH = 20,
    TCP_HEADER_WITH_TIMESTAMPS = 32,
    TCP_HEADER_LONGEST = 60,
    TCP_OPTIONS_LONGEST = 40
};

enum tcp_flag {
    TCP_FIN = 0x001,
    TCP_SYN = 0x002,
    TCP_RST = 0x004,
    TCP_PSH = 0x008,
    TCP_ACK = 0x010,
    TCP_URG = 0x020,
    TCP_ECE = 0x040,
    TCP_CWR = 0x080,
    TCP_AE = 0x100, /* RFC 9768 */
};

enum tcp_option_kind {
    TCP_OPTION_END = 0,
    TCP_OPTION_NOP = 1,
    TCP_OPTION_MSS = 2,
    TCP_OPTION_WINDOW_SCALE = 3,
    TCP_OPTION_SACK_PERMITTED = 4,
    TCP_OPTION_SACK = 5,
    TCP_OPTION_TIMESTAMPS = 8,
    TCP_OPTION_MD5 = 19,
    TCP_OPTION_USER_TIMEOUT = 28,
    TCP_OPTION_AO = 29,
    TCP_OPTION_FAST_OPEN = 34,
    TCP_OPTION_ACCECN0 = 172,
    TCP_OPTION_ACCECN1 = 174,
    TCP_OPTION_EXPERIMENT = 254,
};

enum { TCP_SACK_BLOCKS = 4, TCP_FAST_OPEN_COOKIE_LONGEST = 16 };

struct tcp_sack_block {
    struct wire_seq left, right;
};

struct tcp_options {
    bool has_mss, has_window_scale, has_sack_permitted, has_timestamps, has_fast_open, has_accecn;
    bool has_md5, has_ao;
    bool malformed; /* a length of 0, 1 or past the end was met: reading stopped there (MUST-7) */
    uint16_t mss;
    uint8_t window_scale; /* as received, perhaps > 14 */
    uint32_t ts_val, ts_ecr;
    uint8_t sack_count; /* 0..4 */
    struct tcp_sack_block sack[TCP_SACK_BLOCKS];
    bool fast_open_experiment; /* in the form of the experiment before RFC 7413: 254, 0xf989 */
    uint8_t fast_open_length;  /* 0: a cookie is asked for; else 4..16 */
    uint8_t fast_open_cookie[TCP_FAST_OPEN_COOKIE_LONGEST];
    uint8_t accecn_order; /* 0 or 1: kind 172 or 174 */
    uint8_t accecn_count; /* counters present: 0..3 */
    uint32_t accecn[3];   /* 24-bit counters in the option's own order */
};

struct tcp_header {
    uint16_t source_port, destination_port;
    struct wire_seq seq, ack;
    uint16_t flags;   /* enum tcp_flag */
    uint8_t reserved; /* the three bits besides AE; ignored on input, zero on output (9293-U-1) */
    uint16_t window;  /* unscaled */
    uint16_t checksum;
    uint16_t urgent;
    uint8_t length; /* bytes with options: 20..60 */
    struct tcp_options options;
};

enum tcp_header_fault {
    TCP_HEADER_OK,
    TCP_HEADER_TOO_SHORT,  /* fewer than 20 bytes */
    TCP_HEADER_BAD_OFFSET, /* data offset below 5 or past the end */
};

/* Reads header and options; does not verify the checksum. Unknown options are skipped by their
 * length (MUST-6); what stands after End-of-Options is not read (MUST-69). A known option of the
 * wrong length, or a second one of its kind, is skipped as if unknown. */
enum tcp_header_fault tcp_header_parse(struct bytes segment, struct tcp_header *header);

/* Writes header and options in Linux's order and padding (mss, sackOK+TS, nop, wscale; nop, nop,
 * TS, nop, nop, SACK; AccECN between TS and sackOK; Fast Open last); the checksum field is written
 * as it stands in `header`. `flags` decide whether SYN's form is used: MSS, window scale,
 * SACK-permitted and Fast Open are for SYNs only, SACK blocks for other segments only, and left out
 * elsewhere. Returns the length, 20..60; CHECKs that the options fit 40 bytes. */
size_t tcp_header_build(const struct tcp_header *header, uint8_t out[TCP_HEADER_LONGEST]);

/* How long the options would be, padded to a multiple of 4: 0..88, to be compared with
 * TCP_OPTIONS_LONGEST. */
size_t tcp_options_length(const struct tcp_options *options, bool syn);

#endif
