/* Experiments as text: sections, each a grid of values and a few settings. The reader, and the
 * cells that a section spans. Called by lab.c, the schedule and whoever prints; it must not know
 * how a cell is run.
 *
 *     title  Loss and round-trip time
 *     repeats 5                     before the first section: for all sections
 *     [download]
 *     about  What this section shows.
 *     loss   0 1% 3%
 *     fault  none "loss gemodel 1% 20%"
 *     stack  kernel tunny
 */
#ifndef TUNNY_LAB_GRID_H
#define TUNNY_LAB_GRID_H

#include <stddef.h>
#include <stdint.h>

#include "lab/dimension.h"
#include "lab/metric.h"

enum { VALUES_MOST = 16, SECTIONS_MOST = 24, SHOWN_MOST = 4, TEXT_SIZE = 400, NAME_SIZE = 40 };

struct values {
    unsigned count;
    char text[VALUES_MOST][VALUE_SIZE];
};

struct section {
    char name[NAME_SIZE], about[TEXT_SIZE];
    char schedule[TEXT_SIZE]; /* of the link: "at 2s data rate 3mbit; at 4s down" */
    struct values dimension[DIMENSIONS];
    uint64_t repeats, seed, requests;
    double time, skip, timeout;    /* seconds; time 0: flows end by size */
    enum dimension axis;           /* of the charts; DIMENSIONS: the first with many values */
    enum metric shown[SHOWN_MOST]; /* the first is compared with the kernel's */
    unsigned shown_count;
};

struct grid {
    char title[TEXT_SIZE];
    unsigned section_count;
    struct section sections[SECTIONS_MOST];
};

/* One point of a section's grid. The values belong to the grid. */
struct cell {
    const struct section *section;
    const char *values[DIMENSIONS];
};

/* Reads a grid. 0; -EINVAL and a sentence with the line's number in `error`. */
int grid_parse(const char *text, struct grid *grid, char *error, size_t error_size);

unsigned section_cells(const struct section *section);
/* Cell `index`, the last dimension changing fastest. */
struct cell section_cell(const struct section *section, unsigned index);
/* The dimension along the charts' x axis. */
enum dimension section_axis(const struct section *section);
/* More than one value. */
int section_varies(const struct section *section, enum dimension dimension);

#endif
