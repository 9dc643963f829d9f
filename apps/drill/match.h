/* Whether a packet is the one that a script expects. Called by the interpreter. */
#ifndef TUNNY_DRILL_MATCH_H
#define TUNNY_DRILL_MATCH_H

#include "packet_bytes.h"

enum { DIFFERENCE_TEXT = 240 };

/* True: it is. Else `difference` names the first field that differs, and both values. Both in the
 * script's numbers. */
bool packet_matches(const struct packet_spec *expected, const struct packet_spec *seen, bool ipv6,
                    char difference[DIFFERENCE_TEXT]);

#endif
