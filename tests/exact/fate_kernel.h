/* The kernel's side: sends packets through its netem on a TUN of its own and records when each
 * comes out. Wants root, a kernel with netem and TUN, and virtual time (User-Mode Linux with
 * time-travel=inf-cpu), in which nothing but waiting takes time. */
#ifndef TUNNY_EXACT_FATE_KERNEL_H
#define TUNNY_EXACT_FATE_KERNEL_H

#include <stdio.h>

#include "support/fate_record.h"

struct fate_kernel {
    int tun, sender;
    int index;       /* of the TUN */
    int64_t zero_ns; /* of the record, on CLOCK_MONOTONIC */
};

/* 0, or -1 with a sentence on standard error. */
int fate_kernel_open(struct fate_kernel *kernel);
/* Sends record->packets packets through record->spec and writes what happens to `file`. Takes no
 * events of the record. 0, or -1 with a sentence on standard error. */
int fate_kernel_record(struct fate_kernel *kernel, const struct fate_record *record, FILE *file);

#endif
