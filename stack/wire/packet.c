/* Joining the parts of a packet. Called by devices and wrappers that need one piece; it must not
 * know what the bytes mean. */
#include "wire/packet.h"

size_t packet_flatten(const struct packet *p, uint8_t *target, size_t size)
{
    size_t length = packet_length(p);
    if (length > size)
        return 0;
    for (unsigned i = 0; i < p->count; i++) {
        if (p->parts[i].len)
            memcpy(target, p->parts[i].data, p->parts[i].len);
        target += p->parts[i].len;
    }
    return length;
}
