/* All runs of a grid that are not done yet, some at a time, each in a worker process; their rows go
 * to the CSV as they come. Called by lab.c. */
#ifndef TUNNY_LAB_SCHEDULE_H
#define TUNNY_LAB_SCHEDULE_H

#include "lab/record.h"
#include "lab/run.h"

enum { WORKERS_MOST = 64 };

struct schedule {
    const struct grid *grid;
    const char *section; /* only this one; NULL: all */
    unsigned workers;    /* at a time */
    double budget_s;     /* no run begins later than this; 0: no limit */
    const char *captures;
    FILE *csv;               /* positioned at its end */
    struct records *records; /* what is done already; grows */
    int quiet;
    int simulated; /* our own cells only, each in a world */
};

/* Runs that the CSV lacks. */
unsigned schedule_missing(const struct schedule *schedule);

/* Until everything is done, the budget is used up or a signal comes (interrupt.h). 0; -EINTR;
 * -EIO: the CSV cannot be written; another negative errno. */
int schedule_run(struct schedule *schedule);

#endif
