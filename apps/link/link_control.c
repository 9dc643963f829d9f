/* Serving the control socket of a link; see link_control.h. The asking side is in link_ask.c. */
#define _GNU_SOURCE
#include "link/link_control.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "link/link_report.h"

/* --- requests --------------------------------------------------------------------------------- */

/* Takes the first word off; "" when there is none. */
static void take_word(const char **rest, char *word, size_t size)
{
    *rest += strspn(*rest, " \t");
    size_t length = strcspn(*rest, " \t");

    snprintf(word, size, "%.*s", (int)(length < size ? length : size - 1), *rest);
    *rest += length;
    *rest += strspn(*rest, " \t");
}

/* The directions that a word names; 0: none. */
static unsigned directions_of(const char *word)
{
    if (strcmp(word, "forward") == 0)
        return TUNNY_FORWARD;
    if (strcmp(word, "backward") == 0)
        return TUNNY_BACKWARD;
    return strcmp(word, "both") == 0 ? TUNNY_BOTH : 0;
}

static void answer_set(const char *rest, struct tunny_link *link, FILE *answer)
{
    char word[16], error[512];

    take_word(&rest, word, sizeof word);
    unsigned directions = directions_of(word);
    if (directions == 0) {
        fprintf(answer, "error: set forward|backward|both SPEC\n");
        return;
    }
    int result = tunny_link_set(link, directions, rest, error, sizeof error);
    if (result < 0) {
        fprintf(answer, "error: %s\n", error);
        return;
    }
    link_report_warnings(answer, link);
    link_show(answer, link, LINK_TEXT);
}

static void answer_cut(const char *command, const char *rest, struct tunny_link *link, FILE *answer)
{
    char word[16];

    take_word(&rest, word, sizeof word);
    unsigned directions = *word == '\0' ? TUNNY_BOTH : directions_of(word);
    if (directions == 0)
        fprintf(answer, "error: %s [forward|backward|both]\n", command);
    else if (strcmp(command, "down") == 0)
        tunny_link_down(link, directions);
    else
        tunny_link_up(link, directions);
    if (directions != 0)
        link_show(answer, link, LINK_TEXT);
}

void link_control_answer(const char *request, struct tunny_link *link, FILE *answer, int *stop)
{
    char command[16];

    take_word(&request, command, sizeof command);
    enum link_format format = strcmp(request, "--json") == 0 ? LINK_JSON : LINK_TEXT;
    if (strcmp(command, "set") == 0) {
        answer_set(request, link, answer);
    } else if (strcmp(command, "down") == 0 || strcmp(command, "up") == 0) {
        answer_cut(command, request, link, answer);
    } else if (*request != '\0' && format != LINK_JSON) {
        fprintf(answer, "error: nothing but --json may follow %s\n", command);
    } else if (strcmp(command, "show") == 0) {
        link_show(answer, link, format);
    } else if (strcmp(command, "stats") == 0) {
        link_report(answer, link, format);
    } else if (strcmp(command, "stop") == 0) {
        *stop = 1;
        link_report(answer, link, format);
    } else {
        fprintf(answer, "error: there is no '%s'; show, stats, set, down, up, stop\n", command);
    }
}

/* --- the socket ------------------------------------------------------------------------------- */

int link_control_address(const char *path, struct sockaddr_un *address, unsigned *length)
{
    size_t size = strlen(path);
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (size == 0 || size >= sizeof address->sun_path)
        return -ENAMETOOLONG;
    memcpy(address->sun_path, path, size);
    *length = sizeof *address;
    if (*path == '@') { /* unix(7): a first byte of zero, and the length counts */
        address->sun_path[0] = '\0';
        *length = (unsigned)(offsetof(struct sockaddr_un, sun_path) + size);
    }
    return 0;
}

/* Whether a socket of this name is there and nobody serves it. */
static int is_abandoned(const struct sockaddr_un *address)
{
    struct stat facts;
    if (lstat(address->sun_path, &facts) != 0 || !S_ISSOCK(facts.st_mode))
        return 0;
    int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (probe < 0)
        return 0;
    int refused = connect(probe, (const struct sockaddr *)address, sizeof *address) < 0 &&
                  errno == ECONNREFUSED;
    close(probe);
    return refused;
}

