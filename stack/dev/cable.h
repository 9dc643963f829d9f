/* A cable in user space between other people's devices: what comes out of one end goes into
 * another, through the engine of impairments, each direction by a specification of its own. The
 * ends stand on two sides, near and far, and the cable between the sides is one queue in each
 * direction, however many ends share it. With several ends on a side it is a switch there: by
 * address, learnt from what they send, since a hub would show every host what is not for it, and a
 * host that forwards would send it round for ever. What is for another end of the same side goes
 * there without a fault. Works in virtual time too. Used by link_calls.c. */
#ifndef TUNNY_DEV_CABLE_H
#define TUNNY_DEV_CABLE_H

#include "base/siphash.h"
#include "dev/dev.h"
#include "dev/impair_direction.h"

enum { CABLE_ENDS = 16, CABLE_TRAILER_MOST = 64 };

struct cable_config {
    struct device *const *devices;
    unsigned count, far;                 /* the last `far` of them are the far side */
    const char *impair;                  /* both directions (impair_spec.h), or NULL */
    const char *each[IMPAIR_DIRECTIONS]; /* or one: IMPAIR_OUT is near to far; or NULL */
    size_t trailer;           /* FRAME_TRAILER: the devices carry Ethernet frames; 0: IP packets */
    uint64_t seed;            /* of directions that name none */
    const char *log, *replay; /* files of fates, or NULL */
    const char *capture, *note;       /* pcapng file and its comment, or NULL */
    int64_t epoch_ns;                 /* wall-clock time at instant 0 */
    const struct siphash_key *secret; /* of the table of addresses */
};

struct cable;

/* Takes the devices over. 0; a negative errno with one sentence in `error`: then they are the
 * caller's still. */
int cable_open(const struct cable_config *config, struct cable **cable, char *error,
               size_t error_size);
/* False when the capture or the log could not be written to the end. */
bool cable_close(struct cable *cable);

/* Moves what is there and due, a few packets of each end. 1: something moved, come again; 0:
 * nothing to do before cable_deadline() or a packet; a negative errno: the device of end `*end` is
 * gone. */
int cable_turn(struct cable *cable, struct instant now, unsigned *end);
struct instant cable_deadline(const struct cable *cable);

/* Another specification for the directions named by bits (1 << IMPAIR_OUT ...); all of them or, on
 * an error, none. What is under way stays so. A schedule in it counts from now. 0; -EINVAL with one
 * sentence; -EBUSY while fates are replayed; -ENOMEM. */
int cable_set(struct cable *cable, unsigned directions, const char *specification,
              struct instant now, char *error, size_t error_size);
/* Cuts the directions, or mends them: all that comes meanwhile is lost, what is under way arrives.
 */
enum cable_state { CABLE_UP, CABLE_DOWN };
void cable_cut(struct cable *cable, unsigned directions, enum cable_state state);

/* "forward", "backward". */
const char *cable_direction_name(unsigned direction);

struct cable_figures {
    struct netem_counts counts;
    uint64_t bytes;            /* of IP packets that came */
    uint64_t held, held_bytes; /* under way now */
    enum cable_state state;
    uint64_t late; /* packets handed over after their time */
    struct duration late_total, late_most;
    uint64_t unsent; /* an end took none: its queue was full, or the packet longer than its MTU */
    uint64_t local;  /* past the engine: to the same side, and frames that are not IP */
};
struct cable_figures cable_figures(const struct cable *cable, unsigned direction);
/* What repeats every fate of this direction, its seed included. Always terminated; returns the
 * length that was wanted. */
size_t cable_specification(const struct cable *cable, unsigned direction, char *text, size_t size);
/* Lines for people, "" when netem does as one would think. */
const char *cable_warnings(const struct cable *cable, unsigned direction);

#endif
