/* The words of a netem specification and the numbers in them, as iproute2 7.1 reads them: times,
 * rates, sizes, percentages. Called by the parsers of netem and of what goes beyond it. Reads text
 * only. */
#ifndef TUNNY_DEV_NETEM_UNITS_H
#define TUNNY_DEV_NETEM_UNITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/time.h"

enum { NETEM_WORD_SIZE = 256, NETEM_TIME_TEXT_SIZE = 32 };

/* Words between blanks, one word of foresight. */
struct netem_words {
    const char *rest;
    const char *end;
    char next[NETEM_WORD_SIZE]; /* what netem_words_take() will give; "" at the end */
};

/* `end` is not read. Words longer than 255 bytes are cut off there. */
void netem_words_start(struct netem_words *words, const char *text, const char *end);
/* Takes the next word; false (and "") when there is none. */
bool netem_words_take(struct netem_words *words, char word[NETEM_WORD_SIZE]);
/* Whether the next word starts like a number without sign, or with one. */
bool netem_words_number_follows(const struct netem_words *words);
bool netem_words_signed_number_follows(const struct netem_words *words);

/* Each reads a whole word: 0, or -EINVAL when it is not of this kind or out of range. */

/* "20ms", "1.5s", "300us", "10": s, ms, us, ns; a bare number counts nanoseconds. Not negative. */
int netem_read_time(const char *word, struct duration *time);
/* The other way round, in the largest unit that leaves no fraction; returns `text`. */
char *netem_time_text(struct duration time, char text[NETEM_TIME_TEXT_SIZE]);
/* "3%", "0.5": the share 0..1 of it. */
int netem_read_share(const char *word, double *share);
/* The share in units of 1/(2^32 - 1), halves to even. */
uint32_t netem_share_to_u32(double share);
/* "10mbit", "100kbps" (bytes), "1gibit", "10" (bit/s): bytes a second, rounded down. "50%": of
 * `device_rate` bytes a second, -ENODEV when that is 0. */
int netem_read_rate(const char *word, uint64_t device_rate, uint64_t *rate);
/* "1000", "10k" (1024), "64kb", "1mbit": units, rounded down. */
int netem_read_size(const char *word, uint32_t *size);
/* Decimal, or hexadecimal behind 0x. */
int netem_read_u64(const char *word, uint64_t *value);
int netem_read_u32(const char *word, uint32_t *value);
int netem_read_s32(const char *word, int32_t *value);

#endif
