/* See udp.h (RFC 768; RFC 1122, 4.1; RFC 8200, 8.1). Arrival's checks come in the order of the
 * header, then the socket is looked for, then the text is copied into its ring. */
#include "udp/udp.h"

#include <errno.h>

#include "base/check.h"
#include "udp/udp_state.h"
#include "wire/checksum.h"
#include "wire/ipv4.h"
#include "wire/udp_header.h"

enum { QUEUE_LIMIT = 212992, KEPT_WHEN_EMPTY = 16 * 1024 };

/* What stands in the ring before each text. */
struct udp_record {
    struct udp_info info;
    uint32_t length;
};

/* --- sockets
 * --------------------------------------------------------------------------------------- */

size_t udp_size(void)
{
    return sizeof(struct udp);
}

int udp_init(struct udp *udp, struct memory *memory, struct trace *trace,
             const struct siphash_key *secret)
{
    udp->memory = memory;
    udp->trace = trace;
    pool_init(&udp->sockets, memory, sizeof(struct udp_socket));
    udp_ports_init(&udp->ports, secret);
    list_init(&udp->changed);
    return 0;
}

void udp_destroy(struct udp *udp)
{
    pool_destroy(&udp->sockets);
}

int udp_open(struct udp *udp, struct udp_socket **socket)
{
    *socket = pool_take(&udp->sockets);
    if (!*socket)
        return -ENOBUFS;
    (*socket)->udp = udp;
    (*socket)->limit = QUEUE_LIMIT;
    return 0;
}

void udp_close(struct udp *udp, struct udp_socket *socket)
{
    udp_ports_unbind(&socket->binding);
    list_remove(&socket->changed);
    ring_release(&socket->ring, udp->memory);
    pool_give(&udp->sockets, socket);
}

static void note_change(struct udp_socket *socket)
{
    if (!list_contains_node(&socket->changed))
        list_append(&socket->udp->changed, &socket->changed);
}

struct udp_socket *udp_next_changed(struct udp *udp)
{
    struct list *node = list_first(&udp->changed);
    if (!node)
        return NULL;
    list_remove(node);
    return LIST_ENTRY(node, struct udp_socket, changed);
}

void udp_set_user(struct udp_socket *socket, void *user)
{
    socket->user = user;
}

void *udp_user(const struct udp_socket *socket)
{
    return socket->user;
}

int udp_bind(struct udp *udp, struct udp_socket *socket, const struct udp_bind *bind)
{
    struct udp_binding *binding = &socket->binding;
    if (binding->local.port)
        return -EINVAL;
    bool any = bind->any_address || address_is_unspecified(&bind->local.address);
    binding->local = bind->local;
    if (any && address_is_ipv4(&bind->local.address))
        binding->local.address = address_from_ipv4_u32(0);
    else if (any)
        binding->local.address = (struct address){{0}};
    binding->any_family = any && !address_is_ipv4(&bind->local.address) && !bind->v6only;
    binding->reuse = bind->reuse;
    int result = udp_ports_bind(&udp->ports, binding);
    socket->bound = binding->local;
    return result;
}

int udp_connect(struct udp *udp, struct udp_socket *socket, const struct endpoint *local,
                const struct endpoint *remote)
{
    struct udp_binding *binding = &socket->binding;
    if (remote->port == 0)
        return -EINVAL;
    if (binding->local.port == 0) {
        binding->local = *local;
        int result = udp_ports_bind(&udp->ports, binding);
        if (result < 0)
            return result;
        socket->bound.port = binding->local.port;
        socket->bound.address = address_is_ipv4(&local->address) ? address_from_ipv4_u32(0)
                                                                 : (struct address){{0}};
    }
    binding->local.address = local->address;
    binding->remote = *remote;
    return 0;
}

void udp_disconnect(struct udp *udp, struct udp_socket *socket)
{
    (void)udp;
    socket->binding.remote = (struct endpoint){.port = 0};
    socket->binding.local = socket->bound;
}

const struct endpoint *udp_local(const struct udp_socket *socket)
{
    return &socket->binding.local;
}

