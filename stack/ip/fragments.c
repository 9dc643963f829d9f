/* See fragments.h. Pieces of a datagram lie in a balanced tree by offset, so that a flood of tiny
 * ones costs O(log n) each (FragmentSmack, CVE-2018-5391); datagrams lie in a table with a keyed
 * hash (CVE-2018-6923) and in a list by age: when the budget is used up the oldest goes, because
 * those whose other half will still come are young. Pieces that overlap condemn their datagram,
 * IPv6 by RFC 5722, IPv4 by choice. */
#include "ip/fragments.h"

#include "base/check.h"
#include "wire/checksum.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"

enum { CHUNK_BYTES = 1536 };

/* Memory for a piece: the first chunk of one is in the tree, the others hang behind it. */
struct chunk {
    struct tree_node node; /* its key is the offset */
    struct chunk *next;
    uint32_t header; /* first chunk: bytes before the data (first fragment only; else 0) */
    uint32_t length; /* first chunk: bytes of data in all */
    uint8_t bytes[CHUNK_BYTES];
};

/* A datagram of which some fragments have come. */
struct fragmented {
    struct list age, bucket;
    struct instant expires;
    struct address source, destination;
    uint32_t id;
    uint8_t protocol; /* IPv4; else 0 */
    bool ipv6;
    bool condemned; /* what comes is dropped for `verdict` until it expires */
    enum drop_reason verdict;
    unsigned ecn;    /* bit n: a fragment with the ECN field n came */
    size_t end;      /* of the data, where the last fragment ends; 0: not known yet */
    size_t received; /* bytes of data */
    struct tree pieces;
    /* What the first fragment says about the whole packet's headers. */
    size_t header_length, data_at, next_header_at;
    uint8_t next_header;
};

void fragments_init(struct fragments *fragments, struct memory *memory, struct trace *trace,
                    const struct siphash_key *key, size_t budget)
{
    fragments->memory = memory;
    fragments->trace = trace;
    fragments->key = *key;
    fragments->budget = budget;
    fragments->used = 0;
    pool_init(&fragments->chunks, memory, sizeof(struct chunk));
    pool_init(&fragments->datagrams, memory, sizeof(struct fragmented));
    list_init(&fragments->ages);
    for (unsigned i = 0; i < FRAGMENTS_BUCKETS; i++)
        list_init(&fragments->buckets[i]);
}

static void free_piece(struct fragments *fragments, struct chunk *chunk)
{
    while (chunk) {
        struct chunk *next = chunk->next;
        pool_give(&fragments->chunks, chunk);
        fragments->used -= sizeof *chunk;
        chunk = next;
    }
}

static struct chunk *first_piece(const struct fragmented *datagram)
{
    return TREE_ENTRY(tree_first(&datagram->pieces), struct chunk, node);
}

static void free_pieces(struct fragments *fragments, struct fragmented *datagram)
{
    for (;;) {
        struct chunk *piece = first_piece(datagram);
        if (!piece)
            return;
        tree_remove(&datagram->pieces, &piece->node);
        free_piece(fragments, piece);
    }
}

static void forget(struct fragments *fragments, struct fragmented *datagram)
{
    free_pieces(fragments, datagram);
    list_remove(&datagram->age);
    list_remove(&datagram->bucket);
    pool_give(&fragments->datagrams, datagram);
    fragments->used -= sizeof *datagram;
}

static struct fragmented *oldest(const struct fragments *fragments)
{
    struct list *node = list_first(&fragments->ages);
    return node ? LIST_ENTRY(node, struct fragmented, age) : NULL;
}

void fragments_destroy(struct fragments *fragments)
{
    while (oldest(fragments))
        forget(fragments, oldest(fragments));
    pool_destroy(&fragments->chunks);
    pool_destroy(&fragments->datagrams);
}

/* Drops the oldest datagram that is not `keep`; false: there is none. */
static bool evict(struct fragments *fragments, const struct fragmented *keep)
{
    struct fragmented *victim = oldest(fragments);
    if (victim && victim == keep) {
        struct list *second = victim->age.next;
        victim = second == &fragments->ages ? NULL : LIST_ENTRY(second, struct fragmented, age);
    }
    if (!victim)
        return false;
    if (!victim->condemned)
        trace_drop(fragments->trace, DROP_fragment_budget);
    forget(fragments, victim);
    return true;
}

/* A zeroed object inside the budget, or NULL although every datagram but `keep` has been evicted.
 */
