/* The distribution tables of netem: the inverse of a distribution function in equal steps, in
 * 1/8192 of the jitter. normal, pareto and paretonormal are computed here by the formulas that
 * iproute2's tables were made by, value for value the same; uniform exists only here; every other
 * name is looked for in iproute2's directory (TC_LIB_DIR overrides it), a name with a slash is a
 * file of one's own. Called by the parser, never while packets flow. */
#ifndef TUNNY_DEV_NETEM_TABLES_H
#define TUNNY_DEV_NETEM_TABLES_H

#include <stddef.h>
#include <stdint.h>

enum { NETEM_TABLE_LARGEST = 16384, NETEM_TABLE_NAME_SIZE = 256, NETEM_TABLE_SCALE = 8192 };

struct netem_table {
    struct netem_table *next;
    char name[NETEM_TABLE_NAME_SIZE];
    uint32_t size; /* values, > 0 */
    int16_t values[NETEM_TABLE_LARGEST];
};

/* The tables that a specification refers to; zeroed: none. */
struct netem_tables {
    struct netem_table *first;
};

/* The table of this name, made or read at first use. 0; -ENOENT: no such table or file; -EINVAL:
 * the file holds no table (numbers of 16 bits, at most 16384 of them, `#` starts a comment);
 * -ENOMEM. */
int netem_tables_find(struct netem_tables *tables, const char *name,
                      const struct netem_table **table);
void netem_tables_free(struct netem_tables *tables);

#endif