const struct endpoint *udp_remote(const struct udp_socket *socket)
{
    return &socket->binding.remote;
}

void udp_set_queue_limit(struct udp_socket *socket, size_t bytes)
{
    socket->limit = bytes;
}

/* --- arrival
 * ---------------------------------------------------------------------------------------- */

static bool checksum_is_right(const struct udp_arrival *arrival, const struct udp_header *header)
{
    struct checksum c = {0};
    checksum_add_pseudo(&c, &arrival->source, &arrival->destination, PROTOCOL_UDP, header->length);
    checksum_add(&c, arrival->payload.data, header->length);
    return checksum_finish(&c) == 0;
}

/* RFC 768; RFC 1122, 4.1.3.4 (R1122-13); RFC 8200, 8.1 (R8200-04). DROP_REASONS: right. */
static enum drop_reason check_checksum(const struct udp_arrival *arrival,
                                       const struct udp_header *header)
{
    if (arrival->checksum_trusted)
        return DROP_REASONS;
    if (header->checksum == 0)
        /* RFC 768 (R768-02): the sender made none. IPv6 has no header checksum that would guard the
         * addresses. */
        return address_is_ipv4(&arrival->source) ? DROP_REASONS : DROP_udp_no_checksum;
    return checksum_is_right(arrival, header) ? DROP_REASONS : DROP_udp_bad_checksum;
}

static enum drop_reason check_header(const struct udp_arrival *arrival, struct udp_header *header)
{
    /* RFC 768 (R768-01): what lies behind the length is not the datagram's. */
    if (!udp_header_parse(arrival->payload, header))
        return DROP_udp_bad_length;
    /* Not RFC 768, which lets a sender that wants no answer say port 0: because nobody can be
     * answered there, and RFC 6335, 6, reserves it. */
    if (header->source_port == 0 || header->destination_port == 0)
        return DROP_udp_port_zero;
    return check_checksum(arrival, header);
}

/* Room for one more record of this size; the first always has it, so that every datagram can be
 * had. */
static bool make_room(struct udp_socket *socket, size_t bytes)
{
    size_t used = (size_t)(socket->tail - socket->head);
    if (used > 0 && (used >= socket->limit || bytes > socket->limit - used))
        return false;
    if (used + bytes <= socket->ring.capacity)
        return true;
    return ring_grow(&socket->ring, socket->udp->memory, used + bytes, socket->head,
                     socket->tail) == 0;
}

static void queue_text(struct udp_socket *socket, const struct udp_info *info, struct bytes text)
{
    struct trace *trace = socket->udp->trace;
    struct udp_record record = {.info = *info, .length = (uint32_t)text.len};
    if (!make_room(socket, sizeof record + text.len)) {
        trace_drop(trace, DROP_udp_queue_full);
        return;
    }
    ring_put(&socket->ring, socket->tail, &record, sizeof record);
    ring_put(&socket->ring, socket->tail + sizeof record, text.data, text.len);
    socket->tail += sizeof record + text.len;
    TRACE(trace, udp_arrived, .len = text.len);
    note_change(socket);
}

/* A super-segment is as many datagrams as its size says. */
static void queue_arrival(struct udp_binding *binding, const struct udp_arrival *arrival,
                          const struct udp_info *info, struct bytes text)
{
    struct udp_socket *socket = LIST_ENTRY(binding, struct udp_socket, binding);
    size_t each = arrival->gso_size ? arrival->gso_size : text.len;
    do {
        queue_text(socket, info, bytes_part(text, 0, each));
        text = bytes_part(text, each, text.len);
    } while (text.len > 0);
}

static bool deliver(struct udp *udp, const struct udp_arrival *arrival, const struct udp_info *info,
                    struct bytes text)
{
    struct flow flow = {.local = info->destination, .remote = info->source};
    if (!arrival->to_group) {
        struct udp_binding *binding = udp_ports_find(&udp->ports, &flow);
        if (binding)
            queue_arrival(binding, arrival, info, text);
        return binding != NULL;
    }
    struct udp_binding *binding = udp_ports_next(&udp->ports, &flow, NULL);
    bool wanted = binding != NULL;
    for (; binding; binding = udp_ports_next(&udp->ports, &flow, binding))
        queue_arrival(binding, arrival, info, text);
    return wanted;
}

