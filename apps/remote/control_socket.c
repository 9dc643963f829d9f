/* See control_socket.h. */
#define _GNU_SOURCE
#include "remote/control_socket.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "remote/passing.h"

/* --- where it lies ------------------------------------------------------------------------------
 */

/* The folder belongs to the user alone: who may write into it may run programs on the stack. */
static int folder(char *path, size_t size)
{
    const char *run_time = getenv("XDG_RUNTIME_DIR");
    struct stat facts;
    if (geteuid() == 0 && access("/run", W_OK) == 0)
        snprintf(path, size, "/run/tunny");
    else if (run_time != NULL && *run_time == '/')
        snprintf(path, size, "%s/tunny", run_time);
    else
        snprintf(path, size, "/tmp/tunny-%u", (unsigned)geteuid());
    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return -errno;
    if (lstat(path, &facts) < 0)
        return -errno;
    return S_ISDIR(facts.st_mode) && facts.st_uid == geteuid() ? 0 : -EPERM;
}

void control_each_name(void (*each)(void *context, const char *name), void *context)
{
    char path[100];
    if (folder(path, sizeof path) < 0)
        return;
    DIR *names = opendir(path);
    struct dirent *entry;
    while (names != NULL && (entry = readdir(names)) != NULL)
        if (control_name_is_good(entry->d_name))
            each(context, entry->d_name);
    if (names != NULL)
        closedir(names);
}

int control_hidden_address(struct sockaddr_un *address)
{
    char path[sizeof address->sun_path - CONTROL_NAME - 1];
    int result = folder(path, sizeof path);
    if (result < 0)
        return result;
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    snprintf(address->sun_path, sizeof address->sun_path, "%s/.%d", path, (int)getpid());
    return 0;
}

bool control_name_is_good(const char *name)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    size_t length = strlen(name);
    return length > 0 && length <= CONTROL_NAME && strspn(name, allowed) == length;
}

int control_address(const char *name, struct sockaddr_un *address)
{
    char path[sizeof address->sun_path - CONTROL_NAME - 1];
    int result = folder(path, sizeof path);
    if (result < 0)
        return result;
    if (!control_name_is_good(name))
        return -EINVAL;
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    int length = snprintf(address->sun_path, sizeof address->sun_path, "%s/%s", path, name);
    return length >= (int)sizeof address->sun_path ? -ENAMETOOLONG : 0;
}

int control_connect(const char *name)
{
    struct sockaddr_un address;
    int result = control_address(name, &address);
    if (result < 0)
        return result;
    int there = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (there < 0)
        return -errno;
    if (connect(there, (const struct sockaddr *)&address, sizeof address) == 0)
        return there;
    result = -errno;
    close(there);
    if (result != -ECONNREFUSED)
        return result;
    /* Left by one that was killed. */
    unlink(address.sun_path);
    return -ENOENT;
}

/* --- the asking side ----------------------------------------------------------------------------
 */

int control_ask(int socket, const struct control_request *request, const int *descriptor,
                struct control_answer *said, int *descriptors, unsigned most)
{
    int result = pass_send(socket, request, sizeof *request, descriptor, descriptor ? 1 : 0);
    if (result < 0)
        return result;
    result = pass_receive(socket, said, sizeof *said, descriptors, most);
    return result >= 0 && said->result < 0 ? said->result : result;
}

struct visitor {
    void (*each)(void *context, const char *name);
    void *context;
};

static void visit_living(void *context, const char *name)
{
    const struct visitor *visitor = context;
    int there = control_connect(name);
    if (there < 0)
        return;
    close(there);
    visitor->each(visitor->context, name);
}

void control_each(void (*each)(void *context, const char *name), void *context)
{
    struct visitor visitor = {each, context};
    control_each_name(visit_living, &visitor);
}
