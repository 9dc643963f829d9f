/* Which option strings are compared: those of a file and random ones. Used by netem_exact.c. */
#ifndef TUNNY_EXACT_FATE_CASES_H
#define TUNNY_EXACT_FATE_CASES_H

#include "support/fate_record.h"

/* The average time between packets and the options out of a line of the file; false for lines
 * without. A seed is taken from `random`, one for the packets too. */
struct random;
bool fate_case_read(const char *line, struct random *random, struct fate_record *record);
/* Options drawn from `random`. */
void fate_case_draw(struct random *random, struct fate_record *record);

#endif
