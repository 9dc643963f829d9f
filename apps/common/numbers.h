/* Numbers that users type and read. Called by the option parsers and by whoever prints sizes. */
#ifndef TUNNY_COMMON_NUMBERS_H
#define TUNNY_COMMON_NUMBERS_H

#include <stddef.h>
#include <stdint.h>

/* A decimal number of digits only, at most `most`. 0; -EINVAL, -ERANGE. */
int number_parse(const char *text, uint64_t most, uint64_t *value);

/* A number with k, M, G or T behind it, perhaps followed by "iB" or "B": powers of 1024. Bytes.
 * 0; -EINVAL, -ERANGE. */
int size_parse(const char *text, uint64_t *bytes);

/* Seconds with up to nine decimals, as nanoseconds; at most 10 years. 0; -EINVAL, -ERANGE. */
int seconds_parse(const char *text, int64_t *nanoseconds);

/* "812 B", "3.4 MiB" ... Returns `out`. */
enum { SIZE_TEXT = 32 };
char *size_text(uint64_t bytes, char out[SIZE_TEXT]);

#endif
