/* The reader of experiments; see grid.h. One line is a key and words; a word may stand in double
 * quotes. The first section begins as a copy of what stands before it, and so does each other. */
#include "lab/grid.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/numbers.h"

enum { LINE_SIZE = 1024, RUNS_MOST = 100000 };

struct reader {
    struct grid *grid;
    struct section common; /* what stands before the first section */
    struct section *at;    /* where the next line goes */
    unsigned line;
    char *error;
    size_t error_size;
};

__attribute__((format(printf, 2, 3))) static int wrong(struct reader *reader, const char *format,
                                                       ...)
{
    va_list arguments;
    int used = snprintf(reader->error, reader->error_size, "line %u: ", reader->line);
    va_start(arguments, format);
    if (used > 0 && (size_t)used < reader->error_size)
        vsnprintf(reader->error + used, reader->error_size - (size_t)used, format, arguments);
    va_end(arguments);
    return -EINVAL;
}

static int is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* The next word at *text, or NULL at the end (also when a quote is not closed: then *text stays at
 * it). Writes a NUL behind the word. */
static char *take_word(char **text)
{
    char *at = *text;
    while (is_blank(*at))
        at++;
    *text = at;
    if (*at == '\0')
        return NULL;
    char *word = at, *end;
    if (*at == '"') {
        word++;
        end = strchr(word, '"');
        if (end == NULL)
            return NULL;
    } else {
        end = at + strcspn(at, " \t\r");
    }
    *text = *end == '\0' ? end : end + 1;
    *end = '\0';
    return word;
}

static int copy_text(struct reader *reader, const char *text, char *out, size_t size)
{
    size_t length = strlen(text);
    while (length > 0 && is_blank(text[length - 1]))
        length--;
    if (length >= size)
        return wrong(reader, "longer than %zu characters", size - 1);
    memcpy(out, text, length);
    out[length] = '\0';
    return 0;
}

static int take_dimension(struct reader *reader, enum dimension dimension, char *rest)
{
    struct values *values = &reader->at->dimension[dimension];
    char *word;
    values->count = 0;
    while ((word = take_word(&rest)) != NULL) {
        const char *expected = dimension_check(dimension, word);
        if (expected != NULL)
            return wrong(reader, "%s %s: expected %s", dimension_name(dimension), word, expected);
        if (values->count == VALUES_MOST)
            return wrong(reader, "%s: more than %d values", dimension_name(dimension), VALUES_MOST);
        int result = copy_text(reader, word, values->text[values->count], VALUE_SIZE);
        if (result < 0)
            return result;
        values->count++;
    }
    if (*rest != '\0')
        return wrong(reader, "a quote is not closed");
    if (values->count == 0)
        return wrong(reader, "%s: a value is missing", dimension_name(dimension));
    return 0;
}

static int take_number(struct reader *reader, const char *key, const char *text, uint64_t most,
                       uint64_t *value)
{
    if (number_parse(text, most, value) < 0 || *value == 0)
        return wrong(reader, "%s %s: expected a number from 1 to %llu", key, text,
                     (unsigned long long)most);
    return 0;
}

static int take_time(struct reader *reader, const char *key, const char *text, double *seconds)
{
    if (time_parse(text, seconds) < 0)
        return wrong(reader, "%s %s: expected a time, 10s", key, text);
    return 0;
}

static int take_shown(struct reader *reader, char *rest)
{
    struct section *section = reader->at;
    char *word;
    section->shown_count = 0;
    while ((word = take_word(&rest)) != NULL) {
        enum metric metric = metric_of(word);
        if (metric == METRICS || section->shown_count == SHOWN_MOST)
            return wrong(reader, "show %s: expected at most %d of the CSV's results", word,
                         SHOWN_MOST);
        section->shown[section->shown_count++] = metric;
    }
    return section->shown_count > 0 ? 0 : wrong(reader, "show: a result's name is missing");
}

static int take_setting(struct reader *reader, const char *key, char *rest)
{
    struct section *at = reader->at;
    if (strcmp(key, "title") == 0)
        return copy_text(reader, rest, reader->grid->title, sizeof reader->grid->title);
    if (strcmp(key, "about") == 0)
        return copy_text(reader, rest, at->about, sizeof at->about);
    if (strcmp(key, "schedule") == 0)
        return copy_text(reader, rest, at->schedule, sizeof at->schedule);
    if (strcmp(key, "show") == 0)
        return take_shown(reader, rest);
    char *word = take_word(&rest);
    if (word == NULL || take_word(&rest) != NULL)
        return wrong(reader, "%s: expected one value", key);
    if (strcmp(key, "repeats") == 0)
        return take_number(reader, key, word, 1000, &at->repeats);
    if (strcmp(key, "seed") == 0)
        return take_number(reader, key, word, UINT32_MAX, &at->seed);
    if (strcmp(key, "requests") == 0)
        return take_number(reader, key, word, 1000, &at->requests);
    if (strcmp(key, "time") == 0)
        return take_time(reader, key, word, &at->time);
    if (strcmp(key, "skip") == 0)
        return take_time(reader, key, word, &at->skip);
    if (strcmp(key, "timeout") == 0)
        return take_time(reader, key, word, &at->timeout);
    if (strcmp(key, "axis") == 0) {
        at->axis = dimension_of(word);
        return at->axis < DIMENSIONS ? 0 : wrong(reader, "axis %s: no such dimension", word);
    }
    return wrong(reader, "there is no key %s", key);
}

