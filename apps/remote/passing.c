/* See passing.h. */
#define _GNU_SOURCE
#include "remote/passing.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PASSED_MOST = 4 };

int pass_send(int socket, const void *data, size_t size, const int *descriptors, unsigned count)
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(PASSED_MOST * sizeof(int))];
    } control = {.room = {0}};
    struct iovec piece = {(void *)(uintptr_t)data, size};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
    if (count > 0) {
        message.msg_control = &control;
        message.msg_controllen = CMSG_SPACE(count * sizeof(int));
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(count * sizeof(int));
        memcpy(CMSG_DATA(header), descriptors, count * sizeof(int));
    }
    return sendmsg(socket, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int pass_receive(int socket, void *data, size_t size, int *descriptors, unsigned most)
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(PASSED_MOST * sizeof(int))];
    } control;
    struct iovec piece = {data, size};
    struct msghdr message = {
        .msg_iov = &piece,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = sizeof control,
    };
    ssize_t got;
    do {
        got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    } while (got < 0 && errno == EINTR);
    if (got <= 0)
        return got < 0 ? -errno : -ECONNRESET;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header == NULL || header->cmsg_type != SCM_RIGHTS)
        return 0;
    unsigned count = (unsigned)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    for (unsigned i = 0; i < count; i++) {
        int descriptor;
        memcpy(&descriptor, CMSG_DATA(header) + i * sizeof(int), sizeof descriptor);
        if (i < most)
            descriptors[i] = descriptor;
        else
            close(descriptor);
    }
    return (int)(count < most ? count : most);
}
