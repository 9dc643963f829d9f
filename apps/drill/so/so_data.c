/* The ten calls that move data. Each is one transfer of a flat piece of memory; lists of pieces are
 * gathered and scattered around it. See adapter.h. */
#define _GNU_SOURCE
#include <time.h> /* linux/errqueue.h needs it */

#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "drill/so/adapter.h"

struct transfer {
    uint8_t *in; /* where to */
    const uint8_t *out;
    size_t length;
    int flags;
    struct sockaddr *from;
    socklen_t *from_length;
    const struct sockaddr *to;
    socklen_t to_length;
};

/* --- one transfer --------------------------------------------------------------------------- */

/* So many bytes end a read that waits. */
static int64_t enough(struct adapter *adapter, const struct so_file *file,
                      const struct transfer *transfer)
{
    int mark = 1;
    socklen_t length = sizeof mark;
    if (transfer->flags & MSG_WAITALL)
        return (int64_t)transfer->length;
    tunny_getsockopt(adapter->stack, file->number, SOL_SOCKET, SO_RCVLOWAT, &mark, &length);
    return mark < (int64_t)transfer->length ? mark : (int64_t)transfer->length;
}

/* The stack's calls end at once; the bytes so far are a result when no more are waited for. */
static int64_t moved(struct so_call *call, int64_t r, int64_t wanted)
{
    if (r < 0 && r != -EAGAIN)
        return call->done > 0 ? call->done : r;
    call->done += r > 0 ? r : 0;
    bool all = r == 0 || call->done >= wanted;
    if (all || (!call->waits && call->done > 0))
        return call->done;
    return -EAGAIN;
}

static int64_t receive_once(struct adapter *adapter, struct so_call *call)
{
    const struct transfer *transfer = call->arguments;
    const struct so_file *file = so_socket(adapter, call->fd);
    int flags = (transfer->flags & ~MSG_WAITALL) | MSG_DONTWAIT;
    if (file == NULL)
        return -EBADF;
    size_t done = (size_t)call->done;
    int64_t r = tunny_recvfrom(adapter->stack, file->number, transfer->in + done,
                               transfer->length - done, flags, transfer->from,
                               transfer->from_length);
    if (file->type != SOCK_STREAM || transfer->flags & (MSG_PEEK | MSG_OOB))
        return r;
    return moved(call, r, enough(adapter, file, transfer));
}

static int64_t send_once(struct adapter *adapter, struct so_call *call)
{
    const struct transfer *transfer = call->arguments;
    const struct so_file *file = so_socket(adapter, call->fd);
    if (file == NULL)
        return -EBADF;
    /* Who waits for room is woken when a third of the buffer is free, as poll() has it. */
    if (call->done > 0 &&
        !(tunny_ready(adapter->stack, file->number) & (POLLOUT | POLLERR | POLLHUP)))
        return -EAGAIN;
    size_t done = (size_t)call->done;
    int64_t r = tunny_sendto(adapter->stack, file->number, transfer->out + done,
                             transfer->length - done, transfer->flags | MSG_DONTWAIT, transfer->to,
                             transfer->to_length);
    return file->type == SOCK_STREAM ? moved(call, r, (int64_t)transfer->length) : r;
}

static int64_t transfer_data(struct adapter *adapter, int fd, const struct transfer *transfer)
{
    bool in = transfer->in != NULL;
    const struct so_file *file = so_file(adapter, fd);
    struct so_call call = {.once = in ? receive_once : send_once, .fd = fd, .arguments = transfer};
    call.waits = file != NULL && !file->nonblocking && !(transfer->flags & MSG_DONTWAIT);
    so_patience(adapter, &call, in ? SO_RCVTIMEO : SO_SNDTIMEO);
    int64_t r = so_finish(adapter, &call);
    return r < 0 && call.done > 0 ? call.done : r;
}

/* --- one piece ------------------------------------------------------------------------------ */

static ssize_t entry_recvfrom(void *userdata, int fd, void *data, size_t length, int flags,
                              struct sockaddr *address, socklen_t *address_length)
{
    struct adapter *adapter = so_enter(userdata);
    uint8_t nothing = 0;
    struct transfer transfer = {.in = data != NULL ? data : &nothing,
                                .length = data != NULL ? length : 0,
                                .flags = flags,
                                .from = address,
                                .from_length = address_length};
    return so_leave(adapter, transfer_data(adapter, fd, &transfer));
}

