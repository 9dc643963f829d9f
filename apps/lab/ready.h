/* The experiments that come with the program, as texts that grid_parse() reads. Called by lab.c. */
#ifndef TUNNY_LAB_READY_H
#define TUNNY_LAB_READY_H

struct ready {
    const char *name, *text;
};

/* Index 0, 1, ...; NULL at the end. */
const struct ready *ready_experiment(unsigned index);
/* Of this name, or NULL. */
const struct ready *ready_find(const char *name);

#endif
