/* Numbers of sends and when they are told. See zerocopy.h. */
#include "sock/zerocopy.h"

#include <string.h>

void zerocopy_sent(struct zerocopy *zerocopy, seqno end)
{
    if (zerocopy->count < ZEROCOPY_PENDING)
        zerocopy->count++;
    zerocopy->pending[zerocopy->count - 1].end = end;
    zerocopy->pending[zerocopy->count - 1].last = zerocopy->next++;
}

bool zerocopy_ready(const struct zerocopy *zerocopy, seqno una)
{
    return zerocopy->count > 0 && zerocopy->pending[0].end <= una;
}

bool zerocopy_tell(struct zerocopy *zerocopy, seqno una, uint32_t *first, uint32_t *last)
{
    unsigned done = 0;
    while (done < zerocopy->count && zerocopy->pending[done].end <= una)
        done++;
    if (done == 0)
        return false;
    *first = zerocopy->told;
    *last = zerocopy->pending[done - 1].last;
    zerocopy->told = *last + 1;
    zerocopy->count -= done;
    memmove(zerocopy->pending, zerocopy->pending + done,
            zerocopy->count * sizeof zerocopy->pending[0]);
    return true;
}
