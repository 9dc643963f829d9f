/* A packetdrill script as a tree: options, commands, and events with their times (Cardwell et al.,
 * USENIX ATC 2013). Made by parse.c, run by run.c, printed by nobody: an event remembers its own
 * text. All of it lies in one arena and goes away with it. */
#ifndef TUNNY_DRILL_SCRIPT_H
#define TUNNY_DRILL_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"

enum ip_version { IP_VERSION_4, IP_VERSION_6, IP_VERSION_4_MAPPED };

/* --key=value lines at the start, or the same on the command line. */
struct script_option {
    const char *name, *value;
    int line;
    struct script_option *next;
};

/* --- expressions: arguments and results of calls
 * --------------------------------------------------- */

enum expr_kind {
    EXPR_ELLIPSIS, /* ... */
    EXPR_INTEGER,
    EXPR_WORD,   /* AF_INET */
    EXPR_STRING, /* "abc" */
    EXPR_LIST,   /* [a, b] */
    EXPR_STRUCT, /* {a, name = b} */
    EXPR_OR,     /* a | b | c */
    EXPR_CALL,   /* htons(8080) */
};

struct expr {
    enum expr_kind kind;
    const char *name; /* of a member: "events" in {events=POLLIN}; else NULL */
    const char *text; /* of a word, string, call; terminated */
    size_t length;    /* of a string, which may hold NULs */
    int64_t integer;
    struct expr *first; /* what is inside */
    struct expr *next;
};

/* --- packets
 * ----------------------------------------------------------------------------------------- */

enum direction { INBOUND, OUTBOUND };
enum packet_kind { PACKET_TCP, PACKET_UDP, PACKET_ICMP };

/* What the IP header's traffic class must be. */
enum tos_check { TOS_UNSAID, TOS_ECN, TOS_ECT01, TOS_WHOLE };

enum option_kind {
    OPTION_EOL = 0,
    OPTION_NOP = 1,
    OPTION_MSS = 2,
    OPTION_WSCALE = 3,
    OPTION_SACK_OK = 4,
    OPTION_SACK = 5,
    OPTION_TS = 8,
    OPTION_MD5 = 19,
    OPTION_FAST_OPEN = 34,
    OPTION_ACC_ECN_0 = 172,
    OPTION_ACC_ECN_1 = 174,
    OPTION_EXPERIMENT = 254,
};

enum {
    OPTIONS_LONGEST = 40,
    SACK_BLOCKS_MOST = 4,
};

/* One TCP option as a script writes it; `bytes` for those that only have a value of bytes. */
struct tcp_option {
    uint8_t kind;
    uint32_t value, echo; /* MSS, shift; timestamp and its echo */
    unsigned blocks;
    struct {
        uint32_t left, right;
    } block[SACK_BLOCKS_MOST];
    uint8_t bytes[OPTIONS_LONGEST];
    uint8_t length; /* of `bytes` */
};

/* F S R P . U E W, and A for the AE bit of accurate ECN (RFC 9768). */
enum tcp_flag {
    FLAG_FIN = 1 << 0,
    FLAG_SYN = 1 << 1,
    FLAG_RST = 1 << 2,
    FLAG_PSH = 1 << 3,
    FLAG_ACK = 1 << 4,
    FLAG_URG = 1 << 5,
    FLAG_ECE = 1 << 6,
    FLAG_CWR = 1 << 7,
    FLAG_AE = 1 << 8,
};

struct packet_spec {
    enum direction direction;
    enum packet_kind kind;
    uint16_t source_port, destination_port; /* 0: unsaid */
    enum tos_check tos_check;
    uint8_t tos;        /* TOS_ECN: the two bits; TOS_WHOLE: all */
    int ttl;            /* -1: unsaid */
    int64_t flow_label; /* -1: unsaid */

    uint16_t flags;
    uint32_t seq, ack;
    uint32_t length; /* of text, or of a datagram's payload */
    int32_t window;  /* -1: unsaid */
    uint16_t urgent;
    bool any_options; /* <...> */
    unsigned options_count;
    struct tcp_option options[OPTIONS_LONGEST];

    uint8_t icmp_type, icmp_code;
    int64_t icmp_mtu; /* -1: unsaid */
    uint32_t icmp_id;
    bool echo; /* an echo request or reply: `length` bytes of data */
    struct {
        bool said;
        uint8_t protocol;
        uint32_t seq, length;
    } quoted;
};

/* --- calls and the rest
 * ------------------------------------------------------------------------------ */

struct call_spec {
    const char *name;
    struct expr *arguments;
    struct expr *result;
    const char *error; /* "EAGAIN", or NULL */
    bool blocks;       /* `... end`: it goes on while the script does */
    int64_t end_us;
};

enum event_kind { EVENT_PACKET, EVENT_CALL, EVENT_COMMAND, EVENT_CODE };

enum time_kind { TIME_ABSOLUTE, TIME_RELATIVE, TIME_ANY };

struct event {
    enum event_kind kind;
    int line;
    const char *text; /* as it stands in the script, on one line */
    enum time_kind time_kind;
    bool range; /* start_us ~ stop_us */
    int64_t start_us, stop_us;
    struct packet_spec *packet;
    struct call_spec *call;
    const char *body; /* of a command or of code */
    struct event *next;
};

struct script {
    const char *path;
    struct arena *arena;
    struct script_option *options;
    const char *init_command; /* or NULL */
    int init_line;
    struct event *events;
};

#endif
