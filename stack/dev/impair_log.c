/* The fate log, see the header. */
#include "dev/impair_log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

enum { LINE_SIZE = 2048 }; /* a comment may hold a clause of a specification */

static const char *const outcome_names[] = {
    [NETEM_DELAYED] = "delayed",
    [NETEM_AT_ONCE] = "at-once",
    [NETEM_LOST] = "lost",
    [NETEM_OVERLIMIT] = "overlimit",
};

static const char *const direction_names[] = {[IMPAIR_OUT] = "out", [IMPAIR_IN] = "in"};

size_t impair_log_print(const struct impair_log_line *line, char *text, size_t size)
{
    const struct netem_fate *fate = &line->fate;
    char bit[32] = "";

    if (fate->corrupted)
        snprintf(bit, sizeof bit, " bit %" PRIu32, fate->bit);
    int len = snprintf(text, size, "%s %" PRIu64 " %s %" PRId64 "%s%s%s",
                       direction_names[line->direction], line->number, outcome_names[fate->outcome],
                       fate->due.ns, fate->clone ? " clone" : "", fate->marked ? " marked" : "",
                       bit);
    return len > 0 ? (size_t)len : 0;
}

/* The index of the word in the list, -EINVAL when it is not there. */
static int find(const char *word, const char *const *names, int count)
{
    for (int i = 0; i < count; i++) {
        if (strcmp(word, names[i]) == 0)
            return i;
    }
    return -EINVAL;
}

static int read_flag(struct netem_words *words, const char *word, struct netem_fate *fate)
{
    char bit[NETEM_WORD_SIZE];

    if (strcmp(word, "clone") == 0) {
        fate->clone = true;
    } else if (strcmp(word, "marked") == 0) {
        fate->marked = true;
    } else if (strcmp(word, "bit") == 0) {
        fate->corrupted = true;
        netem_words_take(words, bit);
        return netem_read_u32(bit, &fate->bit);
    } else {
        return -EINVAL;
    }
    return 0;
}

int impair_log_read(const char *text, struct impair_log_line *line)
{
    struct netem_words words;
    char word[NETEM_WORD_SIZE];
    uint64_t size;

    *line = (struct impair_log_line){0};
    netem_words_start(&words, text, text + strlen(text));
    netem_words_take(&words, word);
    int direction = find(word, direction_names, IMPAIR_DIRECTIONS);
    netem_words_take(&words, word);
    if (direction < 0 || netem_read_u64(word, &line->number))
        return -EINVAL;
    netem_words_take(&words, word);
    int outcome = find(word, outcome_names, (int)(sizeof outcome_names / sizeof *outcome_names));
    netem_words_take(&words, word);
    bool negative = word[0] == '-';
    if (outcome < 0 || netem_read_u64(negative ? word + 1 : word, &size) || size > INT64_MAX)
        return -EINVAL;
    line->direction = (unsigned)direction;
    line->fate.outcome = (enum netem_outcome)outcome;
    line->fate.due.ns = negative ? -(int64_t)size : (int64_t)size;
    while (netem_words_take(&words, word)) {
        if (read_flag(&words, word, &line->fate))
            return -EINVAL;
    }
    return 0;
}

/* Room for one more line; grows by halves. */
static int grow(struct impair_recording *recording, size_t *room)
{
    if (recording->count < *room)
        return 0;
    size_t more = *room + *room / 2 + 64;
    struct impair_log_line *lines = realloc(recording->lines, more * sizeof *lines);
    if (lines == NULL)
        return -ENOMEM;
    recording->lines = lines;
    *room = more;
    return 0;
}

static int read_lines(struct impair_recording *recording, FILE *file, size_t *bad_line)
{
    char text[LINE_SIZE];
    size_t room = 0;

    for (*bad_line = 1; fgets(text, sizeof text, file); ++*bad_line) {
        if (text[0] == '#' || text[0] == '\n')
            continue;
        int rc = grow(recording, &room);
        if (rc == 0)
            rc = impair_log_read(text, &recording->lines[recording->count]);
        if (rc)
            return rc;
        recording->count++;
    }
    return 0;
}

/* By direction and number, a clone before its original: behind a bottleneck, fates are not decided
 * in the order of the packets' coming. */
static int compare_lines(const void *left, const void *right)
{
    const struct impair_log_line *a = left, *b = right;

    if (a->direction != b->direction)
        return a->direction < b->direction ? -1 : 1;
    if (a->number != b->number)
        return a->number < b->number ? -1 : 1;
    return (int)b->fate.clone - (int)a->fate.clone;
}

int impair_recording_open(struct impair_recording *recording, const char *path, size_t *bad_line)
{
    *recording = (struct impair_recording){0};
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return -errno;
    int rc = read_lines(recording, file, bad_line);
    fclose(file);
    if (rc)
        impair_recording_close(recording);
    else if (recording->count > 0)
        qsort(recording->lines, recording->count, sizeof *recording->lines, compare_lines);
    return rc;
}

void impair_recording_close(struct impair_recording *recording)
{
    free(recording->lines);
    *recording = (struct impair_recording){0};
}

const struct impair_log_line *impair_recording_next(struct impair_recording *recording,
                                                    unsigned direction, uint64_t number)
{
    size_t *next = &recording->next[direction];

    while (*next < recording->count && (recording->lines[*next].direction != direction ||
                                        recording->lines[*next].number < number))
        ++*next;
    if (*next == recording->count || recording->lines[*next].number != number)
        return NULL;
    return &recording->lines[(*next)++];
}
