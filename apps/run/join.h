/* tunny run --join: a program on a stack that another process holds. Called by run.c. */
#ifndef TUNNY_RUN_JOIN_H
#define TUNNY_RUN_JOIN_H

#include "run/activation.h"

/* Runs the program on the stack of that name, to its end. The exit code. */
int join_and_run(const char *name, char *const *argv, const struct activation *activation);

#endif
