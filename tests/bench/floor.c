/* floor: what any stack in user space could reach at best over the lab's TUN, because it does the
 * least that the kernel's TCP on the other side puts up with: no timers, no loss, no application.
 * The measure for tests/bench/bulk and turn; run inside scripts/lab.
 *
 *   floor sink [-a BYTES]   receives; ACKs when the queue is empty or BYTES are owed (0: each read)
 *   floor source            sends, within the receiver's window
 *   floor answer [-n TURNS] a kernel program sends a byte by TCP, gets it back; -b: busy polling
 *   floor echo [-n TURNS]   the same by UDP
 *
 * Further: -t SECONDS, -P FLOWS, -o: no offload, packets of at most the MTU; -m MTU: which is this.
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
    SINK_PORT = 5002,
    PORT = 5010, /* of flow 0; its peer's is SOURCE_TO more */
    SOURCE_TO = 100,
    VNET = sizeof(struct virtio_net_hdr),
    HEADERS = 40,
    LARGEST = 65535,
    SCALE = 14,
    READ_SIZE = 1 << 17,
    FLOWS = 64,
    IN_QUEUE = 240, /* packets without offload: fewer than the interface's queue holds */
};

static int tun, vnet = VNET, busy;
static double seconds_wanted = 3;
static unsigned ack_bytes, turns = 20000, flows = 1, mss = 1500 - HEADERS;

struct connection {
    uint16_t port, peer;
    uint32_t nxt, una, wnd; /* ours: next to send, oldest not acknowledged, the peer's window */
    uint32_t rcv_nxt, owed; /* the peer's */
    unsigned shift;
};

static struct connection connections[FLOWS], *current;
static unsigned count;          /* of connections that there are */
static const uint8_t *received; /* the text that receive() has read last */

