/* Packets and time. The bytes of each packet that leaves are read and its checksums are verified by
 * the drill's own reader, which shares nothing with the stack. See adapter.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "drill/packet_bytes.h"
#include "drill/so/adapter.h"

/* usleep() never ends on time: what a kernel adds to it. gettimeofday() costs time too, so that a
 * caller who only looks at the clock gets on. */
enum { USLEEP_LATE_NS = 20000, CLOCK_READ_NS = 1000 };

static int entry_netdev_send(void *userdata, const void *packet, size_t length)
{
    struct adapter *adapter = so_enter(userdata);
    so_sysctls_read(adapter);
    return (int)so_leave(adapter, tunny_virtual_inject(adapter->stack, packet, length));
}

/* The oldest packet, or the next one that a timer sends. False: there will be none. */
static bool next_packet(struct adapter *adapter, struct tunny_virtual_packet *packet)
{
    while (tunny_virtual_collect(adapter->stack, packet) < 0) {
        int64_t next = so_next_ns(adapter);
        if (next == INT64_MAX)
            return false;
        so_advance(adapter, next);
    }
    return true;
}

/* A packet that is wrong in itself is never handed over: no packet (a length of 0) ends the script,
 * where -1 would be tried again. */
static int entry_netdev_receive(void *userdata, void *data, size_t *length, long long *time_us)
{
    struct adapter *adapter = so_enter(userdata);
    struct tunny_virtual_packet packet;
    struct seen_packet seen = {0};
    size_t room = *length;
    *length = 0;
    if (!next_packet(adapter, &packet)) {
        fprintf(stderr, "tunny: no packet is left, and none will come\n");
        return (int)so_leave(adapter, 0);
    }
    packet_read(packet.data, packet.length, &seen);
    if (seen.fault != NULL || packet.length > room) {
        fprintf(stderr, "tunny: a packet is wrong: %s\n",
                seen.fault != NULL ? seen.fault : "it is longer than the buffer for it");
        return (int)so_leave(adapter, 0);
    }
    memcpy(data, packet.data, packet.length);
    *length = packet.length;
    *time_us = packet.when_ns / 1000;
    return (int)so_leave(adapter, 0);
}

unsigned so_netdev_leftovers(struct adapter *adapter)
{
    struct tunny_virtual_packet packet;
    char text[PACKET_TEXT];
    unsigned count = 0;
    while (tunny_virtual_collect(adapter->stack, &packet) == 0) {
        struct seen_packet seen = {0};
        packet_read(packet.data, packet.length, &seen);
        packet_text(&seen.spec, seen.from.ipv6, text);
        fprintf(stderr, "tunny: the script did not expect, at %.6f s: %s%s%s\n",
                (double)packet.when_ns / 1e9, text, seen.fault != NULL ? ", which is wrong: " : "",
                seen.fault != NULL ? seen.fault : "");
        count++;
    }
    return count;
}

/* --- time ----------------------------------------------------------------------------------- */

static int entry_usleep(void *userdata, useconds_t time_us)
{
    struct adapter *adapter = so_enter(userdata);
    if (!pthread_equal(adapter->driver, pthread_self()))
        return (int)so_leave(adapter, -EPERM);
    so_advance(adapter, tunny_now_ns(adapter->stack) + (int64_t)time_us * 1000 + USLEEP_LATE_NS);
    return (int)so_leave(adapter, 0);
}

static int entry_gettimeofday(void *userdata, struct timeval *time, struct timezone *zone)
{
    struct adapter *adapter = so_enter(userdata);
    (void)zone;
    /* Only one thread moves the clock. */
    if (pthread_equal(adapter->driver, pthread_self()))
        so_advance(adapter, tunny_now_ns(adapter->stack) + CLOCK_READ_NS);
    int64_t now_us = tunny_now_ns(adapter->stack) / 1000;
    *time = (struct timeval){.tv_sec = now_us / 1000000, .tv_usec = now_us % 1000000};
    return (int)so_leave(adapter, 0);
}

void so_netdev_entries(struct packetdrill_interface *interface)
{
    interface->netdev_send = entry_netdev_send;
    interface->netdev_receive = entry_netdev_receive;
    interface->usleep = entry_usleep;
    interface->gettimeofday = entry_gettimeofday;
}
