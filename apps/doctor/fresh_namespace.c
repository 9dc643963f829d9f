/* A child in namespaces of its own (unshare(2), user_namespaces(7)); see fresh_namespace.h. */
#define _GNU_SOURCE
#include "doctor/fresh_namespace.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* 0, or a positive errno. */
static int write_text(const char *path, const char *text)
{
    int descriptor = open(path, O_WRONLY | O_CLOEXEC);
    if (descriptor < 0)
        return errno;
    ssize_t written = write(descriptor, text, strlen(text));
    int error = written < 0 ? errno : 0;
    close(descriptor);
    return error;
}

/* What `unshare --map-root-user` does: this user is root in there. */
static int map_to_root(uid_t user, gid_t group)
{
    char map[64];
    snprintf(map, sizeof map, "0 %u 1", (unsigned)user);
    int error = write_text("/proc/self/uid_map", map);
    if (error == 0)
        error = write_text("/proc/self/setgroups", "deny");
    snprintf(map, sizeof map, "0 %u 1", (unsigned)group);
    return error != 0 ? error : write_text("/proc/self/gid_map", map);
}

static int enter(enum place place)
{
    uid_t user = geteuid();
    gid_t group = getegid();
    switch (place) {
    case PLACE_HERE:
        return 0;
    case PLACE_NETWORK_NAMESPACE:
        return unshare(CLONE_NEWNET) == 0 ? 0 : errno;
    case PLACE_USER_NAMESPACE:
        if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
            return errno;
        return map_to_root(user, group);
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
