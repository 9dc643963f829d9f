/* setns(2), see the header. */
#define _GNU_SOURCE
#include "dev/network_namespace.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PATH_SIZE = 4096 };

/* A name goes before a process id of the same digits. */
static int open_namespace(const char *name)
{
    char path[PATH_SIZE];

    if (strchr(name, '/'))
        return open(name, O_RDONLY | O_CLOEXEC);
    snprintf(path, sizeof path, "/run/netns/%s", name);
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor >= 0 || *name == '\0' || name[strspn(name, "0123456789")] != '\0')
        return descriptor;
    snprintf(path, sizeof path, "/proc/%s/ns/net", name);
    return open(path, O_RDONLY | O_CLOEXEC);
}

int network_namespace_enter(const char *name, int *way_back, char *error, size_t error_size)
{
    int there = open_namespace(name), rc = 0;

    if (there < 0) {
        rc = -errno;
        snprintf(error, error_size,
                 "there is no network namespace '%s' (`ip netns list` shows them, `ip netns add "
                 "%s` makes it): %s",
                 name, name, strerror(-rc));
        return rc;
    }
    int here = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    if (here < 0 || setns(there, CLONE_NEWNET) != 0) {
        rc = -errno;
        snprintf(error, error_size,
                 "cannot enter the network namespace '%s' (that takes CAP_SYS_ADMIN): %s", name,
                 strerror(-rc));
        if (here >= 0)
            close(here);
    }
    close(there);
    if (rc == 0)
        *way_back = here;
    return rc;
}

int network_namespace_leave(int way_back)
{
    int rc = setns(way_back, CLONE_NEWNET) == 0 ? 0 : -errno;

    close(way_back);
    return rc;
}
