/* See task.h. Descriptors of processes are kept in a small table by thread number: a number that
 * was used again belongs to a thread that is gone, which its descriptor says (-ESRCH). */
#define _GNU_SOURCE
#include "run/task.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* Linux 6.9; older kernels open leaders only. */
enum { THREAD_FLAG = 0200, TABLE = 64 };

struct entry {
    pid_t task;
    int descriptor;
};

/* Each thread of ours has its own, so that no lock is needed. */
static _Thread_local struct entry table[TABLE];

/* The leader of the thread's process, from /proc; 0: the thread is gone. */
static pid_t leader_of(pid_t task)
{
    char path[64], line[128];
    int leader = 0;
    snprintf(path, sizeof path, "/proc/%d/status", (int)task);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return 0;
    while (leader == 0 && fgets(line, sizeof line, file) != NULL)
        if (sscanf(line, "Tgid: %d", &leader) != 1)
            leader = 0;
    fclose(file);
    return leader;
}

static int open_task(pid_t task)
{
    long descriptor = syscall(SYS_pidfd_open, task, THREAD_FLAG);
    if (descriptor < 0 && errno == EINVAL) {
        pid_t leader = leader_of(task);
        if (leader == 0)
            return -ESRCH;
        descriptor = syscall(SYS_pidfd_open, leader, 0);
    }
    return descriptor < 0 ? -errno : (int)descriptor;
}

static void forget(struct entry *entry)
{
    if (entry->task != 0)
        close(entry->descriptor);
    entry->task = 0;
}

void task_forget_all(void)
{
    for (unsigned i = 0; i < TABLE; i++)
        forget(&table[i]);
}

/* The descriptor of the thread, from the table or new. */
static int handle_of(pid_t task, struct entry **entry)
{
    *entry = &table[(unsigned)task % TABLE];
    if ((*entry)->task == task)
        return (*entry)->descriptor;
    forget(*entry);
    int descriptor = open_task(task);
    if (descriptor < 0)
        return descriptor;
    **entry = (struct entry){task, descriptor};
    return descriptor;
}

int task_descriptor(pid_t task, int number)
{
    for (unsigned attempt = 0; attempt < 2; attempt++) {
        struct entry *entry;
        int handle = handle_of(task, &entry);
        if (handle < 0)
            return handle;
        long got = syscall(SYS_pidfd_getfd, handle, number, 0);
        if (got >= 0)
            return (int)got;
        int error = errno;
        if (error != ESRCH)
            return -error;
        forget(entry);
    }
    return -ESRCH;
}

int task_read(pid_t task, uint64_t from, void *to, size_t length)
{
    struct iovec here = {to, length}, there = {(void *)(uintptr_t)from, length};
    if (length == 0)
        return 0;
    return process_vm_readv(task, &here, 1, &there, 1, 0) == (ssize_t)length ? 0 : -EFAULT;
}

int task_write(pid_t task, uint64_t to, const void *from, size_t length)
{
    struct iovec here = {(void *)(uintptr_t)from, length}, there = {(void *)(uintptr_t)to, length};
    if (length == 0)
        return 0;
    return process_vm_writev(task, &here, 1, &there, 1, 0) == (ssize_t)length ? 0 : -EFAULT;
}

int task_network(pid_t task, char *name, size_t size)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/ns/net", (int)task);
    ssize_t length = readlink(path, name, size - 1);
    if (length < 0)
        return -errno;
    name[length] = '\0';
    return 0;
}

/* The number that a name in /proc is; -1: none. */
static int number_of(const char *name)
{
    char *end;
    long number = strtol(name, &end, 10);
    return end == name || *end != '\0' || number < 0 || number > INT_MAX ? -1 : (int)number;
}

/* The duplicate, or -ENOENT. */
static int search_process(pid_t task, int (*is_it)(void *context, int descriptor), void *context,
                          int *number)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "/proc/%d/fd", (int)task);
    DIR *folder = opendir(path);
    int found = -ENOENT;
    struct dirent *file;
    while (folder != NULL && found < 0 && (file = readdir(folder)) != NULL) {
        char link[64] = "";
        if (number_of(file->d_name) < 0 ||
            readlinkat(dirfd(folder), file->d_name, link, sizeof link - 1) < 0 ||
            strncmp(link, "socket:", 7) != 0)
            continue;
        *number = number_of(file->d_name);
        int duplicate = task_descriptor(task, *number);
        if (duplicate >= 0 && is_it(context, duplicate))
            found = duplicate;
        else if (duplicate >= 0)
            close(duplicate);
    }
    if (folder != NULL)
        closedir(folder);
    return found;
}

int task_search(const char *network, int (*is_it)(void *context, int descriptor), void *context,
                pid_t *holder, int *number)
{
    DIR *folder = opendir("/proc");
    int found = -ENOENT;
    struct dirent *file;
    while (folder != NULL && found < 0 && (file = readdir(folder)) != NULL) {
        char its[64];
        pid_t task = number_of(file->d_name);
        if (task <= 0 || task_network(task, its, sizeof its) < 0 || strcmp(its, network) != 0)
            continue;
        *holder = task;
        found = search_process(task, is_it, context, number);
    }
    if (folder != NULL)
        closedir(folder);
    return found;
}
