/* The table of neighbours, see neighbour.h. Only our own packets make entries: whatever others
 * claim, it changes what we asked for or knew, and never fills the table (RFC 6583). Not RFC 826
 * and RFC 4861, 7.2.3, which also learn from questions: one question more is a small price. */
#include "dev/neighbour.h"

#include <errno.h>
#include <stdlib.h>

#include "base/check.h"

enum {
    QUESTIONS = 3,               /* MAX_MULTICAST_SOLICIT, MAX_UNICAST_SOLICIT */
    QUESTION_INTERVAL_MS = 1000, /* RetransTimer; RFC 1122, 2.3.2.1: at most one a second */
    REACHABLE_MS = 30000,        /* REACHABLE_TIME */
    UNKNOWN_MOST = NEIGHBOUR_ENTRIES / 2, /* the known ones always have the other half */
};

/* RFC 4861, 7.3.2; FREE is no neighbour. DELAY is left out: probing begins at once. */
enum neighbour_state {
    NEIGHBOUR_FREE,
    NEIGHBOUR_INCOMPLETE,
    NEIGHBOUR_REACHABLE,
    NEIGHBOUR_STALE,
    NEIGHBOUR_PROBE,
};

struct neighbour {
    enum neighbour_state state;
    struct address address, asker; /* asker: which of our addresses asks for it */
    struct ethernet_address ethernet;
    struct instant used;
    struct instant deadline; /* INCOMPLETE, PROBE: the next question; REACHABLE: stale then */
    unsigned asked;
};

struct held_packet {
    struct neighbour *neighbour; /* NULL: an empty place */
    uint64_t number;             /* in order of arrival */
    struct packet packet;
    uint8_t data[PACKET_LARGEST];
};

struct answer {
    struct address about, asker;
    struct ethernet_address to;
};

struct neighbours {
    struct ethernet_address ethernet;
    struct prefix addresses[NEIGHBOUR_ADDRESSES];
    unsigned address_count;
    struct address gateway4, gateway6;
    struct neighbour entries[NEIGHBOUR_ENTRIES];
    struct answer answers[NEIGHBOUR_ANSWERS];
    unsigned answer_count;
    uint64_t next_number;
    struct neighbour_counts counts;
    struct neighbour_output output;
    struct held_packet held[NEIGHBOUR_HELD]; /* last: its pages are touched when needed only */
};

struct neighbours *neighbours_new(const struct neighbour_config *config)
{
    CHECK(config->address_count <= NEIGHBOUR_ADDRESSES);
    struct neighbours *n = calloc(1, sizeof *n);
    if (!n)
        return NULL;
    n->ethernet = config->ethernet;
    n->address_count = config->address_count;
    for (unsigned i = 0; i < config->address_count; i++)
        n->addresses[i] = config->addresses[i];
    n->gateway4 = config->gateway4;
    n->gateway6 = config->gateway6;
    return n;
}

void neighbours_free(struct neighbours *n)
{
    free(n);
}

struct neighbour_counts neighbour_counts(const struct neighbours *n)
{
    return n->counts;
}

/* --- our addresses ---------------------------------------------------------------------------- */

static bool is_ours(const struct neighbours *n, const struct address *a)
{
    for (unsigned i = 0; i < n->address_count; i++)
        if (address_equal(&n->addresses[i].address, a))
            return true;
    return false;
}

static const struct prefix *prefix_on_link(const struct neighbours *n, const struct address *a)
{
    for (unsigned i = 0; i < n->address_count; i++)
        if (prefix_contains(&n->addresses[i], a))
            return &n->addresses[i];
    return NULL;
}

/* The address of ours that asks for `hop`: of its subnet if possible, of its family at least. */
static const struct address *choose_asker(const struct neighbours *n, const struct address *hop)
{
    const struct prefix *prefix = prefix_on_link(n, hop);
    if (prefix)
        return &prefix->address;
    for (unsigned i = 0; i < n->address_count; i++)
        if (address_is_ipv4(&n->addresses[i].address) == address_is_ipv4(hop))
            return &n->addresses[i].address;
    return NULL;
}

/* RFC 1122, 3.3.1.1; RFC 4861, 5.2: the destination itself when it is on the link, else a gateway.
 */
