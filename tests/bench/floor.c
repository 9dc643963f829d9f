/* floor: what any stack in user space could reach at best over the lab's TUN, because it does the
 * least that the kernel's TCP on the other side puts up with: no timers, no loss, no application.
 * The measure for tests/bench/bulk and turn; run inside scripts/lab.
 *
 *   floor sink [-t SECONDS] [-o] [-a BYTES]   receives from one kernel sender; ACKs when the queue
 * is empty or BYTES are owed (default 0: each read) floor source [-t SECONDS] [-o]            sends
 * to one kernel receiver, within its window floor echo [-n TURNS]                     a kernel
 * program sends a byte by UDP, gets it back -o  no offload: packets of at most the MTU
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

#include "bench/bench.h"

enum {
    FIN = 1,
    SYN = 2,
    RST = 4,
    PUSH = 8,
    ACK = 16,
    PORT = 5002,
    VNET = sizeof(struct virtio_net_hdr),
    HEADERS = 40,
    MTU = 1500,
    MSS = MTU - HEADERS,
    LARGEST = 65535,
    SCALE = 14,
    READ_SIZE = 1 << 17,
};

static int tun, vnet = VNET;
static double seconds_wanted = 3;
static unsigned ack_bytes, turns = 20000;

struct connection {
    uint16_t port, peer;
    uint32_t nxt, una, wnd; /* ours: next to send, oldest not acknowledged, the peer's window */
    uint32_t rcv_nxt, owed; /* the peer's */
    unsigned shift;
};

static struct connection connection;

/* --- the device ----------------------------------------------------------------------------- */

static void open_tun(void)
{
    struct ifreq request = {.ifr_flags = (short)(IFF_TUN | IFF_NO_PI | (vnet ? IFF_VNET_HDR : 0))};
    const char *device = getenv("LAB_DEVICE");

    if (!device || strncmp(device, "tun:", 4) != 0)
        bench_die("run me inside scripts/lab with a TUN");
    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", device + 4);
    tun = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
    if (tun < 0 || ioctl(tun, TUNSETIFF, &request) != 0 ||
        ioctl(tun, TUNSETOFFLOAD, vnet ? TUN_F_CSUM | TUN_F_TSO4 : 0) != 0)
        bench_die("TUN");
}

static uint32_t sum_of(const void *data, size_t len, uint32_t sum)
{
    const uint8_t *p = data;

    for (size_t i = 0; i + 1 < len; i += 2)
        sum += (uint32_t)p[i] << 8 | p[i + 1];
    return len % 2 ? sum + ((uint32_t)p[len - 1] << 8) : sum;
}

