/* The constants that scripts name: families, socket options, flags, errnos. Called by the
 * evaluation of expressions. */
#ifndef TUNNY_DRILL_SYMBOLS_H
#define TUNNY_DRILL_SYMBOLS_H

#include <stdbool.h>
#include <stdint.h>

bool symbol_value(const char *name, int64_t *value);
/* "EAGAIN", or NULL. */
const char *symbol_errno(int error);

#endif
