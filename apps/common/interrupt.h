/* SIGINT, SIGTERM and SIGHUP as something to wait for: each arrives as a byte in a pipe, so that
 * every wait of a program can end by it and the program leaves in an orderly way. Called by every
 * command. */
#ifndef TUNNY_COMMON_INTERRUPT_H
#define TUNNY_COMMON_INTERRUPT_H

/* Catches the three signals; ignores SIGPIPE and SIGXFSZ, which come back as errors of write(). A
 * second signal ends the process at once. 0, or a negative errno. Does not block. */
int interrupt_setup(void);

/* Readable as soon as a signal has come. It is never emptied. */
int interrupt_descriptor(void);

/* The number of the signal that came, 0: none. */
int interrupt_signal(void);

/* Around calls that cannot be woken: from here on the first signal ends the process at once
 * (`patient` does not). */
enum interrupt_mode { INTERRUPT_PATIENT, INTERRUPT_AT_ONCE };
void interrupt_mode(enum interrupt_mode mode);

#endif
