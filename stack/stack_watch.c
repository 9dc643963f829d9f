/* Watching and steering a stack from outside (tunny.h): its counters, tunables, seed and memory;
 * running it inside somebody else's loop; letting connections end. Called by applications. */
#include <errno.h>

#include "dev/impair.h"
#include "impair_figures.h"
#include "stack.h"
#include "tcp/cc.h"

/* --- running ---------------------------------------------------------------------------------- */

int tunny_descriptor(const struct tunny *stack)
{
    return device_descriptor(stack->device);
}

int tunny_timeout_ms(const struct tunny *stack)
{
    struct instant when = stack_deadline(stack), now = stack_now(stack);
    if (instant_is_never(when))
        return -1;
    if (instant_reached(when, now))
        return 0;
    /* Rounded up: a loop that wakes too early wakes twice. */
    int64_t ms = duration_to_ms(duration_add(instant_since(when, now), duration_ns(999999)));
    return ms > INT32_MAX ? INT32_MAX : (int)ms;
}

int64_t tunny_deadline_ns(const struct tunny *stack)
{
    return stack_deadline(stack).ns;
}

int tunny_run(struct tunny *stack)
{
    return stack_turn(stack);
}

int64_t tunny_now_ns(const struct tunny *stack)
{
    return stack_now(stack).ns;
}

/* Its user has closed, and its FIN or the peer's is still to come. TIME-WAIT only waits for old
 * duplicates: nobody is waiting for it. */
static bool is_ending(const struct tcb *tcb)
{
    switch (tcp_state_of(tcb)) {
    case TCP_FIN_WAIT_1:
    case TCP_FIN_WAIT_2:
    case TCP_CLOSING:
    case TCP_LAST_ACK:
        return tcp_user(tcb) == NULL;
    case TCP_CLOSED:
    case TCP_LISTEN:
    case TCP_SYN_SENT:
    case TCP_SYN_RECEIVED:
    case TCP_ESTABLISHED:
    case TCP_CLOSE_WAIT:
    case TCP_TIME_WAIT:
        return false;
    }
    return false;
}

static bool any_is_ending(const struct tunny *stack)
{
    const struct tcb *tcb = NULL;
    while ((tcb = tcp_each(stack->tcp, tcb))) {
        if (is_ending(tcb))
            return true;
    }
    return false;
}

unsigned tunny_unacknowledged(const struct tunny *stack)
{
    const struct tcb *tcb = NULL;
    unsigned count = 0;
    while ((tcb = tcp_each(stack->tcp, tcb)))
        count += is_ending(tcb) && tcp_state_of(tcb) != TCP_FIN_WAIT_2;
    return count;
}

int tunny_drain(struct tunny *stack, int timeout_ms)
{
    struct stack_patience patience = {
        .until = instant_add(stack_now(stack), duration_ms(timeout_ms)),
        .expired = -ETIMEDOUT,
        .also = -1,
    };
    int r = stack_turn(stack);
    patience.turned = true;
    while (r == 0 && (any_is_ending(stack) || sockets_next_datagram(&stack->sockets)))
        r = stack_wait(stack, &patience);
    return r;
}

/* --- counters --------------------------------------------------------------------------------- */

typedef void tunny_each(void *context, const char *name, uint64_t value, const char *sentence);

/* The name of counter number `index` among events, then drops; "" where there is none. */
static const char *counter_name(unsigned index)
{
    return index < EVENT_KINDS ? trace_event_counter((enum event_id)index)
                               : trace_drop_counter((enum drop_reason)(index - EVENT_KINDS));
}

static const char *counter_sentence(unsigned index)
{
    return index < EVENT_KINDS ? trace_event_sentence((enum event_id)index)
                               : trace_drop_sentence((enum drop_reason)(index - EVENT_KINDS));
}

static bool was_told(unsigned index)
{
    for (unsigned i = 0; i < index; i++) {
        if (strcmp(counter_name(i), counter_name(index)) == 0)
            return true;
    }
    return false;
}

enum { DROP_NAME_SIZE = 64 };

static const char *drop_name(enum drop_reason reason, char name[DROP_NAME_SIZE])
{
    snprintf(name, DROP_NAME_SIZE, "drop.%s", trace_drop_name(reason));
    return name;
}

void tunny_counters(const struct tunny *stack, tunny_each *each, void *context)
{
    for (unsigned i = 0; i < (unsigned)EVENT_KINDS + (unsigned)DROP_REASONS; i++) {
        const char *name = counter_name(i);
        if (*name && !was_told(i))
            each(context, name, trace_counter(&stack->trace, name), counter_sentence(i));
    }
    for (unsigned i = 0; i < DROP_REASONS; i++) {
        char name[DROP_NAME_SIZE];
        each(context, drop_name((enum drop_reason)i, name), stack->trace.drops[i],
             trace_drop_sentence((enum drop_reason)i));
    }
}

uint64_t tunny_counter(const struct tunny *stack, const char *name)
{
    for (unsigned i = 0; i < DROP_REASONS; i++) {
        char known[DROP_NAME_SIZE];
        if (strcmp(name, drop_name((enum drop_reason)i, known)) == 0)
            return stack->trace.drops[i];
    }
    return trace_counter(&stack->trace, name);
}

struct tunny_impair_counts tunny_impair_counts(const struct tunny *stack, unsigned direction)
{
    if (!stack->impair || direction > 1)
        return (struct tunny_impair_counts){0};
    return impair_figures(impair_counts(stack->impair, direction));
}

uint64_t tunny_seed(const struct tunny *stack)
{
    return stack->seed;
}

void tunny_memory(const struct tunny *stack, uint64_t *used, uint64_t *peak)
{
    *used = stack->memory.used;
    *peak = stack->memory.peak;
}

const char *tunny_interface(const struct tunny *stack)
{
    return stack->interface;
}

/* --- tunables --------------------------------------------------------------------------------- */

int tunny_set(struct tunny *stack, const char *name, int64_t value)
{
    return tunables_set(tcp_tunables(stack->tcp), name, value);
}

int tunny_get(const struct tunny *stack, const char *name, int64_t *value)
{
    return tunables_get(tcp_tunables(stack->tcp), name, value);
}

int tunny_tunable(unsigned index, struct tunny_tunable *tunable)
{
    size_t count;
    const struct tunable *all = tunables_all(&count);
    if (index >= count)
        return 0;
    *tunable = (struct tunny_tunable){
        .name = all[index].name,
        .unit = all[index].unit,
        .sentence = all[index].sentence,
        .fallback = all[index].fallback,
        .least = all[index].least,
        .most = all[index].most,
    };
    return 1;
}

const char *tunny_congestion(unsigned index)
{
    return cc_name(index);
}

const char *tunny_version(void)
{
    return "tunny " TUNNY_VERSION;
}
