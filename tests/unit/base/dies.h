/* Whether a call ends in a failed CHECK: it is tried in a child process, whose last words are
 * thrown away. For tests of what must not pass unnoticed. */
#ifndef TUNNY_TESTS_DIES_H
#define TUNNY_TESTS_DIES_H

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static inline bool dies_of_a_check(void (*call)(void *), void *argument)
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        signal(SIGABRT, SIG_DFL);
        if (!freopen("/dev/null", "w", stderr))
            _exit(2);
        call(argument);
        _exit(1);
    }
    int status;
    return waitpid(child, &status, 0) == child && WIFSIGNALED(status) &&
           WTERMSIG(status) == SIGABRT;
}

#endif
