/* The Internet checksum (RFC 1071, 1624). Sums are kept as 64-bit running totals, any alignment,
 * any split: a piece that starts at an odd offset of the whole is added with its bytes exchanged.
 */
#ifndef TUNNY_WIRE_CHECKSUM_H
#define TUNNY_WIRE_CHECKSUM_H

#include "base/bytes.h"
#include "wire/address.h"
#include "wire/packet.h"

struct checksum {
    uint64_t sum;
    size_t length; /* bytes so far; odd means that the next piece starts in the middle of a word */
};

/* Words of 32 bits in the machine's order (RFC 1071, 2(B)), not folded; `len` is a multiple of 4.
 */
static inline uint64_t checksum_sum_of_header(const uint8_t *header, size_t len)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < len; i += 4) {
        uint32_t words;
        memcpy(&words, header + i, sizeof words);
        sum += words;
    }
    return sum;
}

void checksum_add(struct checksum *c, const void *data, size_t len);
/* The same for a header, whose length is a multiple of 4: most sums are of 20 bytes. */
void checksum_add_header(struct checksum *c, const uint8_t *header, size_t len);
/* The pseudo-header of IPv4 (RFC 9293, 3.1) or IPv6 (RFC 8200, 8.1), by the addresses' family.
 * `length`: of the transport header and its payload. */
void checksum_add_pseudo(struct checksum *c, const struct address *source,
                         const struct address *destination, uint8_t protocol, uint32_t length);
/* The complement of the folded sum: what stands in the field. */
uint16_t checksum_finish(const struct checksum *c);
/* The folded sum without complement: what a PARTIAL field holds. */
uint16_t checksum_fold(const struct checksum *c);
/* Over one piece. A header with a right checksum in it gives 0. */
uint16_t checksum_of(const void *data, size_t len);
uint16_t checksum_of_header(const uint8_t *header, size_t len);
/* RFC 1624, eqn. 3: the field after one 16-bit word changed from `from` to `to`. */
uint16_t checksum_update(uint16_t field, uint16_t from, uint16_t to);
/* Completes a PARTIAL packet that lies in one piece: the field (CHECKed to lie inside) goes from
 * the pseudo-header's sum to the checksum. UDP's (checksum_offset 6) is never left at zero (RFC
 * 768). */
void checksum_complete(uint8_t *packet, size_t len, size_t checksum_at, size_t checksum_offset);

#endif