static ssize_t entry_recv(void *userdata, int fd, void *data, size_t length, int flags)
{
    return entry_recvfrom(userdata, fd, data, length, flags, NULL, NULL);
}

static ssize_t entry_read(void *userdata, int fd, void *data, size_t length)
{
    return entry_recvfrom(userdata, fd, data, length, 0, NULL, NULL);
}

static ssize_t entry_sendto(void *userdata, int fd, const void *data, size_t length, int flags,
                            const struct sockaddr *address, socklen_t address_length)
{
    struct adapter *adapter = so_enter(userdata);
    struct transfer transfer = {
        .out = data, .length = length, .flags = flags, .to = address, .to_length = address_length};
    return so_leave(adapter, transfer_data(adapter, fd, &transfer));
}

static ssize_t entry_send(void *userdata, int fd, const void *data, size_t length, int flags)
{
    return entry_sendto(userdata, fd, data, length, flags, NULL, 0);
}

static ssize_t entry_write(void *userdata, int fd, const void *data, size_t length)
{
    return entry_sendto(userdata, fd, data, length, 0, NULL, 0);
}

/* --- lists of pieces ------------------------------------------------------------------------ */

static size_t sum_of(const struct iovec *pieces, size_t count)
{
    size_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += pieces[i].iov_len;
    return sum;
}

/* How many bytes are in the receive queue behind what was read, for who asked with TCP_INQ. */
static size_t add_inq(struct adapter *adapter, int fd, struct msghdr *message)
{
    const struct so_file *file = so_socket(adapter, fd);
    int asked = 0, waiting = 0;
    socklen_t length = sizeof asked;
    if (file == NULL || message->msg_control == NULL ||
        message->msg_controllen < CMSG_SPACE(sizeof waiting) || file->type != SOCK_STREAM ||
        tunny_getsockopt(adapter->stack, file->number, IPPROTO_TCP, TCP_INQ, &asked, &length) < 0 ||
        !asked)
        return 0;
    tunny_ioctl(adapter->stack, file->number, FIONREAD, &waiting);
    /* Linux tells one byte more where only the end is left, so that it is read. */
    if (waiting == 0 && tunny_ready(adapter->stack, file->number) & POLLRDHUP)
        waiting = 1;
    struct cmsghdr *told = CMSG_FIRSTHDR(message);
    told->cmsg_level = IPPROTO_TCP;
    told->cmsg_type = TCP_CM_INQ;
    told->cmsg_len = CMSG_LEN(sizeof waiting);
    memcpy(CMSG_DATA(told), &waiting, sizeof waiting);
    return CMSG_SPACE(sizeof waiting);
}

static void scatter(const struct iovec *pieces, size_t count, const uint8_t *data, size_t length)
{
    for (size_t i = 0; i < count && length > 0; i++) {
        size_t part = pieces[i].iov_len < length ? pieces[i].iov_len : length;
        memcpy(pieces[i].iov_base, data, part);
        data += part;
        length -= part;
    }
}

/* recvmsg() with MSG_ERRQUEUE, which never waits: what became of sends with MSG_ZEROCOPY. */
static int64_t read_error_queue(struct adapter *adapter, int fd, struct msghdr *message)
{
    const struct so_file *file = so_socket(adapter, fd);
    struct sock_extended_err error = {.ee_origin = SO_EE_ORIGIN_ZEROCOPY,
                                      .ee_code = SO_EE_CODE_ZEROCOPY_COPIED};
    if (file == NULL)
        return -EBADF;
    int r = tunny_zerocopy_done(adapter->stack, file->number, &error.ee_info, &error.ee_data);
    if (r < 0)
        return r;
    message->msg_flags = MSG_ERRQUEUE;
    if (message->msg_control == NULL || message->msg_controllen < CMSG_SPACE(sizeof error)) {
        message->msg_flags |= MSG_CTRUNC;
        message->msg_controllen = 0;
        return 0;
    }
    int family = AF_INET;
    socklen_t length = sizeof family;
    tunny_getsockopt(adapter->stack, file->number, SOL_SOCKET, SO_DOMAIN, &family, &length);
    struct cmsghdr *told = CMSG_FIRSTHDR(message);
    told->cmsg_level = family == AF_INET6 ? IPPROTO_IPV6 : IPPROTO_IP;
    told->cmsg_type = family == AF_INET6 ? IPV6_RECVERR : IP_RECVERR;
    told->cmsg_len = CMSG_LEN(sizeof error);
    memcpy(CMSG_DATA(told), &error, sizeof error);
    message->msg_controllen = CMSG_SPACE(sizeof error);
    return 0;
}

