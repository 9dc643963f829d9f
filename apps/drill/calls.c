/* System calls of scripts: the table of them, one call at a time, blocking ones while the script
 * goes on, and the comparison with what the script expects. See calls.h, world.h. */
#include "calls.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "symbols.h"

static const struct {
    const char *name;
    bool (*try)(struct world *world, struct attempt *attempt);
} calls[] = {
    {"socket", call_socket},
    {"bind", call_bind},
    {"listen", call_listen},
    {"accept", call_accept},
    {"accept4", call_accept4},
    {"connect", call_connect},
    {"shutdown", call_shutdown},
    {"close", call_close},
    {"fcntl", call_fcntl},
    {"ioctl", call_ioctl},
    {"read", call_read},
    {"recv", call_recv},
    {"recvfrom", call_recv},
    {"readv", call_readv},
    {"recvmsg", call_recvmsg},
    {"write", call_write},
    {"send", call_send},
    {"sendto", call_sendto},
    {"writev", call_writev},
    {"sendmsg", call_sendmsg},
    {"setsockopt", call_setsockopt},
    {"getsockopt", call_getsockopt},
    {"poll", call_poll},
    {"epoll_create", call_epoll_create},
    {"epoll_create1", call_epoll_create},
    {"epoll_ctl", call_epoll_ctl},
    {"epoll_wait", call_epoll_wait},
};
enum { CALLS = sizeof calls / sizeof *calls };

/* --- what the calls share
 * ------------------------------------------------------------------------------- */

bool call_returns(struct attempt *attempt, int64_t result)
{
    attempt->would_block = false;
    attempt->result = result < 0 ? -1 : result;
    attempt->error = result < 0 ? (int)-result : 0;
    return true;
}

bool call_file(struct world *world, struct attempt *attempt, unsigned n, struct file **file)
{
    int64_t descriptor;
    *file = NULL;
    if (!value_argument(world, attempt, n, &descriptor))
        return false;
    *file = world_file(world, descriptor);
    if (*file == NULL)
        call_returns(attempt, -EBADF);
    return true;
}

bool call_blocks(struct world *world, struct attempt *attempt, bool nonblocking)
{
    if (nonblocking || tunny_now_ns(world->stack) >= attempt->deadline_ns)
        return call_returns(attempt, attempt->done > 0 ? attempt->done : -EAGAIN);
    attempt->would_block = true;
    return true;
}

void call_patience(struct world *world, struct attempt *attempt, const struct file *file,
                   int option)
{
    struct timeval patience = {0};
    socklen_t length = sizeof patience;
    if (!attempt->first ||
        tunny_getsockopt(world->stack, file->number, SOL_SOCKET, option, &patience, &length) < 0)
        return;
    int64_t us = (int64_t)patience.tv_sec * 1000000 + patience.tv_usec;
    if (us > 0)
        attempt->deadline_ns = attempt->began_ns + us * 1000;
}

bool call_opens(struct world *world, struct attempt *attempt, struct file file)
{
    const struct expr *result = attempt->call->result;
    int64_t descriptor = result->kind == EXPR_INTEGER ? result->integer : -1;
    if (descriptor < 0 || descriptor >= FILES_MOST)
        return world_fails(world, attempt->event->line,
                           "%s() gave a descriptor, where %lld was expected", attempt->call->name,
                           (long long)descriptor);
    if (world->files[descriptor].kind != FILE_FREE)
        return world_fails(world, attempt->event->line,
                           "the descriptor %lld is still open; another one would be returned",
                           (long long)descriptor);
    world->files[descriptor] = file;
    if (file.kind == FILE_SOCKET)
        world->under_test = (int)descriptor;
    return call_returns(attempt, descriptor);
}

/* --- the comparison
 * -------------------------------------------------------------------------------------- */

static void result_text(int64_t result, int error, char *out, size_t size)
{
    const char *name = error ? symbol_errno(error) : NULL;
    if (error == 0)
        snprintf(out, size, "%lld", (long long)result);
    else if (name != NULL)
        snprintf(out, size, "-1 %s (%s)", name, strerror(error));
    else
        snprintf(out, size, "-1 errno %d", error);
}

