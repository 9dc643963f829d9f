/* Bodies whose every byte is known; see generate.h. */
#include "serve/generate.h"

#include <errno.h>
#include <string.h>

#include "common/numbers.h"

static uint64_t word_at(uint64_t seed, uint64_t index)
{
    uint64_t z = seed + (index + 1) * UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static void store_word(uint64_t word, unsigned char bytes[8])
{
    for (unsigned i = 0; i < 8; i++)
        bytes[i] = (unsigned char)(word >> 8 * i);
}

void generate_bytes(uint64_t seed, uint64_t offset, void *out, size_t length)
{
    unsigned char *to = out, bytes[8];
    uint64_t index = offset / 8;
    size_t skip = offset % 8;
    while (length > 0) {
        size_t part = 8 - skip < length ? 8 - skip : length;
        if (part == 8) {
            store_word(word_at(seed, index), to);
        } else {
            store_word(word_at(seed, index), bytes);
            memcpy(to, bytes + skip, part);
        }
        skip = 0;
        index++;
        to += part;
        length -= part;
    }
}

int generate_parse(const char *text, uint64_t *size, uint64_t *seed)
{
    char number[32];
    size_t length = strcspn(text, "?");
    if (length >= sizeof number)
        return -EINVAL;
    memcpy(number, text, length);
    number[length] = '\0';
    *seed = 0;
    if (size_parse(number, size) < 0 || *size > INT64_MAX)
        return -EINVAL;
    if (text[length] == '\0')
        return 0;
    const char *query = text + length + 1;
    if (strncmp(query, "seed=", 5) != 0 || number_parse(query + 5, UINT64_MAX, seed) < 0)
        return -EINVAL;
    return 0;
}
