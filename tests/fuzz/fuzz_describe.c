/* Any bytes as a packet to describe: one terminated line of the promised size, and the same
 * beginning in a shorter one. */
#include "base/check.h"
#include "wire/describe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { SHORT = 40, LONG = 512 };
    char short_line[SHORT], line[LONG];
    struct bytes packet = {data, size};
    describe_packet(packet, line, sizeof line);
    describe_packet(packet, short_line, sizeof short_line);
    size_t length = strnlen(line, sizeof line);
    CHECK(length > 0 && length < sizeof line);
    size_t expected = length < sizeof short_line ? length : sizeof short_line - 1;
    CHECK(strnlen(short_line, sizeof short_line) == expected);
    CHECK(memcmp(short_line, line, expected) == 0);
    for (size_t i = 0; i < length; i++)
        CHECK(line[i] >= ' ' && line[i] <= '~');
    return 0;
}
