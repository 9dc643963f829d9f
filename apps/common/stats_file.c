/* The JSON object of --stats; see stats_file.h. The numbers of an impaired link are zeros when
 * there is none, so that readers need not ask. */
#include "common/stats_file.h"

#include <errno.h>
#include <string.h>

#include "common/message.h"

#define DROP_PREFIX "drop."

enum section { SECTION_COUNTERS, SECTION_DROPS };

struct listing_of_counters {
    FILE *file;
    enum section section;
    unsigned written;
};

static void write_counter(void *context, const char *name, uint64_t value, const char *sentence)
{
    struct listing_of_counters *list = context;
    size_t prefix = strlen(DROP_PREFIX);
    enum section section = strncmp(name, DROP_PREFIX, prefix) == 0 ? SECTION_DROPS
                                                                   : SECTION_COUNTERS;
    (void)sentence;
    if (section != list->section)
        return;
    fprintf(list->file, "%s", list->written++ > 0 ? "," : "");
    message_json_string(list->file, section == SECTION_DROPS ? name + prefix : name);
    fprintf(list->file, ":%llu", (unsigned long long)value);
}

static void write_section(FILE *file, const struct tunny *stack, enum section section)
{
    struct listing_of_counters list = {.file = file, .section = section};
    fprintf(file, ",\"%s\":{", section == SECTION_DROPS ? "drops" : "counters");
    tunny_counters(stack, write_counter, &list);
    fprintf(file, "}");
}

static void write_impairments(FILE *file, const struct tunny *stack)
{
    static const char *const names[] = {"impair_out", "impair_in"};
    for (unsigned direction = 0; direction < 2; direction++) {
        struct tunny_impair_counts c = tunny_impair_counts(stack, direction);
        fprintf(file,
                ",\"%s\":{\"packets\":%llu,\"lost\":%llu,\"duplicated\":%llu,\"reordered\":%llu,"
                "\"corrupted\":%llu,\"delayed\":%llu,\"overlimit\":%llu,\"ecn_marked\":%llu}",
                names[direction], (unsigned long long)c.packets, (unsigned long long)c.lost,
                (unsigned long long)c.duplicated, (unsigned long long)c.reordered,
                (unsigned long long)c.corrupted, (unsigned long long)c.delayed,
                (unsigned long long)c.overlimit, (unsigned long long)c.ecn_marked);
    }
}

static void write_object(FILE *file, const struct tunny *stack, int64_t start_ns)
{
    uint64_t used, peak;
    tunny_memory(stack, &used, &peak);
    fprintf(file,
            "{\"seed\":%llu,\"seconds\":%.6f,\"interface\":", (unsigned long long)tunny_seed(stack),
            (double)(tunny_now_ns(stack) - start_ns) / 1e9);
    message_json_string(file, tunny_interface(stack));
    fprintf(file, ",\"memory_peak\":%llu", (unsigned long long)peak);
    write_section(file, stack, SECTION_COUNTERS);
    write_section(file, stack, SECTION_DROPS);
    write_impairments(file, stack);
    fprintf(file, "}\n");
}

int stats_write(const char *path, const struct tunny *stack, int64_t start_ns)
{
    int is_standard_output = strcmp(path, "-") == 0;
    FILE *file = is_standard_output ? stdout : fopen(path, "we");
    if (file == NULL)
        return -errno;
    write_object(file, stack, start_ns);
    int is_bad = fflush(file) != 0 || ferror(file);
    if (!is_standard_output && fclose(file) != 0)
        is_bad = 1;
    return is_bad ? -EIO : 0;
}
