/* Pings: echo requests out, replies and errors about them in (RFC 792; RFC 4443, 4). The data of a
 * request is a pattern, so that a reply can be judged without keeping what was sent. Called by
 * applications. */
#include <errno.h>
#include <netinet/in.h>

#include "stack.h"

static uint8_t pattern(size_t index)
{
    return (uint8_t)index;
}

static bool is_pattern(struct bytes data)
{
    for (size_t i = 0; i < data.len; i++) {
        if (data.data[i] != pattern(i))
            return false;
    }
    return true;
}

int tunny_echo_send(struct tunny *stack, const struct tunny_echo *request)
{
    enum { LONGEST = 65507 }; /* an IPv4 datagram less both headers */
    if (request->family != AF_INET && request->family != AF_INET6)
        return -EAFNOSUPPORT;
    if (request->length > LONGEST)
        return -EMSGSIZE;
    struct address destination = request->family == AF_INET ? address_from_ipv4(request->address)
                                                            : address_from_ipv6(request->address);
    uint8_t *data = memory_take(&stack->memory, request->length);
    if (!data)
        return -ENOBUFS;
    for (size_t i = 0; i < request->length; i++)
        data[i] = pattern(i);
    int r = ip_send_echo(stack->ip, &destination, request->id, request->sequence,
                         (struct bytes){data, request->length}, request->ttl, stack_now(stack));
    memory_give(&stack->memory, data, request->length);
    return r;
}

/* Writes 4 or 16 bytes. The family. */
static int put_address(uint8_t out[16], const struct address *address)
{
    bool ipv4 = address_is_ipv4(address);
    if (ipv4)
        memcpy(out, address_ipv4_bytes(address), 4);
    else
        memcpy(out, address->bytes, 16);
    return ipv4 ? AF_INET : AF_INET6;
}

int tunny_echo_receive(struct tunny *stack, struct tunny_echo *reply)
{
    enum { ID_AT = 4, SEQUENCE_AT = 6, QUOTED_LEAST = 8 };
    struct ip_echo_reply came;
    struct ip_error error;
    bool is_error;
    if (!ip_take_echo_reply(stack->ip, &came, &error, &is_error))
        return -EAGAIN;
    *reply = (struct tunny_echo){0};
    if (!is_error) {
        reply->family = put_address(reply->address, &came.source);
        reply->id = came.id;
        reply->sequence = came.sequence;
        reply->ttl = came.ttl;
        reply->length = (uint32_t)came.length;
        reply->damaged = !is_pattern(came.data);
        return 0;
    }
    reply->family = put_address(reply->address, &error.flow.remote.address);
    put_address(reply->reporter, &error.reporter);
    reply->error = error.errnum;
    reply->icmp_type = error.type;
    reply->icmp_code = error.code;
    if (error.transport.len >= QUOTED_LEAST) {
        reply->id = get_be16(error.transport.data + ID_AT);
        reply->sequence = get_be16(error.transport.data + SEQUENCE_AT);
    }
    return 0;
}
