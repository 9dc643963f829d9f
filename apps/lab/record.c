/* Rows of a CSV (RFC 4180); see record.h. */
#include "lab/record.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* section, repeat, seed, outcome, note */
enum { COLUMNS = 5 + DIMENSIONS + METRICS, ROW_SIZE = 4096 };

static const char *const outcome_names[OUTCOMES] = {"done", "timeout", "failed"};

const char *outcome_name(enum outcome outcome)
{
    return outcome_names[outcome];
}

void result_clear(struct result *result)
{
    *result = (struct result){.outcome = OUTCOME_FAILED};
    for (unsigned m = 0; m < METRICS; m++)
        result->metric[m] = NAN;
}

void record_fill(struct record *record, const struct cell *cell, uint64_t repeat,
                 const struct result *result)
{
    *record = (struct record){.repeat = repeat, .result = *result};
    record->seed = cell->section->seed + repeat - 1;
    snprintf(record->section, sizeof record->section, "%s", cell->section->name);
    for (unsigned d = 0; d < DIMENSIONS; d++)
        snprintf(record->values[d], VALUE_SIZE, "%s", cell->values[d]);
}

void record_write_header(FILE *file)
{
    fprintf(file, "section");
    for (unsigned d = 0; d < DIMENSIONS; d++)
        fprintf(file, ",%s", dimension_name((enum dimension)d));
    fprintf(file, ",repeat,seed,outcome");
    for (unsigned m = 0; m < METRICS; m++)
        fprintf(file, ",%s", metric_name((enum metric)m));
    fprintf(file, ",note\n");
}

/* Quotes where there is a comma or a blank; the checks of values and notes exclude quotes. */
static void write_text(FILE *file, const char *text)
{
    const char *quote = strpbrk(text, ", ") != NULL ? "\"" : "";
    fprintf(file, ",%s%s%s", quote, text, quote);
}

void record_write(FILE *file, const struct record *record)
{
    fprintf(file, "%s", record->section);
    for (unsigned d = 0; d < DIMENSIONS; d++)
        write_text(file, record->values[d]);
    fprintf(file, ",%" PRIu64 ",%" PRIu64 ",%s", record->repeat, record->seed,
            outcome_name(record->result.outcome));
    for (unsigned m = 0; m < METRICS; m++) {
        double value = record->result.metric[m];
        if (isnan(value))
            fprintf(file, ",");
        else
            fprintf(file, ",%.6g", value);
    }
    write_text(file, record->result.note);
    fprintf(file, "\n");
}

/* Cuts a row into its columns where it stands. How many. */
static unsigned split(char *row, char *columns[COLUMNS])
{
    unsigned count = 0;
    while (count < COLUMNS) {
        char *end;
        if (*row == '"') {
            columns[count++] = ++row;
            end = strchr(row, '"');
            if (end == NULL)
                return 0;
            *end++ = '\0';
        } else {
            columns[count++] = row;
            end = row + strcspn(row, ",");
        }
        if (*end == '\0')
            return count;
        if (*end != ',')
            return 0;
        *end = '\0';
        row = end + 1;
    }
    return 0;
}

static int read_outcome(const char *text, enum outcome *outcome)
{
    for (unsigned i = 0; i < OUTCOMES; i++)
        if (strcmp(outcome_names[i], text) == 0) {
            *outcome = (enum outcome)i;
            return 0;
        }
    return -EINVAL;
}

static int read_row(char *row, struct record *record)
{
    char *columns[COLUMNS] = {0};
    *record = (struct record){0};
    if (split(row, columns) != COLUMNS)
        return -EINVAL;
    char **at = columns;
    snprintf(record->section, sizeof record->section, "%s", *at++);
    for (unsigned d = 0; d < DIMENSIONS; d++)
        snprintf(record->values[d], VALUE_SIZE, "%s", *at++);
    record->repeat = strtoull(*at++, NULL, 10);
    record->seed = strtoull(*at++, NULL, 10);
    if (record->repeat == 0 || read_outcome(*at++, &record->result.outcome) < 0)
        return -EINVAL;
    for (unsigned m = 0; m < METRICS; m++, at++)
        record->result.metric[m] = **at == '\0' ? (double)NAN : strtod(*at, NULL);
    snprintf(record->result.note, NOTE_SIZE, "%s", *at);
    return 0;
}

static int is_header(const char *row)
{
    char wanted[ROW_SIZE] = "";
    FILE *memory = fmemopen(wanted, sizeof wanted, "w");
    if (memory == NULL)
        return 0;
    record_write_header(memory);
    fclose(memory);
    return strcmp(wanted, row) == 0;
}

static int read_rows(FILE *file, struct records *records, long *whole)
{
    char row[ROW_SIZE];
    *whole = 0;
    for (int is_first = 1; fgets(row, sizeof row, file) != NULL; is_first = 0) {
        size_t length = strlen(row);
        struct record record;
        if (row[length - 1] != '\n')
            return feof(file) ? 0 : -EINVAL;
        if (is_first) {
            if (!is_header(row))
                return -EINVAL;
        } else {
            row[length - 1] = '\0';
            if (read_row(row, &record) < 0)
                return -EINVAL;
            int result = records_add(records, &record);
            if (result < 0)
                return result;
        }
        *whole = ftell(file);
    }
    return ferror(file) ? -EIO : 0;
}

int records_read(const char *path, struct records *records, long *whole)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return -errno;
    int result = read_rows(file, records, whole);
    fclose(file);
    return result;
}

int records_add(struct records *records, const struct record *record)
{
    if (records->count == records->room) {
        size_t room = records->room == 0 ? 64 : records->room * 2;
        struct record *list = realloc(records->list, room * sizeof *list);
        if (list == NULL)
            return -ENOMEM;
        records->list = list;
        records->room = room;
    }
    records->list[records->count++] = *record;
    return 0;
}

void records_free(struct records *records)
{
    free(records->list);
    *records = (struct records){0};
}

int record_is_of(const struct record *record, const struct cell *cell)
{
    if (strcmp(record->section, cell->section->name) != 0)
        return 0;
    for (unsigned d = 0; d < DIMENSIONS; d++)
        if (strcmp(record->values[d], cell->values[d]) != 0)
            return 0;
    return 1;
}

const struct record *records_find(const struct records *records, const struct cell *cell,
                                  uint64_t repeat)
{
    for (size_t i = 0; i < records->count; i++)
        if (records->list[i].repeat == repeat && record_is_of(&records->list[i], cell))
            return &records->list[i];
    return NULL;
}
