/* A failing scenario made smaller: lines and words are left out, numbers become smaller, as long as
 * the same invariant breaks. Called by swarm.c; does not know what a scenario means. */
#ifndef TUNNY_TESTS_SWARM_SHRINK_H
#define TUNNY_TESTS_SWARM_SHRINK_H

#include <stdbool.h>

/* True: the text still fails in the same way. */
typedef bool shrink_test(const char *text, void *context);

/* The smallest text that was found; malloc()ed. Tries at most `tries` times. */
char *shrink(const char *text, shrink_test *fails, void *context, unsigned tries);

#endif
