/* What is measured of one run: names, units, and which way is better. Called by whoever writes,
 * reads or shows results; it knows nothing of how they come about. */
#ifndef TUNNY_LAB_METRIC_H
#define TUNNY_LAB_METRIC_H

enum metric {
    METRIC_SECONDS,
    METRIC_GOODPUT,
    METRIC_SEGMENTS,
    METRIC_RETRANSMITS,
    METRIC_SPURIOUS,
    METRIC_RTOS,
    METRIC_RTT_MIN,
    METRIC_RTT_P50,
    METRIC_RTT_P99,
    METRIC_RESPONSE_P50,
    METRIC_RESPONSE_P99,
    METRIC_JAIN,
    METRIC_LINK_LOST, /* by the link, of the direction that carries data */
    METRIC_LINK_FULL, /* of these, for want of room in the queue */
    METRIC_LINK_LATE, /* how late the link was at most: the machine was busy */
    METRICS
};

enum better { BETTER_LESS, BETTER_MORE };

const char *metric_name(enum metric metric);  /* the CSV's column */
const char *metric_label(enum metric metric); /* "completion time" */
const char *metric_unit(enum metric metric);  /* "s", "" */
enum better metric_better(enum metric metric);
/* The metric of this name, or METRICS. */
enum metric metric_of(const char *name);

#endif
