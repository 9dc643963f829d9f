/* The end of a failed CHECK: one line on standard error, then abort. Called through the macros of
 * check.h only; it must not know who failed, and must not allocate. */
#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void check_failed(const char *condition, const char *file, int line, const char *function)
{
    fprintf(stderr, "%s:%d: %s: check failed: %s\n", file, line, function, condition);
    fflush(stderr);
    abort();
}
