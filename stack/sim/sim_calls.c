/* The calls of a world's users, see the header: every way there is to send and to receive, and
 * options that change in between. */
#include "sim/sim_calls.h"

#include <asm/ioctls.h>
#include <errno.h>
#include <linux/sockios.h>
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

/* Where the pointer will stand; 65535 octets is as far as it reaches, and then it stands elsewhere
 * for a while. */
static void note_urgent(struct sim_end *end, uint64_t position)
{
    int left;

    end->urgent[end->urgent_count++ % SIM_URGENT] = position;
    if (tunny_ioctl(end->host->stack, end->socket, SIOCOUTQ, &left) < 0 || left > UINT16_MAX)
        end->urgent_count = SIM_URGENT + 1; /* no longer known */
}

/* One of the calls with flags, in an order that chance decides. */
static int64_t send_somehow(struct sim_end *end, const uint8_t *text, size_t length, int flags)
{
    unsigned way = (unsigned)random_below(&end->random, 5);
    int more = way == 2 ? MSG_MORE : 0;
    bool urgent = way > 2 && one_in(end, 10);

    if (one_in(end, 8)) {
        change_an_option(end);
        sim_watch_user_called(end->host);
    }
    if (way == 0)
        return send_lent(end, text, length);
    if (way == 1)
        return send_in_two(end, text, length);
    int64_t r = tunny_send(end->host->stack, end->socket, text, length,
                           flags | more | (urgent ? MSG_OOB : 0));
    if (urgent && r > 0)
        note_urgent(end, end->sent + (uint64_t)r - 1);
    end->zerocopies += r > 0 && flags;
    return r;
}

int64_t sim_call_send(struct sim_end *end, uint64_t left)
{
    uint32_t chunk = end->flow->is->chunk;
    size_t length = left < chunk ? (size_t)left : chunk;
    const uint8_t *text = sim_text(end, end->sent);
    int flags = end->flow->is->zerocopy ? MSG_ZEROCOPY : 0;
    int64_t r;

    if (end->flow->is->calls == 0) {
        r = tunny_send(end->host->stack, end->socket, text, length, flags);
        end->zerocopies += r > 0 && flags;
    } else {
        r = send_somehow(end, text, 1 + random_below(&end->random, length), flags);
    }
    if (r > 0)
        end->sent += (uint64_t)r;
    return r;
}

/* Numbers are told in order, none before its send, and all of them when all is acknowledged. */
void sim_call_reap(struct sim_end *end)
{
    struct sim_world *world = end->flow->world;
    struct tunny *stack = end->host->stack;
    uint32_t first, last;
    int left;

    while (tunny_zerocopy_done(stack, end->socket, &first, &last) == 0) {
        if (first != end->zerocopies_told || last < first || last >= end->zerocopies)
            sim_fail(world, "zerocopy: flow %s: told of sends %u to %u after %u of %u",
                     end->flow->is->name, first, last, end->zerocopies_told, end->zerocopies);
        end->zerocopies_told = last + 1;
    }
    if (tunny_ioctl(stack, end->socket, SIOCOUTQ, &left) == 0 && left == 0 &&
        end->zerocopies_told != end->zerocopies)
        sim_fail(world, "zerocopy: flow %s: all is acknowledged, and %u of %u sends were told",
                 end->flow->is->name, end->zerocopies_told, end->zerocopies);
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

/* At the urgent mark the next octet is one that was sent as urgent (RFC 9293, 3.8.5). */
static void check_mark(struct sim_end *end)
{
    const struct sim_end *sender = &end->flow->ends[1 - end->side];
    int at_mark = 0;

    tunny_ioctl(end->host->stack, end->socket, SIOCATMARK, &at_mark);
    if (!at_mark || sender->urgent_count > SIM_URGENT)
        return;
    for (unsigned i = 0; i < sender->urgent_count; i++) {
        if (sender->urgent[i] == end->received)
            return;
    }
    sim_fail(end->flow->world, "urgent: flow %s: the %s stands at a mark at %llu that nobody set",
             end->flow->is->name, end->side ? "server" : "client",
             (unsigned long long)end->received);
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

static int64_t receive_somehow(struct sim_end *end)
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

int64_t sim_call_receive(struct sim_end *end)
{
    int64_t r = receive_somehow(end);

    if (r > 0)
        check_mark(end);
    return r;
}
