/* The differences of delta.h. Each changed word is a head and up to eight bytes:
 *
 *   head   gap (2 bits): words before it that are as in the model; 3: that many and more, in the
 *          next bytes, each up to 255, which is followed by another
 *          near (3 bits): 0: the model's word at this place; n: the n-th of the words written
 *          last, newest first
 *          length (3 bits): bytes that follow, 7 means 8
 *   bytes  what is to be added to the near word, zigzag, low byte first
 *
 * Connections are full of numbers that stand near one another (sequence numbers, times), which is
 * what the words written last are for. Called by TCP, for connections that sleep. */
#include "base/delta.h"

#include <string.h>

#include "base/check.h"

enum { WORD = 8, NEAR_WORDS = 7, GAP_IN_HEAD = 3, LONGEST = 7, HEAD_MOST = 1 + WORD };

/* The words written last. */
struct near {
    uint64_t words[NEAR_WORDS + 1];
    unsigned newest;
};

static uint64_t near_word(const struct near *near, unsigned n)
{
    return near->words[(near->newest + 1 - n) & NEAR_WORDS];
}

static void remember(struct near *near, uint64_t word)
{
    near->newest++;
    near->words[near->newest & NEAR_WORDS] = word;
}

static uint64_t word_at(const void *object, size_t at)
{
    uint64_t word;
    memcpy(&word, (const uint8_t *)object + at, sizeof word);
    return word;
}

/* Small numbers of either sign become small numbers. */
static uint64_t zigzag(uint64_t difference)
{
    return difference << 1 ^ (difference >> 63 ? UINT64_MAX : 0);
}

static uint64_t unzigzag(uint64_t coded)
{
    return coded >> 1 ^ (coded & 1 ? UINT64_MAX : 0);
}

static unsigned bytes_of(uint64_t coded)
{
    unsigned bytes = coded ? (64 - (unsigned)__builtin_clzll(coded) + 7) / 8 : 0;
    return bytes < LONGEST ? bytes : WORD;
}

/* The near word from which the fewest bytes lead to `word`; they go to *coded. */
static unsigned choose(const struct near *near, uint64_t model, uint64_t word, uint64_t *coded)
{
    unsigned best = 0;

    *coded = zigzag(word - model);
    for (unsigned n = 1; n <= NEAR_WORDS && *coded > UINT8_MAX; n++) {
        uint64_t other = zigzag(word - near_word(near, n));
        if (other < *coded) {
            *coded = other;
            best = n;
        }
    }
    return best;
}

static uint8_t *write_number(uint8_t *out, uint64_t number, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        *out++ = (uint8_t)(number >> 8 * i);
    return out;
}

static uint64_t read_number(const uint8_t *in, unsigned bytes)
{
    uint64_t number = 0;
    for (unsigned i = 0; i < bytes; i++)
        number |= (uint64_t)in[i] << 8 * i;
    return number;
}

static uint8_t *write_gap(uint8_t *out, size_t beyond_head)
{
    for (; beyond_head >= UINT8_MAX; beyond_head -= UINT8_MAX)
        *out++ = UINT8_MAX;
    *out++ = (uint8_t)beyond_head;
    return out;
}

size_t delta_write(const void *object, const void *model, size_t size, uint8_t *out, size_t room)
{
    struct near near = {.newest = 0};
    const uint8_t *begin = out, *end = out + room;
    size_t gap = 0;

    CHECK(size % WORD == 0);
    for (size_t at = 0; at < size; at += WORD, gap++) {
        uint64_t word = word_at(object, at), expected = word_at(model, at), coded;
        if (word == expected)
            continue;
        if ((size_t)(end - out) < HEAD_MOST + 1 + gap / UINT8_MAX)
            return SIZE_MAX;
        unsigned from = choose(&near, expected, word, &coded), bytes = bytes_of(coded);
        unsigned head_gap = gap < GAP_IN_HEAD ? (unsigned)gap : GAP_IN_HEAD;
        *out++ = (uint8_t)(head_gap << 6 | from << 3 | (bytes < LONGEST ? bytes : LONGEST));
        if (gap >= GAP_IN_HEAD)
            out = write_gap(out, gap - GAP_IN_HEAD);
        out = write_number(out, coded, bytes);
        if (bytes > 0 || from == 0)
            remember(&near, word);
        gap = SIZE_MAX; /* this word itself is none */
    }
    return (size_t)(out - begin);
}

void delta_read(void *object, const void *model, size_t size, const uint8_t *delta, size_t length)
{
    struct near near = {.newest = 0};
    const uint8_t *end = delta + length;

    memcpy(object, model, size);
    for (size_t at = 0; delta < end; at += WORD) {
        unsigned head = *delta++, from = head >> 3 & NEAR_WORDS, bytes = head & LONGEST;
        at += (head >> 6) * WORD;
        if (head >> 6 == GAP_IN_HEAD) {
            do {
                CHECK(delta < end);
                at += *delta * (size_t)WORD;
            } while (*delta++ == UINT8_MAX);
        }
        bytes = bytes < LONGEST ? bytes : WORD;
        CHECK(at < size && bytes <= (size_t)(end - delta));
        uint64_t word = from ? near_word(&near, from) : word_at(model, at);
        word += unzigzag(read_number(delta, bytes));
        delta += bytes;
        if (bytes > 0 || from == 0)
            remember(&near, word);
        memcpy((uint8_t *)object + at, &word, sizeof word);
    }
}
