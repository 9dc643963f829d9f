/* See inner.h. */
#include "run/inner.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

enum {
    LARGEST = 65535 + 40,
    AT_ONCE = 64, /* packets, then others have a turn */
    IPV4_HEADER = 20,
    IPV6_HEADER = 40,
    TCP_HEADER = 20,
    TCP = 6,
    FIN = 1,
    SYN = 2,
    RST = 4,
    ACK = 16,
};

/* --- the reset ---------------------------------------------------------------------------------
 */

static uint32_t get32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void put32(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> (24 - 8 * i));
}

static void put16(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

/* RFC 1071, over an even number of bytes. */
static uint32_t add_words(uint32_t sum, const uint8_t *data, size_t length)
{
    for (size_t i = 0; i + 1 < length; i += 2)
        sum += (uint32_t)data[i] << 8 | data[i + 1];
    return sum;
}

static uint32_t fold(uint32_t sum)
{
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return ~sum & 0xffff;
}

struct segment {
    const uint8_t *addresses; /* source, then destination */
    size_t address_length;
    const uint8_t *tcp;
    size_t length;
};

static bool find_segment(const uint8_t *packet, size_t length, struct segment *segment)
{
    size_t header;
    if (length >= IPV4_HEADER && packet[0] >> 4 == 4) {
        header = (size_t)(packet[0] & 15) * 4;
        if (packet[9] != TCP || header < IPV4_HEADER || (packet[6] & 0x1f) != 0 || packet[7] != 0)
            return false;
        *segment = (struct segment){.addresses = packet + 12, .address_length = 4};
    } else if (length >= IPV6_HEADER && packet[0] >> 4 == 6 && packet[6] == TCP) {
        header = IPV6_HEADER;
        *segment = (struct segment){.addresses = packet + 8, .address_length = 16};
    } else {
        return false;
    }
    if (length < header + TCP_HEADER)
        return false;
    segment->tcp = packet + header;
    segment->length = length - header;
    return (size_t)(segment->tcp[12] >> 4) * 4 <= segment->length;
}

/* The IP header of the answer: the addresses the other way round. Its length. */
static size_t put_header(const struct segment *segment, uint8_t *answer)
{
    size_t of_address = segment->address_length;
    uint8_t *addresses = answer + (of_address == 4 ? 12 : 8);
    if (of_address == 4) {
        memset(answer, 0, IPV4_HEADER);
        answer[0] = 0x45;
        put16(answer + 2, IPV4_HEADER + TCP_HEADER);
        answer[8] = 64;
        answer[9] = TCP;
    } else {
        memset(answer, 0, IPV6_HEADER);
        answer[0] = 0x60;
        put16(answer + 4, TCP_HEADER);
        answer[6] = TCP;
        answer[7] = 64;
    }
    memcpy(addresses, segment->addresses + of_address, of_address);
    memcpy(addresses + of_address, segment->addresses, of_address);
    if (of_address == 4)
        put16(answer + 10, fold(add_words(0, answer, IPV4_HEADER)));
    return of_address == 4 ? IPV4_HEADER : IPV6_HEADER;
}

size_t inner_reset(const uint8_t *packet, size_t length, uint8_t *answer)
{
    struct segment segment;
    if (!find_segment(packet, length, &segment) || (segment.tcp[13] & RST))
        return 0;
    const uint8_t *theirs = segment.tcp;
    size_t header = put_header(&segment, answer);
    uint8_t *ours = answer + header;
    memset(ours, 0, TCP_HEADER);
    memcpy(ours, theirs + 2, 2);
    memcpy(ours + 2, theirs, 2);
    ours[12] = TCP_HEADER / 4 << 4;
    if (theirs[13] & ACK) {
        memcpy(ours + 4, theirs + 8, 4);
        ours[13] = RST;
    } else {
        uint32_t text = (uint32_t)(segment.length - (size_t)(theirs[12] >> 4) * 4);
        uint32_t controls = (theirs[13] & SYN ? 1u : 0u) + (theirs[13] & FIN ? 1u : 0u);
        put32(ours + 8, get32(theirs + 4) + text + controls);
        ours[13] = RST | ACK;
    }
    uint32_t sum = add_words(TCP + TCP_HEADER, segment.addresses, 2 * segment.address_length);
    put16(ours + 16, fold(add_words(sum, ours, TCP_HEADER)));
    return header + TCP_HEADER;
}

/* --- packets both ways --------------------------------------------------------------------------
 */

void inner_read(struct bridge *bridge)
{
    static uint8_t packet[LARGEST];
    uint8_t answer[IPV6_HEADER + TCP_HEADER];
    for (unsigned i = 0; i < AT_ONCE; i++) {
        ssize_t got = read(bridge->inner, packet, sizeof packet);
        if (got <= 0)
            return;
        size_t reset = inner_reset(packet, (size_t)got, answer);
        if (reset > 0) {
            ssize_t written = write(bridge->inner, answer, reset);
            (void)written;
        } else {
            tunny_guest_send(bridge->stack, packet, (size_t)got);
        }
    }
}

void inner_write(struct bridge *bridge)
{
    static uint8_t packet[LARGEST];
    for (unsigned i = 0; i < AT_ONCE; i++) {
        int length = tunny_guest_receive(bridge->stack, packet, sizeof packet);
        if (length == -EAGAIN)
            return;
        if (length <= 0)
            continue;
        ssize_t written = write(bridge->inner, packet, (size_t)length);
        (void)written;
    }
}
