/* Results in the Test Anything Protocol, which prove(1) and CI systems read. Called by drill.c. */
#ifndef TUNNY_DRILL_REPORT_H
#define TUNNY_DRILL_REPORT_H

#include "run.h"

/* How much is told: of failures the reason and the story, or of every script the story. */
enum telling { TELL_FAILURES, TELL_ALL };

void report_result(FILE *file, unsigned number, const char *path, const struct run_report *report,
                   enum telling telling);

#endif
