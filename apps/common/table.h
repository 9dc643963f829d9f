/* An array that is indexed by small numbers that somebody else gives. Called by run. */
#ifndef TUNNY_COMMON_TABLE_H
#define TUNNY_COMMON_TABLE_H

#include <stddef.h>

/* The array, grown by doubling until it holds `index`; what is new is zero. `table`: NULL at first;
 * *room: its elements, of `size` bytes each. NULL: no memory; then it is as it was. */
void *table_hold(void *table, unsigned *room, unsigned index, size_t size);

#endif
