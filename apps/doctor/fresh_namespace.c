/* A child in namespaces of its own (unshare(2), user_namespaces(7)); see fresh_namespace.h. */
#define _GNU_SOURCE
#include "doctor/fresh_namespace.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/user_namespace.h"

static int enter(enum place place)
{
    /* What `unshare --map-root-user` does: this user is root in there. */
    struct user_mapping to_root = {.user = geteuid(), .group = getegid()};
    switch (place) {
    case PLACE_HERE:
        return 0;
    case PLACE_NETWORK_NAMESPACE:
        return unshare(CLONE_NEWNET) == 0 ? 0 : errno;
    case PLACE_USER_NAMESPACE:
        if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
            return errno;
        return -user_namespace_map(&to_root);
    }
    return EINVAL;
}

static void be_the_child(enum place place, int (*attempt)(void), int answer)
{
    struct experiment result = {.entered = enter(place)};
    if (result.entered == 0)
        result.error = attempt();
    ssize_t written = write(answer, &result, sizeof result);
    _exit(written == (ssize_t)sizeof result ? 0 : 1);
}

struct experiment try_in(enum place place, int (*attempt)(void))
{
    int ends[2];
    struct experiment result = {0};
    if (pipe2(ends, O_CLOEXEC) != 0)
        return (struct experiment){.entered = errno};
    pid_t child = fork();
    if (child == 0)
        be_the_child(place, attempt, ends[1]);
    int error = child < 0 ? errno : 0;
    close(ends[1]);
    /* A child that was killed (a seccomp filter may do that) leaves the pipe empty. */
    if (error == 0 && read(ends[0], &result, sizeof result) != (ssize_t)sizeof result)
        error = ECHILD;
    close(ends[0]);
    if (child > 0)
        while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
            continue;
    if (error != 0)
        return (struct experiment){.entered = error};
    return result;
}
