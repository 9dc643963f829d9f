/* The seccomp filter of a program that runs on the stack: which system calls wait for our answer,
 * which are answered at once, and which are refused because they would go past the stack
 * (seccomp_unotify(2)). Called by the launcher, in the program's process before it is executed. */
#ifndef TUNNY_RUN_FILTER_H
#define TUNNY_RUN_FILTER_H

#include <linux/filter.h>

enum { FILTER_MOST = 160 };

/* Writes the filter's instructions; returns how many. */
unsigned filter_build(struct sock_filter out[FILTER_MOST]);

/* Puts the filter into force for this process and all that it starts. The notification descriptor
 * (close-on-exec), or a negative errno: -EBUSY when a filter with a listener is in force already,
 * -EINVAL when the kernel is too old. */
int filter_install(void);

#endif
