/* One line about a packet, in the style of tcpdump: for traces, failing tests and comments. */
#ifndef TUNNY_WIRE_DESCRIBE_H
#define TUNNY_WIRE_DESCRIBE_H

#include "base/bytes.h"

/* Writes a terminated line of at most size - 1 characters; never fails on any bytes. Example:
 * "198.18.0.1:80 > 198.18.0.2:40000 [P.] seq 1000:2460 ack 77 win 512 <ts 5 1> len 1460". */
void describe_packet(struct bytes packet, char *line, size_t size);
/* "[S.]", "[P.]", "[R]" ... */
void describe_tcp_flags(unsigned flags, char text[12]);

#endif
