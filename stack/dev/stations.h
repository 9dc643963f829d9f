/* Behind which end of a cable an address lives, learnt from the sources of packets as an Ethernet
 * switch learns (IEEE 802.1Q, 7.8): only with it can more than two ends share a cable, since every
 * end has but one wire. Used by cable.c; knows no packet. */
#ifndef TUNNY_DEV_STATIONS_H
#define TUNNY_DEV_STATIONS_H

#include "base/siphash.h"
#include "wire/address.h"

enum { STATIONS_SIZE = 4096, STATIONS_MOST = 3072, STATION_UNKNOWN = -1 };

struct stations {
    struct siphash_key key; /* whoever sends cannot choose who collides */
    unsigned count;
    struct station {
        struct address address;
        int end; /* STATION_UNKNOWN: a free place */
    } places[STATIONS_SIZE];
};

void stations_init(struct stations *stations, const struct siphash_key *key);
/* The address was a source at this end; a station that has moved is found at its new one. A table
 * that is full learns no more addresses. */
void stations_learn(struct stations *stations, const struct address *address, int end);
/* The end, or STATION_UNKNOWN. */
int stations_find(const struct stations *stations, const struct address *address);

#endif
