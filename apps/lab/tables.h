/* Results as Markdown, for documents. Called by lab.c. */
#ifndef TUNNY_LAB_TABLES_H
#define TUNNY_LAB_TABLES_H

#include <stdio.h>

#include "lab/machine.h"
#include "lab/summary.h"

void tables_write(FILE *file, const struct summary *summary, const struct machine *machine);

/* "1.84 s", "12 ms" with three digits that count; "-" for what is not known. */
enum { NUMBER_SIZE = 48 };
char *number_text(double value, const char *unit, char out[NUMBER_SIZE]);
/* "1.84 (1.79 to 1.92)". */
enum { SPREAD_SIZE = 3 * NUMBER_SIZE };
char *spread_text(const struct spread *spread, char out[SPREAD_SIZE]);

/* The varying dimensions of a section without the stack, in `out`; how many. */
unsigned table_columns(const struct section *section, enum dimension out[DIMENSIONS]);

/* The results in a section's table: those it shows, with their intervals, then what recovery cost,
 * where it is not shown already. */
enum { TABLE_METRICS = SHOWN_MOST + 3 };
unsigned table_metrics(const struct section *section, enum metric out[TABLE_METRICS]);

#endif
