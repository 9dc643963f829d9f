/* The kernel's questions about a program's system calls (seccomp_unotify(2)): a thread of its own
 * waits for them, hands each to calls.c, and answers. It blocks in the kernel itself, and asks to
 * be woken on the caller's processor: through epoll an answer would take ten times as long. */
#ifndef TUNNY_RUN_NOTIFY_H
#define TUNNY_RUN_NOTIFY_H

#include "run/bridge.h"

/* Starts the thread that serves the session. 0 or a negative errno. */
int notify_start(struct session *session);
/* Ends it and waits for it. */
void notify_stop(struct session *session);

/* The caller gets `result`, or its negative errno. When a signal was faster, a channel (NULL: none)
 * keeps the answer for the call that is restarted. */
void notify_answer(struct call *call, struct channel *channel, int64_t result);
/* The kernel does what the call asks for by itself: it is not about a socket of ours. */
void notify_continue(struct call *call);
/* The caller gets a descriptor of its own, a copy of `descriptor`, as the result. Its number;
 * -ENOENT: a signal was faster; -EMFILE ... (then the caller has been told). */
int notify_give(struct call *call, int descriptor, bool close_on_exec);
/* Replaces the caller's descriptor `number`; the call goes on waiting. 0 or a negative errno. */
int notify_replace(struct call *call, int descriptor, int number);
/* The caller still waits. */
bool notify_waits(const struct call *call);

#endif
