/* See report.h. What is not a result is a comment of the protocol: lines that begin with #. */
#include "report.h"

#include <string.h>

static void comment(FILE *file, const char *text)
{
    while (*text != '\0') {
        size_t length = strcspn(text, "\n");
        fprintf(file, "# %.*s\n", (int)length, text);
        text += length + (text[length] == '\n');
    }
}

static void tell_story(FILE *file, const struct run_report *report)
{
    if (report->story == NULL || report->story[0] == '\0')
        return;
    fprintf(file, "#\n# What happened (step, seconds; indented: what the stack says of itself):\n");
    comment(file, report->story);
}

void report_result(FILE *file, unsigned number, const char *path, const struct run_report *report,
                   enum telling telling)
{
    switch (report->verdict) {
    case VERDICT_PASS:
        fprintf(file, "ok %u - %s\n", number, path);
        break;
    case VERDICT_UNSUPPORTED:
        fprintf(file, "ok %u - %s # SKIP unsupported, line %d: %s\n", number, path, report->line,
                report->reason);
        break;
    case VERDICT_FAIL:
        fprintf(file, "not ok %u - %s\n# line %d: ", number, path, report->line);
        fprintf(file, "%.*s\n", (int)strcspn(report->reason, "\n"), report->reason);
        if (strchr(report->reason, '\n') != NULL)
            comment(file, strchr(report->reason, '\n') + 1);
        break;
    }
    if (report->verdict == VERDICT_FAIL || telling == TELL_ALL)
        tell_story(file, report);
}
