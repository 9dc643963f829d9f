/* What a cable writes down: a pcapng file with each packet once, as it came, the engine's verdict
 * beside it. The direction forward is "outbound" there, backward "inbound". Used by cable.c. */
#ifndef TUNNY_DEV_CABLE_RECORD_H
#define TUNNY_DEV_CABLE_RECORD_H

#include "dev/impair_direction.h"
#include "wire/packet.h"

struct cable_record;

/* `path` "-": standard output; `epoch_ns`: wall-clock time at instant 0; `trailer`: bytes behind
 * each packet that are not written. 0, or a negative errno with one sentence in `error`. */
int cable_record_open(const char *path, const char *comment, int64_t epoch_ns, size_t trailer,
                      struct cable_record **record, char *error, size_t error_size);
/* False when something could not be written (the file system is full): the file is complete up to
 * there. NULL is ignored. */
bool cable_record_close(struct cable_record *record);

/* A packet with a verdict. Of a doubled packet the second copy's verdict comes first, and is
 * written beside the packet together with the first's. */
void cable_record_verdict(struct cable_record *record, const struct impair_verdict *verdict,
                          struct instant now);
/* A packet in one piece that passed untouched. */
void cable_record_passed(struct cable_record *record, unsigned direction,
                         const struct packet *packet, struct instant now);
/* Nothing is going on: what a pipe waits for is written out. */
void cable_record_idle(struct cable_record *record);

#endif
