/* core: what one segment costs in the stack alone, without a device: packets are handed over in
 * memory (tunny_create_virtual), each a wire packet of 1500 bytes with its checksums. Prints
 * "R key value unit"; run under callgrind with N and 2 N, the difference is instructions.
 *
 *   core in N              N data segments in order, read by the user, ACKs collected
 *   core out N             N data segments out, every second one acknowledged
 *   core swapped N         N data segments, each pair in the wrong order
 *   core sack N HOLES      N ACKs that each report one more segment SACKed among HOLES holes
 *   core scattered N HOLES the same, the segments in an order that no honest peer has
 *   core holes N HOLES     N segments of one byte that make HOLES holes in what the stack holds, in
 *                          such an order; then all is filled, and it begins again
 *   core connections N C   N data segments spread over C connections, SPANS times: the median, too
 *   core idle C            C connections stay open: bytes of memory for each
 */
#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/bench.h"
#include "socket.h"

enum {
    FIN = 1,
    SYN = 2,
    RST = 4,
    PSH = 8,
    ACK = 16,
    IP_LENGTH = 20,
    TCP_LENGTH = 20,
    HEADERS = IP_LENGTH + TCP_LENGTH,
    OPTIONS_MOST = 40,
    TEXT = 1448,
    PORT = 5001,
    FIRST_PEER_PORT = 1024,
    PORTS = 60000,
    IRS = 1000,
    TURN_NS = 1000000,
};

/* The peer's side of a connection: what a scripted TCP needs to know. */
struct peer {
    uint32_t address; /* host order */
    uint16_t port, our_port;
    uint32_t seq, ack; /* next to send, next expected of the stack */
    int socket;
    /* Headers of a text segment and of an ACK whose numbers are 0: made once, so that a run counts
     * the stack's work and not this program's. */
    uint8_t text[HEADERS], pure[HEADERS];
};

static struct tunny *stack;
static uint8_t packet[2048];
static int64_t clock_ns;
static uint64_t sent_segments, sent_bytes;

static void die(const char *what)
{
    fprintf(stderr, "core: %s\n", what);
    exit(1);
}

/* --- packets -------------------------------------------------------------------------------- */

static uint32_t sum_of(const uint8_t *data, size_t len, uint32_t sum)
{
    for (size_t i = 0; i + 1 < len; i += 2)
        sum += (uint32_t)data[i] << 8 | data[i + 1];
    return len % 2 ? sum + ((uint32_t)data[len - 1] << 8) : sum;
}

