/* The life of a socket: socket, bind, listen, accept, connect, shutdown, close. The stack's sockets
 * never block; whether a call waits is decided here. See adapter.h. */
#include <errno.h>
#include <unistd.h>

#include "drill/so/adapter.h"

static int entry_socket(void *userdata, int domain, int type, int protocol)
{
    struct adapter *adapter = so_enter(userdata);
    so_sysctls_read(adapter);
    int kind = type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC);
    int number = tunny_socket(adapter->stack, domain, kind | SOCK_NONBLOCK, protocol);
    if (number < 0)
        return (int)so_leave(adapter, number);
    struct so_file file = {.kind = SO_SOCKET, .number = number, .type = kind};
    file.nonblocking = (type & SOCK_NONBLOCK) != 0;
    so_sysctls_apply(adapter, &file);
    int fd = so_open(adapter, file);
    if (fd < 0)
        tunny_close(adapter->stack, number);
    return (int)so_leave(adapter, fd);
}

static int entry_bind(void *userdata, int fd, const struct sockaddr *address, socklen_t length)
{
    struct adapter *adapter = so_enter(userdata);
    struct so_file *file = so_socket(adapter, fd);
    return (int)so_leave(
        adapter, file != NULL ? tunny_bind(adapter->stack, file->number, address, length) : -EBADF);
}

static int entry_listen(void *userdata, int fd, int backlog)
{
    struct adapter *adapter = so_enter(userdata);
    struct so_file *file = so_socket(adapter, fd);
    so_sysctls_read(adapter);
    return (int)so_leave(adapter, file != NULL ? tunny_listen(adapter->stack, file->number, backlog)
                                               : -EBADF);
}

/* --- accept and connect --------------------------------------------------------------------- */

struct names {
    struct sockaddr *address; /* of accept() */
    socklen_t *length;
    const struct sockaddr *peer; /* of connect() */
    socklen_t peer_length;
};

static int64_t accept_once(struct adapter *adapter, struct so_call *call)
{
    const struct names *names = call->arguments;
    struct so_file *file = so_socket(adapter, call->fd);
    if (file == NULL)
        return -EBADF;
    int number = tunny_accept(adapter->stack, file->number, names->address, names->length,
                              SOCK_NONBLOCK);
    if (number < 0)
        return number;
    int fd = so_open(adapter,
                     (struct so_file){.kind = SO_SOCKET, .number = number, .type = file->type});
    if (fd < 0)
        tunny_close(adapter->stack, number);
    return fd;
}

static int64_t connect_once(struct adapter *adapter, struct so_call *call)
{
    const struct names *names = call->arguments;
    struct so_file *file = so_socket(adapter, call->fd);
    if (file == NULL)
        return -EBADF;
    int r = tunny_connect(adapter->stack, file->number, names->peer, names->peer_length);
    return call->waits && (r == -EINPROGRESS || r == -EALREADY) ? -EAGAIN : r;
}

static bool waits(struct adapter *adapter, int fd)
{
    const struct so_file *file = so_socket(adapter, fd);
    return file != NULL && !file->nonblocking;
}

static int entry_accept(void *userdata, int fd, struct sockaddr *address, socklen_t *length)
{
    struct adapter *adapter = so_enter(userdata);
    struct names names = {.address = address, .length = length};
    struct so_call call = {.once = accept_once, .fd = fd, .arguments = &names};
    call.waits = waits(adapter, fd);
    so_patience(adapter, &call, SO_RCVTIMEO);
    return (int)so_leave(adapter, so_finish(adapter, &call));
}

static int entry_connect(void *userdata, int fd, const struct sockaddr *address, socklen_t length)
{
    struct adapter *adapter = so_enter(userdata);
    struct names names = {.peer = address, .peer_length = length};
    struct so_call call = {.once = connect_once, .fd = fd, .arguments = &names};
    call.waits = waits(adapter, fd);
    so_sysctls_read(adapter);
    so_patience(adapter, &call, SO_SNDTIMEO);
    int64_t r = so_finish(adapter, &call);
    /* Linux's answer when SO_SNDTIMEO is over. */
    return (int)so_leave(adapter, call.waits && r == -EAGAIN ? -EINPROGRESS : r);
}

/* --- the end -------------------------------------------------------------------------------- */

static int entry_shutdown(void *userdata, int fd, int how)
{
    struct adapter *adapter = so_enter(userdata);
    struct so_file *file = so_socket(adapter, fd);
    return (int)so_leave(adapter,
                         file != NULL ? tunny_shutdown(adapter->stack, file->number, how) : -EBADF);
}

static int entry_close(void *userdata, int fd)
{
    struct adapter *adapter = so_enter(userdata);
    int r = so_forget(adapter, fd);
    if (r != -EBADF)
        close(fd);
    return (int)so_leave(adapter, r);
}

void so_socket_entries(struct packetdrill_interface *interface)
{
    interface->socket = entry_socket;
    interface->bind = entry_bind;
    interface->listen = entry_listen;
    interface->accept = entry_accept;
    interface->connect = entry_connect;
    interface->shutdown = entry_shutdown;
    interface->close = entry_close;
}
