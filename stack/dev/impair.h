/* A device around a device that loses, delays, reorders, doubles and damages packets by tc-netem's
 * rules, each direction by a specification and a generator of its own. Super-segments are cut into
 * wire packets before anything is decided. Delivers by the caller's clock: works in virtual time
 * too. What the specification may say: impair_spec.h. */
#ifndef TUNNY_DEV_IMPAIR_H
#define TUNNY_DEV_IMPAIR_H

#include "dev/dev.h"
#include "dev/netem.h"
#include "trace/trace.h"

struct impair_config {
    const char *specification; /* "delay 20ms loss 3%", or "out: ...; in: ..." for each direction */
    uint64_t seed;             /* for directions that name no seed of their own */
};

/* Takes `inner` over. `trace` may be NULL. 0; -EINVAL with one sentence in `error` that names the
 * word that is wrong; -ENOMEM. On an error `inner` is the caller's still. */
int impair_open(const struct impair_config *config, struct device *inner, struct trace *trace,
                struct device **device, char *error, size_t error_size);

/* What happened so far, for summaries. Index 0: out (transmit), 1: in (receive). */
struct netem_counts impair_counts(const struct device *device, unsigned direction);

/* The whole specification with the seeds in use: opening with this text repeats every fate. Always
 * terminated; returns the length that was wanted (32768 bytes are enough for all). */
size_t impair_specification_of(const struct device *device, char *text, size_t size);

/* Where netem does something else than one would think, a line each; "" when nowhere. */
const char *impair_warnings(const struct device *device);

#endif