/* The flag with which a datagram tells how long it was, so that one that was cut is known. */
static int whole_length(struct adapter *adapter, int fd)
{
    const struct so_file *file = so_socket(adapter, fd);
    return file != NULL && file->type == SOCK_DGRAM ? MSG_TRUNC : 0;
}

static ssize_t entry_recvmsg(void *userdata, int fd, struct msghdr *message, int flags)
{
    struct adapter *adapter = so_enter(userdata);
    size_t length = sum_of(message->msg_iov, message->msg_iovlen);
    if (flags & MSG_ERRQUEUE)
        return so_leave(adapter, read_error_queue(adapter, fd, message));
    uint8_t *flat = malloc(length > 0 ? length : 1);
    if (flat == NULL)
        return so_leave(adapter, -ENOMEM);
    struct transfer transfer = {.in = flat,
                                .length = length,
                                .flags = flags | whole_length(adapter, fd),
                                .from = message->msg_name,
                                .from_length = message->msg_name != NULL ? &message->msg_namelen
                                                                         : NULL};
    int64_t r = transfer_data(adapter, fd, &transfer);
    bool cut = r > (int64_t)length;
    if (r > 0)
        scatter(message->msg_iov, message->msg_iovlen, flat, cut ? length : (size_t)r);
    message->msg_flags = cut ? MSG_TRUNC : 0;
    message->msg_controllen = r >= 0 ? add_inq(adapter, fd, message) : 0;
    free(flat);
    return so_leave(adapter, cut && !(flags & MSG_TRUNC) ? (int64_t)length : r);
}

static ssize_t entry_sendmsg(void *userdata, int fd, const struct msghdr *message, int flags)
{
    struct adapter *adapter = so_enter(userdata);
    size_t length = sum_of(message->msg_iov, message->msg_iovlen), at = 0;
    uint8_t *flat = malloc(length > 0 ? length : 1);
    if (flat == NULL)
        return so_leave(adapter, -ENOMEM);
    for (size_t i = 0; i < message->msg_iovlen; at += message->msg_iov[i++].iov_len)
        if (message->msg_iov[i].iov_len > 0)
            memcpy(flat + at, message->msg_iov[i].iov_base, message->msg_iov[i].iov_len);
    struct transfer transfer = {.out = flat,
                                .length = length,
                                .flags = flags,
                                .to = message->msg_name,
                                .to_length = message->msg_namelen};
    int64_t r = transfer_data(adapter, fd, &transfer);
    free(flat);
    return so_leave(adapter, r);
}

/* msghdr's list is not const, though nothing writes to it. */
static struct msghdr message_of(const struct iovec *pieces, int count)
{
    struct msghdr message = {.msg_iovlen = count > 0 ? (size_t)count : 0};
    memcpy(&message.msg_iov, &pieces, sizeof pieces);
    return message;
}

static ssize_t entry_readv(void *userdata, int fd, const struct iovec *pieces, int count)
{
    struct msghdr message = message_of(pieces, count);
    return entry_recvmsg(userdata, fd, &message, 0);
}

static ssize_t entry_writev(void *userdata, int fd, const struct iovec *pieces, int count)
{
    struct msghdr message = message_of(pieces, count);
    return entry_sendmsg(userdata, fd, &message, 0);
}

void so_data_entries(struct packetdrill_interface *interface)
{
    interface->read = entry_read;
    interface->readv = entry_readv;
    interface->recv = entry_recv;
    interface->recvfrom = entry_recvfrom;
    interface->recvmsg = entry_recvmsg;
    interface->write = entry_write;
    interface->writev = entry_writev;
    interface->send = entry_send;
    interface->sendto = entry_sendto;
    interface->sendmsg = entry_sendmsg;
}
