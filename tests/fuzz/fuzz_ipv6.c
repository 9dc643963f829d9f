/* Any bytes as an IPv6 packet with extension headers: what the walk finds lies inside the packet.
 */
#include "base/check.h"
#include "wire/ipv6.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes packet = {data, size};
    struct ipv6_header header;
    struct ipv6_extensions found;
    uint8_t built[IPV6_HEADER_LENGTH];
    size_t pointer;
    bool to_multicast_too;
    enum ipv6_fault fault = ipv6_parse(packet, &header);
    if (fault != IPV6_OK && fault != IPV6_BAD_PAYLOAD_LENGTH)
        return 0;
    ipv6_build(&header, built);
    CHECK(memcmp(built, data, sizeof built) == 0);
    enum ipv6_walk walk = ipv6_walk_extensions(packet, &header, &found, &pointer,
                                               &to_multicast_too);
    CHECK(found.offset >= IPV6_HEADER_LENGTH && found.offset <= size);
    CHECK(found.offset <= IPV6_HEADER_LENGTH + (size_t)header.payload_length);
    CHECK(found.protocol_field < found.offset);
    CHECK(data[found.protocol_field] == found.protocol);
    CHECK(pointer < size);
    CHECK(walk == IPV6_WALK_OPTION_PROBLEM || !to_multicast_too);
    CHECK(!found.fragment ||
          found.fragment_header_at + IPV6_FRAGMENT_HEADER_LENGTH == found.offset);
    return 0;
}
