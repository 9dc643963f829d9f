/* What programs ask of their shared sockets; see rings.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "run/bridge.h"

/* Two rings in memory, a power of two each: the larger, the less often one side waits for the
 * other, the smaller, the more of it stays in the processor's cache. */
static uint32_t memory_for(uint32_t wanted)
{
    enum { USUAL = 1 << 18 };
    uint32_t memory = RING_LEAST;
    if (wanted == 0)
        wanted = USUAL;
    while (memory < wanted && memory < RING_MOST)
        memory *= 2;
    return memory;
}

static int share(struct bridge *bridge, int owner, int socket, enum ring_life life,
                 const struct control_socket *asked, struct control_socket *said,
                 int descriptors[3])
{
    if (socket < 0)
        return socket;
    said->memory = memory_for(asked->memory);
    int number = rings_share(bridge, owner, socket, said->memory, life, descriptors);
    if (number < 0)
        return number;
    said->number = (uint32_t)number;
    return 3;
}

static int answer_accept(struct bridge *bridge, const struct shared_socket *listener,
                         const struct control_socket *asked, struct control_socket *said,
                         int descriptors[3])
{
    struct sockaddr_storage peer;
    socklen_t length = sizeof peer;
    int socket = tunny_accept(bridge->stack, listener->socket, (struct sockaddr *)&peer, &length,
                              SOCK_NONBLOCK);
    if (socket >= 0) {
        memcpy(said->bytes, &peer, length);
        said->length = length;
    }
    return share(bridge, listener->owner, socket, RING_OPEN, asked, said, descriptors);
}

static int answer_connect(struct bridge *bridge, struct shared_socket *shared,
                          const struct sockaddr_storage *address, socklen_t length)
{
    int result = tunny_connect(bridge->stack, shared->socket, (const struct sockaddr *)address,
                               length);
    if (result != 0 && result != -EINPROGRESS)
        return result;
    rings_tell_life(shared, RING_CONNECTING);
    rings_mark_dirty(bridge, shared);
    return 0;
}

static int answer_listen(struct bridge *bridge, struct shared_socket *shared, uint32_t backlog)
{
    int most = backlog > 65535 ? 65535 : (int)backlog;
    int result = tunny_listen(bridge->stack, shared->socket, most);
    if (result == 0 && shared->life == RING_FRESH)
        rings_tell_life(shared, RING_LISTENING);
    return result;
}

typedef int name_call(struct tunny *stack, int socket, struct sockaddr *address, socklen_t *length);

static int answer_name(struct bridge *bridge, const struct shared_socket *shared, name_call *name,
                       struct control_socket *said)
{
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    int result = name(bridge->stack, shared->socket, (struct sockaddr *)&address, &length);
    if (result < 0)
        return result;
    memcpy(said->bytes, &address, length);
    said->length = length;
    return 0;
}

static int answer_get_option(struct bridge *bridge, const struct shared_socket *shared,
                             const struct control_socket *asked, struct control_socket *said)
{
    socklen_t length = asked->length;
    int result = tunny_getsockopt(bridge->stack, shared->socket, asked->level, asked->option,
                                  said->bytes, &length);
    said->length = result < 0 ? 0 : length;
    return result;
}

/* Of a socket that there is. */
static int answer_about(struct bridge *bridge, struct shared_socket *shared, enum control_verb verb,
                        const struct control_socket *asked, struct control_socket *said,
                        int descriptors[3])
{
    struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
    size_t length = asked->length < sizeof address ? asked->length : sizeof address;
    memcpy(&address, asked->bytes, length);
    switch (verb) {
    case CONTROL_BIND:
        return tunny_bind(bridge->stack, shared->socket, (struct sockaddr *)&address,
                          (socklen_t)length);
    case CONTROL_CONNECT:
        return answer_connect(bridge, shared, &address, (socklen_t)length);
    case CONTROL_LISTEN:
        return answer_listen(bridge, shared, asked->memory);
    case CONTROL_ACCEPT:
        return answer_accept(bridge, shared, asked, said, descriptors);
    case CONTROL_SHUT_RECEIVING:
        return tunny_shutdown(bridge->stack, shared->socket, SHUT_RD);
    case CONTROL_LOCAL_NAME:
        return answer_name(bridge, shared, tunny_getsockname, said);
    case CONTROL_PEER_NAME:
        return answer_name(bridge, shared, tunny_getpeername, said);
    case CONTROL_SET_OPTION:
        return tunny_setsockopt(bridge->stack, shared->socket, asked->level, asked->option,
                                asked->bytes, asked->length);
    case CONTROL_GET_OPTION:
        return answer_get_option(bridge, shared, asked, said);
    case CONTROL_SOCKET:
    case CONTROL_JOIN:
    case CONTROL_BEGIN:
    case CONTROL_PROGRAMS:
    case CONTROL_CONNECTIONS:
    case CONTROL_DOWN:
        break;
    }
    return -EINVAL;
}

int rings_answer(struct bridge *bridge, int owner, enum control_verb verb,
                 const struct control_socket *asked, struct control_socket *said,
                 int descriptors[3])
{
    if (asked->length > sizeof asked->bytes)
        return -EINVAL;
    if (verb == CONTROL_SOCKET)
        return share(bridge, owner,
                     tunny_socket(bridge->stack, asked->family, SOCK_STREAM | SOCK_NONBLOCK, 0),
                     RING_FRESH, asked, said, descriptors);
    struct shared_socket *shared = rings_find(bridge, owner, asked->number);
    if (shared == NULL)
        return -EBADF;
    if (shared->socket < 0)
        return -ENOTCONN;
    return answer_about(bridge, shared, verb, asked, said, descriptors);
}
