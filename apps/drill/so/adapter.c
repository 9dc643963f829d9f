/* The two threads and the descriptors; see adapter.h. Called by the entries of the interface; knows
 * nothing of what a call does. */
#include "drill/so/adapter.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

/* How long, in real time, the thread of a call that is done has to ask for the time before the
 * clock moves on. It always does so at once; the bound is for callers that do not. */
enum { CLOCK_READER_NS = 50000000 };

static bool is_driver(const struct adapter *adapter)
{
    return pthread_equal(adapter->driver, pthread_self());
}

/* --- entering and leaving ------------------------------------------------------------------- */

struct adapter *so_enter(void *userdata)
{
    struct adapter *adapter = userdata;
    pthread_mutex_lock(&adapter->lock);
    if (!is_driver(adapter)) {
        adapter->reads_clock = false;
        pthread_cond_broadcast(&adapter->settled);
    }
    return adapter;
}

/* The sleeping calls look again, and each sleeps on or is done when this returns. */
static void settle(struct adapter *adapter)
{
    adapter->unsettled += adapter->sleeping;
    adapter->sleeping = 0;
    adapter->sleep_until_ns = INT64_MAX;
    adapter->generation++;
    pthread_cond_broadcast(&adapter->changed);
    while (adapter->unsettled > 0)
        pthread_cond_wait(&adapter->settled, &adapter->lock);
}

int64_t so_leave(struct adapter *adapter, int64_t result)
{
    if (is_driver(adapter))
        settle(adapter);
    pthread_mutex_unlock(&adapter->lock);
    if (result >= 0)
        return result;
    errno = (int)-result;
    return -1;
}

/* --- the clock ------------------------------------------------------------------------------ */

int64_t so_next_ns(const struct adapter *adapter)
{
    int64_t next = tunny_virtual_deadline_ns(adapter->stack);
    return next < adapter->sleep_until_ns ? next : adapter->sleep_until_ns;
}

/* A call that is done has its time taken by its own thread: by the clock as it was. */
static void let_clock_be_read(struct adapter *adapter)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += CLOCK_READER_NS;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    while (adapter->reads_clock &&
           pthread_cond_timedwait(&adapter->settled, &adapter->lock, &until) == 0)
        continue;
    adapter->reads_clock = false;
}

void so_advance(struct adapter *adapter, int64_t until_ns)
{
    for (;;) {
        if (adapter->reads_clock)
            let_clock_be_read(adapter);
        int64_t next = so_next_ns(adapter);
        bool last = next > until_ns;
        tunny_virtual_advance(adapter->stack, last ? until_ns : next);
        settle(adapter);
        if (last)
            return;
    }
}

void so_end_calls(struct adapter *adapter)
{
    adapter->ending = true;
    settle(adapter);
}

/* --- calls that may have to wait ------------------------------------------------------------ */

/* Nobody else moves the clock for the driver: what it waits for comes from a timer, or never. */
static int driver_waits(struct adapter *adapter, const struct so_call *call)
{
    int64_t next = so_next_ns(adapter);
    next = next < call->deadline_ns ? next : call->deadline_ns;
    if (next == INT64_MAX)
        return -EDEADLK;
    so_advance(adapter, next);
    return 0;
}

static void no_longer_awake(struct adapter *adapter, struct so_call *call)
{
    if (!call->awake)
        return;
    call->awake = false;
    adapter->unsettled--;
    pthread_cond_broadcast(&adapter->settled);
}

static int wait_for_change(struct adapter *adapter, struct so_call *call)
{
    if (is_driver(adapter))
        return driver_waits(adapter, call);
    if (adapter->ending)
        return -EINTR;
    unsigned seen = adapter->generation;
    adapter->sleeping++;
    if (call->deadline_ns < adapter->sleep_until_ns)
        adapter->sleep_until_ns = call->deadline_ns;
    no_longer_awake(adapter, call);
    while (adapter->generation == seen)
        pthread_cond_wait(&adapter->changed, &adapter->lock);
    call->awake = true;
    return 0;
}

int64_t so_finish(struct adapter *adapter, struct so_call *call)
{
    int64_t r;
    do {
        r = call->once(adapter, call);
        if (r != -EAGAIN || !call->waits || tunny_now_ns(adapter->stack) >= call->deadline_ns)
            break;
        r = wait_for_change(adapter, call);
    } while (r == 0);
    adapter->reads_clock = adapter->reads_clock || call->awake;
    no_longer_awake(adapter, call);
    return r;
}

int64_t so_deadline(const struct adapter *adapter, int64_t timeout_ms)
{
    return timeout_ms < 0 ? INT64_MAX : tunny_now_ns(adapter->stack) + timeout_ms * 1000000;
}

void so_patience(struct adapter *adapter, struct so_call *call, int option)
{
    struct so_file *file = so_socket(adapter, call->fd);
    struct timeval limit = {0};
    socklen_t length = sizeof limit;
    call->deadline_ns = INT64_MAX;
    if (file == NULL ||
        tunny_getsockopt(adapter->stack, file->number, SOL_SOCKET, option, &limit, &length) < 0)
        return;
    if (limit.tv_sec != 0 || limit.tv_usec != 0)
        call->deadline_ns = tunny_now_ns(adapter->stack) + (int64_t)limit.tv_sec * 1000000000 +
                            (int64_t)limit.tv_usec * 1000;
}

/* --- descriptors ---------------------------------------------------------------------------- */

struct so_file *so_file(struct adapter *adapter, int fd)
{
    if (fd < 0 || fd >= SO_FILES_MOST || adapter->files[fd].kind == SO_FREE)
        return NULL;
    return &adapter->files[fd];
}

struct so_file *so_socket(struct adapter *adapter, int fd)
{
    struct so_file *file = so_file(adapter, fd);
    return file != NULL && file->kind == SO_SOCKET ? file : NULL;
}

int so_forget(struct adapter *adapter, int fd)
{
    struct so_file *file = so_file(adapter, fd);
    if (file == NULL)
        return -EBADF;
    so_poll_forget(adapter, fd);
    int r = file->kind == SO_SOCKET ? tunny_close(adapter->stack, file->number) : 0;
    *file = (struct so_file){.kind = SO_FREE};
    return r;
}

int so_adopt(struct adapter *adapter, int fd, struct so_file file)
{
    if (fd >= SO_FILES_MOST)
        return -EMFILE;
    /* The number was given out before and closed behind our back. */
    if (so_file(adapter, fd) != NULL)
        so_forget(adapter, fd);
    adapter->files[fd] = file;
    return fd;
}

int so_open(struct adapter *adapter, struct so_file file)
{
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0)
        return -errno;
    int r = so_adopt(adapter, fd, file);
    if (r < 0)
        close(fd);
    return r;
}
