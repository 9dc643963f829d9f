/* Random worlds: a scenario's text from a seed. Called by swarm.c. */
#ifndef TUNNY_TESTS_SWARM_GENERATE_H
#define TUNNY_TESTS_SWARM_GENERATE_H

#include <stddef.h>
#include <stdint.h>

/* Always the same text from the same seed; malloc()ed. */
char *generate_world(uint64_t seed);

#endif
