/* Sockets of the stack that other processes use through shared memory (remote/ring.h): our own
 * programs, which know of the stack, as the pipes are for those that do not. A process asks for a
 * socket over its control connection and owns it; when that connection ends, its sockets are closed
 * as the kernel closes those of a process that has ended. All is called under the bridge's lock. */
#ifndef TUNNY_RUN_RINGS_H
#define TUNNY_RUN_RINGS_H

#include "remote/control_socket.h"
#include "remote/ring.h"

struct bridge;

struct shared_socket {
    uint32_t number;
    int owner;                 /* the control connection of its program; -1: the program is gone */
    int socket;                /* of the stack; -1: none any more */
    int wake_us, wake_program; /* eventfds */
    enum ring_life life;       /* as the page says it; what stands there is not believed */
    bool program_ended, peer_ended; /* which FINs were passed on */
    bool is_leaving;                /* the program has closed it, or is gone */
    struct ring_page *page;
    uint32_t memory;         /* bytes of each ring */
    struct ring_end out, in; /* out: from the program */
    bool is_dirty;
    struct shared_socket *next_dirty;
};

struct rings {
    struct shared_socket **by_number, **by_socket; /* NULL: none */
    unsigned numbers, sockets;                     /* room in both */
    unsigned lowest_free;
    struct shared_socket *dirty;
};

/* What epoll says of a shared socket: this and its number. */
static const uint64_t rings_event = UINT64_C(1) << 63;

/* Its program has something for the socket of this number. */
void rings_note(struct bridge *bridge, uint64_t what);
/* The stack's socket has changed; nothing happens when it is none of these. */
void rings_changed(struct bridge *bridge, int socket);
/* Each that waits has one turn. */
void rings_pump(struct bridge *bridge);
/* A socket whose program is gone still has something to send. */
bool rings_are_ending(const struct bridge *bridge);
/* The program is gone: what it has written is still sent. */
void rings_forget_owner(struct bridge *bridge, int owner);
void rings_close(struct bridge *bridge);

/* A socket of the stack becomes a shared one. Its number, or a negative errno with the socket
 * closed. *descriptors: the memory, which the caller closes; what wakes the program and what wakes
 * us, which it does not. */
int rings_share(struct bridge *bridge, int owner, int socket, uint32_t memory, enum ring_life life,
                int descriptors[3]);
/* The one of this number if it is this owner's, or NULL. */
struct shared_socket *rings_find(const struct bridge *bridge, int owner, uint32_t number);
void rings_tell_life(struct shared_socket *shared, enum ring_life life);
/* Looks at it with the next turn. */
void rings_mark_dirty(struct bridge *bridge, struct shared_socket *shared);

/* rings_answer.c: does what the owner asks; the answer's result is the number of descriptors to
 * pass on, or a negative errno. */
int rings_answer(struct bridge *bridge, int owner, enum control_verb verb,
                 const struct control_socket *asked, struct control_socket *said,
                 int descriptors[3]);

#endif
