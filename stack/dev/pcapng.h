/* Writes a pcapng file (draft-ietf-opsawg-pcapng): one section, one interface of raw IP packets, a
 * block for each packet with its direction and comments. Called by capture.c; knows the format
 * only: neither what the packets are nor where they come from. */
#ifndef TUNNY_DEV_PCAPNG_H
#define TUNNY_DEV_PCAPNG_H

#include <stdio.h>

#include "base/bytes.h"

enum pcapng_direction { PCAPNG_IN = 1, PCAPNG_OUT = 2 }; /* as epb_flags writes them */

struct pcapng_packet {
    int64_t time_ns; /* since 1970 */
    enum pcapng_direction direction;
    struct bytes data; /* what is kept of it */
    uint32_t length;   /* of the whole packet */
    const char *const *comments;
    unsigned comment_count;
};

/* Both write to a stdio FILE: whether that worked is known from ferror(). Texts longer than 65535
 * bytes are cut there, which is the format's limit. */

/* The section's and the interface's header. `comment` may be NULL; snap_length 0: no limit. */
void pcapng_begin(FILE *file, const char *comment, uint32_t snap_length);

void pcapng_write(FILE *file, const struct pcapng_packet *packet);

#endif