static void put_16(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void put_32(uint8_t *at, uint32_t value)
{
    put_16(at, value >> 16);
    put_16(at + 2, value & 0xffff);
}

static uint32_t get_32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static uint32_t folded(uint32_t sum)
{
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return ~sum & 0xffff;
}

/* The text is zeros, so that its part of the checksum is nothing and costs this program nothing. */
static size_t build(const struct peer *p, unsigned flags, uint32_t seq, size_t text,
                    const uint8_t *options, size_t options_length)
{
    uint8_t *tcp = packet + IP_LENGTH;
    size_t header = TCP_LENGTH + options_length;
    size_t length = IP_LENGTH + header + text;

    memset(packet, 0, IP_LENGTH + TCP_LENGTH + OPTIONS_MOST);
    packet[0] = 0x45;
    put_16(packet + 2, (uint32_t)length);
    packet[8] = 64;
    packet[9] = 6;
    put_32(packet + 12, p->address);
    put_32(packet + 16, 0xc6120002); /* 198.18.0.2 */
    put_16(packet + 10, folded(sum_of(packet, IP_LENGTH, 0)));
    put_16(tcp, p->port);
    put_16(tcp + 2, p->our_port);
    put_32(tcp + 4, seq);
    put_32(tcp + 8, flags & ACK ? p->ack : 0);
    tcp[12] = (uint8_t)(header / 4 << 4);
    tcp[13] = (uint8_t)flags;
    put_16(tcp + 14, 0xffff);
    memcpy(tcp + TCP_LENGTH, options, options_length);
    put_16(tcp + 16,
           folded(sum_of(packet + 12, 8, 6 + (uint32_t)(header + text)) + sum_of(tcp, header, 0)));
    return length;
}

static void make_headers(struct peer *p)
{
    uint32_t ack = p->ack;

    p->ack = 0;
    build(p, ACK, 0, TEXT, NULL, 0);
    memcpy(p->text, packet, HEADERS);
    build(p, ACK, 0, 0, NULL, 0);
    memcpy(p->pure, packet, HEADERS);
    p->ack = ack;
}

/* Both numbers into the prepared headers; the checksum by RFC 1624, eqn. 3. */
static void arrives(const struct peer *p, uint32_t seq, size_t text)
{
    const uint8_t *headers = text ? p->text : p->pure;
    uint8_t *tcp = packet + IP_LENGTH;
    uint32_t sum = 0xffffu & ~((uint32_t)headers[IP_LENGTH + 16] << 8 | headers[IP_LENGTH + 17]);

    memcpy(packet, headers, HEADERS);
    put_32(tcp + 4, seq);
    put_32(tcp + 8, p->ack);
    put_16(tcp + 16,
           folded(sum + (seq >> 16) + (seq & 0xffff) + (p->ack >> 16) + (p->ack & 0xffff)));
    if (tunny_virtual_inject(stack, packet, HEADERS + text) < 0)
        die("inject");
}

/* Takes everything that the stack has sent; the peer expects what comes behind it now. */
static void collect(struct peer *p)
{
    struct tunny_virtual_packet out;

    while (tunny_virtual_collect(stack, &out) == 0) {
        const uint8_t *tcp = out.data + IP_LENGTH;
        size_t text = out.length - IP_LENGTH - (size_t)(tcp[12] >> 4) * 4;
        sent_segments++;
        sent_bytes += text;
        uint32_t next = get_32(tcp + 4) + (uint32_t)text + (tcp[13] & SYN ? 1 : 0);
        if (!p->ack || (int32_t)(next - p->ack) > 0) /* not what is sent again */
            p->ack = next;
    }
}

static void turn(int64_t ns)
{
    clock_ns += ns;
    if (tunny_virtual_advance(stack, clock_ns) < 0)
        die("advance");
}

/* --- connections ---------------------------------------------------------------------------- */

static int listening(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    int listener = tunny_socket(stack, AF_INET, SOCK_STREAM, 0);

    if (listener < 0 || tunny_bind(stack, listener, (struct sockaddr *)&a, sizeof a) < 0 ||
        tunny_listen(stack, listener, 1024) < 0)
        die("listen");
    return listener;
}

static struct peer connected(int listener, unsigned number)
{
    static const uint8_t with_sack[12] = {2, 4, TEXT >> 8, TEXT & 255, 1, 3, 3, 10, 1, 1, 4, 2};
    struct peer p = {
        .address = 0xc6120100 + number / PORTS,
        .port = (uint16_t)(FIRST_PEER_PORT + number % PORTS),
        .our_port = PORT,
        .seq = IRS,
    };
    tunny_virtual_inject(stack, packet, build(&p, SYN, p.seq, 0, with_sack, sizeof with_sack));
    collect(&p);
    p.seq++;
    make_headers(&p);
    arrives(&p, p.seq, 0);
    p.socket = tunny_accept(stack, listener, NULL, NULL, SOCK_NONBLOCK);
    if (p.socket < 0)
        die("accept");
    return p;
}

static uint64_t user_has;

static void user_reads(const struct peer *p)
{
    struct iovec pieces[2];
    ssize_t n = tunny_recv_lend(stack, p->socket, 1 << 20, MSG_DONTWAIT, pieces);

    if (n > 0) {
        user_has += (uint64_t)n;
        tunny_recv_done(stack, p->socket, (size_t)n);
    }
}

/* --- the measured turns --------------------------------------------------------------------- */

static void segments_in(struct peer *peers, unsigned count, uint64_t n, unsigned swapped)
{
    enum { READ_EVERY = 16 };
    static uint64_t whose; /* the next one's, also in a later span */

    user_has = 0;
    for (uint64_t i = 0; i < n; i++) {
        struct peer *p = &peers[whose++ % count];
        uint32_t at = p->seq;
        if (swapped)
            at = i % 2 ? at - TEXT : at + TEXT;
        arrives(p, at, TEXT);
        p->seq += TEXT;
        if (count > 1 || i % READ_EVERY == READ_EVERY - 1)
            user_reads(p);
        collect(p);
        if (i % READ_EVERY == 0)
            turn(TURN_NS);
    }
    for (unsigned i = 0; i < count; i++)
        user_reads(&peers[i]);
    if (user_has != (swapped ? n / 2 * 2 : n) * TEXT)
        die("the user did not get every byte");
}

static void user_writes(const struct peer *p)
{
    struct iovec pieces[2];
    ssize_t n = tunny_send_lend(stack, p->socket, 1 << 20, MSG_DONTWAIT, pieces);

    if (n > 0)
        tunny_send_done(stack, p->socket, (size_t)n, 0);
}

static void segments_out(struct peer *p, uint64_t n)
{
    sent_segments = 0;
    while (sent_segments < n) {
        uint32_t before = p->ack;
        user_writes(p);
        collect(p);
        turn(TURN_NS);
        collect(p);
        for (uint32_t all = p->ack; before != all;) {
            p->ack = before = all - before > 2 * TEXT ? before + 2 * TEXT : all;
            arrives(p, p->seq, 0);
            p->ack = all;
        }
    }
}

/* The i-th of `count` places, far from the one before. */
static uint32_t scattered(uint32_t i, uint32_t count)
{
    enum { PRIME = 7919 };
    return (uint32_t)((uint64_t)i * PRIME % count);
}

/* As much text in flight as `holes` holes need, whatever congestion control has to be told first.
 */
static uint32_t flight(struct peer *p, uint32_t holes)
{
    uint32_t una = p->ack;

    for (int rounds = 0; p->ack - una < 2 * holes * TEXT; rounds++) {
        if (rounds == 1000)
            die("the flight stays too small");
        arrives(p, p->seq, 0);
        una = p->ack;
        user_writes(p);
        collect(p);
        turn(TURN_NS);
        collect(p);
        for (int more = 0; more < 64 && p->ack - una < 2 * holes * TEXT; more++) {
            user_writes(p);
            collect(p);
        }
    }
    return una;
}

static double now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* A flight with `holes` holes: the first segment and every second one behind it is missing. Each
 * ACK then tells of one more segment of the same flight. The next flight is another connection's:
 * this one's window has become small. Returns the time of the ACKs alone. */
static double sacks(int listener, uint64_t n, uint32_t holes, bool in_order)
{
    double took = 0;
    unsigned number = 0;

    for (uint64_t done = 0; done < n;) {
        struct peer p = connected(listener, number++);
        uint32_t una = flight(&p, holes);
        double begun = now_ns();
        p.ack = una;
        for (uint32_t k = 0; k < holes && done < n; k++, done++) {
            uint8_t option[12] = {1, 1, 5, 10};
            uint32_t i = 1 + 2 * (in_order ? k : scattered(k, holes));
            put_32(option + 4, una + i * TEXT);
            put_32(option + 8, una + (i + 1) * TEXT);
            tunny_virtual_inject(stack, packet, build(&p, ACK, p.seq, 0, option, sizeof option));
        }
        took += now_ns() - begun;
        tunny_virtual_inject(stack, packet, build(&p, RST | ACK, p.seq, 0, NULL, 0));
        collect(&p);
        tunny_close(stack, p.socket);
    }
    return took;
}

/* Every second byte of the window arrives, then all of it in order. */
static void holes(struct peer *p, uint64_t n, uint32_t count)
{
    for (uint64_t done = 0; done < n;) {
        for (uint32_t i = 0; i < count && done < n; i++, done++)
            tunny_virtual_inject(stack, packet,
                                 build(p, ACK, p->seq + 1 + 2 * scattered(i, count), 1, NULL, 0));
        collect(p);
        for (uint32_t filled = 0; filled < 2 * count; filled += TEXT) {
            arrives(p, p->seq, TEXT);
            p->seq += TEXT;
        }
        user_reads(p);
        collect(p);
        turn(TURN_NS);
    }
}

/* --- one run -------------------------------------------------------------------------------- */

static struct peer *connect_all(int listener, unsigned count)
{
    struct peer *peers = calloc(count, sizeof *peers);

    for (unsigned i = 0; peers && i < count; i++)
        peers[i] = connected(listener, i);
    return peers;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Once everything has been in use. */
static void connections_in_spans(struct peer *peers, unsigned count, uint64_t n)
{
    enum { SPANS = 7 };
    double took[SPANS];

    n = n / SPANS / 2 * 2;
    segments_in(peers, count, count, 0);
    for (unsigned i = 0; i < SPANS; i++) {
        double begun = now_ns();
        segments_in(peers, count, n, 0);
        took[i] = (now_ns() - begun) / (double)n;
    }
    qsort(took, SPANS, sizeof *took, by_size);
    printf("R connections %.1f ns\nR least %.1f ns\nR most %.1f ns\n", took[SPANS / 2], took[0],
           took[SPANS - 1]);
}

/* Ten connections a second, and silence: those that have nothing to do sleep. */
static void idle(int listener, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        (void)connected(listener, i);
        turn(100 * TURN_NS);
    }
    for (int second = 0; second < 30; second++)
        turn(1000 * (int64_t)TURN_NS);
}

/* A flight of 20,000 segments, quickly, whose SACKs do not make it lost at once. */
static const char *const unlimited[] = {"tcp_reordering=127", "tcp_initial_cwnd=1000",
                                        "tcp_wmem_default=134217728", "tcp_wmem_max=134217728",
                                        NULL};

int main(int argc, char **argv)
{
    const bool sacked = argc > 1 && (!strcmp(argv[1], "sack") || !strcmp(argv[1], "scattered"));
    const struct tunny_config config = {.no_offload = 1,
                                        .memory = (uint64_t)8 << 30,
                                        .seed = 1,
                                        .settings = sacked ? unlimited : NULL};
    char error[200];
    const char *what = argc > 2 ? argv[1] : "";
    uint64_t n = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;
    unsigned more = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 10) : 1;
    struct peer *peers;
    double begun, before;
    int listener;

    if (n == 0 || tunny_create_virtual(&config, &stack, error, sizeof error) < 0)
        die(n ? error : "usage: core in|out|swapped|sack|scattered|holes|connections|idle N [M]");
    before = bench_resident();
    if (!strcmp(what, "idle")) {
        idle(listening(), (unsigned)n);
        printf("R idle %.0f bytes\n", (bench_resident() - before) / (double)n);
        return 0;
    }
    listener = listening();
    if (sacked) {
        printf("R %s %.1f ns\n", what, sacks(listener, n, more, !strcmp(what, "sack")) / (double)n);
        return 0;
    }
    peers = connect_all(listener, !strcmp(what, "connections") ? more : 1);
    begun = now_ns();
    if (!strcmp(what, "connections")) {
        connections_in_spans(peers, more, n);
        return 0;
    }
    if (!strcmp(what, "out"))
        segments_out(peers, n);
    else if (!strcmp(what, "holes"))
        holes(peers, n, more);
    else
        segments_in(peers, 1, n, !strcmp(what, "swapped"));
    printf("R %s %.1f ns\n", what, (now_ns() - begun) / (double)n);
    return 0;
}