static const struct address *next_hop(const struct neighbours *n, const struct address *destination)
{
    bool ipv4 = address_is_ipv4(destination);
    if (prefix_on_link(n, destination) || (!ipv4 && address_is_link_local(destination)))
        return destination;
    const struct address *gateway = ipv4 ? &n->gateway4 : &n->gateway6;
    return address_is_unspecified(gateway) ? NULL : gateway;
}

static bool is_broadcast_here(const struct neighbours *n, const struct address *destination)
{
    if (address_is_broadcast(destination))
        return true;
    const struct prefix *prefix = prefix_on_link(n, destination);
    if (!prefix || !address_is_ipv4(destination) || prefix->length > 30)
        return false;
    struct address broadcast = prefix_broadcast(prefix);
    return address_equal(&broadcast, destination);
}

/* --- kept packets ----------------------------------------------------------------------------- */

/* The oldest packet that is kept for `neighbour` (NULL: for anybody), or NULL; *count of them. */
static struct held_packet *oldest_held(struct neighbours *n, const struct neighbour *neighbour,
                                       unsigned *count)
{
    struct held_packet *oldest = NULL;
    *count = 0;
    for (unsigned i = 0; i < NEIGHBOUR_HELD; i++) {
        struct held_packet *held = &n->held[i];
        if (!held->neighbour || (neighbour && held->neighbour != neighbour))
            continue;
        ++*count;
        if (!oldest || held->number < oldest->number)
            oldest = held;
    }
    return oldest;
}

static struct held_packet *empty_place(struct neighbours *n)
{
    for (unsigned i = 0; i < NEIGHBOUR_HELD; i++)
        if (!n->held[i].neighbour)
            return &n->held[i];
    return NULL;
}

/* RFC 4861, 7.2.2: when the queue overflows the new packet replaces the oldest. */
static void hold(struct neighbours *n, struct neighbour *neighbour, const struct packet *packet)
{
    unsigned count;
    struct held_packet *oldest = oldest_held(n, neighbour, &count);
    struct held_packet *place = count < NEIGHBOUR_HELD_EACH ? empty_place(n) : NULL;
    if (!place) {
        place = count < NEIGHBOUR_HELD_EACH ? oldest_held(n, NULL, &count) : oldest;
        CHECK(place);
        n->counts.discarded++;
    }
    size_t length = packet_length(packet);
    place->neighbour = neighbour;
    place->number = n->next_number++;
    place->packet = *packet;
    place->packet.parts[0] = (struct bytes){place->data, length};
    place->packet.count = 1;
    CHECK(packet_flatten(packet, place->data, sizeof place->data) == length);
}

/* --- entries ---------------------------------------------------------------------------------- */

static struct neighbour *find(struct neighbours *n, const struct address *address)
{
    for (unsigned i = 0; i < NEIGHBOUR_ENTRIES; i++)
        if (n->entries[i].state != NEIGHBOUR_FREE && address_equal(&n->entries[i].address, address))
            return &n->entries[i];
    return NULL;
}

/* Forgets the neighbour, and what waited for it. */
static void forget(struct neighbours *n, struct neighbour *neighbour)
{
    for (unsigned i = 0; i < NEIGHBOUR_HELD; i++)
        if (n->held[i].neighbour == neighbour) {
            n->held[i].neighbour = NULL;
            n->counts.discarded++;
        }
    neighbour->state = NEIGHBOUR_FREE;
}

/* RFC 6583: strangers that do not answer must not push out those that do. */
static struct neighbour *make_room(struct neighbours *n)
{
    struct neighbour *oldest_known = NULL, *oldest_unknown = NULL;
    unsigned unknown = 0;
    for (unsigned i = 0; i < NEIGHBOUR_ENTRIES; i++) {
        struct neighbour *entry = &n->entries[i];
        bool is_unknown = entry->state == NEIGHBOUR_INCOMPLETE;
        struct neighbour **oldest = is_unknown ? &oldest_unknown : &oldest_known;
        if (is_unknown)
            unknown++;
        /* an entry that is free counts as the oldest of all */
        if (!*oldest || entry->state == NEIGHBOUR_FREE ||
            ((*oldest)->state != NEIGHBOUR_FREE && instant_before(entry->used, (*oldest)->used)))
            *oldest = entry;
    }
    struct neighbour *victim = unknown >= UNKNOWN_MOST ? oldest_unknown : oldest_known;
    CHECK(victim);
    if (victim->state != NEIGHBOUR_FREE)
        forget(n, victim);
    return victim;
}

