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

static unsigned count_of(const struct control *control, enum channel_state state)
{
    unsigned count = 0;
    for (const struct channel *c = control->bridge->channels.first; c != NULL; c = c->next)
        count += c->state == state;
    return count;
}

int control_list_programs(const struct control *control)
{
    int descriptor;
    FILE *file = open_text(&descriptor);
    if (file == NULL)
        return close_text(file, descriptor);
    pthread_mutex_lock(&control->bridge->lock);
    unsigned open = count_of(control, CHANNEL_OPEN);
    unsigned listening = count_of(control, CHANNEL_LISTENING);
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

static void write_owner(FILE *file, const struct channel *channel, unsigned census)
{
    char name[32];
    if (channel->seen != census) {
        fprintf(file, " -");
        return;
    }
    name_process(channel->holder, name, sizeof name);
    fprintf(file, " %s/%d/%d", name, (int)channel->holder, channel->descriptor);
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

static void write_connection(FILE *file, struct tunny *stack, const struct channel *channel,
                             unsigned census)
{
    struct tcp_info info = {0};
    socklen_t length = sizeof info;
    int unread = 0, unsent = 0;
    tunny_getsockopt(stack, channel->socket, IPPROTO_TCP, TCP_INFO, &info, &length);
    tunny_ioctl(stack, channel->socket, FIONREAD, &unread);
    tunny_ioctl(stack, channel->socket, TIOCOUTQ, &unsent);
    bool is_fresh = channel->state == CHANNEL_FRESH;
    fprintf(file, "%-10s %8d %8d", state_name(is_fresh ? 0 : info.tcpi_state), unread, unsent);
    write_ends(file, stack, channel->socket);
    write_owner(file, channel, census);
    write_figures(file, stack, channel->socket, &info);
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
    pthread_mutex_unlock(&bridge->lock);
    return close_text(file, descriptor);
}
