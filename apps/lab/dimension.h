/* The dimensions of an experiment's grid: what each is called, which values it takes, what it is
 * when nobody says. Values stay the words that the user wrote. Called by the reader of grids, the
 * builder of link specifications and whoever prints; it must not know how a run is made. */
#ifndef TUNNY_LAB_DIMENSION_H
#define TUNNY_LAB_DIMENSION_H

/* In the order of a grid's loops, the innermost last: the stacks that are compared run one right
 * after the other, so that both see the same machine. */
enum dimension {
    DIMENSION_LOSS,
    DIMENSION_RTT,
    DIMENSION_RATE,
    DIMENSION_QUEUE,
    DIMENSION_REORDER,
    DIMENSION_JITTER,
    DIMENSION_DUPLICATE,
    DIMENSION_FAULT,
    DIMENSION_SIZE,
    DIMENSION_CC,
    DIMENSION_DIRECTION,
    DIMENSION_PEER,
    DIMENSION_STACK,
    DIMENSIONS
};

enum { VALUE_SIZE = 96, FLOWS_MOST = 8 };

/* "loss", "rtt" ...: the key in a grid, the column in a CSV. */
const char *dimension_name(enum dimension dimension);
/* One sentence on its values. */
const char *dimension_sentence(enum dimension dimension);
/* The value that it has when a grid does not name it. */
const char *dimension_fallback(enum dimension dimension);
/* The dimension of this name, or DIMENSIONS. */
enum dimension dimension_of(const char *name);
/* NULL, or what was expected instead of `value`. */
const char *dimension_check(enum dimension dimension, const char *value);

/* A percentage, a time in seconds, a rate in bits a second (0: unlimited). 0; -EINVAL. */
int percent_parse(const char *text, double *percent);
int time_parse(const char *text, double *seconds);
int rate_parse(const char *text, double *bits_per_second);

/* "tunny+kernel" has two flows: flow 1 is "kernel". */
enum stack_kind { STACK_KERNEL, STACK_TUNNY };
unsigned stack_flows(const char *stack);
enum stack_kind stack_of_flow(const char *stack, unsigned flow);
/* All flows are the kernel's: what others are compared with. */
int stack_is_kernel(const char *stack);

#endif