static void *take(struct fragments *fragments, struct pool *pool, size_t size,
                  const struct fragmented *keep)
{
    for (;;) {
        void *object = NULL;
        if (size <= fragments->budget - fragments->used)
            object = pool_take(pool);
        if (object) {
            fragments->used += size;
            return object;
        }
        if (!evict(fragments, keep))
            return NULL;
    }
}

static struct list *bucket_of(struct fragments *fragments, const struct fragment *fragment)
{
    uint8_t text[37];
    memcpy(text, fragment->source.bytes, 16);
    memcpy(text + 16, fragment->destination.bytes, 16);
    put_be32(text + 32, fragment->id);
    text[36] = fragment->ipv6 ? 0 : fragment->protocol;
    return &fragments->buckets[siphash(&fragments->key, text, sizeof text) % FRAGMENTS_BUCKETS];
}

/* RFC 791, 3.2: source, destination, protocol and identification; RFC 8200, 4.5: without the
 * protocol. */
static bool belongs(const struct fragment *fragment, const struct fragmented *datagram)
{
    return datagram->id == fragment->id && datagram->ipv6 == fragment->ipv6 &&
           (fragment->ipv6 || datagram->protocol == fragment->protocol) &&
           address_equal(&datagram->source, &fragment->source) &&
           address_equal(&datagram->destination, &fragment->destination);
}

static struct fragmented *find(struct fragments *fragments, const struct fragment *fragment)
{
    struct list *bucket = bucket_of(fragments, fragment);
    for (struct list *node = bucket->next; node != bucket; node = node->next) {
        struct fragmented *datagram = LIST_ENTRY(node, struct fragmented, bucket);
        if (belongs(fragment, datagram))
            return datagram;
    }
    return NULL;
}

static struct fragmented *begin(struct fragments *fragments, const struct fragment *fragment,
                                struct instant now)
{
    struct fragmented *datagram = take(fragments, &fragments->datagrams, sizeof *datagram, NULL);
    if (!datagram)
        return NULL;
    datagram->source = fragment->source;
    datagram->destination = fragment->destination;
    datagram->id = fragment->id;
    datagram->ipv6 = fragment->ipv6;
    datagram->protocol = fragment->ipv6 ? 0 : fragment->protocol;
    /* RFC 1122, 3.3.2: the time is fixed and not started again by later fragments. */
    datagram->expires = instant_add(now, duration_s(FRAGMENTS_LIFETIME_S));
    list_append(&fragments->ages, &datagram->age);
    list_append(bucket_of(fragments, fragment), &datagram->bucket);
    return datagram;
}

/* The piece holds exactly this text: a duplicate that the network made. */
static bool piece_equals(const struct chunk *piece, struct bytes text)
{
    if (piece->length != text.len)
        return false;
    size_t skip = piece->header;
    for (; piece && text.len; piece = piece->next, skip = 0) {
        size_t n = CHUNK_BYTES - skip < text.len ? CHUNK_BYTES - skip : text.len;
        if (memcmp(piece->bytes + skip, text.data, n) != 0)
            return false;
        text = bytes_part(text, n, text.len);
    }
    return true;
}

static struct bytes data_of(const struct fragment *fragment)
{
    return bytes_part(fragment->packet, fragment->data_at, fragment->packet.len);
}

/* Whether the fragment contradicts what is known about where the data ends. */
static bool end_is_contradicted(const struct fragmented *datagram, const struct fragment *fragment)
{
    size_t end = fragment->offset + data_of(fragment).len;
    if (datagram->end)
        return fragment->more ? end >= datagram->end : end != datagram->end;
    struct chunk *last = TREE_ENTRY(tree_last(&datagram->pieces), struct chunk, node);
    return !fragment->more && last && last->node.key > fragment->offset;
}

/* How the fragment fits with the pieces that are there. DROP_REASONS: it does. */
static enum drop_reason misfit(const struct fragmented *datagram, const struct fragment *fragment)
{
    struct bytes data = data_of(fragment);
    struct tree_node *before = tree_at_or_before(&datagram->pieces, fragment->offset);
    struct chunk *piece = TREE_ENTRY(before, struct chunk, node);
    /* RFC 8200, 4.5: exact duplicates are no overlap. */
    if (piece && piece->node.key == fragment->offset && piece_equals(piece, data))
        return DROP_fragment_duplicate;
    /* RFC 8200, 4.5 and RFC 5722, 4 (R8200-01): reassembly must be abandoned. Not RFC 791, 3.2,
     * which lets the newer data win, for IPv4: because no honest sender overlaps, and each rule of
     * who wins has let somebody past a filter (RFC 1858, 4; RFC 3128). */
    if (piece && piece->node.key + piece->length > fragment->offset)
        return DROP_fragment_overlap;
    struct tree_node *after = tree_at_or_after(&datagram->pieces, fragment->offset);
    if (after && after->key < fragment->offset + data.len)
        return DROP_fragment_overlap;
    return end_is_contradicted(datagram, fragment) ? DROP_fragment_inconsistent : DROP_REASONS;
}

