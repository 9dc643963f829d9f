/* poll() and epoll, over the readiness of the stack's sockets. See calls.h. The stack has no epoll:
 * a watch is level-triggered by what a socket is now, edge-triggered by the stack's list of sockets
 * that changed. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>

#include "calls.h"

/* The bits that poll() and epoll share, and those that are told though nobody asked. */
enum { READY_BITS = 0x3fff, ALWAYS = POLLERR | POLLHUP };

struct watch {
    int64_t descriptor;
    uint32_t events;
    uint64_t data;
    bool edge;     /* changed since it was told */
    bool disabled; /* EPOLLONESHOT, told */
    struct watch *next;
};

/* --- waiting -------------------------------------------------------------------------------- */

/* Nothing is ready: waits for `timeout_ms` (-1: for ever, 0: not). */
static bool wait_for(struct world *world, struct attempt *attempt, int64_t timeout_ms)
{
    if (attempt->first && timeout_ms >= 0)
        attempt->deadline_ns = attempt->began_ns + timeout_ms * 1000000;
    if (tunny_now_ns(world->stack) >= attempt->deadline_ns)
        return call_returns(attempt, 0);
    attempt->would_block = true;
    return true;
}

/* --- poll ----------------------------------------------------------------------------------- */

struct polled {
    int64_t descriptor, events, revents; /* as the script says */
};

static bool read_polled(struct world *world, int line, const struct expr *expr,
                        struct polled *polled)
{
    *polled = (struct polled){0};
    if (expr->kind != EXPR_STRUCT)
        return world_fails(world, line, "{fd=..., events=..., revents=...} is expected here");
    const struct expr *revents = member(expr, "revents");
    return value_number(world, line, member(expr, "fd"), &polled->descriptor) &&
           value_number(world, line, member(expr, "events"), &polled->events) &&
           (revents == NULL || value_number(world, line, revents, &polled->revents));
}

static int64_t revents_of(struct world *world, const struct polled *polled)
{
    struct file *file = world_file(world, polled->descriptor);
    if (polled->descriptor < 0)
        return 0;
    if (file == NULL || file->kind != FILE_SOCKET)
        return POLLNVAL;
    return tunny_ready(world->stack, file->number) & (polled->events | ALWAYS);
}

static bool compare_polled(struct world *world, const struct attempt *attempt,
                           const struct polled *polled, int64_t revents)
{
    if (revents == polled->revents)
        return true;
    return world_fails(
        world, attempt->event->line,
        "poll() gave revents 0x%llx for descriptor %lld, where 0x%llx was expected\n  in: %s",
        (unsigned long long)revents, (long long)polled->descriptor,
        (unsigned long long)polled->revents, attempt->event->text);
}

bool call_poll(struct world *world, struct attempt *attempt)
{
    const struct expr *list = argument(attempt->call, 0);
    int line = attempt->event->line;
    int64_t timeout, ready = 0;
    struct polled polled;
    if (list == NULL || list->kind != EXPR_LIST)
        return world_fails(world, line, "a list is expected as poll()'s first argument");
    if (!value_argument(world, attempt, 2, &timeout))
        return false;
    for (const struct expr *one = list->first; one != NULL; one = one->next) {
        if (!read_polled(world, line, one, &polled))
            return false;
        ready += revents_of(world, &polled) != 0;
    }
    if (ready > 0)
        call_returns(attempt, ready);
    else if (!wait_for(world, attempt, timeout))
        return false;
    for (const struct expr *one = list->first; one != NULL && !attempt->would_block;
         one = one->next) {
        read_polled(world, line, one, &polled);
        if (!compare_polled(world, attempt, &polled, revents_of(world, &polled)))
            return false;
    }
    return true;
}

/* --- epoll ---------------------------------------------------------------------------------- */

bool call_epoll_create(struct world *world, struct attempt *attempt)
{
    int under_test = world->under_test;
    bool opened = call_opens(world, attempt, (struct file){.kind = FILE_EPOLL});
    world->under_test = under_test;
    return opened;
}

static struct watch **find_watch(struct file *epoll, int64_t descriptor)
{
    struct watch **at = &epoll->watches;
    while (*at != NULL && (*at)->descriptor != descriptor)
        at = &(*at)->next;
    return at;
}

/* The event's data: one member of the union, by the name that the script gives it. */
static bool read_event(struct world *world, int line, const struct expr *expr, int64_t *events,
                       int64_t *data)
{
    static const char *const names[] = {"fd", "ptr", "u32", "u64"};
    const struct expr *value = NULL;
    if (expr == NULL || expr->kind != EXPR_STRUCT)
        return world_fails(world, line, "{events=..., fd=...} is expected here");
    for (size_t i = 0; i < sizeof names / sizeof *names && value == NULL; i++)
        value = member(expr, names[i]);
    *data = 0;
    return value_number(world, line, member(expr, "events"), events) &&
           (value == NULL || value_number(world, line, value, data));
}

