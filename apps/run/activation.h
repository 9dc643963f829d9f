/* Listening sockets that a program finds open when it starts (sd_listen_fds(3)): --listen. Called
 * in the program's process just before it is executed, when its calls are already answered by the
 * stack: they are ordinary calls here. */
#ifndef TUNNY_RUN_ACTIVATION_H
#define TUNNY_RUN_ACTIVATION_H

enum { ACTIVATION_MOST = 16 };

struct activation {
    const char *places[ACTIVATION_MOST]; /* "80", "127.0.0.1:80", "[::1]:80" */
    unsigned count;
};

/* "80" and the like can be understood. */
int activation_is_good(const char *place);

/* Opens them as descriptors 3, 4 ... and sets LISTEN_FDS and LISTEN_PID. 0; else a negative errno
 * and *place says at which one. */
int activation_open(const struct activation *activation, const char **place);

#endif