/* RFC 8200, 4.5: all fragments must be discarded, including those that come later. */
static void condemn(struct fragments *fragments, struct fragmented *datagram,
                    enum drop_reason verdict)
{
    free_pieces(fragments, datagram);
    datagram->condemned = true;
    datagram->verdict = verdict;
}

/* Copies the fragment into chunks: the first one of a datagram with its headers, others without.
 * NULL: no room in the budget. */
static struct chunk *copy_piece(struct fragments *fragments, const struct fragment *fragment,
                                const struct fragmented *datagram)
{
    struct bytes text = fragment->offset == 0 ? fragment->packet : data_of(fragment);
    struct chunk *first = NULL, **link = &first;
    while (text.len > 0) {
        struct chunk *chunk = take(fragments, &fragments->chunks, sizeof *chunk, datagram);
        if (!chunk) {
            free_piece(fragments, first);
            return NULL;
        }
        *link = chunk;
        link = &chunk->next;
        size_t n = text.len < CHUNK_BYTES ? text.len : CHUNK_BYTES;
        memcpy(chunk->bytes, text.data, n);
        text = bytes_part(text, n, text.len);
    }
    CHECK(first);
    first->header = fragment->offset == 0 ? (uint32_t)fragment->data_at : 0;
    first->length = (uint32_t)data_of(fragment).len;
    return first;
}

static void note_fragment(struct fragmented *datagram, const struct fragment *fragment)
{
    size_t length = data_of(fragment).len;
    datagram->received += length;
    datagram->ecn |= 1U << (fragment->tos & 3);
    if (!fragment->more)
        datagram->end = fragment->offset + length;
    if (fragment->offset == 0) {
        datagram->header_length = fragment->header_length;
        datagram->data_at = fragment->data_at;
        datagram->next_header_at = fragment->next_header_at;
        datagram->next_header = fragment->next_header;
    }
}

/* The first `header_length` bytes lie in `packet`: makes them say what the whole packet is. */
static void mend_ipv4(uint8_t *packet, size_t header_length, size_t length)
{
    put_be16(packet + 2, (uint16_t)length);
    put_be16(packet + 6, 0);
    put_be16(packet + 10, 0);
    put_be16(packet + 10, checksum_of(packet, header_length));
}

static void mend_ipv6(uint8_t *packet, size_t next_header_at, uint8_t next_header, size_t length)
{
    put_be16(packet + 4, (uint16_t)(length - IPV6_HEADER_LENGTH));
    packet[next_header_at] = next_header;
}

static size_t longest(bool ipv6)
{
    return ipv6 ? FRAGMENTS_LARGEST : PACKET_LARGEST;
}

/* RFC 3168, 5.3: the ECN field of the whole; -1: it must not be put together. */
static int whole_ecn(unsigned ecn)
{
    enum { NOT_ECT = 0, CE = 3 };
    if (ecn & 1U << CE)
        return ecn & 1U << NOT_ECT ? -1 : CE;
    if (ecn & 1U << NOT_ECT)
        return NOT_ECT;
    return ecn & 1U << 1 ? 1 : 2;
}

static void write_ecn(uint8_t *packet, bool ipv6, unsigned ecn)
{
    if (ipv6)
        packet[1] = (uint8_t)((packet[1] & ~0x30U) | ecn << 4);
    else
        packet[1] = (uint8_t)((packet[1] & ~3U) | ecn);
}

static void copy_out(const struct chunk *piece, size_t skip, size_t length, uint8_t *target)
{
    for (; length > 0; piece = piece->next, skip = 0) {
        size_t n = CHUNK_BYTES - skip < length ? CHUNK_BYTES - skip : length;
        memcpy(target, piece->bytes + skip, n);
        target += n;
        length -= n;
    }
}

/* All pieces are there: writes the whole packet. DROP_REASONS, or why there is none. */
static enum drop_reason assemble(struct fragments *fragments, const struct fragmented *datagram,
                                 struct bytes *whole)
{
    int ecn = whole_ecn(datagram->ecn);
    if (ecn < 0)
        return DROP_fragment_inconsistent;
    size_t header = datagram->header_length, length = header + datagram->end;
    if (length > longest(datagram->ipv6))
        return DROP_fragment_too_big;
    uint8_t *packet = fragments->assembly;
    struct tree_node *node = tree_first(&datagram->pieces);
    memcpy(packet, first_piece(datagram)->bytes, header);
    for (; node; node = tree_next(node)) {
        const struct chunk *piece = TREE_ENTRY(node, struct chunk, node);
        copy_out(piece, piece->header, piece->length, packet + header + node->key);
    }
    write_ecn(packet, datagram->ipv6, (unsigned)ecn);
    if (datagram->ipv6)
        mend_ipv6(packet, datagram->next_header_at, datagram->next_header, length);
    else
        mend_ipv4(packet, header, length);
    *whole = (struct bytes){packet, length};
    return DROP_REASONS;
}

