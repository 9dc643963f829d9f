/* pipe and splice. A pipe is the system's own; splice moves text between one and a socket by way of
 * the memory that the socket lends. See adapter.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "drill/so/adapter.h"

enum { PIPE_ROOM = 65536 };

static int entry_pipe(void *userdata, int ends[2])
{
    struct adapter *adapter = so_enter(userdata);
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
        return (int)so_leave(adapter, -errno);
    if (so_adopt(adapter, ends[0], (struct so_file){.kind = SO_PIPE}) >= 0) {
        if (so_adopt(adapter, ends[1], (struct so_file){.kind = SO_PIPE}) >= 0)
            return (int)so_leave(adapter, 0);
        so_forget(adapter, ends[0]);
    }
    close(ends[0]);
    close(ends[1]);
    return (int)so_leave(adapter, -EMFILE);
}

struct splicing {
    int from, to;
    size_t length;
};

/* The pieces cut to `length` bytes in all. How many are left. */
static int cut(struct iovec pieces[2], size_t length)
{
    if (pieces[0].iov_len >= length) {
        pieces[0].iov_len = length;
        return 1;
    }
    length -= pieces[0].iov_len;
    if (pieces[1].iov_len > length)
        pieces[1].iov_len = length;
    return 2;
}

static int64_t out_of_socket(struct adapter *adapter, const struct so_file *socket,
                             const struct splicing *splicing)
{
    struct iovec pieces[2] = {0};
    ssize_t lent = tunny_recv_lend(adapter->stack, socket->number, splicing->length, MSG_DONTWAIT,
                                   pieces);
    if (lent <= 0)
        return lent;
    ssize_t r = writev(splicing->to, pieces, cut(pieces, (size_t)lent));
    if (r < 0)
        return -errno;
    tunny_recv_done(adapter->stack, socket->number, (size_t)r);
    return r;
}

static int64_t into_socket(struct adapter *adapter, const struct so_file *socket,
                           const struct splicing *splicing)
{
    struct iovec pieces[2] = {0};
    ssize_t lent = tunny_send_lend(adapter->stack, socket->number, splicing->length, MSG_DONTWAIT,
                                   pieces);
    if (lent <= 0)
        return lent;
    ssize_t r = readv(splicing->from, pieces, cut(pieces, (size_t)lent));
    if (r < 0)
        return -errno;
    return r > 0 ? tunny_send_done(adapter->stack, socket->number, (size_t)r, 0) : 0;
}

static int64_t splice_once(struct adapter *adapter, struct so_call *call)
{
    const struct splicing *splicing = call->arguments;
    const struct so_file *from = so_file(adapter, splicing->from);
    const struct so_file *to = so_file(adapter, splicing->to);
    if (from == NULL || to == NULL)
        return -EBADF;
    if (from->kind == SO_SOCKET && to->kind == SO_PIPE)
        return out_of_socket(adapter, from, splicing);
    if (from->kind == SO_PIPE && to->kind == SO_SOCKET)
        return into_socket(adapter, to, splicing);
    return -EINVAL;
}

static int entry_splice(void *userdata, int from, loff_t *from_offset, int to, loff_t *to_offset,
                        size_t length, unsigned flags)
{
    struct adapter *adapter = so_enter(userdata);
    struct splicing splicing = {from, to, length < PIPE_ROOM ? length : PIPE_ROOM};
    int fd = so_socket(adapter, from) != NULL ? from : to;
    const struct so_file *file = so_socket(adapter, fd);
    struct so_call call = {.once = splice_once, .fd = fd, .arguments = &splicing};
    if (from_offset != NULL || to_offset != NULL)
        return (int)so_leave(adapter, -ESPIPE);
    call.waits = file != NULL && !file->nonblocking && !(flags & SPLICE_F_NONBLOCK);
    so_patience(adapter, &call, fd == from ? SO_RCVTIMEO : SO_SNDTIMEO);
    return (int)so_leave(adapter, so_finish(adapter, &call));
}

void so_pipe_entries(struct packetdrill_interface *interface)
{
    interface->pipe = entry_pipe;
    interface->splice = entry_splice;
}
