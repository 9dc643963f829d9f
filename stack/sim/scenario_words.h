/* The words of one line of a scenario: pairs of a name and a value, flags, numbers with units.
 * Called by scenario.c; knows nothing of what they mean. */
#ifndef TUNNY_SIM_SCENARIO_WORDS_H
#define TUNNY_SIM_SCENARIO_WORDS_H

#include "dev/netem_units.h"

enum scenario_word_kind {
    SCENARIO_FLAG,   /* bool; no value behind it */
    SCENARIO_BYTES,  /* uint64_t: "1000", "64k", "10m", "2g" (powers of 1024) */
    SCENARIO_NUMBER, /* uint32_t, the same units */
    SCENARIO_TIME,   /* struct duration: "2s", "20ms", "1h" */
    SCENARIO_CLOCK,  /* struct duration: "2^32ms-5s", "2^31us", "100s" */
    SCENARIO_TEXT,   /* char [] of `most` bytes */
};

struct scenario_word {
    const char *name;
    enum scenario_word_kind kind;
    size_t offset; /* in the struct that is being filled */
    uint64_t most; /* the largest number; of a text its array's size */
};

/* A line being read. */
struct scenario_line {
    struct netem_words words;
    unsigned number;
    char *error;
    size_t error_size;
};

/* Writes "line 3: ..." and returns -EINVAL. */
__attribute__((format(printf, 2, 3))) int scenario_wrong(struct scenario_line *line,
                                                         const char *format, ...);

/* Takes one pair or flag of the table into `object`: 1; 0: the next word is not in the table;
 * -EINVAL. */
int scenario_take_word(struct scenario_line *line, const struct scenario_word *table, size_t count,
                       void *object);
/* Takes all that are left; a word that is not in the table is an error. 0 or -EINVAL. */
int scenario_take_words(struct scenario_line *line, const struct scenario_word *table, size_t count,
                        void *object);

/* 0 or -EINVAL. */
int scenario_read_bytes(const char *word, uint64_t *bytes);
int scenario_read_time(const char *word, struct duration *time);
int scenario_read_clock(const char *word, struct duration *time);

#endif
