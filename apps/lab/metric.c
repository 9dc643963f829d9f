/* What is measured of one run; see metric.h. */
#include "lab/metric.h"

#include <string.h>

static const struct {
    const char *name, *label, *unit;
    enum better better;
} table[METRICS] = {
    [METRIC_SECONDS] = {"seconds", "completion time", "s", BETTER_LESS},
    [METRIC_GOODPUT] = {"goodput_mbit", "goodput", "Mbit/s", BETTER_MORE},
    [METRIC_SEGMENTS] = {"segments", "data segments sent", "", BETTER_LESS},
    [METRIC_RETRANSMITS] = {"retransmits", "segments sent again", "", BETTER_LESS},
    [METRIC_SPURIOUS] = {"spurious", "sent again for nothing (D-SACK)", "", BETTER_LESS},
    [METRIC_RTOS] = {"rtos", "retransmission timeouts", "", BETTER_LESS},
    [METRIC_RTT_MIN] = {"rtt_min_ms", "least RTT", "ms", BETTER_LESS},
    [METRIC_RTT_P50] = {"rtt_p50_ms", "SRTT, median over the run", "ms", BETTER_LESS},
    [METRIC_RTT_P99] = {"rtt_p99_ms", "SRTT, 99th percentile", "ms", BETTER_LESS},
    [METRIC_RESPONSE_P50] = {"response_p50_ms", "response time, median", "ms", BETTER_LESS},
    [METRIC_RESPONSE_P99] = {"response_p99_ms", "response time, 99th percentile", "ms",
                             BETTER_LESS},
    [METRIC_JAIN] = {"jain", "fairness (Jain's index)", "", BETTER_MORE},
    [METRIC_LINK_LOST] = {"link_lost", "packets that the link lost", "", BETTER_LESS},
    [METRIC_LINK_FULL] = {"link_full", "packets that found the queue full", "", BETTER_LESS},
    [METRIC_LINK_LATE] = {"link_late_ms", "most that the link was late", "ms", BETTER_LESS},
};

const char *metric_name(enum metric metric)
{
    return table[metric].name;
}

const char *metric_label(enum metric metric)
{
    return table[metric].label;
}

const char *metric_unit(enum metric metric)
{
    return table[metric].unit;
}

enum better metric_better(enum metric metric)
{
    return table[metric].better;
}

enum metric metric_of(const char *name)
{
    for (unsigned i = 0; i < METRICS; i++)
        if (strcmp(table[i].name, name) == 0)
            return (enum metric)i;
    return METRICS;
}
