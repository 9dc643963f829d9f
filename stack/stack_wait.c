/* Waiting: how a blocking call lets the stack run until it can be finished, its patience ends, or a
 * signal comes. Called by the public calls that block; the only caller of the clock's wait(). */
#include "stack.h"

#include <errno.h>

static int sleep_until(struct tunny *stack, struct instant until, int also)
{
    int descriptors[] = {device_descriptor(stack->device), also};
    return stack->clock.wait(stack->clock.context, descriptors, also < 0 ? 1 : 2,
                             instant_min(until, stack_deadline(stack)));
}

int stack_wait(struct tunny *stack, struct stack_patience *patience)
{
    if (!patience->turned) {
        patience->turned = true;
        return stack_turn(stack);
    }
    if (instant_reached(patience->until, stack_now(stack)))
        return patience->expired;
    int interrupted = stack->more ? 0 : sleep_until(stack, patience->until, patience->also);
    /* What woke us may be there together with the signal. */
    int r = stack_turn(stack);
    return r < 0 ? r : interrupted;
}
