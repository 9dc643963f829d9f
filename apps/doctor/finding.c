/* The list of findings; see finding.h. */
#include "doctor/finding.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct finding *finding_add(struct findings *findings, const char *name, enum verdict verdict,
                            const char *format, ...)
{
    /* The last place is used again rather than overrun; there are fewer checks than places. */
    unsigned index = findings->count < FINDINGS_MOST ? findings->count++ : FINDINGS_MOST - 1;
    struct finding *finding = &findings->list[index];
    va_list arguments;
    *finding = (struct finding){.name = name, .verdict = verdict};
    va_start(arguments, format);
    vsnprintf(finding->detail, sizeof finding->detail, format, arguments);
    va_end(arguments);
    return finding;
}

void finding_mend(struct finding *finding, const char *format, ...)
{
    const char *prefix = geteuid() == 0 ? "" : "sudo ";
    size_t used = strlen(prefix);
    va_list arguments;
    memcpy(finding->mend, prefix, used + 1);
    va_start(arguments, format);
    vsnprintf(finding->mend + used, sizeof finding->mend - used, format, arguments);
    va_end(arguments);
}

void finding_mend_by_package(struct finding *finding, const char *package)
{
    static const struct {
        const char *program, *command;
    } managers[] = {
        {"/usr/bin/apt-get", "apt-get install"},
        {"/usr/bin/dnf", "dnf install"},
        {"/usr/bin/pacman", "pacman -S"},
        {"/usr/bin/zypper", "zypper install"},
        {"/sbin/apk", "apk add"},
    };
    for (size_t i = 0; i < sizeof managers / sizeof *managers; i++) {
        if (access(managers[i].program, X_OK) == 0) {
            finding_mend(finding, "%s %s", managers[i].command, package);
            return;
        }
    }
}
