/* The queue of datagrams under way to the loop, see outgoing.h. */
#include "sock/outgoing.h"

#include "udp/udp.h"
#include "wire/udp_header.h"

void outgoing_init(struct outgoing *outgoing, struct memory *memory)
{
    outgoing->memory = memory;
    list_init(&outgoing->queue);
}

static struct outgoing_datagram *of_link(struct list *link)
{
    return link ? LIST_ENTRY(link, struct outgoing_datagram, link) : NULL;
}

void outgoing_destroy(struct outgoing *outgoing)
{
    struct outgoing_datagram *datagram;
    while ((datagram = outgoing_first(outgoing)))
        outgoing_drop(outgoing, datagram);
}

static size_t wanted(size_t text)
{
    return sizeof(struct outgoing_datagram) + UDP_HEADER_LENGTH + text;
}

size_t outgoing_block(size_t text)
{
    return memory_block_size(wanted(text));
}

struct outgoing_datagram *outgoing_add(struct outgoing *outgoing, struct socket *owner,
                                       const struct flow *flow, struct bytes text)
{
    struct outgoing_datagram *datagram = memory_take(outgoing->memory, wanted(text.len));
    if (!datagram)
        return NULL;
    *datagram = (struct outgoing_datagram){
        .owner = owner,
        .flow = *flow,
        .block = outgoing_block(text.len),
        .length = UDP_HEADER_LENGTH + text.len,
    };
    if (text.len)
        memcpy(datagram->bytes + UDP_HEADER_LENGTH, text.data, text.len);
    struct bytes copy = {datagram->bytes + UDP_HEADER_LENGTH, text.len};
    udp_build_header(flow, copy, datagram->bytes);
    list_append(&outgoing->queue, &datagram->link);
    return datagram;
}

struct outgoing_datagram *outgoing_first(const struct outgoing *outgoing)
{
    return of_link(list_first(&outgoing->queue));
}

void outgoing_drop(struct outgoing *outgoing, struct outgoing_datagram *datagram)
{
    list_remove(&datagram->link);
    memory_give(outgoing->memory, datagram, datagram->block);
}

void outgoing_disown(struct outgoing *outgoing, const struct socket *owner)
{
    for (struct list *at = outgoing->queue.next; at != &outgoing->queue; at = at->next) {
        if (of_link(at)->owner == owner)
            of_link(at)->owner = NULL;
    }
}
