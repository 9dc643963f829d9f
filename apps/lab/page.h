/* Results as one HTML page that needs nothing else: tables, and plots as inline SVG, for light and
 * dark screens. Called by lab.c. */
#ifndef TUNNY_LAB_PAGE_H
#define TUNNY_LAB_PAGE_H

#include <stdio.h>

#include "lab/machine.h"
#include "lab/summary.h"

void page_write(FILE *file, const struct summary *summary, const struct machine *machine);

/* Text with the characters that HTML gives a meaning replaced. */
void page_text(FILE *file, const char *text);

#endif
