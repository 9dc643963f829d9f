/* The first value of each correlated series is what a seed does not fix: it comes from the kernel's
 * own generator. Here values are searched for with which our engine decides as the kernel did; the
 * series forget their beginning, so that few of them suffice. Called by fate_record.c. */
#ifndef TUNNY_SUPPORT_FATE_SEARCH_H
#define TUNNY_SUPPORT_FATE_SEARCH_H

#include "dev/netem_config.h"
#include "support/fate_record.h"

struct fate_firsts {
    uint32_t delay, loss, duplicate, corrupt, reorder;
};

/* Drives our engine, whose series begin with `firsts`, in step with the record. */
bool fate_record_steps(const struct fate_record *record, const struct netem_config *config,
                       const struct fate_firsts *firsts, char complaint[FATE_COMPLAINT_SIZE]);
/* Whether there are first values with which all fates are equal. */
bool fate_search(const struct fate_record *record, const struct netem_config *config,
                 char complaint[FATE_COMPLAINT_SIZE]);

#endif