static void ask(struct neighbour *neighbour, enum neighbour_state state, struct instant now)
{
    neighbour->state = state;
    neighbour->asked = 0;
    neighbour->deadline = now;
}

static void confirm(struct neighbour *neighbour, struct instant now)
{
    neighbour->state = NEIGHBOUR_REACHABLE;
    neighbour->deadline = instant_add(now, duration_ms(REACHABLE_MS));
}

static bool is_waited_for(const struct neighbour *neighbour)
{
    return neighbour->state == NEIGHBOUR_INCOMPLETE || neighbour->state == NEIGHBOUR_PROBE;
}

static int destination_of(const struct packet *packet, struct address *destination)
{
    struct bytes ip = packet->count ? packet->parts[0] : (struct bytes){NULL, 0};
    if (ip.len >= 20 && ip.data[0] >> 4 == 4)
        *destination = address_from_ipv4(ip.data + 16);
    else if (ip.len >= 40 && ip.data[0] >> 4 == 6)
        *destination = address_from_ipv6(ip.data + 24);
    else
        return -EINVAL;
    return packet_length(packet) <= PACKET_LARGEST ? 0 : -EINVAL;
}

static int resolve_hop(struct neighbours *n, const struct address *hop, const struct packet *packet,
                       struct instant now, struct ethernet_address *to)
{
    struct neighbour *neighbour = find(n, hop);
    if (!neighbour) {
        const struct address *asker = choose_asker(n, hop);
        if (!asker)
            return -ENETUNREACH;
        neighbour = make_room(n);
        *neighbour = (struct neighbour){.address = *hop, .asker = *asker};
        ask(neighbour, NEIGHBOUR_INCOMPLETE, now);
    }
    neighbour->used = now;
    if (neighbour->state == NEIGHBOUR_INCOMPLETE) {
        hold(n, neighbour, packet);
        return -EINPROGRESS;
    }
    /* RFC 4861, 7.3.3: a stale address is used while it is being tested. */
    if (neighbour->state == NEIGHBOUR_STALE ||
        (neighbour->state == NEIGHBOUR_REACHABLE && instant_reached(neighbour->deadline, now)))
        ask(neighbour, NEIGHBOUR_PROBE, now);
    *to = neighbour->ethernet;
    return 0;
}

int neighbour_resolve(struct neighbours *n, const struct packet *packet, struct instant now,
                      struct ethernet_address *to)
{
    struct address destination;
    int error = destination_of(packet, &destination);
    if (error)
        return error;
    if (address_is_multicast(&destination)) {
        *to = ethernet_of_group(&destination);
        return 0;
    }
    if (is_broadcast_here(n, &destination)) {
        memset(to->bytes, 0xff, sizeof to->bytes);
        return 0;
    }
    const struct address *hop = next_hop(n, &destination);
    return hop ? resolve_hop(n, hop, packet, now, to) : -ENETUNREACH;
}

/* --- what arrives ----------------------------------------------------------------------------- */

enum told_how { TOLD_UNASKED, TOLD_WHEN_ASKED };
enum told_weight { TOLD_WEAKLY, TOLD_TO_OVERRIDE };

/* RFC 4861, 7.2.5; `ethernet` NULL: the message does not name it. */
static void told(struct neighbours *n, const struct address *about,
                 const struct ethernet_address *ethernet, enum told_how how,
                 enum told_weight weight, struct instant now)
{
    struct neighbour *neighbour = find(n, about);
    if (!neighbour)
        return;
    bool incomplete = neighbour->state == NEIGHBOUR_INCOMPLETE;
    if (incomplete && !ethernet)
        return;
    bool differs = ethernet &&
                   (incomplete || memcmp(ethernet, &neighbour->ethernet, sizeof *ethernet) != 0);
    if (differs && !incomplete && weight == TOLD_WEAKLY) {
        if (neighbour->state == NEIGHBOUR_REACHABLE)
            neighbour->state = NEIGHBOUR_STALE;
        return;
    }
    if (differs)
        neighbour->ethernet = *ethernet;
    if (how == TOLD_WHEN_ASKED)
        confirm(neighbour, now);
    else if (differs)
        neighbour->state = NEIGHBOUR_STALE;
}

static void asked(struct neighbours *n, const struct neighbour_message *message, struct instant now)
{
    if (is_ours(n, &message->asker))
        return; /* our own question, or somebody who takes our address: not to be believed */
    if (message->has_ethernet && !address_is_unspecified(&message->asker))
        told(n, &message->asker, &message->ethernet, TOLD_UNASKED, TOLD_TO_OVERRIDE, now);
    if (is_ours(n, &message->about) && n->answer_count < NEIGHBOUR_ANSWERS)
        n->answers[n->answer_count++] = (struct answer){message->about, message->asker,
                                                        message->ethernet};
}

