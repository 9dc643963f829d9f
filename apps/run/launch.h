/* Starting a program on the stack: a child makes or joins the namespace, puts the filter into
 * force, hands its descriptors over, waits until somebody serves them, and becomes the program.
 * Called by run.c. */
#ifndef TUNNY_RUN_LAUNCH_H
#define TUNNY_RUN_LAUNCH_H

#include <signal.h>
#include <stddef.h>
#include <sys/types.h>

#include "run/activation.h"
#include "run/namespace.h"

enum { LAUNCH_SIGNALS = 6 };

/* How this process was started, so that the program is started likewise. */
struct launch_signals {
    struct sigaction actions[LAUNCH_SIGNALS];
    sigset_t mask;
};
void launch_remember_signals(struct launch_signals *signals);

struct launch {
    char *const *argv; /* the program's */
    const struct launch_signals *signals;
    const struct activation *activation;
    /* Makes the place, in the child; descriptors that it opens go to *link (-1: none). 0, or a
     * negative errno and a sentence. */
    int (*enter)(void *context, int *link, char *error, size_t error_size);
    void *context;
};

/* What became of it. */
struct launched {
    pid_t child;
    int gate;   /* writing a byte lets the program begin */
    int notify; /* the filter's */
    int link;   /* -1: none */
};

/* 0; else a negative errno and a sentence. Blocks until the child is ready. */
int launch(const struct launch *launch, struct launched *launched, char *error, size_t error_size);
/* Lets the program begin. */
void launch_begin(struct launched *launched);

#endif
