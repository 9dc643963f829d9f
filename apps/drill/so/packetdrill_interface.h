/* What the packetdrill program and a stack in a shared object agree on: a struct of 33 pointers
 * that the object fills in once. Each function takes `userdata` first and then libc's arguments of
 * the call of its name; -1 and errno on failure. Called by packetdrill (--so_filename). */
#ifndef TUNNY_DRILL_SO_PACKETDRILL_INTERFACE_H
#define TUNNY_DRILL_SO_PACKETDRILL_INTERFACE_H

#include <poll.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

/* The order is the contract: nothing may be added in between. */
struct packetdrill_interface {
    void *userdata;
    void (*free)(void *userdata);
    int (*socket)(void *userdata, int domain, int type, int protocol);
    int (*bind)(void *userdata, int fd, const struct sockaddr *address, socklen_t length);
    int (*listen)(void *userdata, int fd, int backlog);
    int (*accept)(void *userdata, int fd, struct sockaddr *address, socklen_t *length);
    int (*connect)(void *userdata, int fd, const struct sockaddr *address, socklen_t length);
    ssize_t (*read)(void *userdata, int fd, void *data, size_t length);
    ssize_t (*readv)(void *userdata, int fd, const struct iovec *pieces, int count);
    ssize_t (*recv)(void *userdata, int fd, void *data, size_t length, int flags);
    ssize_t (*recvfrom)(void *userdata, int fd, void *data, size_t length, int flags,
                        struct sockaddr *address, socklen_t *address_length);
    ssize_t (*recvmsg)(void *userdata, int fd, struct msghdr *message, int flags);
    ssize_t (*write)(void *userdata, int fd, const void *data, size_t length);
    ssize_t (*writev)(void *userdata, int fd, const struct iovec *pieces, int count);
    ssize_t (*send)(void *userdata, int fd, const void *data, size_t length, int flags);
    ssize_t (*sendto)(void *userdata, int fd, const void *data, size_t length, int flags,
                      const struct sockaddr *address, socklen_t address_length);
    ssize_t (*sendmsg)(void *userdata, int fd, const struct msghdr *message, int flags);
    int (*fcntl)(void *userdata, int fd, int command, ...);
    int (*ioctl)(void *userdata, int fd, unsigned long request, ...);
    int (*close)(void *userdata, int fd);
    int (*shutdown)(void *userdata, int fd, int how);
    int (*getsockopt)(void *userdata, int fd, int level, int option, void *value,
                      socklen_t *length);
    int (*setsockopt)(void *userdata, int fd, int level, int option, const void *value,
                      socklen_t length);
    int (*poll)(void *userdata, struct pollfd *polled, nfds_t count, int timeout_ms);
    /* One IP packet for the stack, however long. 0. */
    int (*netdev_send)(void *userdata, const void *packet, size_t length);
    /* The next packet of the stack: *length is the room in `packet`, then the packet's length; 0:
     * there will be none. 0. */
    int (*netdev_receive)(void *userdata, void *packet, size_t *length, long long *time_us);
    int (*usleep)(void *userdata, useconds_t time_us);
    int (*gettimeofday)(void *userdata, struct timeval *time, struct timezone *zone);
    int (*epoll_create)(void *userdata, int size);
    int (*epoll_ctl)(void *userdata, int epoll, int operation, int fd, struct epoll_event *event);
    int (*epoll_wait)(void *userdata, int epoll, struct epoll_event *events, int most,
                      int timeout_ms);
    int (*pipe)(void *userdata, int ends[2]);
    int (*splice)(void *userdata, int from, loff_t *from_offset, int to, loff_t *to_offset,
                  size_t length, unsigned flags);
};

_Static_assert(sizeof(struct packetdrill_interface) == 33 * sizeof(void *), "33 entries");

/* Called once. `flags` is the text of --so_flags: words separated by commas (see so_host.c), or
 * NULL. When a host cannot be made, says so on standard error and ends the process: the caller has
 * no way to ask. */
__attribute__((visibility("default"))) void
packetdrill_interface_init(const char *flags, struct packetdrill_interface *interface);

#endif
