/* writev() and readv() on sockets: several pieces as one call. A stream takes them one after
 * another; a datagram is put together, or taken apart, in a block of the budget. Called by
 * applications; knows sockets by their public calls only. */
#include <errno.h>
#include <linux/tcp.h>

#include "socket.h"
#include "stack.h"

enum { PIECES_MOST = 1024 }; /* IOV_MAX */

static size_t sum(const struct iovec *pieces, int count)
{
    size_t total = 0;
    for (int i = 0; i < count; i++)
        total += pieces[i].iov_len;
    return total;
}

/* What was transferred counts more than why it was not more. */
static ssize_t total_or(size_t total, ssize_t r)
{
    return total > 0 ? (ssize_t)total : r;
}

static ssize_t write_datagram(struct tunny *stack, int socket, const struct iovec *pieces,
                              int count)
{
    size_t length = sum(pieces, count), at = 0;
    if (length > UDP_LARGEST)
        return -EMSGSIZE;
    uint8_t *whole = memory_take(&stack->memory, length);
    if (!whole)
        return -ENOBUFS;
    for (int i = 0; i < count; i++) {
        if (pieces[i].iov_len)
            memcpy(whole + at, pieces[i].iov_base, pieces[i].iov_len);
        at += pieces[i].iov_len;
    }
    ssize_t r = tunny_send(stack, socket, whole, length, 0);
    memory_give(&stack->memory, whole, length);
    return r;
}

static ssize_t read_datagram(struct tunny *stack, int socket, const struct msghdr *message,
                             int flags, socklen_t *name_length)
{
    const struct iovec *pieces = message->msg_iov;
    int count = (int)message->msg_iovlen;
    size_t length = sum(pieces, count), at = 0;
    if (length > UDP_LARGEST)
        length = UDP_LARGEST;
    uint8_t *whole = memory_take(&stack->memory, length);
    if (!whole)
        return -ENOBUFS;
    ssize_t r = tunny_recvfrom(stack, socket, whole, length, flags, message->msg_name, name_length);
    for (int i = 0; i < count && r > 0 && at < (size_t)r; i++) {
        size_t part = (size_t)r - at;
        if (part > pieces[i].iov_len)
            part = pieces[i].iov_len;
        memcpy(pieces[i].iov_base, whole + at, part);
        at += part;
    }
    memory_give(&stack->memory, whole, length);
    return r;
}

/* All but the last piece say that more follows, so that segments are full. Empty ones say nothing,
 * unless there is nothing else. */
static ssize_t write_text(struct tunny *stack, int socket, const struct iovec *pieces, int count)
{
    size_t total = 0;
    int last = count - 1;
    while (last > 0 && pieces[last].iov_len == 0)
        last--;
    for (int i = 0; i <= last; i++) {
        int more = i < last ? MSG_MORE : 0;
        if (more && pieces[i].iov_len == 0)
            continue;
        ssize_t r = tunny_send(stack, socket, pieces[i].iov_base, pieces[i].iov_len, more);
        if (r < 0)
            return total_or(total, r);
        total += (size_t)r;
        if ((size_t)r < pieces[i].iov_len)
            break;
    }
    return (ssize_t)total;
}

/* Only the first piece is waited for. */
static ssize_t read_text(struct tunny *stack, int socket, const struct msghdr *message, int how)
{
    const struct iovec *pieces = message->msg_iov;
    int count = (int)message->msg_iovlen;
    size_t total = 0;
    for (int i = 0; i < count; i++) {
        int flags = how | (total > 0 ? MSG_DONTWAIT : 0);
        ssize_t r = tunny_recv(stack, socket, pieces[i].iov_base, pieces[i].iov_len, flags);
        if (r < 0)
            return total_or(total, r);
        total += (size_t)r;
        if ((size_t)r < pieces[i].iov_len)
            break;
    }
    return (ssize_t)total;
}

ssize_t tunny_writev(struct tunny *stack, int number, const struct iovec *pieces, int count)
{
    const struct socket *socket = sockets_find(&stack->sockets, number);
    if (!socket)
        return -EBADF;
    if (count < 0 || count > PIECES_MOST)
        return -EINVAL;
    return socket->kind == SOCKET_UDP ? write_datagram(stack, number, pieces, count)
                                      : write_text(stack, number, pieces, count);
}

ssize_t tunny_readv(struct tunny *stack, int number, const struct iovec *pieces, int count)
{
    const struct socket *socket = sockets_find(&stack->sockets, number);
    if (!socket)
        return -EBADF;
    if (count < 0 || count > PIECES_MOST)
        return -EINVAL;
    struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)pieces,
                             .msg_iovlen = (size_t)count};
    socklen_t no_name = 0;
    return socket->kind == SOCKET_UDP ? read_datagram(stack, number, &message, 0, &no_name)
                                      : read_text(stack, number, &message, 0);
}

/* The one control message that there is. */
static void tell_what_is_left(const struct socket *socket, struct msghdr *message,
                              struct instant now)
{
    int left = sock_left_to_read(socket, now);
    size_t room = message->msg_control ? message->msg_controllen : 0;
    struct cmsghdr *told = message->msg_control;
    message->msg_controllen = 0;
    if (left < 0)
        return;
    if (room < CMSG_SPACE(sizeof left)) {
        message->msg_flags |= MSG_CTRUNC;
        return;
    }
    *told = (struct cmsghdr){
        .cmsg_len = CMSG_LEN(sizeof left), .cmsg_level = IPPROTO_TCP, .cmsg_type = TCP_CM_INQ};
    memcpy(CMSG_DATA(told), &left, sizeof left);
    message->msg_controllen = CMSG_SPACE(sizeof left);
}

ssize_t tunny_recvmsg(struct tunny *stack, int number, struct msghdr *message, int flags)
{
    const struct socket *socket = sockets_find(&stack->sockets, number);
    if (!socket)
        return -EBADF;
    if (message->msg_iovlen > PIECES_MOST)
        return -EMSGSIZE;
    message->msg_flags = 0;
    ssize_t r = socket->kind == SOCKET_UDP
                    ? read_datagram(stack, number, message, flags, &message->msg_namelen)
                    : read_text(stack, number, message, flags);
    if (socket->kind != SOCKET_UDP)
        message->msg_namelen = 0;
    if (r >= 0)
        tell_what_is_left(socket, message, stack_now(stack));
    return r;
}
