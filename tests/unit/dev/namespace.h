/* A network namespace of its own for tests that need interfaces, and the few ioctls that set them
 * up. Nothing outside the test's own process is touched; the kernel removes it all when the test
 * ends. */
#ifndef TUNNY_TESTS_UNIT_DEV_NAMESPACE_H
#define TUNNY_TESTS_UNIT_DEV_NAMESPACE_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static inline bool namespace_write(const char *path, const char *text)
{
    int file = open(path, O_WRONLY | O_CLOEXEC);
    if (file < 0)
        return false;
    bool written = write(file, text, strlen(text)) == (ssize_t)strlen(text);
    close(file);
    return written;
}

/* Moves the process into a new network namespace, with a user namespace around it unless it is
 * root's process. False, with the reason printed, when that is not permitted. */
static inline bool namespace_enter(void)
{
    char map[64];
    unsigned uid = getuid(), gid = getgid();
    if (unshare(CLONE_NEWNET) == 0)
        return true;
    if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) {
        printf("skipped: no network namespace for this user: %s\n", strerror(errno));
        return false;
    }
    namespace_write("/proc/self/setgroups", "deny");
    snprintf(map, sizeof map, "0 %u 1", uid);
    if (!namespace_write("/proc/self/uid_map", map)) {
        printf("skipped: cannot map the user: %s\n", strerror(errno));
        return false;
    }
    snprintf(map, sizeof map, "0 %u 1", gid);
    namespace_write("/proc/self/gid_map", map);
    return true;
}

static inline bool interface_ioctl(const char *name, unsigned long what, struct ifreq *request)
{
    int ask = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    snprintf(request->ifr_name, sizeof request->ifr_name, "%s", name);
    bool done = ioctl(ask, what, request) == 0;
    close(ask);
    return done;
}

static inline bool interface_flags(const char *name, short flags)
{
    struct ifreq request = {.ifr_flags = flags};
    return interface_ioctl(name, SIOCSIFFLAGS, &request);
}

/* Gives the kernel's side an IPv4 address in a /24 and sets the interface up. */
static inline bool interface_up(const char *name, const char *address)
{
    struct ifreq request = {.ifr_flags = 0};
    struct sockaddr_in in = {.sin_family = AF_INET};
    inet_pton(AF_INET, address, &in.sin_addr);
    memcpy(&request.ifr_addr, &in, sizeof in);
    if (!interface_ioctl(name, SIOCSIFADDR, &request))
        return false;
    inet_pton(AF_INET, "255.255.255.0", &in.sin_addr);
    memcpy(&request.ifr_netmask, &in, sizeof in);
    return interface_ioctl(name, SIOCSIFNETMASK, &request) && interface_flags(name, IFF_UP);
}

#endif