static int begin_section(struct reader *reader, char *line)
{
    struct grid *grid = reader->grid;
    char *end = strchr(line, ']');
    if (end == NULL || end == line + 1)
        return wrong(reader, "expected [NAME]");
    *end = '\0';
    if (dimension_check(DIMENSION_CC, line + 1) != NULL)
        return wrong(reader, "[%s]: a name has small letters, digits, - and _", line + 1);
    for (unsigned i = 0; i < grid->section_count; i++)
        if (strcmp(grid->sections[i].name, line + 1) == 0)
            return wrong(reader, "[%s] is there twice", line + 1);
    if (grid->section_count == SECTIONS_MOST)
        return wrong(reader, "more than %d sections", SECTIONS_MOST);
    reader->at = &grid->sections[grid->section_count++];
    *reader->at = reader->common;
    return copy_text(reader, line + 1, reader->at->name, sizeof reader->at->name);
}

static int take_line(struct reader *reader, char *line)
{
    while (is_blank(*line))
        line++;
    if (*line == '\0' || *line == '#')
        return 0;
    if (*line == '[')
        return begin_section(reader, line);
    char *rest = line + strcspn(line, " \t\r");
    if (*rest != '\0')
        *rest++ = '\0';
    while (is_blank(*rest))
        rest++;
    enum dimension dimension = dimension_of(line);
    return dimension < DIMENSIONS ? take_dimension(reader, dimension, rest)
                                  : take_setting(reader, line, rest);
}

static void defaults(struct section *section)
{
    *section = (struct section){.name = "grid",
                                .repeats = 3,
                                .seed = 1,
                                .requests = 1,
                                .timeout = 120,
                                .axis = DIMENSIONS,
                                .shown = {METRIC_SECONDS},
                                .shown_count = 1};
    for (unsigned d = 0; d < DIMENSIONS; d++) {
        section->dimension[d].count = 1;
        snprintf(section->dimension[d].text[0], VALUE_SIZE, "%s",
                 dimension_fallback((enum dimension)d));
    }
}

static int check_section(struct reader *reader, const struct section *section)
{
    if (section->time > 0 && section->skip >= section->time)
        return wrong(reader, "[%s]: skip is not shorter than time", section->name);
    if (section->timeout <= section->time)
        return wrong(reader, "[%s]: timeout is not longer than time", section->name);
    uint64_t runs = section->repeats;
    for (unsigned d = 0; d < DIMENSIONS; d++) {
        runs *= section->dimension[d].count;
        if (runs > RUNS_MOST)
            return wrong(reader, "[%s]: more than %d runs", section->name, RUNS_MOST);
    }
    return 0;
}

int grid_parse(const char *text, struct grid *grid, char *error, size_t error_size)
{
    struct reader reader = {.grid = grid, .error = error, .error_size = error_size};
    char line[LINE_SIZE];
    *grid = (struct grid){0};
    defaults(&reader.common);
    reader.at = &reader.common;
    while (*text != '\0') {
        size_t length = strcspn(text, "\n");
        reader.line++;
        if (length >= sizeof line)
            return wrong(&reader, "longer than %d characters", LINE_SIZE - 1);
        memcpy(line, text, length);
        line[length] = '\0';
        int result = take_line(&reader, line);
        if (result < 0)
            return result;
        text += length + (text[length] == '\n');
    }
    if (grid->section_count == 0)
        grid->sections[grid->section_count++] = reader.common;
    for (unsigned i = 0; i < grid->section_count; i++) {
        int result = check_section(&reader, &grid->sections[i]);
        if (result < 0)
            return result;
    }
    return 0;
}

unsigned section_cells(const struct section *section)
{
    unsigned cells = 1;
    for (unsigned d = 0; d < DIMENSIONS; d++)
        cells *= section->dimension[d].count;
    return cells;
}

struct cell section_cell(const struct section *section, unsigned index)
{
    struct cell cell = {.section = section};
    for (unsigned d = DIMENSIONS; d-- > 0;) {
        const struct values *values = &section->dimension[d];
        cell.values[d] = values->text[index % values->count];
        index /= values->count;
    }
    return cell;
}

int section_varies(const struct section *section, enum dimension dimension)
{
    return section->dimension[dimension].count > 1;
}

enum dimension section_axis(const struct section *section)
{
    if (section->axis < DIMENSIONS)
        return section->axis;
    for (unsigned d = 0; d < DIMENSION_STACK; d++)
        if (section_varies(section, (enum dimension)d))
            return (enum dimension)d;
    return DIMENSION_LOSS;
}
