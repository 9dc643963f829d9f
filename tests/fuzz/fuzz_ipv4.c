/* Any bytes as an IPv4 packet: what is read lies inside, and builds the same header again. */
#include "base/check.h"
#include "wire/ipv4.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ipv4_header header;
    uint8_t built[IPV4_HEADER_LENGTH];
    enum ipv4_fault fault = ipv4_parse((struct bytes){data, size}, &header);
    if (fault != IPV4_OK && fault != IPV4_BAD_CHECKSUM)
        return 0;
    CHECK(header.header_length >= IPV4_HEADER_LENGTH);
    CHECK(header.header_length <= header.total_length && header.total_length <= size);
    CHECK(header.options.data + header.options.len == data + header.header_length);
    ipv4_build(&header, built);
    CHECK(memcmp(built + 1, data + 1, 9) == 0);
    CHECK(memcmp(built + 12, data + 12, 8) == 0);
    CHECK(fault != IPV4_OK || header.options.len || get_be16(built + 10) == get_be16(data + 10) ||
          get_be16(data + 10) == 0xffff);
    return 0;
}