static bool add_watch(struct world *world, struct attempt *attempt, struct file *epoll,
                      int64_t descriptor, int64_t operation)
{
    struct watch **at = find_watch(epoll, descriptor);
    int64_t events, data;
    if (!read_event(world, attempt->event->line, argument(attempt->call, 3), &events, &data))
        return false;
    if (operation == EPOLL_CTL_ADD && *at != NULL)
        return call_returns(attempt, -EEXIST);
    if (operation == EPOLL_CTL_MOD && *at == NULL)
        return call_returns(attempt, -ENOENT);
    if (*at == NULL)
        *at = arena_take(world->arena, sizeof **at);
    (*at)->descriptor = descriptor;
    (*at)->events = (uint32_t)events;
    (*at)->data = (uint64_t)data;
    (*at)->disabled = false;
    (*at)->edge = true;
    return call_returns(attempt, 0);
}

bool call_epoll_ctl(struct world *world, struct attempt *attempt)
{
    struct file *epoll, *file;
    int64_t operation, descriptor;
    if (!call_file(world, attempt, 0, &epoll) || epoll == NULL ||
        !call_file(world, attempt, 2, &file) || file == NULL)
        return world->verdict == VERDICT_PASS;
    if (!value_argument(world, attempt, 1, &operation) ||
        !value_argument(world, attempt, 2, &descriptor))
        return false;
    if (epoll->kind != FILE_EPOLL || file->kind != FILE_SOCKET)
        return call_returns(attempt, -EINVAL);
    if (operation != EPOLL_CTL_DEL)
        return add_watch(world, attempt, epoll, descriptor, operation);
    struct watch **at = find_watch(epoll, descriptor);
    if (*at == NULL)
        return call_returns(attempt, -ENOENT);
    *at = (*at)->next;
    return call_returns(attempt, 0);
}

static uint32_t fired(struct world *world, const struct watch *watch)
{
    const struct file *file = world_file(world, watch->descriptor);
    if (file == NULL || watch->disabled || (watch->events & EPOLLET && !watch->edge))
        return 0;
    return (uint32_t)tunny_ready(world->stack, file->number) &
           ((watch->events & READY_BITS) | ALWAYS);
}

static bool compare_watch(struct world *world, const struct attempt *attempt,
                          const struct expr *expected, const struct watch *watch, uint32_t events)
{
    int64_t wanted, data;
    if (!read_event(world, attempt->event->line, expected, &wanted, &data))
        return false;
    if (wanted == events && (uint64_t)data == watch->data)
        return true;
    return world_fails(
        world, attempt->event->line,
        "epoll_wait() gave events 0x%x with %llu, where 0x%llx with %lld was expected\n"
        "  in: %s",
        events, (unsigned long long)watch->data, (unsigned long long)wanted, (long long)data,
        attempt->event->text);
}

/* Tells what fired, in the order of the watches; each is compared with the script's next event. */
static bool tell_fired(struct world *world, struct attempt *attempt, struct file *epoll,
                       int64_t most)
{
    const struct expr *expected = argument(attempt->call, 1);
    if (expected != NULL && expected->kind == EXPR_LIST)
        expected = expected->first;
    int64_t count = 0;
    for (struct watch *watch = epoll->watches; watch != NULL && count < most; watch = watch->next) {
        uint32_t events = fired(world, watch);
        if (events == 0)
            continue;
        if (expected != NULL && expected->kind == EXPR_STRUCT &&
            !compare_watch(world, attempt, expected, watch, events))
            return false;
        expected = expected != NULL && argument(attempt->call, 1)->kind == EXPR_LIST
                       ? expected->next
                       : NULL;
        watch->edge = false;
        watch->disabled = watch->events & EPOLLONESHOT;
        count++;
    }
    return call_returns(attempt, count);
}

bool call_epoll_wait(struct world *world, struct attempt *attempt)
{
    struct file *epoll;
    int64_t most, timeout;
    bool any = false;
    if (!call_file(world, attempt, 0, &epoll) || epoll == NULL)
        return world->verdict == VERDICT_PASS;
    if (epoll->kind != FILE_EPOLL)
        return call_returns(attempt, -EINVAL);
    if (!value_argument(world, attempt, 2, &most) || !value_argument(world, attempt, 3, &timeout))
        return false;
    calls_note_changes(world);
    for (const struct watch *watch = epoll->watches; watch != NULL; watch = watch->next)
        any = any || fired(world, watch) != 0;
    return any ? tell_fired(world, attempt, epoll, most) : wait_for(world, attempt, timeout);
}

void calls_note_changes(struct world *world)
{
    int number;
    while ((number = tunny_next_changed(world->stack)) >= 0) {
        int descriptor = world_descriptor_of(world, number);
        for (unsigned i = 0; i < FILES_MOST && descriptor >= 0; i++) {
            struct watch *watch = world->files[i].watches;
            for (; watch != NULL; watch = watch->next)
                watch->edge = watch->edge || watch->descriptor == descriptor;
        }
    }
}

void calls_forget(struct world *world, int64_t descriptor)
{
    for (unsigned i = 0; i < FILES_MOST; i++) {
        struct watch **at = find_watch(&world->files[i], descriptor);
        if (*at != NULL)
            *at = (*at)->next;
    }
}
