/* See rings.h. Text is copied once each way: from the program's ring straight into the send buffer,
 * as far as that has room, and from the receive buffer straight into the program's other ring. */
#define _GNU_SOURCE
#include "run/rings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/stream.h"
#include "common/table.h"
#include "run/bridge.h"

enum { CHUNK = 1 << 18 }; /* bytes; then others have a turn */

/* --- the table ---------------------------------------------------------------------------------
 */

static int make_room(struct shared_socket ***table, unsigned *room, unsigned index)
{
    struct shared_socket **held = table_hold(*table, room, index, sizeof *held);
    if (held == NULL)
        return -ENOMEM;
    *table = held;
    return 0;
}

static uint32_t free_number(const struct rings *rings)
{
    uint32_t number = rings->lowest_free;
    while (number < rings->numbers && rings->by_number[number] != NULL)
        number++;
    return number;
}

struct shared_socket *rings_find(const struct bridge *bridge, int owner, uint32_t number)
{
    const struct rings *rings = &bridge->rings;
    struct shared_socket *shared = number < rings->numbers ? rings->by_number[number] : NULL;
    return shared != NULL && shared->owner == owner ? shared : NULL;
}

void rings_mark_dirty(struct bridge *bridge, struct shared_socket *shared)
{
    if (shared->is_dirty)
        return;
    shared->is_dirty = true;
    shared->next_dirty = bridge->rings.dirty;
    bridge->rings.dirty = shared;
}

static void leave_dirty(struct rings *rings, struct shared_socket *shared)
{
    struct shared_socket **place = &rings->dirty;
    while (shared->is_dirty && *place != shared)
        place = &(*place)->next_dirty;
    if (shared->is_dirty)
        *place = shared->next_dirty;
}

static void close_socket(struct bridge *bridge, struct shared_socket *shared)
{
    if (shared->socket < 0)
        return;
    bridge->rings.by_socket[shared->socket] = NULL;
    tunny_close(bridge->stack, shared->socket);
    shared->socket = -1;
}

static void free_shared(struct bridge *bridge, struct shared_socket *shared)
{
    close_socket(bridge, shared);
    leave_dirty(&bridge->rings, shared);
    if (shared->page != NULL)
        ring_memory_unmap(shared->page, shared->memory);
    if (shared->wake_us >= 0)
        close(shared->wake_us);
    if (shared->wake_program >= 0)
        close(shared->wake_program);
    bridge->rings.by_number[shared->number] = NULL;
    if (shared->number < bridge->rings.lowest_free)
        bridge->rings.lowest_free = shared->number;
    free(shared);
}

/* The memory, mapped here too, and the two ways to wake. The memory's descriptor or a negative
 * errno. */
static int make_memory(struct shared_socket *shared)
{
    int memory = ring_memory_make(shared->memory);
    if (memory < 0)
        return memory;
    int result = ring_memory_map(memory, shared->memory, &shared->page);
    shared->wake_us = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    shared->wake_program = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (result == 0 && (shared->wake_us < 0 || shared->wake_program < 0))
        result = -errno;
    if (result == 0)
        return memory;
    close(memory);
    return result;
}

/* Its places in the tables. 0 or -ENOMEM. */
static int enter_tables(struct rings *rings, struct shared_socket *shared)
{
    shared->number = free_number(rings);
    if (make_room(&rings->by_number, &rings->numbers, shared->number) < 0 ||
        make_room(&rings->by_socket, &rings->sockets, (unsigned)shared->socket) < 0)
        return -ENOMEM;
    rings->by_number[shared->number] = shared;
    rings->by_socket[shared->socket] = shared;
    rings->lowest_free = shared->number + 1;
    return 0;
}

int rings_share(struct bridge *bridge, int owner, int socket, uint32_t memory, enum ring_life life,
                int descriptors[3])
{
    struct shared_socket *shared = calloc(1, sizeof *shared);
    if (shared != NULL)
        *shared = (struct shared_socket){
            .owner = owner, .socket = socket, .wake_us = -1, .wake_program = -1, .memory = memory};
    if (shared == NULL || enter_tables(&bridge->rings, shared) < 0) {
        free(shared);
        tunny_close(bridge->stack, socket);
        return -ENOMEM;
    }
    int made = make_memory(shared);
    int result = made < 0 ? made
                          : bridge_watch(bridge, shared->wake_us, EPOLLIN | EPOLLET,
                                         rings_event | shared->number);
    if (result < 0) {
        if (made >= 0)
            close(made);
        free_shared(bridge, shared);
        return result;
    }
    ring_ends(shared->page, shared->memory, &shared->out, &shared->in);
    ring_fall_asleep_reading(&shared->out);
    shared->life = life;
    atomic_store(&shared->page->life, life);
    descriptors[0] = made;
    descriptors[1] = shared->wake_program;
    descriptors[2] = shared->wake_us;
    rings_mark_dirty(bridge, shared);
    return (int)shared->number;
}

