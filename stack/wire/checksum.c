/* The Internet checksum of RFC 1071, eight bytes or more at a time. The sum is kept in the
 * machine's own byte order (RFC 1071, 2(B): the sum does not depend on it) and in 64 bits with
 * end-around carry, since 2^16 - 1 divides 2^64 - 1; only the folded result is put into network
 * order. Called by every parser and builder; it must not know which field it is for. */
#include "wire/checksum.h"

#include "base/check.h"
#include "base/machine.h"

static uint64_t load64(const uint8_t *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof word);
    return word;
}

/* One's complement addition. */
static uint64_t add_around(uint64_t sum, uint64_t word)
{
    sum += word;
    return sum + (sum < word);
}

enum { BLOCK = 128, WORDS_A_BLOCK = BLOCK / 8 };

/* Up to 2^32 words, in a form that compilers make vectors of: the sum of all words is kept modulo
 * 2^64, that of their upper halves exactly, and the lower halves are the difference. No carry is
 * waited for. */
FOR_WIDE_VECTORS static uint64_t sum_of_blocks(const uint8_t *p, size_t blocks)
{
    uint64_t whole = 0, upper = 0;
#pragma GCC unroll 4
    for (size_t i = 0; i < blocks * WORDS_A_BLOCK; i++) {
        uint64_t word = load64(p + 8 * i);
        whole += word;
        upper += word >> 32;
    }
    return add_around(whole - (upper << 32), upper);
}

/* Fewer than 8 bytes; a last odd byte is the first half of a word whose other half is zero. */
static uint64_t sum_of_tail(const uint8_t *p, size_t len)
{
    uint64_t sum = 0;
    uint32_t long_word;
    uint16_t word;
    if (len & 4) {
        memcpy(&long_word, p, sizeof long_word);
        sum += long_word;
        p += 4;
    }
    if (len & 2) {
        memcpy(&word, p, sizeof word);
        sum += word;
        p += 2;
    }
    if (len & 1) {
        uint8_t padded[2] = {p[0], 0};
        memcpy(&word, padded, sizeof word);
        sum += word;
    }
    return sum;
}

static uint64_t sum_of(const uint8_t *p, size_t len)
{
    uint64_t sum = 0;
    if (len >= BLOCK) {
        sum = sum_of_blocks(p, len / BLOCK);
        p += len & ~(size_t)(BLOCK - 1);
        len %= BLOCK;
    }
    for (; len >= 8; len -= 8, p += 8)
        sum = add_around(sum, load64(p));
    return len ? add_around(sum, sum_of_tail(p, len)) : sum;
}

/* 2^16 - 1 divides what carries around: the rest is what is left, and 0 comes of 0 only. */
static uint16_t fold(uint64_t sum)
{
    return sum ? (uint16_t)((sum - 1) % UINT16_MAX + 1) : 0;
}

void checksum_add(struct checksum *c, const void *data, size_t len)
{
    if (len == 0)
        return;
    uint64_t sum = sum_of(data, len);
    /* RFC 1071, 2(B): every byte of this piece lies in the other half of its word. */
    if (c->length % 2)
        sum = __builtin_bswap16(fold(sum));
    c->sum = add_around(c->sum, sum);
    c->length += len;
}

/* All 16 bytes of both addresses: what makes an IPv4 address of them adds 0xffff, which is 0.
 * Length and protocol as IPv6 has them; IPv4 has 16 bits of each in the other order: to the sum it
 * is the same. */
void checksum_add_pseudo(struct checksum *c, const struct address *source,
                         const struct address *destination, uint8_t protocol, uint32_t length)
{
    uint8_t numbers[8];
    put_be32(numbers, length);
    put_be32(numbers + 4, protocol);
    uint64_t sum = add_around(load64(source->bytes), load64(source->bytes + 8));
    sum = add_around(sum, load64(destination->bytes));
    sum = add_around(sum, load64(destination->bytes + 8));
    sum = add_around(sum, load64(numbers));
    CHECK(c->length % 2 == 0);
    c->sum = add_around(c->sum, sum);
}

void checksum_add_header(struct checksum *c, const uint8_t *header, size_t len)
{
    c->sum = add_around(c->sum, checksum_sum_of_header(header, len));
}

uint16_t checksum_fold(const struct checksum *c)
{
    uint16_t sum = fold(c->sum);
    uint8_t bytes[2];
    memcpy(bytes, &sum, sizeof bytes);
    return get_be16(bytes);
}

uint16_t checksum_finish(const struct checksum *c)
{
    return (uint16_t)~checksum_fold(c);
}

uint16_t checksum_of(const void *data, size_t len)
{
    struct checksum c = {0};
    checksum_add(&c, data, len);
    return checksum_finish(&c);
}

uint16_t checksum_of_header(const uint8_t *header, size_t len)
{
    struct checksum c = {.sum = checksum_sum_of_header(header, len)};
    return checksum_finish(&c);
}

uint16_t checksum_update(uint16_t field, uint16_t from, uint16_t to)
{
    /* RFC 1624, 3, eqn. 3: HC' = ~(~HC + ~m + m') */
    return (uint16_t)~fold((uint64_t)(uint16_t)~field + (uint16_t)~from + to);
}

void checksum_complete(uint8_t *packet, size_t len, size_t checksum_at, size_t checksum_offset)
{
    enum { UDP_CHECKSUM_OFFSET = 6 };
    CHECK(checksum_at <= len && checksum_offset + 2 <= len - checksum_at);
    uint16_t checksum = checksum_of(packet + checksum_at, len - checksum_at);
    /* RFC 768: zero means that there is none, so a sum of zero goes as its other form. */
    if (checksum == 0 && checksum_offset == UDP_CHECKSUM_OFFSET)
        checksum = 0xffff;
    put_be16(packet + checksum_at + checksum_offset, checksum);
}
