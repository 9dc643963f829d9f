/* A device around a device that writes every packet to a pcapng file: one interface (LINKTYPE_RAW),
 * one record a packet, its direction in epb_flags, and beside it, as comments, what the stack's
 * trace said about it (each named drop, retransmission, decision). Super-segments are written
 * whole. */
#ifndef TUNNY_DEV_CAPTURE_H
#define TUNNY_DEV_CAPTURE_H

#include "dev/dev.h"
#include "trace/trace.h"

struct capture_config {
    const char *path;     /* "-": standard output */
    const char *comment;  /* for the section header: version, command line, seed, impairment */
    uint32_t snap_length; /* bytes kept of each packet; 0: all */
    int64_t epoch_ns;     /* wall-clock time at instant 0, added to every timestamp */
};

/* Takes `inner` over (closing this closes it). Subscribes to `trace`, which must outlive the
 * device; NULL: no comments. 0, or a negative errno with one sentence in `error`: then `inner` is
 * still the caller's. Packets are written through a large buffer; a pipe gets it whenever there is
 * nothing to receive, so that somebody can watch. Writing to a pipe that nobody reads blocks. A
 * file system that fills up ends the capture, not the stack: the failure is told once on standard
 * error. */
int capture_open(const struct capture_config *config, struct device *inner, struct trace *trace,
                 struct device **device, char *error, size_t error_size);

/* Writes out what is buffered, the packet that arrived last included. */
void capture_flush(struct device *device);

#endif
