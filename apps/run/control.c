/* See control.h. */
#define _GNU_SOURCE
#include "run/control.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run/launch.h"
#include "run/session.h"

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

/* Calls `each` for each name that lies there. */
static void each_name(void (*each)(void *context, const char *name), void *context)
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

/* Where this process binds before it shows itself. */
static int hidden_address(struct sockaddr_un *address)
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

static int address_of(const char *name, struct sockaddr_un *address)
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
    int result = address_of(name, &address);
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

/* --- the serving side ---------------------------------------------------------------------------
 */

/* The name is only seen when somebody listens: who finds that nobody does removes it. */
static int bind_and_show(struct control *control, const struct sockaddr_un *shown)
{
    struct sockaddr_un hidden;
    int result = hidden_address(&hidden);
    if (result < 0)
        return result;
    unlink(hidden.sun_path);
    control->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (control->listener < 0 ||
        bind(control->listener, (const struct sockaddr *)&hidden, sizeof hidden) < 0 ||
        listen(control->listener, CONTROL_PEERS) < 0 ||
        rename(hidden.sun_path, shown->sun_path) < 0)
        return -errno;
    memcpy(control->path, shown->sun_path, sizeof control->path);
    return 0;
}

/* Private stacks that were killed: nobody asks for them by name. */
static void remove_abandoned(void *context, const char *name)
{
    int process = 0;
    (void)context;
    if (sscanf(name, "run-%d", &process) != 1 || process <= 0 || kill(process, 0) == 0 ||
        errno != ESRCH)
        return;
    int there = control_connect(name);
    if (there >= 0)
        close(there);
}

static int listen_at(struct control *control)
{
    struct sockaddr_un address;
    int result = address_of(control->name, &address);
    if (result < 0)
        return result;
    each_name(remove_abandoned, NULL);
    int other = control_connect(control->name);
    if (other >= 0) {
        close(other);
        return -EADDRINUSE;
    }
    result = bind_and_show(control, &address);
    if (result < 0)
        return result;
    return bridge_watch(control->bridge, control->listener, EPOLLIN, EVENT_CONTROL);
}

int control_open(struct control **control, struct bridge *bridge, const char *name)
{
    struct control *made = calloc(1, sizeof *made);
    if (made == NULL)
        return -ENOMEM;
    made->bridge = bridge;
    made->listener = made->namespaces[0] = made->namespaces[1] = -1;
    for (unsigned i = 0; i < CONTROL_PEERS; i++)
        made->peers[i] = -1;
    snprintf(made->name, sizeof made->name, "%s", name);
    int result = strlen(name) > CONTROL_NAME ? -EINVAL : listen_at(made);
    if (result < 0)
        control_close(made);
    else
        *control = made;
    return result;
}

void control_close(struct control *control)
{
    if (control == NULL)
        return;
    if (*control->path != '\0')
        unlink(control->path);
    if (control->listener >= 0)
        close(control->listener);
    for (unsigned i = 0; i < CONTROL_PEERS; i++)
        if (control->peers[i] >= 0)
            close(control->peers[i]);
    for (unsigned i = 0; i < 2; i++)
        if (control->namespaces[i] >= 0)
            close(control->namespaces[i]);
    free(control);
}

static void answer(int peer, int result, const int *descriptors, unsigned count)
{
    struct control_answer said = {.result = result};
    launch_send(peer, &said, sizeof said, descriptors, count);
}

static void answer_join(const struct control *control, int peer)
{
    struct control_answer said = {.result = control->namespaces[0] < 0 ? -EOPNOTSUPP : 0};
    memcpy(said.resolver, control->resolver, sizeof said.resolver);
    unsigned count = said.result < 0 ? 0 : control->namespaces[1] < 0 ? 1 : 2;
    launch_send(peer, &said, sizeof said, control->namespaces, count);
}

static void answer_with_text(int peer, int text)
{
    answer(peer, text < 0 ? text : 0, &text, text < 0 ? 0 : 1);
    if (text >= 0)
        close(text);
}

static void answer_request(struct control *control, int peer, struct control_request *request,
                           int descriptor)
{
    request->name[sizeof request->name - 1] = '\0';
    switch (request->verb) {
    case CONTROL_JOIN:
        answer_join(control, peer);
        return;
    case CONTROL_BEGIN:
        answer(peer,
               descriptor < 0
                   ? -EINVAL
                   : session_start(control->bridge, descriptor, request->program, request->name),
               NULL, 0);
        return;
    case CONTROL_PROGRAMS:
        answer_with_text(peer, control_list_programs(control));
        return;
    case CONTROL_CONNECTIONS:
        answer_with_text(peer, control_list_connections(control));
        return;
    case CONTROL_DOWN:
        control->is_asked_to_end = true;
        answer(peer, 0, NULL, 0);
        return;
    }
    answer(peer, -EINVAL, NULL, 0);
}

static void accept_peers(struct control *control)
{
    int peer;
    while ((peer = accept4(control->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
        unsigned place = 0;
        while (place < CONTROL_PEERS && control->peers[place] >= 0)
            place++;
        if (place == CONTROL_PEERS ||
            bridge_watch(control->bridge, peer, EPOLLIN, EVENT_CONTROL) < 0)
            close(peer);
        else
            control->peers[place] = peer;
    }
}

void control_serve(struct control *control)
{
    accept_peers(control);
    for (unsigned i = 0; i < CONTROL_PEERS; i++) {
        struct control_request request = {0};
        int descriptor = -1, got = 0;
        while (control->peers[i] >= 0 && got >= 0) {
            got = launch_receive(control->peers[i], &request, sizeof request, &descriptor, 1);
            if (got >= 0)
                answer_request(control, control->peers[i], &request, got > 0 ? descriptor : -1);
        }
        if (control->peers[i] >= 0 && got != -EAGAIN) {
            close(control->peers[i]);
            control->peers[i] = -1;
        }
    }
}

/* --- the asking side ----------------------------------------------------------------------------
 */

int control_ask(int socket, const struct control_request *request, const int *descriptor,
                struct control_answer *said, int *descriptors, unsigned most)
{
    int result = launch_send(socket, request, sizeof *request, descriptor, descriptor ? 1 : 0);
    if (result < 0)
        return result;
    result = launch_receive(socket, said, sizeof *said, descriptors, most);
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
    each_name(visit_living, &visitor);
}
