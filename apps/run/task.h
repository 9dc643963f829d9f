/* Looking into a process that runs on the stack: its descriptors (pidfd_getfd(2)), its memory
 * (process_vm_readv(2)), who it is. Called by the handlers of system calls and by the pipe; knows
 * no sockets. */
#ifndef TUNNY_RUN_TASK_H
#define TUNNY_RUN_TASK_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A duplicate (close-on-exec) of the descriptor that the thread `task` has under `number`. -EBADF:
 * it has none; -ESRCH: it is gone; -EPERM ... */
int task_descriptor(pid_t task, int number);

/* Copies memory of the task. 0 or -EFAULT. */
int task_read(pid_t task, uint64_t from, void *to, size_t length);
int task_write(pid_t task, uint64_t to, const void *from, size_t length);

/* Gives back what this thread keeps about tasks; before it ends. */
void task_forget_all(void);

/* Where in every process of this network namespace is the socket that `is_it` recognises? Calls it
 * with a duplicate of each socket until it returns non-zero. The duplicate, or -ENOENT; *holder
 * and *number say whose it is, also while it calls. Slow: reads all of /proc. */
int task_search(const char *network, int (*is_it)(void *context, int descriptor), void *context,
                pid_t *holder, int *number);

/* The name of a process's network namespace ("net:[4026531840]") as task_search() wants it. 0 or a
 * negative errno. */
int task_network(pid_t task, char *name, size_t size);

#endif
