/* See remote.h: asking the holder of the stack. What needs nobody's answer is in remote_text.c. */
#define _GNU_SOURCE
#include "remote/remote.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "remote/control_socket.h"
#include "remote/remote_socket.h"

/* --- joining -----------------------------------------------------------------------------------
 */

int tunny_join(const char *name, struct tunny_remote **remote)
{
    struct tunny_remote *made = calloc(1, sizeof *made);
    if (made == NULL)
        return -ENOMEM;
    made->control = control_connect(name);
    if (made->control < 0) {
        int result = made->control;
        free(made);
        return result;
    }
    *remote = made;
    return 0;
}

void tunny_leave(struct tunny_remote *remote)
{
    if (remote == NULL)
        return;
    while (remote->first != NULL)
        tunny_remote_close(remote->first);
    close(remote->control);
    free(remote);
}

int tunny_remote_holder(const struct tunny_remote *remote)
{
    return remote->control;
}

/* The number of descriptors, or a negative errno. */
static int ask(struct tunny_remote *remote, enum control_verb verb,
               const struct control_socket *asked, struct control_socket *said, int descriptors[3])
{
    struct control_request request = {.verb = verb, .socket = *asked};
    struct control_answer answer = {0};
    if (remote->is_lost)
        return -ECONNRESET;
    int got = control_ask(remote->control, &request, NULL, &answer, descriptors, 3);
    if (got == -EPIPE || got == -ECONNRESET)
        remote->is_lost = true;
    *said = answer.socket;
    return got == -EPIPE ? -ECONNRESET : got;
}

static int ask_about(struct tunny_remote_socket *s, enum control_verb verb,
                     struct control_socket *asked)
{
    int none[3];
    struct control_socket said;
    asked->number = s->number;
    int result = ask(s->remote, verb, asked, &said, none);
    *asked = said;
    return result < 0 ? result : 0;
}

/* --- sockets -----------------------------------------------------------------------------------
 */

static void close_all(const int descriptors[3])
{
    for (unsigned i = 0; i < 3; i++)
        close(descriptors[i]);
}

/* Out of an answer that brought three descriptors. */
static int take(struct tunny_remote *remote, const struct control_socket *said,
                const int descriptors[3], struct tunny_remote_socket **made)
{
    struct tunny_remote_socket *s = calloc(1, sizeof *s);
    int result = s == NULL ? -ENOMEM : ring_memory_map(descriptors[0], said->memory, &s->page);
    if (result < 0) {
        free(s);
        close_all(descriptors);
        return result;
    }
    close(descriptors[0]);
    s->remote = remote;
    s->number = said->number;
    s->memory = said->memory;
    s->wake_me = descriptors[1];
    s->wake_holder = descriptors[2];
    ring_ends(s->page, s->memory, &s->out, &s->in);
    s->next = remote->first;
    if (s->next != NULL)
        s->next->previous = s;
    remote->first = s;
    *made = s;
    return 0;
}

static int ask_for_socket(struct tunny_remote *remote, enum control_verb verb,
                          const struct control_socket *asked, struct control_socket *said,
                          struct tunny_remote_socket **made)
{
    int descriptors[3] = {-1, -1, -1};
    int got = ask(remote, verb, asked, said, descriptors);
    if (got == 3)
        return take(remote, said, descriptors, made);
    for (int i = 0; i < got; i++)
        close(descriptors[i]);
    return got < 0 ? got : -EPROTO;
}

int tunny_remote_socket(struct tunny_remote *remote, int family, size_t ring,
                        struct tunny_remote_socket **made)
{
    struct control_socket said, asked = {
                                    .family = family,
                                    .memory = ring < RING_MOST ? (uint32_t)ring : RING_MOST,
                                };
    return ask_for_socket(remote, CONTROL_SOCKET, &asked, &said, made);
}

void tunny_remote_close(struct tunny_remote_socket *s)
{
    if (s == NULL)
        return;
    atomic_store_explicit(&s->page->closed, 1, memory_order_release);
    remote_wake_holder(s);
    if (s->previous != NULL)
        s->previous->next = s->next;
    else
        s->remote->first = s->next;
    if (s->next != NULL)
        s->next->previous = s->previous;
    ring_memory_unmap(s->page, s->memory);
    close(s->wake_me);
    close(s->wake_holder);
    free(s);
}

