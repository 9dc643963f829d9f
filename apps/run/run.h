/* tunny run: any program on a stack of its own, or on a named one. */
#ifndef TUNNY_RUN_RUN_H
#define TUNNY_RUN_RUN_H

int run_main(int argc, char **argv);

/* As a program ended, so do we (`status` as waitpid() has it): a shell says the same. The exit code
 * when it is not by a signal. */
int run_hand_status_through(int status);

#endif