static bool differs(struct world *world, const struct attempt *attempt, const char *expected)
{
    char got[100];
    result_text(attempt->result, attempt->error, got, sizeof got);
    return world_fails(world, attempt->event->line,
                       "%s() returned %s, where %s was expected\n  in: %s", attempt->call->name,
                       got, expected, attempt->event->text);
}

/* `-1 EAGAIN (Resource temporarily unavailable)`, a number, or `...` for any. */
static bool compare(struct world *world, const struct attempt *attempt)
{
    const struct call_spec *call = attempt->call;
    char expected[120];
    int64_t result, error = 0;
    if (call->result->kind == EXPR_ELLIPSIS)
        return true;
    if (!value_number(world, attempt->event->line, call->result, &result))
        return false;
    if (call->error != NULL && !symbol_value(call->error, &error))
        return world_lacks(world, attempt->event->line, "the error %s", call->error);
    bool same = result == attempt->result && (call->error == NULL || error == attempt->error);
    if (same)
        return true;
    if (call->error == NULL)
        snprintf(expected, sizeof expected, "%lld", (long long)result);
    else
        snprintf(expected, sizeof expected, "%lld %s", (long long)result, call->error);
    return differs(world, attempt, expected);
}

static bool compare_time(struct world *world, const struct attempt *attempt)
{
    int64_t end = attempt->call->end_us, now = world_now_us(world);
    if (!attempt->call->blocks || world_on_time(world, now, end, end))
        return true;
    return world_fails(
        world, attempt->event->line, "%s() returned at %.6f, where %.6f was expected\n  in: %s",
        attempt->call->name, (double)now / 1e6, (double)end / 1e6, attempt->event->text);
}

static void finish(struct world *world, const struct attempt *attempt)
{
    if (attempt->first)
        world_tell(world, "%s", attempt->event->text);
    else
        world_tell(world, "%s() returns (begun in line %d)", attempt->call->name,
                   attempt->event->line);
    if (compare(world, attempt))
        compare_time(world, attempt);
}

/* --- one call
 * --------------------------------------------------------------------------------------------- */

/* -1: no such call. */
static int call_index(const char *name)
{
    for (int i = 0; i < CALLS; i++)
        if (strcmp(calls[i].name, name) == 0)
            return i;
    return -1;
}

/* Finishes, or not. */
static void try_call(struct world *world, struct attempt *attempt)
{
    attempt->would_block = false;
    if (!calls[call_index(attempt->call->name)].try(world, attempt))
        return;
    if (!attempt->would_block)
        finish(world, attempt);
}

void call_retry(struct world *world)
{
    if (!world->has_pending || world->verdict != VERDICT_PASS)
        return;
    world->pending.first = false;
    try_call(world, &world->pending);
    world->has_pending = world->pending.would_block && world->verdict == VERDICT_PASS;
}

/* The call before this one must be over: one thread makes them all. */
static bool await_pending(struct world *world)
{
    while (world->has_pending) {
        const struct attempt *pending = &world->pending;
        int64_t end = pending->call->end_us;
        int64_t last = end + world_tolerance_us(world, end);
        if (world_now_us(world) >= last)
            return world_fails(
                world, pending->event->line,
                "%s() still blocks at %.6f, where its end was expected at %.6f\n  in: %s",
                pending->call->name, (double)world_now_us(world) / 1e6, (double)end / 1e6,
                pending->event->text);
        world_step(world, last);
    }
    return world->verdict == VERDICT_PASS;
}

bool call_begin(struct world *world, const struct event *event)
{
    if (call_index(event->call->name) < 0)
        return world_lacks(world, event->line, "the call %s()", event->call->name);
    if (!await_pending(world))
        return false;
    struct attempt *attempt = &world->pending;
    *attempt = (struct attempt){
        .event = event,
        .call = event->call,
        .first = true,
        .began_ns = tunny_now_ns(world->stack),
        .deadline_ns = INT64_MAX,
    };
    try_call(world, attempt);
    if (world->verdict != VERDICT_PASS)
        return false;
    if (attempt->would_block && !event->call->blocks)
        return world_fails(world, event->line, "%s() would block here\n  in: %s", event->call->name,
                           event->text);
    if (attempt->would_block)
        world_tell(world, "%s (it blocks)", event->text);
    world->has_pending = attempt->would_block;
    world_settle(world);
    return world->verdict == VERDICT_PASS;
}
