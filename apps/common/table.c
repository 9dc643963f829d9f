/* See table.h. */
#include "common/table.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_ROOM = 64 };

void *table_hold(void *table, unsigned *room, unsigned index, size_t size)
{
    unsigned wanted = *room > 0 ? *room : FIRST_ROOM;
    while (wanted <= index)
        wanted *= 2;
    if (wanted == *room)
        return table;
    char *grown = realloc(table, wanted * size);
    if (grown == NULL)
        return NULL;
    memset(grown + *room * size, 0, (wanted - *room) * size);
    *room = wanted;
    return grown;
}
