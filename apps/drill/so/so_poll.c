/* poll and epoll over the readiness of the stack's sockets. A watch is level-triggered by what a
 * socket is now, edge-triggered by the stack's list of sockets that changed. See adapter.h. */
#include <errno.h>
#include <stdlib.h>

#include "drill/so/adapter.h"

/* The bits that poll() and epoll share, and those that are told though nobody asked. */
enum { READY_BITS = 0x3fff, ALWAYS = POLLERR | POLLHUP };

struct so_watch {
    int fd;
    struct epoll_event event;
    bool edge;     /* changed since it was told */
    bool disabled; /* EPOLLONESHOT, told */
    struct so_watch *next;
};

static int64_t wait_ready(struct adapter *adapter, struct so_call *call, int timeout_ms)
{
    call->waits = timeout_ms != 0;
    call->deadline_ns = so_deadline(adapter, timeout_ms);
    int64_t r = so_finish(adapter, call);
    return r == -EAGAIN ? 0 : r;
}

/* --- poll ----------------------------------------------------------------------------------- */

struct polling {
    struct pollfd *polled;
    nfds_t count;
};

static short ready_now(struct adapter *adapter, const struct pollfd *polled)
{
    const struct so_file *file = so_socket(adapter, polled->fd);
    if (polled->fd < 0)
        return 0;
    if (file == NULL)
        return POLLNVAL;
    return (short)(tunny_ready(adapter->stack, file->number) & (polled->events | ALWAYS));
}

static int64_t poll_once(struct adapter *adapter, struct so_call *call)
{
    const struct polling *polling = call->arguments;
    int64_t ready = 0;
    for (nfds_t i = 0; i < polling->count; i++) {
        polling->polled[i].revents = ready_now(adapter, &polling->polled[i]);
        ready += polling->polled[i].revents != 0;
    }
    return ready > 0 ? ready : -EAGAIN;
}

static int entry_poll(void *userdata, struct pollfd *polled, nfds_t count, int timeout_ms)
{
    struct adapter *adapter = so_enter(userdata);
    struct polling polling = {polled, count};
    struct so_call call = {.once = poll_once, .fd = -1, .arguments = &polling};
    return (int)so_leave(adapter, wait_ready(adapter, &call, timeout_ms));
}

/* --- epoll: the list of watches ------------------------------------------------------------- */

static int entry_epoll_create(void *userdata, int size)
{
    struct adapter *adapter = so_enter(userdata);
    int r = size > 0 ? so_open(adapter, (struct so_file){.kind = SO_EPOLL}) : -EINVAL;
    return (int)so_leave(adapter, r);
}

static struct so_file *epoll_of(struct adapter *adapter, int fd)
{
    struct so_file *file = so_file(adapter, fd);
    return file != NULL && file->kind == SO_EPOLL ? file : NULL;
}

static struct so_watch **find_watch(struct so_file *epoll, int fd)
{
    struct so_watch **at = &epoll->watches;
    while (*at != NULL && (*at)->fd != fd)
        at = &(*at)->next;
    return at;
}

static void remove_watch(struct so_watch **at)
{
    struct so_watch *gone = *at;
    if (gone == NULL)
        return;
    *at = gone->next;
    free(gone);
}

static int change_watch(struct so_file *epoll, int operation, int fd,
                        const struct epoll_event *event)
{
    struct so_watch **at = find_watch(epoll, fd);
    if (operation == EPOLL_CTL_ADD && *at != NULL)
        return -EEXIST;
    if (operation != EPOLL_CTL_ADD && *at == NULL)
        return -ENOENT;
    if (operation == EPOLL_CTL_DEL) {
        remove_watch(at);
        return 0;
    }
    struct so_watch *watch = *at != NULL ? *at : calloc(1, sizeof *watch);
    if (watch == NULL)
        return -ENOMEM;
    watch->fd = fd;
    watch->event = *event;
    watch->edge = true;
    watch->disabled = false;
    *at = watch;
    return 0;
}

static int entry_epoll_ctl(void *userdata, int fd, int operation, int watched,
                           struct epoll_event *event)
{
    struct adapter *adapter = so_enter(userdata);
    struct so_file *epoll = epoll_of(adapter, fd);
    bool known = operation == EPOLL_CTL_ADD || operation == EPOLL_CTL_MOD ||
                 operation == EPOLL_CTL_DEL;
    if (so_file(adapter, fd) == NULL || so_file(adapter, watched) == NULL)
        return (int)so_leave(adapter, -EBADF);
    if (epoll == NULL || !known || so_socket(adapter, watched) == NULL)
        return (int)so_leave(adapter, -EINVAL);
    return (int)so_leave(adapter, change_watch(epoll, operation, watched, event));
}

void so_poll_forget(struct adapter *adapter, int fd)
{
    for (int i = 0; i < SO_FILES_MOST; i++)
        remove_watch(find_watch(&adapter->files[i], fd));
    while (adapter->files[fd].watches != NULL)
        remove_watch(&adapter->files[fd].watches);
}

/* --- epoll: waiting ------------------------------------------------------------------------- */

static void note_change(struct adapter *adapter, int number)
{
    for (int i = 0; i < SO_FILES_MOST; i++) {
        struct so_watch *watch = adapter->files[i].watches;
        for (; watch != NULL; watch = watch->next)
            watch->edge = watch->edge || adapter->files[watch->fd].number == number;
    }
}

static uint32_t fired(struct adapter *adapter, const struct so_watch *watch)
{
    const struct so_file *file = so_socket(adapter, watch->fd);
    if (file == NULL || watch->disabled || (watch->event.events & EPOLLET && !watch->edge))
        return 0;
    return (uint32_t)tunny_ready(adapter->stack, file->number) &
           ((watch->event.events & READY_BITS) | ALWAYS);
}

struct epolling {
    struct epoll_event *events;
    int most;
};

static int64_t epoll_once(struct adapter *adapter, struct so_call *call)
{
    const struct epolling *epolling = call->arguments;
    const struct so_file *epoll = epoll_of(adapter, call->fd);
    int count = 0, number;
    if (epoll == NULL)
        return -EBADF;
    while ((number = tunny_next_changed(adapter->stack)) >= 0)
        note_change(adapter, number);
    for (struct so_watch *watch = epoll->watches; watch != NULL && count < epolling->most;
         watch = watch->next) {
        uint32_t events = fired(adapter, watch);
        if (events == 0)
            continue;
        epolling->events[count] = watch->event;
        epolling->events[count++].events = events;
        watch->edge = false;
        watch->disabled = (watch->event.events & EPOLLONESHOT) != 0;
    }
    return count > 0 ? count : -EAGAIN;
}

static int entry_epoll_wait(void *userdata, int fd, struct epoll_event *events, int most,
                            int timeout_ms)
{
    struct adapter *adapter = so_enter(userdata);
    struct epolling epolling = {events, most};
    struct so_call call = {.once = epoll_once, .fd = fd, .arguments = &epolling};
    if (so_file(adapter, fd) == NULL)
        return (int)so_leave(adapter, -EBADF);
    if (epoll_of(adapter, fd) == NULL || most <= 0)
        return (int)so_leave(adapter, -EINVAL);
    return (int)so_leave(adapter, wait_ready(adapter, &call, timeout_ms));
}

void so_poll_entries(struct packetdrill_interface *interface)
{
    interface->poll = entry_poll;
    interface->epoll_create = entry_epoll_create;
    interface->epoll_ctl = entry_epoll_ctl;
    interface->epoll_wait = entry_epoll_wait;
}