/* --- telling each other ------------------------------------------------------------------------
 */

static void wake_program(const struct shared_socket *shared)
{
    eventfd_write(shared->wake_program, 1);
}

void rings_tell_life(struct shared_socket *shared, enum ring_life life)
{
    shared->life = life;
    atomic_store_explicit(&shared->page->life, life, memory_order_release);
    if (ring_must_wake(shared->page, true))
        wake_program(shared);
}

/* The connection is over; the program may still ask, and close it. */
static void end(struct bridge *bridge, struct shared_socket *shared, int error)
{
    atomic_store_explicit(&shared->page->error, error, memory_order_relaxed);
    close_socket(bridge, shared);
    rings_tell_life(shared, RING_OVER);
}

static void abort_connection(struct bridge *bridge, struct shared_socket *shared)
{
    stream_end_by_reset(bridge->stack, shared->socket);
    close_socket(bridge, shared);
}

/* The program has written what cannot be: as if it had sent a reset. */
static void distrust(struct bridge *bridge, struct shared_socket *shared)
{
    abort_connection(bridge, shared);
    end(bridge, shared, EPROTO);
}

/* --- moving text -------------------------------------------------------------------------------
 */

/* From the pieces of one to those of the other; both hold at least `length` bytes. The two are
 * rings: each has at most two pieces. */
static void copy_pieces(const struct iovec to[2], const struct iovec from[2], size_t length)
{
    size_t done = 0;
    while (done < length) {
        const struct iovec *t = done < to[0].iov_len ? &to[0] : &to[1];
        const struct iovec *f = done < from[0].iov_len ? &from[0] : &from[1];
        size_t t_at = t == to ? done : done - to[0].iov_len;
        size_t f_at = f == from ? done : done - from[0].iov_len;
        size_t n = length - done;
        if (n > t->iov_len - t_at)
            n = t->iov_len - t_at;
        if (n > f->iov_len - f_at)
            n = f->iov_len - f_at;
        memcpy((uint8_t *)t->iov_base + t_at, (const uint8_t *)f->iov_base + f_at, n);
        done += n;
    }
}

enum progress { WAITS, GOES_ON };

/* The program's FIN, once all before it was sent. */
static void pass_end_out(struct bridge *bridge, struct shared_socket *shared)
{
    if (shared->program_ended || !ring_is_at_end(&shared->out))
        return;
    shared->program_ended = true;
    tunny_shutdown(bridge->stack, shared->socket, SHUT_WR);
}

static enum progress pump_out(struct bridge *bridge, struct shared_socket *shared)
{
    struct iovec text[2], room[2];
    ssize_t there = ring_text(&shared->out, CHUNK, text);
    if (there == 0) {
        ring_fall_asleep_reading(&shared->out);
        there = ring_text(&shared->out, CHUNK, text);
    }
    if (there < 0)
        distrust(bridge, shared);
    else if (there == 0)
        pass_end_out(bridge, shared);
    if (there <= 0)
        return WAITS;
    ssize_t lent = tunny_send_lend(bridge->stack, shared->socket, (size_t)there, MSG_DONTWAIT,
                                   room);
    if (lent == -EAGAIN)
        return WAITS;
    if (lent < 0) {
        end(bridge, shared, (int)-lent);
        return WAITS;
    }
    copy_pieces(room, text, (size_t)lent);
    tunny_send_done(bridge->stack, shared->socket, (size_t)lent, 0);
    if (ring_taken(&shared->out, (size_t)lent))
        wake_program(shared);
    return GOES_ON;
}

static void pass_end_in(struct shared_socket *shared)
{
    if (shared->peer_ended)
        return;
    shared->peer_ended = true;
    if (ring_finish(&shared->in))
        wake_program(shared);
}

static enum progress pump_in(struct bridge *bridge, struct shared_socket *shared)
{
    struct iovec room[2], text[2];
    ssize_t free = ring_room(&shared->in, CHUNK, room);
    if (free == 0) {
        ring_fall_asleep_writing(&shared->in);
        free = ring_room(&shared->in, CHUNK, room);
    }
    if (free < 0)
        distrust(bridge, shared);
    if (free <= 0 || shared->peer_ended)
        return WAITS;
    ssize_t lent = tunny_recv_lend(bridge->stack, shared->socket, (size_t)free, MSG_DONTWAIT, text);
    if (lent == 0)
        pass_end_in(shared);
    else if (lent < 0 && lent != -EAGAIN)
        end(bridge, shared, (int)-lent);
    if (lent <= 0)
        return WAITS;
    copy_pieces(room, text, (size_t)lent);
    tunny_recv_done(bridge->stack, shared->socket, (size_t)lent);
    if (ring_written(&shared->in, (size_t)lent))
        wake_program(shared);
    return GOES_ON;
}

