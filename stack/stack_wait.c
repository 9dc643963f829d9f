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
    if (patience->over < 0)
        return patience->over;
    if (patience->turned) {
        if (instant_reached(patience->until, stack_now(stack)))
            return patience->expired;
        if (!stack->more && !stack_keeps_looking(stack))
            patience->over = sleep_until(stack, patience->until, patience->also);
    }
    patience->turned = true;
    int r = stack_turn(stack);
    if (r < 0)
        patience->over = r;
    return 0;
}
