/* Verdicts as sentences, see the header. */
#include "dev/impair_verdict.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/check.h"

static const char *lost_because(const struct impair_verdict *verdict)
{
    switch (verdict->cause) {
    case IMPAIR_BY_NETEM:
        return verdict->line.fate.outcome == NETEM_OVERLIMIT ? "netem holds `limit` packets already"
                                                             : "netem's loss";
    case IMPAIR_BY_SCRIPT:
        return "its number is to be dropped";
    case IMPAIR_BY_DOWN:
        return "the link is down";
    case IMPAIR_BY_FULL_QUEUE:
        return "the bottleneck's queue is full";
    case IMPAIR_BY_CODEL:
        return "CoDel keeps the queue short";
    case IMPAIR_BY_RECORDING:
        return "as recorded";
    }
    UNREACHABLE();
}

static void outcome_text(const struct impair_verdict *verdict, char *text, size_t size)
{
    const struct netem_fate *fate = &verdict->line.fate;

    switch (fate->outcome) {
    case NETEM_LOST:
    case NETEM_OVERLIMIT:
        snprintf(text, size, "lost: %s", lost_because(verdict));
        return;
    case NETEM_AT_ONCE:
        snprintf(text, size, "reordered: sent at once, before those that wait");
        return;
    case NETEM_DELAYED:
        if (fate->due.ns == 0)
            snprintf(text, size, "passed");
        else
            snprintf(text, size, "%s by %.3f ms", fate->due.ns > 0 ? "delayed" : "overtook",
                     (double)(fate->due.ns > 0 ? fate->due.ns : -fate->due.ns) / 1e6);
        return;
    }
    UNREACHABLE();
}

char *impair_verdict_text(const struct impair_verdict *verdict, char text[IMPAIR_VERDICT_SIZE])
{
    const struct impair_log_line *line = &verdict->line;
    char outcome[80], bit[40] = "";

    outcome_text(verdict, outcome, sizeof outcome);
    if (line->fate.corrupted)
        snprintf(bit, sizeof bit, ", bit %" PRIu32 " turned over", line->fate.bit);
    snprintf(text, IMPAIR_VERDICT_SIZE, "%s %" PRIu64 "%s: %s%s%s",
             line->direction == IMPAIR_OUT ? "forward" : "backward", line->number,
             line->fate.clone ? ", second copy" : "", outcome,
             line->fate.marked ? ", marked CE" : "", bit);
    return text;
}
