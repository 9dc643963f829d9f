/* See udp_ports.h. Bindings lie in buckets by local port, so that each question looks at those that
 * share a port (and few others) only. */
#include "udp/udp_ports.h"

#include <errno.h>

#include "base/bytes.h"

void udp_ports_init(struct udp_ports *ports, const struct siphash_key *key)
{
    *ports = (struct udp_ports){.key = *key};
    for (unsigned i = 0; i < UDP_PORTS_BUCKETS; i++)
        list_init(&ports->buckets[i]);
}

static struct list *bucket_of(struct udp_ports *ports, uint16_t port)
{
    return &ports->buckets[port % UDP_PORTS_BUCKETS];
}

/* Whether a binding's local address stands for `a` too. */
static bool covers(const struct udp_binding *binding, const struct address *a)
{
    const struct address *local = &binding->local.address;
    if (!address_is_unspecified(local))
        return address_equal(local, a);
    return binding->any_family || address_is_ipv4(local) == address_is_ipv4(a);
}

static bool conflicts(const struct udp_binding *a, const struct udp_binding *b)
{
    if (a->local.port != b->local.port || (a->reuse && b->reuse))
        return false;
    return covers(a, &b->local.address) || covers(b, &a->local.address);
}

static bool is_free(struct udp_ports *ports, const struct udp_binding *binding)
{
    struct list *bucket = bucket_of(ports, binding->local.port);
    for (struct list *node = bucket->next; node != bucket; node = node->next) {
        if (conflicts(LIST_ENTRY(node, struct udp_binding, node), binding))
            return false;
    }
    return true;
}

/* RFC 6056, 3.3.1: from a random place on; nobody without the key can guess it. */
static bool choose_port(struct udp_ports *ports, struct udp_binding *binding)
{
    enum { COUNT = UDP_PORT_LAST - UDP_PORT_FIRST + 1 };
    ports->choices++;
    uint64_t start = siphash(&ports->key, &ports->choices, sizeof ports->choices) % COUNT;
    bool reuse = binding->reuse;
    binding->reuse = false; /* a port of its own, even where it would share one */
    bool found = false;
    for (uint64_t i = 0; i < COUNT && !found; i++) {
        binding->local.port = (uint16_t)(UDP_PORT_FIRST + (start + i) % COUNT);
        found = is_free(ports, binding);
    }
    binding->reuse = reuse;
    return found;
}

int udp_ports_bind(struct udp_ports *ports, struct udp_binding *binding)
{
    udp_ports_unbind(binding);
    bool free = binding->local.port ? is_free(ports, binding) : choose_port(ports, binding);
    if (!free) {
        binding->local.port = 0;
        return -EADDRINUSE;
    }
    list_append(bucket_of(ports, binding->local.port), &binding->node);
    return 0;
}

void udp_ports_unbind(struct udp_binding *binding)
{
    list_remove(&binding->node);
}

static bool endpoint_equal(const struct endpoint *a, const struct endpoint *b)
{
    return a->port == b->port && address_equal(&a->address, &b->address);
}

/* How precisely the binding asks for this flow; 0: not at all. */
static unsigned precision(const struct udp_binding *binding, const struct flow *flow)
{
    if (binding->local.port != flow->local.port || !covers(binding, &flow->local.address))
        return 0;
    if (binding->remote.port)
        return endpoint_equal(&binding->remote, &flow->remote) ? 4 : 0;
    if (!address_is_unspecified(&binding->local.address))
        return 3;
    return binding->any_family ? 1 : 2;
}

struct udp_binding *udp_ports_find(struct udp_ports *ports, const struct flow *flow)
{
    struct list *bucket = bucket_of(ports, flow->local.port);
    struct udp_binding *best = NULL;
    unsigned most = 1;
    for (struct list *node = bucket->next; node != bucket; node = node->next) {
        struct udp_binding *binding = LIST_ENTRY(node, struct udp_binding, node);
        unsigned precise = precision(binding, flow);
        if (precise >= most) {
            most = precise;
            best = binding;
        }
    }
    return best;
}

struct udp_binding *udp_ports_next(struct udp_ports *ports, const struct flow *flow,
                                   struct udp_binding *after)
{
    struct list *bucket = bucket_of(ports, flow->local.port);
    struct list *node = after ? after->node.next : bucket->next;
    for (; node != bucket; node = node->next) {
        struct udp_binding *binding = LIST_ENTRY(node, struct udp_binding, node);
        if (precision(binding, flow) > 0)
            return binding;
    }
    return NULL;
}

struct udp_binding *udp_ports_connected(struct udp_ports *ports, const struct flow *flow)
{
    struct list *bucket = bucket_of(ports, flow->local.port);
    for (struct list *node = bucket->next; node != bucket; node = node->next) {
        struct udp_binding *binding = LIST_ENTRY(node, struct udp_binding, node);
        if (endpoint_equal(&binding->local, &flow->local) &&
            endpoint_equal(&binding->remote, &flow->remote))
            return binding;
    }
    return NULL;
}
