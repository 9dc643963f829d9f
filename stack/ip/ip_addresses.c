/* Which addresses are ours, which mean everybody, and which of ours to use towards whom (RFC
 * 1122, 3.2.1.3 and 3.3.6; RFC 6724 in small). Called by ip_arrives, icmp_out, ip, and everybody
 * above. */
#include "ip/ip_addresses.h"

bool ip_is_ours(const struct ip *ip, const struct address *a)
{
    for (unsigned i = 0; i < ip->config.address_count; i++) {
        if (address_equal(&ip->config.addresses[i].address, a))
            return true;
    }
    return ip->config.loopback && address_is_loopback(a);
}

bool ip_is_broadcast(const struct ip *ip, const struct address *a)
{
    if (address_is_broadcast(a))
        return true;
    for (unsigned i = 0; i < ip->config.address_count; i++) {
        const struct prefix *ours = &ip->config.addresses[i];
        if (!address_is_ipv4(&ours->address) || ours->length > 30)
            continue;
        struct address broadcast = prefix_broadcast(ours);
        if (address_equal(&broadcast, a))
            return true;
    }
    return false;
}

/* RFC 4291, 2.7.1: ff02::1:ffXX:XXXX for the last 24 bits of an address of ours. */
static bool is_solicited_node(const struct ip *ip, const struct address *a)
{
    static const uint8_t prefix[13] = {0xff, 0x02, [11] = 0x01, [12] = 0xff};
    if (memcmp(a->bytes, prefix, sizeof prefix) != 0)
        return false;
    for (unsigned i = 0; i < ip->config.address_count; i++) {
        const struct address *ours = &ip->config.addresses[i].address;
        if (!address_is_ipv4(ours) && memcmp(ours->bytes + 13, a->bytes + 13, 3) == 0)
            return true;
    }
    return false;
}

bool ip_is_our_group(const struct ip *ip, const struct address *a)
{
    static const struct address all_nodes = {{0xff, 0x02, [15] = 1}};
    struct address all_hosts = address_from_ipv4_u32(0xe0000001);
    return address_equal(a, &all_nodes) || address_equal(a, &all_hosts) || is_solicited_node(ip, a);
}

/* How many leading bits the two addresses share. */
static unsigned common_bits(const struct address *a, const struct address *b)
{
    for (unsigned i = 0; i < 16; i++) {
        unsigned different = a->bytes[i] ^ b->bytes[i];
        if (different)
            return i * 8 + (unsigned)__builtin_clz(different) - 24;
    }
    return 128;
}

bool ip_choose_source(const struct ip *ip, const struct address *destination,
                      struct address *source)
{
    static const struct address loopback6 = {{[15] = 1}};
    bool ipv4 = address_is_ipv4(destination);
    if (ip->config.loopback && address_is_loopback(destination)) {
        *source = ipv4 ? address_from_ipv4_u32(0x7f000001) : loopback6;
        return true;
    }
    int best = -1;
    for (unsigned i = 0; i < ip->config.address_count; i++) {
        const struct address *ours = &ip->config.addresses[i].address;
        if (address_is_ipv4(ours) != ipv4)
            continue;
        int score = (int)common_bits(ours, destination);
        /* RFC 6724, 5, rule 2: an address of the destination's scope before any other. */
        if (address_is_link_local(ours) == address_is_link_local(destination))
            score += 256;
        if (score > best) {
            best = score;
            *source = *ours;
        }
    }
    return best >= 0;
}
