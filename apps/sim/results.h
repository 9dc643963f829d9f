/* What became of a world's flows: a table, CSV or JSON. Called by sim.c. */
#ifndef TUNNY_SIM_RESULTS_H
#define TUNNY_SIM_RESULTS_H

#include "tunny.h"

/* For people. */
void results_table(FILE *file, const struct tunny_world *world);
/* A head and a row for each flow. */
void results_csv(FILE *file, const struct tunny_world *world);
void results_json(FILE *file, const struct tunny_world *world);
/* 1: every flow has carried all that it was to carry. */
int results_all_complete(const struct tunny_world *world);

#endif