/* --- opening -----------------------------------------------------------------------------------
 */

static int put_bytes(struct control_socket *asked, const void *bytes, size_t length)
{
    if (length > sizeof asked->bytes)
        return -EINVAL;
    if (length > 0)
        memcpy(asked->bytes, bytes, length);
    asked->length = (uint32_t)length;
    return 0;
}

int tunny_remote_bind(struct tunny_remote_socket *s, const struct sockaddr *address,
                      socklen_t length)
{
    struct control_socket asked = {0};
    int result = put_bytes(&asked, address, length);
    return result < 0 ? result : ask_about(s, CONTROL_BIND, &asked);
}

int tunny_remote_listen(struct tunny_remote_socket *s, int backlog)
{
    struct control_socket asked = {.memory = backlog < 0 ? 0 : (uint32_t)backlog};
    return ask_about(s, CONTROL_LISTEN, &asked);
}

int tunny_remote_connect(struct tunny_remote_socket *s, const struct sockaddr *address,
                         socklen_t length, int timeout_ms)
{
    struct control_socket asked = {0};
    int result = put_bytes(&asked, address, length);
    if (result == 0)
        result = ask_about(s, CONTROL_CONNECT, &asked);
    if (result == 0)
        result = tunny_remote_wait(s, POLLOUT, timeout_ms);
    if (result < 0)
        return result;
    if (result == 0)
        return -EINPROGRESS;
    return remote_error(s);
}

/* What wakes for a connection that somebody else has taken, or that came while we asked, wakes for
 * nothing: one asks again. */
int tunny_remote_accept(struct tunny_remote_socket *listener, int timeout_ms,
                        struct sockaddr_storage *peer, struct tunny_remote_socket **made)
{
    struct control_socket said, asked = {.number = listener->number, .memory = listener->memory};
    int result;
    do {
        result = ask_for_socket(listener->remote, CONTROL_ACCEPT, &asked, &said, made);
    } while (result == -EAGAIN && timeout_ms != 0 &&
             (result = remote_sleep(listener, &timeout_ms)) == 0);
    if (result == 0 && peer != NULL)
        memcpy(peer, said.bytes, sizeof *peer);
    return result;
}

int tunny_remote_shutdown(struct tunny_remote_socket *s, int how)
{
    struct control_socket nothing = {0};
    if (how != SHUT_RD && how != SHUT_WR && how != SHUT_RDWR)
        return -EINVAL;
    if (how != SHUT_RD) {
        int result = remote_finish(s);
        if (result < 0)
            return result;
    }
    return how == SHUT_WR ? 0 : ask_about(s, CONTROL_SHUT_RECEIVING, &nothing);
}

/* --- options and names -------------------------------------------------------------------------
 */

int tunny_remote_setsockopt(struct tunny_remote_socket *s, int level, int option, const void *value,
                            socklen_t length)
{
    struct control_socket asked = {.level = level, .option = option};
    int result = put_bytes(&asked, value, length);
    return result < 0 ? result : ask_about(s, CONTROL_SET_OPTION, &asked);
}

int tunny_remote_getsockopt(struct tunny_remote_socket *s, int level, int option, void *value,
                            socklen_t *length)
{
    struct control_socket asked = {.level = level, .option = option, .length = *length};
    if (asked.length > sizeof asked.bytes)
        asked.length = sizeof asked.bytes;
    int result = ask_about(s, CONTROL_GET_OPTION, &asked);
    if (result < 0)
        return result;
    if (asked.length < *length)
        *length = asked.length;
    memcpy(value, asked.bytes, *length);
    return 0;
}

static int name(struct tunny_remote_socket *s, enum control_verb verb,
                struct sockaddr_storage *address)
{
    struct control_socket asked = {0};
    int result = ask_about(s, verb, &asked);
    if (result == 0)
        memcpy(address, asked.bytes, sizeof *address);
    return result;
}

int tunny_remote_getsockname(struct tunny_remote_socket *s, struct sockaddr_storage *address)
{
    return name(s, CONTROL_LOCAL_NAME, address);
}

int tunny_remote_getpeername(struct tunny_remote_socket *s, struct sockaddr_storage *address)
{
    return name(s, CONTROL_PEER_NAME, address);
}
