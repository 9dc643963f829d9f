/* Making a failure small, see shrink.h: greedy passes over lines, over words and pairs of words,
 * and over numbers, until none of them helps any more. */
#include "shrink.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct shrinker {
    char *best;
    shrink_test *fails;
    void *context;
    unsigned tries; /* left */
};

/* Takes `candidate` (malloc()ed, given away) when it fails too. */
static bool try(struct shrinker *s, char *candidate)
{
    bool good = false;

    if (candidate == NULL)
        abort();
    if (s->tries > 0 && strcmp(candidate, s->best) != 0) {
        s->tries--;
        good = s->fails(candidate, s->context);
    }
    if (good) {
        free(s->best);
        s->best = candidate;
    } else {
        free(candidate);
    }
    return good;
}

/* The best text with [from, to) replaced. */
static char *replaced(const char *text, size_t from, size_t to, const char *by)
{
    char *made = malloc(strlen(text) + strlen(by) + 1);

    if (made == NULL)
        abort();
    memcpy(made, text, from);
    strcpy(made + from, by);
    strcat(made, text + to);
    return made;
}

static size_t next_line(const char *text, size_t at)
{
    at += strcspn(text + at, "\n");
    return at + (text[at] == '\n');
}

/* Leaves out `count` lines at a time, the last ones first. */
static bool drop_lines(struct shrinker *s, unsigned count)
{
    bool helped = false;
    size_t starts[4096];
    unsigned lines = 0;

    for (size_t at = 0; s->best[at] && lines < 4095; at = next_line(s->best, at))
        starts[lines++] = at;
    starts[lines] = strlen(s->best);
    for (unsigned i = lines; i >= count && i > 0; i--) {
        unsigned first = i - count;
        if (!try(s, replaced(s->best, starts[first], starts[i], "")))
            continue;
        helped = true;
        return helped; /* the places have changed */
    }
    return helped;
}

/* Leaves out up to four words that begin at `at`. */
static bool drop_words_at(struct shrinker *s, size_t at)
{
    size_t end = at;

    for (unsigned words = 0; words < 4; words++) {
        end += strspn(s->best + end, " ");
        end += strcspn(s->best + end, " \n");
        if (try(s, replaced(s->best, at, end, "")))
            return true;
        if (s->best[end] == '\n' || s->best[end] == '\0')
            break;
    }
    return false;
}

static bool drop_words(struct shrinker *s)
{
    bool helped = false;

    for (size_t at = 0; s->best[at]; at++) {
        if (s->best[at] != ' ')
            continue;
        while (s->best[at] == ' ' && drop_words_at(s, at))
            helped = true;
        if (!s->best[at])
            break;
    }
    return helped;
}

/* Numbers that stand at the beginning of a word: zero, one, half, a round one. */
static bool smaller_number(struct shrinker *s, size_t at)
{
    char *end, text[32];
    unsigned long long value = strtoull(s->best + at, &end, 10);
    size_t to = (size_t)(end - s->best);
    const unsigned long long candidates[] = {
        0, 1, value / 10, value / 2, value / 10 * 10, value / 100 * 100};

    for (size_t i = 0; i < sizeof candidates / sizeof *candidates; i++) {
        if (candidates[i] >= value)
            continue;
        snprintf(text, sizeof text, "%llu", candidates[i]);
        if (try(s, replaced(s->best, at, to, text)))
            return true;
    }
    return false;
}

static bool smaller_numbers(struct shrinker *s)
{
    bool helped = false;

    for (size_t at = 1; s->best[at]; at++) {
        while (isdigit((unsigned char)s->best[at]) && s->best[at - 1] == ' ' &&
               smaller_number(s, at))
            helped = true;
    }
    return helped;
}

char *shrink(const char *text, shrink_test *fails, void *context, unsigned tries)
{
    struct shrinker s = {.best = strdup(text), .fails = fails, .context = context, .tries = tries};
    bool helped = true;

    while (helped && s.tries > 0) {
        helped = false;
        for (unsigned count = 8; count > 0; count /= 2)
            while (drop_lines(&s, count))
                helped = true;
        helped |= drop_words(&s);
        helped |= smaller_numbers(&s);
    }
    return s.best;
}
