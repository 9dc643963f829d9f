/* A host whose device is memory and whose clock moves only when told: what `tunny drill` and tests
 * drive a whole stack with. The functions that use it are declared in tunny.h (section "a virtual
 * host"); this header is for those inside the library that make one over their own configuration.
 */
#ifndef TUNNY_SIM_VIRTUAL_HOST_H
#define TUNNY_SIM_VIRTUAL_HOST_H

#include "stack.h"

enum { VIRTUAL_MTU = 1500, VIRTUAL_SUPER_SEGMENT = 65535 };

/* `stack` was made by tunny_create_virtual(). */
bool virtual_host_is(const struct tunny *stack);

#endif
