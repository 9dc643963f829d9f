/* See nc_standard.h. */
#include "nc/nc_standard.h"

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIPE_ATOMIC = 4096 }; /* a pipe that is writable takes so much without blocking: pipe(7) */

int nc_is_ready(int descriptor, short events)
{
    struct pollfd one = {.fd = descriptor, .events = events};
    return poll(&one, 1, 0) > 0;
}

size_t nc_output_most(size_t most)
{
    struct stat status;
    return fstat(STDOUT_FILENO, &status) == 0 && S_ISREG(status.st_mode) ? most : PIPE_ATOMIC;
}