/* By our port, and the peer's if that is known; a new one for a SYN. */
static struct connection *connection_of(uint32_t port, uint32_t peer, int is_new)
{
    for (unsigned i = 0; i < count; i++)
        if (connections[i].port == port && connections[i].peer == peer)
            return &connections[i];
    if (!is_new || count == FLOWS)
        return NULL;
    connections[count] = (struct connection){
        .port = (uint16_t)port, .peer = (uint16_t)peer, .nxt = 1000};
    return &connections[count++];
}

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
    const uint8_t syn_options[8] = {2, 4, (uint8_t)(mss >> 8), (uint8_t)mss, 3, 3, SCALE, 1};
    uint8_t head[VNET + HEADERS + 8] = {0};
    uint8_t *ip = head + vnet, *tcp = ip + 20;
    size_t header = 20 + (flags & SYN ? sizeof syn_options : 0);
    struct virtio_net_hdr *v = (struct virtio_net_hdr *)head;
    struct iovec parts[2] = {{head, (size_t)vnet + 20 + header}, {(void *)(uintptr_t)data, text}};
    uint32_t pseudo, window = (vnet ? 4096 : ((IN_QUEUE * mss) >> SCALE) + 1) / flows;

    ip[0] = 0x45;
    put_16(ip + 2, (uint32_t)(20 + header + text));
    ip[8] = 64;
    ip[9] = IPPROTO_TCP;
    put_32(ip + 12, 0xc6120002); /* 198.18.0.2 */
    put_32(ip + 16, 0xc6120001);
    put_16(ip + 10, 0xffffu & ~folded(sum_of(ip, 20, 0)));
    put_16(tcp, current->port);
    put_16(tcp + 2, current->peer);
    put_32(tcp + 4, current->nxt);
    put_32(tcp + 8, current->rcv_nxt);
    tcp[12] = (uint8_t)(header / 4 << 4);
    tcp[13] = (uint8_t)flags;
    put_16(tcp + 14, flags & SYN ? 0xffff : window);
    if (flags & SYN)
        memcpy(tcp + 20, syn_options, sizeof syn_options);
    pseudo = sum_of(ip + 12, 8, IPPROTO_TCP + (uint32_t)(header + text));
    if (vnet && text) {
        *v = (struct virtio_net_hdr){.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
                                     .gso_type = text > mss ? VIRTIO_NET_HDR_GSO_TCPV4 : 0,
                                     .hdr_len = (uint16_t)(20 + header),
                                     .gso_size = text > mss ? (uint16_t)mss : 0,
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
    current->owed = 0;
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
    if (n < HEADERS || ip[0] != 0x45 || ip[9] != IPPROTO_TCP)
        return 1;
    current = connection_of(get_16(tcp + 2), get_16(tcp), get_16(tcp + 2) < PORT);
    if (!current)
        return 1;
    header = (size_t)(tcp[12] >> 4) * 4;
    text = (size_t)n - 20 - header;
    if (tcp[13] & SYN) {
        current->rcv_nxt = get_32(tcp + 4) + 1;
        for (const uint8_t *o = tcp + 20; o + 2 < tcp + header && *o; o += *o == 1 ? 1 : o[1])
            if (*o == 3)
                current->shift = o[2];
        if (!(tcp[13] & ACK))
            transmit(SYN | ACK, NULL, 0, 0);
        current->nxt++;
    }
    if (tcp[13] & ACK) {
        current->una = get_32(tcp + 8);
        current->wnd = get_16(tcp + 14) << (tcp[13] & SYN ? 0 : current->shift);
    }
    if (text == 0 || get_32(tcp + 4) != current->rcv_nxt)
        return 1;
    current->rcv_nxt += (uint32_t)text;
    current->owed += (uint32_t)text;
    received = tcp + header;
    return text + 1;
}

static void wait_for_packets(short events, int milliseconds)
{
    struct pollfd p = {tun, events, 0};

    poll(&p, 1, milliseconds);
}

/* --- what is measured ----------------------------------------------------------------------- */

/* Whether something was owed. */
static bool acknowledge_all(void)
{
    bool any = false;

    for (unsigned i = 0; i < count; i++)
        if (connections[i].owed > 0) {
            current = &connections[i];
            acknowledge();
            any = true;
        }
    return any;
}

static void sink(void)
{
    struct bench_span span = {.seconds = seconds_wanted};

    for (unsigned i = 0; i < flows; i++)
        bench_child(BENCH_KERNEL_SENDS, "198.18.0.2", SINK_PORT);
    for (;;) {
        size_t got = receive();
        if (got > 0) {
            if (current && current->owed > ack_bytes)
                acknowledge();
        } else if (!acknowledge_all()) {
            wait_for_packets(POLLIN, 100);
        }
        if (bench_moved(&span, got > 0 ? got - 1 : 0))
            return;
    }
}

static void open_sources(void)
{
    for (unsigned i = 0; i < flows; i++) {
        bench_child(BENCH_KERNEL_RECEIVES, "198.18.0.1", PORT + SOURCE_TO + i);
        current = connection_of(PORT + i, PORT + SOURCE_TO + i, 1);
        transmit(SYN, NULL, 0, 0);
        while (connections[i].wnd == 0) {
            wait_for_packets(POLLIN, 100);
            receive();
        }
        current = &connections[i];
        acknowledge();
    }
}

/* Whether the peer's window and the device took it. */
static bool send_text(struct connection *c, const uint8_t *text, uint32_t most)
{
    current = c;
    /* zeros sum up to nothing */
    if (c->nxt - c->una + most > c->wnd || !transmit(ACK | PUSH, text, most, 0))
        return false;
    c->nxt += most;
    return true;
}

static uint32_t acknowledged(void)
{
    uint32_t all = 0;

    for (unsigned i = 0; i < count; i++)
        all += connections[i].una;
    return all;
}

static void source(void)
{
    enum { READ_EVERY = 8 };
    static uint8_t text[LARGEST];
    uint32_t most = vnet ? (LARGEST - HEADERS) / mss * mss : mss, before;
    struct bench_span span = {.seconds = seconds_wanted};

    open_sources();
    before = acknowledged();
    for (unsigned i = 0, refused = 0;; i++) {
        refused = send_text(&connections[i % flows], text, most) ? 0 : refused + 1;
        if (refused >= flows && receive() == 0)
            wait_for_packets(POLLIN, 100);
        if (i % READ_EVERY == 0)
            while (receive() > 0)
                ;
        if (bench_moved(&span, acknowledged() - before))
            return;
        before = acknowledged();
    }
}

/* The queue is empty. False: the child has ended. */
static bool goes_on(void)
{
    enum { LOOK_EVERY = 64 }; /* empty reads, or 10 ms each, until the child is asked after */
    static unsigned empty;

    if (++empty % LOOK_EVERY == 0 && !bench_child_runs())
        return false;
    if (!busy)
        wait_for_packets(POLLIN, 10);
    return true;
}

/* Sends the text of every segment back, with the ACK. */
static void answer(void)
{
    bench_child(BENCH_TCP_TURNS, "198.18.0.2", turns);
    for (;;) {
        size_t got = receive();
        if (got == 0 && !goes_on())
            return;
        if (got < 2)
            continue;
        transmit(ACK | PUSH, received, got - 1, sum_of(received, got - 1, 0));
        current->nxt += (uint32_t)(got - 1);
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
            if (!goes_on())
                return;
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
    while ((o = getopt(argc, argv, "t:oa:n:P:m:b")) > 0)
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
        case 'P':
            flows = (unsigned)atoi(optarg) % FLOWS;
            break;
        case 'm':
            mss = (unsigned)atoi(optarg) - HEADERS;
            break;
        case 'b':
            busy = 1;
            break;
        case 'n':
            turns = (unsigned)atoi(optarg);
            break;
        default:
            return 2;
        }
    bench_pin(0);
    open_tun();
    if (strcmp(what, "sink") == 0)
        sink();
    else if (strcmp(what, "source") == 0)
        source();
    else if (strcmp(what, "answer") == 0)
        answer();
    else if (strcmp(what, "echo") == 0)
        echo();
    else
        return 2;
    return 0;
}
