/* fcntl, ioctl and socket options. See adapter.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/ioctl.h>

#include "drill/so/adapter.h"

static int64_t control(struct so_file *file, int command, int argument)
{
    switch (command) {
    case F_GETFL:
        return O_RDWR | (file->nonblocking ? O_NONBLOCK : 0);
    case F_SETFL:
        file->nonblocking = (argument & O_NONBLOCK) != 0;
        return 0;
    case F_GETFD:
    case F_SETFD:
        return 0;
    default:
        return -EINVAL;
    }
}

static int entry_fcntl(void *userdata, int fd, int command, ...)
{
    va_list arguments;
    va_start(arguments, command);
    int argument = command == F_SETFL || command == F_SETFD ? va_arg(arguments, int) : 0;
    va_end(arguments);
    struct adapter *adapter = so_enter(userdata);
    struct so_file *file = so_file(adapter, fd);
    return (int)so_leave(adapter, file != NULL ? control(file, command, argument) : -EBADF);
}

static int entry_ioctl(void *userdata, int fd, unsigned long request, ...)
{
    va_list arguments;
    va_start(arguments, request);
    int *value = va_arg(arguments, int *);
    va_end(arguments);
    struct adapter *adapter = so_enter(userdata);
    struct so_file *file = so_socket(adapter, fd);
    if (file == NULL)
        return (int)so_leave(adapter, -EBADF);
    if (request != FIONBIO)
        return (int)so_leave(adapter, tunny_ioctl(adapter->stack, file->number, request, value));
    file->nonblocking = *value != 0;
    return (int)so_leave(adapter, 0);
}

static int entry_getsockopt(void *userdata, int fd, int level, int option, void *value,
                            socklen_t *length)
{
    struct adapter *adapter = so_enter(userdata);
    struct so_file *file = so_socket(adapter, fd);
    if (file == NULL)
        return (int)so_leave(adapter, -EBADF);
    return (int)so_leave(
        adapter, tunny_getsockopt(adapter->stack, file->number, level, option, value, length));
}

static int entry_setsockopt(void *userdata, int fd, int level, int option, const void *value,
                            socklen_t length)
{
    struct adapter *adapter = so_enter(userdata);
    struct so_file *file = so_socket(adapter, fd);
    if (file == NULL)
        return (int)so_leave(adapter, -EBADF);
    return (int)so_leave(
        adapter, tunny_setsockopt(adapter->stack, file->number, level, option, value, length));
}

void so_option_entries(struct packetdrill_interface *interface)
{
    interface->fcntl = entry_fcntl;
    interface->ioctl = entry_ioctl;
    interface->getsockopt = entry_getsockopt;
    interface->setsockopt = entry_setsockopt;
}
