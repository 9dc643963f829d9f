/* The calls of a world's users, see the header: every way there is to send and to receive, and
 * options that change in between. */
#include "sim/sim_calls.h"

#include <errno.h>
#include <linux/tcp.h>

#include "sim/sim_watch.h"
#include "socket.h"

const uint8_t *sim_text(const struct sim_end *sender, uint64_t position)
{
    uint64_t own = sender->flow->index * 7919 + sender->side * 104729;

    return sender->flow->world->pattern + (position + own) % SIM_PATTERN_PERIOD;
}

static bool one_in(struct sim_end *end, uint64_t count)
{
    return random_one_in(&end->random, count);
}

/* --- sending ---------------------------------------------------------------------------------- */

static void change_an_option(struct sim_end *end)
{
    static const int options[][2] = {
        {IPPROTO_TCP, TCP_NODELAY}, {IPPROTO_TCP, TCP_CORK},   {IPPROTO_TCP, TCP_QUICKACK},
        {SOL_SOCKET, SO_SNDBUF},    {SOL_SOCKET, SO_RCVBUF},   {IPPROTO_TCP, TCP_NOTSENT_LOWAT},
        {IPPROTO_TCP, TCP_MAXSEG},  {SOL_SOCKET, SO_RCVLOWAT},
    };
    unsigned which = (unsigned)random_below(&end->random, 9);
    struct tunny *stack = end->host->stack;

    if (which == 8) {
        unsigned algorithm = (unsigned)random_below(&end->random, 4);
        const char *name = tunny_congestion(algorithm);
        tunny_setsockopt(stack, end->socket, IPPROTO_TCP, TCP_CONGESTION, name,
                         (socklen_t)strlen(name));
        return;
    }
    int value = (int)random_below(&end->random, 2);
    if (options[which][1] == SO_SNDBUF || options[which][1] == SO_RCVBUF)
        value = (int)random_below(&end->random, 100000);
    else if (options[which][1] == TCP_MAXSEG)
        value = 500 + (int)random_below(&end->random, 900);
    else if (options[which][1] == TCP_NOTSENT_LOWAT)
        value = 1 + (int)random_below(&end->random, 50000);
    tunny_setsockopt(stack, end->socket, options[which][0], options[which][1], &value,
                     sizeof value);
}

static int64_t send_lent(struct sim_end *end, const uint8_t *text, size_t length)
{
    struct iovec pieces[2];
    struct tunny *stack = end->host->stack;
    ssize_t r = tunny_send_lend(stack, end->socket, length, 0, pieces);

    if (r <= 0)
        return r;
    memcpy(pieces[0].iov_base, text, pieces[0].iov_len);
    if (pieces[1].iov_len)
        memcpy(pieces[1].iov_base, text + pieces[0].iov_len, pieces[1].iov_len);
    return tunny_send_done(stack, end->socket, (size_t)r, one_in(end, 4) ? MSG_MORE : 0);
}

static int64_t send_in_two(struct sim_end *end, const uint8_t *text, size_t length)
{
    size_t first = random_below(&end->random, length + 1);
    const struct iovec pieces[2] = {
        {(void *)(uintptr_t)text, first},
        {(void *)(uintptr_t)(text + first), length - first},
    };

    return tunny_writev(end->host->stack, end->socket, pieces, 2);
}

int64_t sim_call_send(struct sim_end *end, uint64_t left)
{
    uint32_t chunk = end->flow->is->chunk;
    size_t length = left < chunk ? (size_t)left : chunk;
    const uint8_t *text = sim_text(end, end->sent);
    struct tunny *stack = end->host->stack;
    int64_t r;

    if (end->flow->is->calls == 0) {
        r = tunny_send(stack, end->socket, text, length, 0);
    } else {
        length = 1 + random_below(&end->random, length);
        if (one_in(end, 8)) {
            change_an_option(end);
            sim_watch_user_called(end->host);
        }
        unsigned way = (unsigned)random_below(&end->random, 5);
        if (way == 0)
            r = send_lent(end, text, length);
        else if (way == 1)
            r = send_in_two(end, text, length);
        else
            r = tunny_send(stack, end->socket, text, length,
                           way == 2 ? MSG_MORE : (one_in(end, 10) ? MSG_OOB : 0));
    }
    if (r > 0)
        end->sent += (uint64_t)r;
    return r;
}

/* --- receiving -------------------------------------------------------------------------------- */

static void compare(struct sim_end *end, const uint8_t *data, size_t length, uint64_t position)
{
    const struct sim_end *sender = &end->flow->ends[1 - end->side];
    struct sim_world *world = end->flow->world;

    if (position + length > sender->sent)
        sim_fail(world, "prefix: flow %s: the %s read %llu bytes, but only %llu were sent",
                 end->flow->is->name, end->side ? "server" : "client",
                 (unsigned long long)(position + length), (unsigned long long)sender->sent);
    else if (memcmp(data, sim_text(sender, position), length) != 0)
        sim_fail(world, "prefix: flow %s: the %s read other bytes than were sent, from %llu on",
                 end->flow->is->name, end->side ? "server" : "client",
                 (unsigned long long)position);
}

static int64_t receive_lent(struct sim_end *end, size_t length)
{
    struct iovec pieces[2];
    struct tunny *stack = end->host->stack;
    ssize_t r = tunny_recv_lend(stack, end->socket, length, 0, pieces);

    if (r <= 0)
        return r;
    compare(end, pieces[0].iov_base, pieces[0].iov_len, end->received);
    if (pieces[1].iov_len)
        compare(end, pieces[1].iov_base, pieces[1].iov_len, end->received + pieces[0].iov_len);
    size_t taken = 1 + random_below(&end->random, (uint64_t)r);
    int done = tunny_recv_done(stack, end->socket, taken);
    return done < 0 ? done : (int64_t)taken;
}

static int64_t receive_in_two(struct sim_end *end, uint8_t *data, size_t length)
{
    size_t first = random_below(&end->random, length + 1);
    const struct iovec pieces[2] = {{data, first}, {data + first, length - first}};

    sim_watch_user_called(end->host); /* two pieces, two windows */
    return tunny_readv(end->host->stack, end->socket, pieces, 2);
}

int64_t sim_call_receive(struct sim_end *end)
{
    uint8_t *data = end->flow->world->text;
    size_t length = end->flow->is->read;
    struct tunny *stack = end->host->stack;
    unsigned way = 3;
    int64_t r;

    if (length > PACKET_LARGEST)
        length = PACKET_LARGEST;
    if (end->flow->is->calls) {
        length = 1 + random_below(&end->random, length);
        way = (unsigned)random_below(&end->random, 6);
    }
    if (way == 0) {
        r = receive_lent(end, length);
        if (r > 0)
            end->received += (uint64_t)r;
        return r;
    }
    if (way == 1) {
        r = tunny_recv(stack, end->socket, data, length, MSG_PEEK);
        sim_watch_user_called(end->host);
        if (r < 0) /* an error is told once */
            return r;
        compare(end, data, (size_t)r, end->received);
    }
    r = way == 2 ? receive_in_two(end, data, length)
                 : tunny_recv(stack, end->socket, data, length, 0);
    if (r <= 0)
        return r;
    compare(end, data, (size_t)r, end->received);
    end->received += (uint64_t)r;
    return r;
}
