/* Any bytes as an ICMP message of either family, and as what one quotes. The first byte chooses the
 * family. What can be read is built again. */
#include "base/check.h"
#include "wire/icmp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void replay_message(struct bytes message, const struct address *address)
{
    static uint8_t built[1 << 16];
    struct icmp_message read, again;
    bool bad_checksum;
    bool right = icmp_parse(message, address, address, &read, &bad_checksum);
    CHECK(!right || !bad_checksum);
    if ((!right && !bad_checksum) || message.len > sizeof built)
        return;
    CHECK(read.body.len == message.len - ICMP_HEADER_LENGTH);
    CHECK(icmp_build(&read, address, address, built, sizeof built) == message.len);
    CHECK(icmp_parse((struct bytes){built, message.len}, address, address, &again, &bad_checksum));
    CHECK(again.type == read.type && again.code == read.code && again.rest == read.rest);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct icmp_quoted quoted;
    if (size == 0)
        return 0;
    bool ipv6 = data[0] & 1;
    struct bytes message = {data + 1, size - 1};
    struct address address = {{0xfd}};
    if (!ipv6)
        address = address_from_ipv4_u32(0xc6120001);
    replay_message(message, &address);
    struct bytes body = bytes_part(message, ICMP_HEADER_LENGTH, message.len);
    if (!icmp_parse_quoted(body, ipv6, &quoted))
        return 0;
    CHECK(address_is_ipv4(&quoted.source) == !ipv6);
    CHECK(quoted.transport.len >= 8);
    CHECK(quoted.transport.data >= body.data);
    CHECK(quoted.transport.data + quoted.transport.len <= data + size);
    return 0;
}
