/* netem_exact - compares the fates of packets between the kernel's netem and our engine. Run by
 * scripts/netem-exact: `record` inside a kernel with virtual time, `compare` anywhere. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "exact/fate_cases.h"
#include "exact/fate_kernel.h"

static const char usage[] =
    "usage: netem_exact record SPECS PACKETS RANDOM SEED FILE   what the kernel does, into FILE:\n"
    "                          PACKETS packets through each specification of the file SPECS and\n"
    "                          through RANDOM random ones\n"
    "       netem_exact compare FILE   with what our engine does; status 1 when anything differs\n";

struct recording {
    struct fate_kernel kernel;
    struct random random;
    uint32_t packets;
    FILE *out;
};

static int record_one(struct recording *r, struct fate_record *record)
{
    record->packets = r->packets;
    return fate_kernel_record(&r->kernel, record, r->out);
}

static int record_file(struct recording *r, const char *path)
{
    FILE *specs = fopen(path, "re");
    char line[FATE_SPEC_SIZE];
    struct fate_record record;
    int rc = 0;

    if (specs == NULL) {
        perror(path);
        return -1;
    }
    while (rc == 0 && fgets(line, sizeof line, specs)) {
        if (fate_case_read(line, &r->random, &record))
            rc = record_one(r, &record);
    }
    fclose(specs);
    return rc;
}

static int record_all(char **arguments)
{
    struct recording r = {.packets = (uint32_t)strtoul(arguments[1], NULL, 10)};
    unsigned long draws = strtoul(arguments[2], NULL, 10);
    struct fate_record record;

    random_seed(&r.random, strtoull(arguments[3], NULL, 10));
    r.out = fopen(arguments[4], "we");
    if (r.out == NULL) {
        perror(arguments[4]);
        return 2;
    }
    int rc = fate_kernel_open(&r.kernel);
    if (rc == 0)
        rc = record_file(&r, arguments[0]);
    for (unsigned long i = 0; rc == 0 && i < draws; i++) {
        fate_case_draw(&r.random, &record);
        rc = record_one(&r, &record);
    }
    return fclose(r.out) || rc ? 2 : 0;
}

static char *read_whole(const char *path)
{
    FILE *file = fopen(path, "re");
    char *text = NULL;
    size_t size = 0;

    if (file == NULL || getdelim(&text, &size, '\0', file) < 0) {
        perror(path);
        free(text);
        text = NULL;
    }
    if (file)
        fclose(file);
    return text;
}

static int compare_all(const char *path)
{
    char *text = read_whole(path), complaint[FATE_COMPLAINT_SIZE];
    const char *at = text;
    unsigned specs = 0, different = 0;
    uint64_t packets = 0;
    struct fate_record record;

    while (at && fate_record_read(&at, &record)) {
        bool same = fate_record_agrees(&record, complaint);
        printf("%s  %s\n", same ? "equal    " : "DIFFERENT", record.spec);
        if (!same)
            printf("           %s\n", complaint);
        specs++;
        packets += record.packets;
        different += !same;
        fate_record_free(&record);
    }
    bool complete = at && at[strspn(at, " \n")] == '\0';
    free(text);
    if (!complete || specs == 0) {
        fprintf(stderr, "netem_exact: %s is no record to the end\n", path);
        return 2;
    }
    if (different)
        printf("%u specs, %" PRIu64 " packets, %u specs differ\n", specs, packets, different);
    else
        printf("%u specs, %" PRIu64 " packets, all fates equal\n", specs, packets);
    return different ? 1 : 0;
}

int main(int count, char **arguments)
{
    if (count == 7 && strcmp(arguments[1], "record") == 0)
        return record_all(arguments + 2);
    if (count == 3 && strcmp(arguments[1], "compare") == 0)
        return compare_all(arguments[2]);
    fputs(usage, stderr);
    return 2;
}