bool neighbour_frame_arrived(struct neighbours *n, struct bytes frame, struct instant now)
{
    struct neighbour_message message;
    switch (neighbour_message_parse(frame, &message)) {
    case NEIGHBOUR_NO_MESSAGE:
        return false;
    case NEIGHBOUR_INVALID:
        n->counts.invalid++;
        break;
    case NEIGHBOUR_ASKS:
        asked(n, &message, now);
        break;
    case NEIGHBOUR_TELLS:
        if (!is_ours(n, &message.about))
            told(n, &message.about, message.has_ethernet ? &message.ethernet : NULL,
                 message.solicited && is_ours(n, &message.to) ? TOLD_WHEN_ASKED : TOLD_UNASKED,
                 message.override ? TOLD_TO_OVERRIDE : TOLD_WEAKLY, now);
        break;
    }
    return true;
}

/* --- what is sent ----------------------------------------------------------------------------- */

static void give_output(struct neighbours *n, uint8_t header[ETHERNET_HEADER],
                        struct packet *packet)
{
    memcpy(header, n->output.header, ETHERNET_HEADER);
    *packet = (struct packet){.parts = {{n->output.body, n->output.length}}, .count = 1};
}

/* The first of the packets whose neighbour has become known. */
static bool next_released(struct neighbours *n, uint8_t header[ETHERNET_HEADER],
                          struct packet *packet)
{
    struct held_packet *first = NULL;
    for (unsigned i = 0; i < NEIGHBOUR_HELD; i++) {
        struct held_packet *held = &n->held[i];
        if (held->neighbour && held->neighbour->state != NEIGHBOUR_INCOMPLETE &&
            (!first || held->number < first->number))
            first = held;
    }
    if (!first)
        return false;
    uint16_t type = first->data[0] >> 4 == 4 ? ETHERNET_IPV4 : ETHERNET_IPV6;
    ethernet_build_header(header, &first->neighbour->ethernet, &n->ethernet, type);
    *packet = first->packet;
    first->neighbour = NULL;
    return true;
}

/* RFC 4861, 7.2.2 and 7.3.3: asks again after one interval; after the last, the neighbour is gone.
 */
static bool next_question(struct neighbours *n, struct instant now)
{
    for (unsigned i = 0; i < NEIGHBOUR_ENTRIES; i++) {
        struct neighbour *entry = &n->entries[i];
        if (!is_waited_for(entry) || !instant_reached(entry->deadline, now))
            continue;
        if (entry->asked == QUESTIONS) {
            n->counts.unanswered++;
            forget(n, entry);
            continue;
        }
        entry->asked++;
        entry->deadline = instant_add(now, duration_ms(QUESTION_INTERVAL_MS));
        neighbour_build_question(&n->output, &entry->asker, &n->ethernet, &entry->address,
                                 entry->state == NEIGHBOUR_PROBE ? &entry->ethernet : NULL);
        return true;
    }
    return false;
}

bool neighbour_next(struct neighbours *n, struct instant now, uint8_t header[ETHERNET_HEADER],
                    struct packet *packet)
{
    if (n->answer_count > 0) {
        const struct answer *answer = &n->answers[--n->answer_count];
        neighbour_build_answer(&n->output, &answer->about, &n->ethernet, &answer->asker,
                               &answer->to);
        give_output(n, header, packet);
        return true;
    }
    if (next_released(n, header, packet))
        return true;
    if (!next_question(n, now))
        return false;
    give_output(n, header, packet);
    return true;
}

struct instant neighbour_deadline(const struct neighbours *n)
{
    struct instant deadline = INSTANT_NEVER;
    for (unsigned i = 0; i < NEIGHBOUR_ENTRIES; i++)
        if (is_waited_for(&n->entries[i]))
            deadline = instant_min(deadline, n->entries[i].deadline);
    for (unsigned i = 0; i < NEIGHBOUR_HELD; i++)
        if (n->held[i].neighbour && n->held[i].neighbour->state != NEIGHBOUR_INCOMPLETE)
            return INSTANT_ZERO;
    return n->answer_count > 0 ? INSTANT_ZERO : deadline;
}
