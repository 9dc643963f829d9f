/* A hash table with linear probing, see the header; nothing is ever taken out. */
#include "dev/stations.h"

void stations_init(struct stations *stations, const struct siphash_key *key)
{
    stations->key = *key;
    stations->count = 0;
    for (unsigned i = 0; i < STATIONS_SIZE; i++)
        stations->places[i].end = STATION_UNKNOWN;
}

/* Where the address stands, or the free place where it would. */
static unsigned place_of(const struct stations *stations, const struct address *address)
{
    uint64_t hash = siphash(&stations->key, address->bytes, sizeof address->bytes);
    unsigned at = (unsigned)(hash % STATIONS_SIZE);

    while (stations->places[at].end != STATION_UNKNOWN &&
           !address_equal(&stations->places[at].address, address))
        at = (at + 1) % STATIONS_SIZE;
    return at;
}

void stations_learn(struct stations *stations, const struct address *address, int end)
{
    struct station *place = &stations->places[place_of(stations, address)];

    if (place->end == STATION_UNKNOWN) {
        if (stations->count == STATIONS_MOST)
            return;
        stations->count++;
    }
    *place = (struct station){.address = *address, .end = end};
}

int stations_find(const struct stations *stations, const struct address *address)
{
    return stations->places[place_of(stations, address)].end;
}
