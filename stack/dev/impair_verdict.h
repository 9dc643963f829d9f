/* What became of a packet on an impaired link, and why, as a sentence for people: beside the packet
 * in a capture. Used by the cable's recorder; decides nothing. */
#ifndef TUNNY_DEV_IMPAIR_VERDICT_H
#define TUNNY_DEV_IMPAIR_VERDICT_H

#include "dev/impair_direction.h"

enum { IMPAIR_VERDICT_SIZE = 160 };

/* "forward 17: delayed by 20.000 ms, marked CE", "backward 3: lost: the link is down". Always
 * terminated; returns `text`. */
char *impair_verdict_text(const struct impair_verdict *verdict, char text[IMPAIR_VERDICT_SIZE]);

#endif
