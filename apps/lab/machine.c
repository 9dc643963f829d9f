/* The machine in a few words; see machine.h. */
#define _GNU_SOURCE
#include "lab/machine.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "common/numbers.h"

/* "model name : ..." of /proc/cpuinfo, where there is one. */
static void look_at_model(char *model, size_t size)
{
    char line[256];
    FILE *file = fopen("/proc/cpuinfo", "re");
    snprintf(model, size, "processors");
    if (file == NULL)
        return;
    while (fgets(line, sizeof line, file) != NULL) {
        char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) != 0 || colon == NULL)
            continue;
        line[strcspn(line, "\n")] = '\0';
        snprintf(model, size, "%s", colon + 1 + strspn(colon + 1, " "));
        break;
    }
    fclose(file);
}

void machine_look(struct machine *machine, int argc, char **argv)
{
    struct utsname name = {0};
    char model[100], memory[SIZE_TEXT];
    time_t now = time(NULL);
    struct tm utc;
    size_t used = 0;
    uname(&name);
    snprintf(machine->kernel, sizeof machine->kernel, "%.40s %.60s %.40s", name.sysname,
             name.release, name.machine);
    look_at_model(model, sizeof model);
    size_text((uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE), memory);
    snprintf(machine->processors, sizeof machine->processors, "%ld x %s, %s",
             sysconf(_SC_NPROCESSORS_ONLN), model, memory);
    strftime(machine->date, sizeof machine->date, "%Y-%m-%d %H:%M UTC", gmtime_r(&now, &utc));
    machine->command[0] = '\0';
    for (int i = 0; i < argc && used < sizeof machine->command; i++) {
        if (strcmp(argv[i], "--report") == 0) /* the rows were made without it */
            continue;
        int length = snprintf(machine->command + used, sizeof machine->command - used, "%s%s",
                              i == 0 ? "tunny " : " ", argv[i]);
        used += length > 0 ? (size_t)length : 0;
    }
}
