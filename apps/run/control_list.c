/* What a supervisor tells about itself: its programs and its connections, as lines of text; see
 * control.h. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/endpoint.h"
#include "run/control.h"
#include "run/pipe.h"

static FILE *open_text(int *descriptor)
{
    *descriptor = memfd_create("tunny", MFD_CLOEXEC);
    int copy = *descriptor < 0 ? -1 : dup(*descriptor);
    FILE *file = copy < 0 ? NULL : fdopen(copy, "w");
    if (file == NULL && copy >= 0)
        close(copy);
    return file;
}

static int close_text(FILE *file, int descriptor)
{
    if (file == NULL || fclose(file) != 0) {
        if (descriptor >= 0)
            close(descriptor);
        return -ENOMEM;
    }
    lseek(descriptor, 0, SEEK_SET);
    return descriptor;
}

/* What /proc calls the process; "-": it is gone. */
static void name_process(pid_t process, char *name, size_t size)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/comm", (int)process);
    FILE *file = process > 0 ? fopen(path, "re") : NULL;
    snprintf(name, size, "-");
    if (file == NULL)
        return;
    if (fgets(name, (int)size, file) != NULL)
        name[strcspn(name, "\n")] = '\0';
    fclose(file);
}

/* Channels in the one state and shared sockets in the other. */
static unsigned count_of(const struct bridge *bridge, enum channel_state state, enum ring_life life)
{
    unsigned count = 0;
    for (const struct channel *c = bridge->channels.first; c != NULL; c = c->next)
        count += c->state == state;
    for (unsigned i = 0; i < bridge->rings.numbers; i++)
        count += bridge->rings.by_number[i] != NULL && bridge->rings.by_number[i]->life == life;
    return count;
}

int control_list_programs(const struct control *control)
{
    int descriptor;
    FILE *file = open_text(&descriptor);
    if (file == NULL)
        return close_text(file, descriptor);
    pthread_mutex_lock(&control->bridge->lock);
    unsigned open = count_of(control->bridge, CHANNEL_OPEN, RING_OPEN);
    unsigned listening = count_of(control->bridge, CHANNEL_LISTENING, RING_LISTENING);
    pthread_mutex_unlock(&control->bridge->lock);
    fprintf(file, "%-12s %8d  %s on %s, %u connections, %u listeners\n", control->name,
            (int)getpid(), control->addresses, tunny_interface(control->bridge->stack), open,
            listening);
    for (const struct session *s = control->bridge->sessions; s != NULL; s = s->next)
        fprintf(file, "%-12s %8d  %s\n", "", (int)s->program, s->name);
    return close_text(file, descriptor);
}

/* --- connections ---------------------------------------------------------------------------------
 */

static const char *state_name(unsigned state)
{
    static const char *const names[] = {"UNCONN",     "ESTAB",     "SYN-SENT",  "SYN-RECV",
                                        "FIN-WAIT1",  "FIN-WAIT2", "TIME-WAIT", "CLOSED",
                                        "CLOSE-WAIT", "LAST-ACK",  "LISTEN",    "CLOSING"};
    return state < sizeof names / sizeof *names ? names[state] : "?";
}

static void write_end(FILE *file, int result, const struct sockaddr_storage *address)
{
    char text[ENDPOINT_TEXT];
    fprintf(file, " %-26s", result < 0 ? "*" : endpoint_text(address, text));
}

static void write_ends(FILE *file, struct tunny *stack, int socket)
{
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    int result = tunny_getsockname(stack, socket, (struct sockaddr *)&address, &length);
    write_end(file, result, &address);
    length = sizeof address;
    result = tunny_getpeername(stack, socket, (struct sockaddr *)&address, &length);
    write_end(file, result, &address);
}

static void write_process(FILE *file, pid_t process, int number)
{
    char name[32];
    name_process(process, name, sizeof name);
    fprintf(file, " %s/%d/%d", name, (int)process, number);
}

static void write_owner(FILE *file, const struct channel *channel, unsigned census)
{
    if (channel->seen != census)
        fprintf(file, " -");
    else
        write_process(file, channel->holder, channel->descriptor);
}

static void write_figures(FILE *file, struct tunny *stack, int socket, const struct tcp_info *info)
{
    char cc[16] = "";
    socklen_t length = sizeof cc - 1;
    if (info->tcpi_state != TCP_ESTABLISHED && info->tcpi_state != TCP_CLOSE_WAIT)
        return;
    tunny_getsockopt(stack, socket, IPPROTO_TCP, TCP_CONGESTION, cc, &length);
    fprintf(file, " %s cwnd:%u rtt:%.3f/%.3f retrans:%u lost:%u", cc, info->tcpi_snd_cwnd,
            info->tcpi_rtt / 1000.0, info->tcpi_rttvar / 1000.0, info->tcpi_total_retrans,
            info->tcpi_lost);
}

/* State, queues and ends of a socket; *info for the rest of the line. */
static void begin_line(FILE *file, struct tunny *stack, int socket, bool is_fresh,
                       struct tcp_info *info)
{
    socklen_t length = sizeof *info;
    int unread = 0, unsent = 0;
    *info = (struct tcp_info){0};
    tunny_getsockopt(stack, socket, IPPROTO_TCP, TCP_INFO, info, &length);
    tunny_ioctl(stack, socket, FIONREAD, &unread);
    tunny_ioctl(stack, socket, TIOCOUTQ, &unsent);
    fprintf(file, "%-10s %8d %8d", state_name(is_fresh ? 0 : info->tcpi_state), unread, unsent);
    write_ends(file, stack, socket);
}

static void write_connection(FILE *file, struct tunny *stack, const struct channel *channel,
                             unsigned census)
{
    struct tcp_info info;
    begin_line(file, stack, channel->socket, channel->state == CHANNEL_FRESH, &info);
    write_owner(file, channel, census);
    write_figures(file, stack, channel->socket, &info);
    fputc('\n', file);
}

/* Its number stands for the descriptor that it has none of. */
static void write_shared(FILE *file, struct tunny *stack, const struct shared_socket *shared)
{
    struct tcp_info info;
    struct ucred owner = {.pid = 0};
    socklen_t length = sizeof owner;
    begin_line(file, stack, shared->socket, shared->life == RING_FRESH, &info);
    if (shared->owner >= 0)
        getsockopt(shared->owner, SOL_SOCKET, SO_PEERCRED, &owner, &length);
    write_process(file, owner.pid, (int)shared->number);
    write_figures(file, stack, shared->socket, &info);
    fputc('\n', file);
}

int control_list_connections(const struct control *control)
{
    struct bridge *bridge = control->bridge;
    int descriptor;
    FILE *file = open_text(&descriptor);
    if (file == NULL)
        return close_text(file, descriptor);
    pthread_mutex_lock(&bridge->lock);
    unsigned census = pipe_find_all(bridge);
    for (struct channel *c = bridge->channels.first; c != NULL; c = c->next)
        if (c->socket >= 0)
            write_connection(file, bridge->stack, c, census);
    for (unsigned i = 0; i < bridge->rings.numbers; i++)
        if (bridge->rings.by_number[i] != NULL && bridge->rings.by_number[i]->socket >= 0)
            write_shared(file, bridge->stack, bridge->rings.by_number[i]);
    pthread_mutex_unlock(&bridge->lock);
    return close_text(file, descriptor);
}