bool udp_input(struct udp *udp, const struct udp_arrival *arrival)
{
    struct udp_header header;
    enum drop_reason reason = check_header(arrival, &header);
    if (reason != DROP_REASONS) {
        trace_drop(udp->trace, reason);
        return true;
    }
    struct udp_info info = {
        .source = {arrival->source, header.source_port},
        .destination = {arrival->destination, header.destination_port},
        .tos = arrival->tos,
        .ttl = arrival->ttl,
    };
    struct bytes text = bytes_part(arrival->payload, UDP_HEADER_LENGTH,
                                   (size_t)header.length - UDP_HEADER_LENGTH);
    if (deliver(udp, arrival, &info, text))
        return true;
    trace_drop(udp->trace, DROP_udp_no_port);
    return false;
}

void udp_error(struct udp *udp, const struct flow *flow, int errnum)
{
    /* RFC 1122, 4.1.3.3 (R1122-15). Only a connected socket can tell which datagram an error is
     * about. */
    struct udp_binding *binding = udp_ports_connected(&udp->ports, flow);
    if (!binding) {
        trace_drop(udp->trace, DROP_icmp_quote_unmatched);
        return;
    }
    struct udp_socket *socket = LIST_ENTRY(binding, struct udp_socket, binding);
    socket->pending_error = errnum;
    note_change(socket);
}

/* --- the user's side
 * ----------------------------------------------------------------------------------- */

bool udp_is_readable(const struct udp_socket *socket)
{
    return socket->tail != socket->head || socket->pending_error != 0;
}

int udp_pending_error(const struct udp_socket *socket)
{
    return socket->pending_error;
}

int udp_take_error(struct udp_socket *socket)
{
    int error = socket->pending_error;
    socket->pending_error = 0;
    return error;
}

static struct udp_record first_record(const struct udp_socket *socket)
{
    struct udp_record record;
    ring_get(&socket->ring, socket->head, &record, sizeof record);
    return record;
}

size_t udp_queued(const struct udp_socket *socket)
{
    return socket->tail == socket->head ? 0 : first_record(socket).length;
}

static void drop_record(struct udp_socket *socket, const struct udp_record *record)
{
    socket->head += sizeof *record + record->length;
    /* A socket that had a burst gives the room back. */
    if (socket->head == socket->tail && socket->ring.capacity > KEPT_WHEN_EMPTY)
        ring_release(&socket->ring, socket->udp->memory);
}

int64_t udp_receive(struct udp_socket *socket, void *data, size_t size, bool peek,
                    struct udp_info *info)
{
    if (socket->pending_error)
        return -udp_take_error(socket);
    if (socket->tail == socket->head)
        return -EAGAIN;
    struct udp_record record = first_record(socket);
    size_t copied = record.length < size ? record.length : size;
    if (copied)
        ring_get(&socket->ring, socket->head + sizeof record, data, copied);
    if (info)
        *info = record.info;
    if (!peek)
        drop_record(socket, &record);
    return record.length;
}

void udp_build_header(const struct flow *flow, struct bytes text, uint8_t header[8])
{
    size_t length = UDP_HEADER_LENGTH + text.len;
    CHECK(length <= UINT16_MAX);
    struct udp_header fields = {
        .source_port = flow->local.port,
        .destination_port = flow->remote.port,
        .length = (uint16_t)length,
    };
    udp_header_build(&fields, header);
    struct checksum c = {0};
    checksum_add_pseudo(&c, &flow->local.address, &flow->remote.address, PROTOCOL_UDP,
                        (uint32_t)length);
    checksum_add(&c, header, UDP_HEADER_LENGTH);
    checksum_add(&c, text.data, text.len);
    /* RFC 768 (R768-02): 0 would say that there is none. */
    uint16_t sum = checksum_finish(&c);
    put_be16(header + 6, sum ? sum : 0xffff);
}
