/* See path_mtu.h. The set is chosen by a keyed hash: nobody outside can tell which destinations
 * push each other out, so the table leaks nothing about who else is talked to (CVE-2021-20322). */
#include "ip/path_mtu.h"

#include "base/check.h"

/* RFC 1191, 7.1, Table 7-1; what lies below the floor of 576 is left out. */
static const uint32_t plateaus[] = {32000, 17914, 8166, 4352, 2002, 1492, 1006, 576};
enum { PLATEAUS = sizeof plateaus / sizeof *plateaus };

/* RFC 1191, 6.3 and RFC 8201, 4: a larger MTU is tried no sooner than 5 minutes after a decrease;
 * 10 are recommended. */
static struct duration lifetime(void)
{
    return duration_s(600);
}

static size_t set_of(const struct path_mtu *table, const struct address *destination)
{
    return siphash(&table->key, destination->bytes, sizeof destination->bytes) % PATH_MTU_SETS;
}

void path_mtu_init(struct path_mtu *table, const struct siphash_key *key, uint32_t device_mtu)
{
    *table = (struct path_mtu){.key = *key, .device_mtu = device_mtu};
}

uint32_t path_mtu_get(const struct path_mtu *table, const struct address *destination,
                      struct instant now)
{
    const struct path_mtu_entry *set = table->sets[set_of(table, destination)];
    for (unsigned i = 0; i < PATH_MTU_WAYS; i++) {
        if (set[i].mtu && address_equal(&set[i].destination, destination))
            return instant_reached(set[i].expires, now) ? table->device_mtu : set[i].mtu;
    }
    return table->device_mtu;
}

static uint32_t next_plateau(uint32_t length)
{
    for (unsigned i = 0; i < PLATEAUS; i++) {
        if (plateaus[i] < length)
            return plateaus[i];
    }
    return PATH_MTU_FLOOR_IPV4;
}

uint32_t path_mtu_told_ipv4(uint32_t mtu, uint32_t last_length)
{
    /* RFC 1191, 5: a router that knows nothing of this RFC says 0. No link carries less than 68
     * bytes (RFC 791, 3.2), so a smaller number tells as little. */
    if (mtu < 68)
        mtu = next_plateau(last_length);
    /* Not RFC 1191, 3: because forged messages would otherwise make a connection crawl with tiny
     * packets (CVE-2004-1060; RFC 5927, 7): nothing below 576, which every host must be able to
     * receive. */
    return mtu < PATH_MTU_FLOOR_IPV4 ? PATH_MTU_FLOOR_IPV4 : mtu;
}

/* The entry for this destination: its own, a free one, or the one that would be forgotten first. */
static struct path_mtu_entry *entry_for(struct path_mtu *table, const struct address *destination)
{
    struct path_mtu_entry *set = table->sets[set_of(table, destination)];
    struct path_mtu_entry *oldest = &set[0];
    for (unsigned i = 0; i < PATH_MTU_WAYS; i++) {
        if (set[i].mtu && address_equal(&set[i].destination, destination))
            return &set[i];
        if (instant_before(set[i].expires, oldest->expires))
            oldest = &set[i];
    }
    return oldest;
}

uint32_t path_mtu_reduce(struct path_mtu *table, const struct address *destination, uint32_t mtu,
                         uint32_t last_length, struct instant now)
{
    uint32_t current = path_mtu_get(table, destination, now);
    if (address_is_ipv4(destination))
        mtu = path_mtu_told_ipv4(mtu, last_length < current ? last_length : current);
    else if (mtu < PATH_MTU_FLOOR_IPV6)
        /* RFC 8201, 4 (R8201-01): less than the IPv6 minimum is discarded. No fragment header is
         * added to small packets either (RFC 8021). */
        return current;
    /* RFC 1191, 3 and RFC 8201, 4: never increase the estimate because of such a message. */
    if (mtu >= current)
        return current;
    struct path_mtu_entry *entry = entry_for(table, destination);
    *entry = (struct path_mtu_entry){*destination, mtu, instant_add(now, lifetime())};
    return mtu;
}