/* For the user who made it only. */
static int bind_privately(int listener, const struct sockaddr_un *address, unsigned length)
{
    mode_t before = umask(0177);
    int result = bind(listener, (const struct sockaddr *)address, length) < 0 ? -errno : 0;
    umask(before);
    return result;
}

int link_control_open(struct link_control *control, const char *path)
{
    struct sockaddr_un address;
    unsigned length;
    memset(control, 0, sizeof *control);
    control->listener = -1;
    for (unsigned i = 0; i < CONTROL_CLIENTS; i++)
        control->clients[i].descriptor = -1;
    if (path == NULL)
        return 0;
    int result = link_control_address(path, &address, &length);
    if (result < 0)
        return result;
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener < 0)
        return -errno;
    if (*path != '@' && is_abandoned(&address))
        unlink(path);
    result = bind_privately(listener, &address, length);
    if (result == 0 && listen(listener, CONTROL_CLIENTS) < 0)
        result = -errno;
    if (result < 0) {
        close(listener);
        return result;
    }
    control->listener = listener;
    memcpy(control->path, path, strlen(path) + 1);
    return 0;
}

static void drop_client(struct control_client *client)
{
    close(client->descriptor);
    client->descriptor = -1;
}

void link_control_close(struct link_control *control)
{
    for (unsigned i = 0; i < CONTROL_CLIENTS; i++)
        if (control->clients[i].descriptor >= 0)
            drop_client(&control->clients[i]);
    if (control->listener < 0)
        return;
    close(control->listener);
    if (control->path[0] != '@')
        unlink(control->path);
    control->listener = -1;
}

unsigned link_control_descriptors(const struct link_control *control, int *descriptors)
{
    unsigned count = 0;
    if (control->listener >= 0)
        descriptors[count++] = control->listener;
    for (unsigned i = 0; i < CONTROL_CLIENTS; i++)
        if (control->clients[i].descriptor >= 0)
            descriptors[count++] = control->clients[i].descriptor;
    return count;
}

/* --- connections ------------------------------------------------------------------------------ */

/* A client more than there are places is turned away. */
static void take_clients(struct link_control *control)
{
    for (;;) {
        int fresh = accept4(control->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        unsigned place = 0;
        if (fresh < 0)
            return;
        while (place < CONTROL_CLIENTS && control->clients[place].descriptor >= 0)
            place++;
        if (place == CONTROL_CLIENTS) {
            close(fresh);
            continue;
        }
        control->clients[place].descriptor = fresh;
        control->clients[place].length = 0;
    }
}

/* The socket's buffer holds any answer; a client that reads nothing gets no more than that. */
static void answer_client(struct link_control *control, struct control_client *client,
                          struct tunny_link *link)
{
    char *text = NULL;
    size_t length = 0;
    FILE *answer = open_memstream(&text, &length);
    if (answer == NULL)
        return;
    link_control_answer(client->request, link, answer, &control->stop);
    if (fclose(answer) == 0) {
        ssize_t sent = send(client->descriptor, text, length, MSG_NOSIGNAL);
        (void)sent;
    }
    free(text);
}

/* A request is complete with its newline, or when its sender has finished. */
static void serve_client(struct link_control *control, struct control_client *client,
                         struct tunny_link *link)
{
    size_t room = CONTROL_REQUEST - 1 - client->length;
    ssize_t got = recv(client->descriptor, client->request + client->length, room, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got > 0)
        client->length += (size_t)got;
    client->request[client->length] = '\0';
    char *newline = strchr(client->request, '\n');
    if (newline == NULL && got > 0 && client->length < CONTROL_REQUEST - 1)
        return;
    if (newline != NULL)
        *newline = '\0';
    if (newline != NULL || (got == 0 && client->length > 0))
        answer_client(control, client, link);
    drop_client(client);
}

void link_control_serve(struct link_control *control, struct tunny_link *link)
{
    if (control->listener < 0)
        return;
    take_clients(control);
    for (unsigned i = 0; i < CONTROL_CLIENTS; i++)
        if (control->clients[i].descriptor >= 0)
            serve_client(control, &control->clients[i], link);
}