static bool complete(struct fragments *fragments, struct fragmented *datagram, struct bytes *whole)
{
    enum drop_reason reason = assemble(fragments, datagram, whole);
    forget(fragments, datagram);
    if (reason != DROP_REASONS) {
        trace_drop(fragments->trace, reason);
        return false;
    }
    TRACE(fragments->trace, datagram_reassembled, .len = whole->len);
    return true;
}

/* Keeps a fragment that fits; false: no room. */
static bool keep(struct fragments *fragments, struct fragmented *datagram,
                 const struct fragment *fragment)
{
    struct chunk *piece = copy_piece(fragments, fragment, datagram);
    if (!piece)
        return false;
    tree_insert(&datagram->pieces, &piece->node, fragment->offset);
    note_fragment(datagram, fragment);
    TRACE(fragments->trace, fragment_kept, .offset = fragment->offset, .len = piece->length);
    return true;
}

bool fragments_add(struct fragments *fragments, const struct fragment *fragment, struct instant now,
                   struct bytes *whole)
{
    CHECK(fragment->header_length <= fragment->data_at && data_of(fragment).len > 0);
    /* The header of a first fragment must lie in its first chunk. */
    if (fragment->offset == 0 && fragment->data_at > CHUNK_BYTES) {
        trace_drop(fragments->trace, DROP_ip_extension_refused);
        return false;
    }
    struct fragmented *datagram = find(fragments, fragment);
    if (!datagram)
        datagram = begin(fragments, fragment, now);
    if (!datagram) {
        trace_drop(fragments->trace, DROP_fragment_budget);
        return false;
    }
    if (datagram->condemned) {
        trace_drop(fragments->trace, datagram->verdict);
        return false;
    }
    enum drop_reason reason = misfit(datagram, fragment);
    if (reason != DROP_REASONS) {
        trace_drop(fragments->trace, reason);
        if (reason != DROP_fragment_duplicate)
            condemn(fragments, datagram, reason);
        return false;
    }
    if (!keep(fragments, datagram, fragment)) {
        trace_drop(fragments->trace, DROP_fragment_budget);
        forget(fragments, datagram);
        return false;
    }
    if (datagram->end == 0 || datagram->received < datagram->end)
        return false;
    return complete(fragments, datagram, whole);
}

struct bytes fragments_alone(struct fragments *fragments, const struct fragment *fragment)
{
    CHECK(fragment->ipv6 && fragment->offset == 0);
    struct bytes data = data_of(fragment);
    size_t header = fragment->header_length, length = header + data.len;
    uint8_t *packet = fragments->assembly;
    memcpy(packet, fragment->packet.data, header);
    memcpy(packet + header, data.data, data.len);
    mend_ipv6(packet, fragment->next_header_at, fragment->next_header, length);
    return (struct bytes){packet, length};
}

struct instant fragments_deadline(const struct fragments *fragments)
{
    const struct fragmented *first = oldest(fragments);
    return first ? first->expires : INSTANT_NEVER;
}

/* What an ICMP error can quote of the first fragment: its first chunk holds more than enough. */
static struct bytes copy_first(struct fragments *fragments, const struct fragmented *datagram)
{
    const struct chunk *piece = first_piece(datagram);
    if (!piece || piece->node.key != 0)
        return (struct bytes){fragments->assembly, 0};
    size_t length = (size_t)piece->header + piece->length;
    if (length > CHUNK_BYTES)
        length = CHUNK_BYTES;
    memcpy(fragments->assembly, piece->bytes, length);
    return (struct bytes){fragments->assembly, length};
}

bool fragments_expire(struct fragments *fragments, struct instant now,
                      struct fragments_expired *expired)
{
    struct fragmented *datagram = oldest(fragments);
    if (!datagram || !instant_reached(datagram->expires, now))
        return false;
    *expired = (struct fragments_expired){datagram->source, datagram->destination,
                                          copy_first(fragments, datagram)};
    if (!datagram->condemned)
        trace_drop(fragments->trace, DROP_fragment_timeout);
    forget(fragments, datagram);
    return true;
}
