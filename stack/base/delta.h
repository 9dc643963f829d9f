/* An object written down as its difference from another one of the same type, the model: what is
 * equal costs nothing, a word that is near the model's or near one that was written just before
 * costs one byte and as many as they differ by. Objects are seen as words of 64 bits: no list of
 * fields, so that a field that is added later cannot be forgotten. Knows nothing of what the words
 * mean; pointers into the object itself are for the caller to take out. */
#ifndef TUNNY_BASE_DELTA_H
#define TUNNY_BASE_DELTA_H

#include <stddef.h>
#include <stdint.h>

/* Writes how `object` differs from `model`, both `size` bytes (a multiple of 8), into `out`;
 * returns the length, which may be 0, or SIZE_MAX when it is more than `room`. */
size_t delta_write(const void *object, const void *model, size_t size, uint8_t *out, size_t room);

/* The object again. CHECKs that the difference was made for this size. */
void delta_read(void *object, const void *model, size_t size, const uint8_t *delta, size_t length);

#endif