/* --- what happens to a socket ------------------------------------------------------------------
 */

static void look_whether_connected(struct bridge *bridge, struct shared_socket *shared)
{
    int error = 0;
    socklen_t length = sizeof error;
    if (!(tunny_ready(bridge->stack, shared->socket) & (POLLOUT | POLLERR | POLLHUP)))
        return;
    tunny_getsockopt(bridge->stack, shared->socket, SOL_SOCKET, SO_ERROR, &error, &length);
    if (error != 0)
        end(bridge, shared, error);
    else
        rings_tell_life(shared, RING_OPEN);
}

/* RFC 1122, 4.2.2.13: the program has not read everything: a reset. */
static bool has_unread(const struct bridge *bridge, const struct shared_socket *shared)
{
    struct iovec pieces[2];
    int unread = 0;
    ssize_t room = ring_room(&shared->in, shared->memory, pieces);
    tunny_ioctl(bridge->stack, shared->socket, FIONREAD, &unread);
    return room != (ssize_t)shared->memory || unread > 0;
}

/* Nobody looks at the ring any more; what was written to it is sent. */
static void leave(struct bridge *bridge, struct shared_socket *shared)
{
    struct iovec pieces[2];
    if (shared->socket >= 0 && has_unread(bridge, shared))
        abort_connection(bridge, shared);
    while (shared->socket >= 0 && pump_out(bridge, shared) == GOES_ON)
        ;
    if (shared->socket < 0 || ring_text(&shared->out, shared->memory, pieces) <= 0)
        free_shared(bridge, shared);
}

static void pump(struct bridge *bridge, struct shared_socket *shared)
{
    enum progress in = WAITS, out = WAITS;
    if (!shared->is_leaving)
        shared->is_leaving = atomic_load_explicit(&shared->page->closed, memory_order_acquire) != 0;
    if (shared->is_leaving) {
        leave(bridge, shared);
        return;
    }
    if (shared->socket < 0)
        return;
    switch (shared->life) {
    case RING_LISTENING:
        if (tunny_ready(bridge->stack, shared->socket) & POLLIN)
            wake_program(shared);
        return;
    case RING_CONNECTING:
        look_whether_connected(bridge, shared);
        break;
    case RING_FRESH:
    case RING_OPEN:
    case RING_OVER:
        break;
    }
    if (shared->life == RING_OPEN)
        out = pump_out(bridge, shared);
    if (shared->life == RING_OPEN)
        in = pump_in(bridge, shared);
    if (shared->life == RING_OPEN && (in == GOES_ON || out == GOES_ON))
        rings_mark_dirty(bridge, shared);
}

void rings_pump(struct bridge *bridge)
{
    struct shared_socket *next, *shared = bridge->rings.dirty;
    bridge->rings.dirty = NULL;
    for (struct shared_socket *s = shared; s != NULL; s = s->next_dirty)
        s->is_dirty = false;
    for (; shared != NULL; shared = next) {
        next = shared->next_dirty;
        pump(bridge, shared);
    }
}

void rings_note(struct bridge *bridge, uint64_t what)
{
    uint64_t number = what & ~rings_event;
    if (number < bridge->rings.numbers && bridge->rings.by_number[number] != NULL)
        rings_mark_dirty(bridge, bridge->rings.by_number[number]);
}

void rings_changed(struct bridge *bridge, int socket)
{
    if ((unsigned)socket < bridge->rings.sockets && bridge->rings.by_socket[socket] != NULL)
        rings_mark_dirty(bridge, bridge->rings.by_socket[socket]);
}

/* --- ends --------------------------------------------------------------------------------------
 */

bool rings_are_ending(const struct bridge *bridge)
{
    for (unsigned i = 0; i < bridge->rings.numbers; i++)
        if (bridge->rings.by_number[i] != NULL && bridge->rings.by_number[i]->is_leaving)
            return true;
    return false;
}

void rings_forget_owner(struct bridge *bridge, int owner)
{
    for (unsigned i = 0; i < bridge->rings.numbers; i++) {
        struct shared_socket *shared = bridge->rings.by_number[i];
        if (shared == NULL || shared->owner != owner)
            continue;
        shared->owner = -1;
        shared->is_leaving = true;
        rings_mark_dirty(bridge, shared);
    }
}

void rings_close(struct bridge *bridge)
{
    for (unsigned i = 0; i < bridge->rings.numbers; i++)
        if (bridge->rings.by_number[i] != NULL)
            free_shared(bridge, bridge->rings.by_number[i]);
    free(bridge->rings.by_number);
    free(bridge->rings.by_socket);
}
