/* Any bytes as a super-segment: five bytes of what a device says about it, then the packet. No
 * piece is longer than the whole, and behind the last there is nothing. */
#include "base/check.h"
#include "wire/gso.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FACTS = 5, PIECES_MOST = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t out[PACKET_LARGEST];
    if (size < FACTS || size > PACKET_LARGEST)
        return 0;
    struct packet super = {
        .parts = {{data + FACTS, size - FACTS}},
        .count = 1,
        .gso_size = get_be16(data),
        .checksum = data[2] & 1 ? PACKET_CHECKSUM_PARTIAL : PACKET_CHECKSUM_IN_FULL,
        .checksum_at = data[3],
        .checksum_offset = data[4],
    };
    size_t count = gso_count(&super);
    CHECK(count >= 1 && count <= size);
    for (size_t i = 0; i < count && i < PIECES_MOST; i++) {
        size_t length = gso_cut(&super, i, out, sizeof out);
        CHECK(length <= super.parts[0].len);
        CHECK(super.gso_size == 0 || i == 0 || length > 0);
    }
    CHECK(gso_cut(&super, count, out, sizeof out) == 0);
    return 0;
}
