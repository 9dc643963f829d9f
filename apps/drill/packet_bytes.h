/* Packets of scripts to bytes and back: IPv4, IPv6, TCP, UDP, ICMP. Its own builder and reader,
 * with its own checksums, so that the stack is judged by somebody else. Called by the interpreter;
 * knows no flow: numbers are those on the wire. */
#ifndef TUNNY_DRILL_PACKET_BYTES_H
#define TUNNY_DRILL_PACKET_BYTES_H

#include "script.h"

enum { PACKET_BYTES_MOST = 65535 };

/* Where a packet comes from or goes to. */
struct place {
    bool ipv6;
    uint8_t address[16]; /* 4 or 16 bytes */
    uint16_t port;
};

/* An IP packet for the spec; UDP and TCP text is zeros, echo data counts up. `quoted` holds the
 * ports and addresses of the packet that an ICMP error is about (from: who sent that). Returns its
 * length, 0 when it does not fit. */
size_t packet_build(const struct packet_spec *spec, const struct place *from,
                    const struct place *to, uint8_t bytes[PACKET_BYTES_MOST]);

/* A packet that the stack sent. */
struct seen_packet {
    struct packet_spec spec; /* as a script would write it, with numbers of the wire */
    struct place from, to;
    uint16_t segment; /* text of each wire packet, when this stands for several; else 0 */
    int64_t when_us;
    const char *fault; /* what is wrong with it in itself (a checksum ...), or NULL */
};

void packet_read(const uint8_t *bytes, size_t length, struct seen_packet *seen);

/* The longest text of a packet is far below this; it is cut, and always terminated. */
enum { PACKET_TEXT = 400 };
/* As a script would write it: "> S. 0:0(0) ack 1 win 65535 <mss 1460>". Returns `out`. */
char *packet_text(const struct packet_spec *spec, bool ipv6, char out[PACKET_TEXT]);

/* TCP options to bytes, without padding. Returns their length, at most OPTIONS_LONGEST + 12; more
 * than 40 do not fit into a header. */
size_t options_build(const struct packet_spec *spec, uint8_t *bytes);

#endif
