/* The inside of a cable, for cable.c, which moves packets, and cable_setup.c, which makes, changes
 * and counts. Nobody else. */
#ifndef TUNNY_DEV_CABLE_INSIDE_H
#define TUNNY_DEV_CABLE_INSIDE_H

#include "dev/cable.h"
#include "dev/cable_record.h"
#include "dev/stations.h"

struct cable_direction {
    struct impair_specification *specification; /* both sides of it; one counts */
    struct netem_notes notes;
    struct impair_direction impair;
    bool started;
    struct instant start; /* the schedule counts from here */
    unsigned next_change;
    uint64_t bytes, late, unsent, local;
    struct duration late_total, late_most;
};

struct cable {
    struct impair_watcher watcher; /* first: a watcher is its cable */
    struct {
        struct device *device;
        bool far;
    } ends[CABLE_ENDS];
    unsigned count, far;
    size_t trailer; /* bytes behind each packet: its Ethernet header; or 0 */
    struct cable_direction directions[IMPAIR_DIRECTIONS];
    struct stations stations;
    struct impair_recording recording;
    FILE *log;
    struct cable_record *record; /* or NULL */
    size_t largest;              /* bytes of a wire packet */
    struct instant now;
    int failure; /* what a device said when it was gone, or 0 */
    unsigned failed_end;
    uint8_t
        wire[PACKET_LARGEST + CABLE_TRAILER_MOST]; /* a wire packet on its way into the engine */
    uint8_t cut[PACKET_LARGEST +
                CABLE_TRAILER_MOST]; /* and one on its way into a device that takes none whole */
};

#endif
