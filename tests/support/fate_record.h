/* What a kernel's netem did to a sequence of packets, and the comparison of our engine with it. A
 * record is text, as tests/exact/netem_exact writes it:
 *
 *   case COUNT INTERVAL SEED SPECIFICATION
 *   +1000 -1@6000 +2000 -2@7000ce ...
 *   end
 *
 * Time counts in nanoseconds; 1 s is when the qdisc was made. "+T": the next packet entered at T;
 * "-N@T": packet N was out at T, c: with a bit turned over,
 * e: marked, u: the damage hides whether it is. Packets and their seed are
 * those of fate_packets.h. Used by netem_exact and by the unit test of the engine. */
#ifndef TUNNY_SUPPORT_FATE_RECORD_H
#define TUNNY_SUPPORT_FATE_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "support/fate_packets.h"

enum { FATE_SPEC_SIZE = 512, FATE_COMPLAINT_SIZE = 512, FATE_LATEST_NS = 10000 };

/* A record ends when nothing has left for so long. */
enum { FATE_QUIET_S = 60 };

struct fate_event {
    int64_t at_ns;
    bool entered;
    struct fate_seen seen; /* of an entering packet the number */
};

struct fate_record {
    char spec[FATE_SPEC_SIZE]; /* names a seed */
    int64_t interval;
    uint64_t seed;
    uint32_t packets; /* that enter */
    struct fate_event *events;
    size_t count;
};

/* Reads the next record and moves `text` behind it; false when there is none, or it is no record
 * (then `text` does not move). */
bool fate_record_read(const char **text, struct fate_record *record);
void fate_record_free(struct fate_record *record);
/* Whether our engine decides the same: which packets come out, how often, in which order, marked,
 * damaged, and at most FATE_LATEST_NS before they came out of the kernel. What the kernel does not
 * seed (first values of correlated series) is searched for. False: the first difference is in
 * `complaint`. */
bool fate_record_agrees(const struct fate_record *record, char complaint[FATE_COMPLAINT_SIZE]);

#endif