static uint16_t folded(uint32_t sum)
{
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

static void put_16(uint8_t *at, uint32_t v)
{
    at[0] = (uint8_t)(v >> 8);
    at[1] = (uint8_t)v;
}

static void put_32(uint8_t *at, uint32_t v)
{
    put_16(at, v >> 16);
    put_16(at + 2, v & 0xffff);
}

static uint32_t get_16(const uint8_t *at)
{
    return (uint32_t)at[0] << 8 | at[1];
}

static uint32_t get_32(const uint8_t *at)
{
    return get_16(at) << 16 | get_16(at + 2);
}

/* One segment: `text` bytes of `data`, whose 16-bit sum without the headers is `text_sum` (used
 * without offload only). False: the queue is full. */
static int transmit(unsigned flags, const uint8_t *data, size_t text, uint32_t text_sum)
{
    static const uint8_t syn_options[8] = {2, 4, MSS >> 8, MSS & 255, 3, 3, SCALE, 1};
    uint8_t head[VNET + HEADERS + 8] = {0};
    uint8_t *ip = head + vnet, *tcp = ip + 20;
    size_t header = 20 + (flags & SYN ? sizeof syn_options : 0);
    struct virtio_net_hdr *v = (struct virtio_net_hdr *)head;
    struct iovec parts[2] = {{head, (size_t)vnet + 20 + header}, {(void *)(uintptr_t)data, text}};
    uint32_t pseudo;

    ip[0] = 0x45;
    put_16(ip + 2, (uint32_t)(20 + header + text));
    ip[8] = 64;
    ip[9] = IPPROTO_TCP;
    put_32(ip + 12, 0xc6120002); /* 198.18.0.2 */
    put_32(ip + 16, 0xc6120001);
    put_16(ip + 10, 0xffffu & ~folded(sum_of(ip, 20, 0)));
    put_16(tcp, connection.port);
    put_16(tcp + 2, connection.peer);
    put_32(tcp + 4, connection.nxt);
    put_32(tcp + 8, connection.rcv_nxt);
    tcp[12] = (uint8_t)(header / 4 << 4);
    tcp[13] = (uint8_t)flags;
    /* Without offload no more than the interface's queue of 500 packets holds. */
    put_16(tcp + 14, flags & SYN ? 0xffff : (vnet ? 4096 : 22));
    if (flags & SYN)
        memcpy(tcp + 20, syn_options, sizeof syn_options);
    pseudo = sum_of(ip + 12, 8, IPPROTO_TCP + (uint32_t)(header + text));
    if (vnet && text) {
        *v = (struct virtio_net_hdr){.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
                                     .gso_type = text > MSS ? VIRTIO_NET_HDR_GSO_TCPV4 : 0,
                                     .hdr_len = (uint16_t)(20 + header),
                                     .gso_size = text > MSS ? MSS : 0,
                                     .csum_start = 20,
                                     .csum_offset = 16};
        put_16(tcp + 16, folded(pseudo));
    } else {
        put_16(tcp + 16, 0xffffu & ~folded(sum_of(tcp, header, pseudo) + text_sum));
    }
    return writev(tun, parts, text ? 2 : 1) > 0;
}

static void acknowledge(void)
{
    connection.owed = 0;
    transmit(ACK, NULL, 0, 0);
}

/* Reads one packet. 0: none is there. Else how many bytes of text in order it brought, plus 1. */
static size_t receive(void)
{
    static uint8_t packet[READ_SIZE];
    ssize_t n = read(tun, packet, sizeof packet);
    const uint8_t *ip = packet + vnet, *tcp = ip + 20;
    size_t header, text;

    if (n < 0)
        return 0;
    n -= vnet;
    if (n < HEADERS || ip[0] != 0x45 || ip[9] != IPPROTO_TCP || get_16(tcp + 2) != connection.port)
        return 1;
    header = (size_t)(tcp[12] >> 4) * 4;
    text = (size_t)n - 20 - header;
    connection.peer = (uint16_t)get_16(tcp);
    if (tcp[13] & SYN) {
        connection.rcv_nxt = get_32(tcp + 4) + 1;
        for (const uint8_t *o = tcp + 20; o + 2 < tcp + header && *o; o += *o == 1 ? 1 : o[1])
            if (*o == 3)
                connection.shift = o[2];
        if (!(tcp[13] & ACK))
            transmit(SYN | ACK, NULL, 0, 0);
        connection.nxt++;
    }
    if (tcp[13] & ACK) {
        connection.una = get_32(tcp + 8);
        connection.wnd = get_16(tcp + 14) << (tcp[13] & SYN ? 0 : connection.shift);
    }
    if (text == 0 || get_32(tcp + 4) != connection.rcv_nxt)
        return 1;
    connection.rcv_nxt += (uint32_t)text;
    connection.owed += (uint32_t)text;
    return text + 1;
}

static void wait_for_packets(short events, int milliseconds)
{
    struct pollfd p = {tun, events, 0};

    poll(&p, 1, milliseconds);
}

/* --- what is measured ----------------------------------------------------------------------- */

static void sink(void)
{
    struct bench_span span = {.warm = 0.5, .seconds = seconds_wanted};

    bench_child(BENCH_KERNEL_SENDS, "198.18.0.2", PORT);
    for (;;) {
        size_t got = receive();
        if (got > 0) {
            if (connection.owed > ack_bytes)
                acknowledge();
        } else if (connection.owed > 0) {
            acknowledge();
        } else {
            wait_for_packets(POLLIN, 100);
        }
        if (bench_moved(&span, got > 0 ? got - 1 : 0))
            return;
    }
}

static void source(void)
{
    enum { READ_EVERY = 8 };
    static uint8_t text[LARGEST];
    size_t most = vnet ? (LARGEST - HEADERS) / MSS * MSS : MSS;
    struct bench_span span = {.warm = 0.5, .seconds = seconds_wanted};
    uint32_t una;

    bench_child(BENCH_KERNEL_RECEIVES, "198.18.0.1", PORT);
    transmit(SYN, NULL, 0, 0);
    while (connection.wnd == 0) {
        wait_for_packets(POLLIN, 100);
        receive();
    }
    acknowledge();
    una = connection.una;
    for (unsigned i = 0;; i++) {
        uint32_t flight = connection.nxt - connection.una;
        if (flight + most <= connection.wnd &&
            transmit(ACK | PUSH, text, most, 0)) /* zeros sum up to nothing */
            connection.nxt += (uint32_t)most;
        else if (receive() == 0)
            wait_for_packets(POLLIN, 100);
        if (i % READ_EVERY == 0)
            while (receive() > 0)
                ;
        if (bench_moved(&span, connection.una - una))
            return;
        una = connection.una;
    }
}

/* Sends every UDP packet back: addresses and ports change places, which no checksum notices. */
static void echo(void)
{
    static uint8_t packet[READ_SIZE];

    bench_child(BENCH_UDP_TURNS, "198.18.0.2", turns);
    for (;;) {
        ssize_t n = read(tun, packet, sizeof packet);
        uint8_t *ip = packet + vnet, kept[4];
        if (n < 0) {
            if (!bench_child_runs())
                return;
            wait_for_packets(POLLIN, 10);
            continue;
        }
        if (n < vnet + 28 || ip[0] != 0x45 || ip[9] != IPPROTO_UDP)
            continue;
        memcpy(kept, ip + 12, 4);
        memcpy(ip + 12, ip + 16, 4);
        memcpy(ip + 16, kept, 4);
        memcpy(kept, ip + 20, 2);
        memcpy(ip + 20, ip + 22, 2);
        memcpy(ip + 22, kept, 2);
        if (write(tun, packet, (size_t)n) < 0)
            bench_die("write");
    }
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    int o;

    optind = 2;
    while ((o = getopt(argc, argv, "t:oa:n:")) > 0)
        switch (o) {
        case 't':
            seconds_wanted = atof(optarg);
            break;
        case 'o':
            vnet = 0;
            break;
        case 'a':
            ack_bytes = (unsigned)atoi(optarg);
            break;
        case 'n':
            turns = (unsigned)atoi(optarg);
            break;
        default:
            return 2;
        }
    bench_pin(0);
    connection.port = PORT;
    connection.nxt = connection.una = 1000;
    if (strcmp(what, "source") == 0)
        connection.port = PORT + 1;
    if (strcmp(what, "source") == 0)
        connection.peer = PORT;
    open_tun();
    if (strcmp(what, "sink") == 0)
        sink();
    else if (strcmp(what, "source") == 0)
        source();
    else if (strcmp(what, "echo") == 0)
        echo();
    else
        return 2;
    return 0;
}
