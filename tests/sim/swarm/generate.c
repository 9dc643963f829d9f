/* Random worlds, see generate.h: two to five hosts, perhaps routers between them, links with every
 * kind of fault, flows that differ in everything that an application may choose, and misfortunes.
 */
#include "generate.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/random.h"

struct generator {
    struct random random;
    FILE *out;
    unsigned hosts, routers, links, flows, datagrams;
    bool damages;   /* some link turns bits over */
    unsigned scale; /* 1: small transfers, 8: large ones */
};

static uint64_t below(struct generator *g, uint64_t bound)
{
    return random_below(&g->random, bound);
}

static bool one_in(struct generator *g, uint64_t count)
{
    return random_one_in(&g->random, count);
}

/* Small numbers are as probable as large ones: 1 .. 2^bits. */
static uint64_t magnitude(struct generator *g, unsigned bits)
{
    return 1 + below(g, UINT64_C(1) << below(g, bits + 1));
}

__attribute__((format(printf, 2, 3))) static void say(struct generator *g, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vfprintf(g->out, format, arguments);
    va_end(arguments);
}

/* Said once in `count` times. */
#define MAYBE(g, count, ...)                                                                       \
    do {                                                                                           \
        if (one_in(g, count))                                                                      \
            say(g, __VA_ARGS__);                                                                   \
    } while (0)

/* --- hosts ------------------------------------------------------------------------------------ */

static void say_clock(struct generator *g)
{
    static const char *const wraps[] = {"2^31us", "2^32us", "2^31ms", "2^32ms"};

    if (one_in(g, 3))
        say(g, " clock %s-%" PRIu64 "ms", wraps[below(g, 4)], magnitude(g, 15));
}

static void say_settings(struct generator *g)
{
    /* Client and server; without cookies; server alone. */
    static const uint64_t fast_opens[] = {3, 3, 0x4 + 0x200 + 3, 2};

    MAYBE(g, 8, " set tcp_sack=0");
    MAYBE(g, 12, " set tcp_dsack=0");
    MAYBE(g, 8, " set tcp_timestamps=%" PRIu64, below(g, 3));
    MAYBE(g, 12, " set tcp_window_scaling=0");
    MAYBE(g, 2, " set tcp_ecn=%" PRIu64, below(g, 6));
    MAYBE(g, 3, " set tcp_mtu_probing=%" PRIu64, below(g, 3));
    MAYBE(g, 2, " set tcp_fastopen=%" PRIu64, fast_opens[below(g, 4)]);
    MAYBE(g, 8, " set tcp_recovery=0");
    MAYBE(g, 10, " set tcp_early_retrans=0");
    MAYBE(g, 10, " set tcp_frto=0");
    MAYBE(g, 10, " set tcp_initial_cwnd=%" PRIu64, magnitude(g, 6));
    MAYBE(g, 10, " set tcp_limited_transmit=0");
    MAYBE(g, 10, " set tcp_moderate_rcvbuf=0");
    MAYBE(g, 8, " set tcp_syncookies=%" PRIu64, below(g, 3));
    MAYBE(g, 10, " set tcp_rmem_max=%" PRIu64, 4096 + magnitude(g, 20));
    MAYBE(g, 12, " set tcp_slow_start_after_idle=0");
    MAYBE(g, 12, " set tcp_rto_min_us=%" PRIu64, 1000 + magnitude(g, 20));
}

static void say_host(struct generator *g, unsigned number)
{
    static const char *const offloads[] = {"none", "none", "checksum", "segments", "all", "all"};

    say(g, "host h%u", number);
    MAYBE(g, 2, " offload %s", offloads[below(g, 6)]);
    MAYBE(g, 4, " mtu %" PRIu64, 1280 + below(g, 8000));
    MAYBE(g, 12, " room %" PRIu64, magnitude(g, 6));
    if (one_in(g, 8))
        say(g, " memory %" PRIu64 "k", 400 + magnitude(g, 12));
    say_clock(g);
    say_settings(g);
    say(g, "\n");
}

/* --- links ------------------------------------------------------------------------------------ */

static void say_delay(struct generator *g)
{
    static const char *const tables[] = {"normal", "pareto", "paretonormal"};

    say(g, " delay %" PRIu64 "us", magnitude(g, 18));
    if (!one_in(g, 3))
        return;
    say(g, " %" PRIu64 "us", magnitude(g, 14));
    if (one_in(g, 3))
        say(g, " 25%%");
    MAYBE(g, 3, " distribution %s", tables[below(g, 3)]);
}

/* Or marks, where packets can be marked. */
static void say_loss(struct generator *g)
{
    if (one_in(g, 3))
        say(g, " loss %" PRIu64 ".%" PRIu64 "%%", magnitude(g, 3), below(g, 10));
    else if (one_in(g, 6))
        say(g, " loss gemodel 1%% 20%% 90%% 0.1%%");
    else
        return;
    MAYBE(g, 4, " ecn");
}

/* No path damages a packet twice: two bits that are turned over may well leave a checksum right. So
 * only what leaves a host is damaged, and what goes on between routers is not. */
static void say_faults(struct generator *g, bool damages)
{
    bool delayed = !one_in(g, 6);

    if (delayed)
        say_delay(g);
    say_loss(g);
    MAYBE(g, 5, " duplicate %" PRIu64 "%%", magnitude(g, 4));
    if (damages && one_in(g, 3)) {
        say(g, " corrupt %" PRIu64 "%%", magnitude(g, 3));
        g->damages = true;
    }
    if (delayed)
        MAYBE(g, 5, " reorder %" PRIu64 "%%", magnitude(g, 6));
    MAYBE(g, 10, " drop syn#1");
    MAYBE(g, 10, " drop fin#1");
    MAYBE(g, 10, " drop data#%" PRIu64, magnitude(g, 4));
}

static void say_bottleneck(struct generator *g)
{
    say(g, " rate %" PRIu64 "kbit", 100 * magnitude(g, 10));
    if (one_in(g, 3))
        return;
    say(g, " queue %s %" PRIu64 "k", one_in(g, 2) ? "tail" : "codel", 10 + magnitude(g, 8));
    MAYBE(g, 3, " ecn");
}

static void say_direction(struct generator *g, const char *name, bool damages)
{
    say(g, " %s", name);
    say_faults(g, damages);
    if (one_in(g, 3))
        say_bottleneck(g);
    say(g, ";");
}

static void say_link(struct generator *g, const char *from, unsigned from_number, const char *to,
                     unsigned to_number)
{
    say(g, "link l%u %s%u %s%u", g->links++, from, from_number, to, to_number);
    if (one_in(g, 8)) {
        say(g, " mtu %" PRIu64, 1280 + below(g, 220));
        MAYBE(g, 2, " silent");
    }
    if (!one_in(g, 8)) {
        say_direction(g, "forward:", *from == 'h');
        say_direction(g, "backward:", false);
    }
    say(g, "\n");
}

static void say_router(struct generator *g, unsigned number)
{
    say(g, "router r%u", number);
    MAYBE(g, 6, " bleach");
    MAYBE(g, 6, " mark");
    say(g, "\n");
}

/* A star, a chain, or every pair joined. */
static void say_topology(struct generator *g)
{
    g->hosts = 2 + (one_in(g, 3) ? (unsigned)below(g, 4) : 0);
    g->routers = one_in(g, 2) ? 1 + (unsigned)below(g, 2) : 0;
    for (unsigned i = 0; i < g->hosts; i++)
        say_host(g, i);
    for (unsigned i = 0; i < g->routers; i++)
        say_router(g, i);
    for (unsigned i = 1; i < g->routers; i++)
        say_link(g, "r", i - 1, "r", i);
    for (unsigned i = 0; i < g->hosts; i++) {
        if (g->routers > 0)
            say_link(g, "h", i, "r", i % g->routers);
        for (unsigned k = 0; g->routers == 0 && k < i; k++)
            say_link(g, "h", k, "h", i);
    }
}

/* --- flows ------------------------------------------------------------------------------------ */

static void say_habits(struct generator *g)
{
    static const char *const algorithms[] = {"cubic", "reno", "dctcp", "bbr"};

    say(g, " cc %s", algorithms[below(g, 4)]);
    MAYBE(g, 3, " ipv6");
    MAYBE(g, 6, " nodelay");
    MAYBE(g, 10, " cork");
    MAYBE(g, 4, " sndbuf %" PRIu64, magnitude(g, 18));
    MAYBE(g, 4, " rcvbuf %" PRIu64, magnitude(g, 18));
    MAYBE(g, 3, " calls %" PRIu64, 1 + below(g, 1000));
    MAYBE(g, 6, " zerocopy");
    MAYBE(g, 4, " chunk %" PRIu64, 50 + magnitude(g, 15));
    if (one_in(g, 6))
        say(g, " read %" PRIu64 " pause %" PRIu64 "us", 1000 + magnitude(g, 15),
            100 + magnitude(g, 14));
    else
        MAYBE(g, 4, " read %" PRIu64, 50 + magnitude(g, 15));
}

/* How the connection begins. */
static void say_beginning(struct generator *g)
{
    if (one_in(g, 3))
        say(g, " fastopen");
    else
        MAYBE(g, 12, " simultaneous");
    MAYBE(g, 15, " accept %" PRIu64 "ms", magnitude(g, 14));
}

/* A side that goes before its time, or hears no more; a connection that is given up early. */
static void say_end(struct generator *g)
{
    static const char *const sides[] = {"client", "server"};

    MAYBE(g, 15, " abort %s %" PRIu64 "ms", sides[below(g, 2)], magnitude(g, 14));
    MAYBE(g, 15, " close %s %" PRIu64 "ms", sides[below(g, 2)], magnitude(g, 14));
    MAYBE(g, 15, " deaf %s %" PRIu64 "ms", sides[below(g, 2)], magnitude(g, 14));
    MAYBE(g, 15, " usertimeout %" PRIu64 "ms", 100 + magnitude(g, 15));
    MAYBE(g, 30, " refused");
}

static void say_flow(struct generator *g)
{
    unsigned from = (unsigned)below(g, g->hosts), to = (unsigned)below(g, g->hosts);

    if (from == to && !one_in(g, 20))
        to = (from + 1) % g->hosts;
    say(g, "flow f%u h%u > h%u", g->flows++, from, to);
    MAYBE(g, 1, " size %" PRIu64, magnitude(g, 19) * g->scale - 1);
    MAYBE(g, 2, " reply %" PRIu64, magnitude(g, 18) * g->scale);
    MAYBE(g, 2, " start %" PRIu64 "ms", magnitude(g, 13));
    say_beginning(g);
    say_habits(g);
    say_end(g);
    say(g, "\n");
}

/* No fragments where bits are turned over: two of them may leave a datagram's checksum right. */
static void say_datagrams(struct generator *g)
{
    uint64_t from = below(g, g->hosts), most = g->damages ? 1200 : 1 + below(g, 20000);

    say(g, "datagrams d%u h%" PRIu64 " > h%" PRIu64 " count %" PRIu64 " size %" PRIu64,
        g->datagrams++, from, (from + 1) % g->hosts, magnitude(g, 7), most);
    say(g, " start %" PRIu64 "ms gap %" PRIu64 "us", magnitude(g, 12), magnitude(g, 17));
    MAYBE(g, 3, " ipv6");
    say(g, "\n");
}

/* --- misfortunes ------------------------------------------------------------------------------ */

static void say_outage(struct generator *g)
{
    uint64_t link = below(g, g->links), at = magnitude(g, 13);

    say(g, "at %" PRIu64 "ms link l%" PRIu64 " down\n", at, link);
    say(g, "at %" PRIu64 "ms link l%" PRIu64 " up\n", at + magnitude(g, 16), link);
}

static void say_misfortunes(struct generator *g)
{
    if (one_in(g, 6))
        say_outage(g);
    MAYBE(g, 12, "at %" PRIu64 "ms restart h%" PRIu64 "\n", magnitude(g, 13), below(g, g->hosts));
    for (uint64_t i = below(g, 6) == 0 ? magnitude(g, 4) : 0; i > 0; i--)
        say(g, "at %" PRIu64 "ms starve h%" PRIu64 " %" PRIu64 "\n", magnitude(g, 12),
            below(g, g->hosts), magnitude(g, 6));
    for (uint64_t i = below(g, 5) == 0 ? magnitude(g, 3) : 0; i > 0; i--)
        say(g, "at %" PRIu64 "ms replay l%" PRIu64 " %" PRIu64 "\n", magnitude(g, 14),
            below(g, g->links), magnitude(g, 6));
    MAYBE(g, 12, "at %" PRIu64 "ms reset f%" PRIu64 "\n", magnitude(g, 12), below(g, g->flows));
    for (uint64_t i = below(g, 6) == 0 ? magnitude(g, 3) : 0; i > 0; i--)
        say(g, "at %" PRIu64 "ms forge f%" PRIu64 " %" PRIu64 "\n", magnitude(g, 13),
            below(g, g->flows), magnitude(g, 17));
    if (one_in(g, 6))
        say(g, "hostile m h%" PRIu64 " packets %" PRIu64 " gap %" PRIu64 "us\n", below(g, g->hosts),
            50 + magnitude(g, 10), 100 + magnitude(g, 17));
}

char *generate_world(uint64_t seed)
{
    struct generator g = {.scale = 1};
    char *text = NULL;
    size_t size;

    random_seed(&g.random, seed);
    g.out = open_memstream(&text, &size);
    if (g.out == NULL)
        abort();
    if (one_in(&g, 10))
        g.scale = 8;
    say(&g, "seed %" PRIu64 "\n", seed ? seed : 1);
    say_topology(&g);
    do
        say_flow(&g);
    while (!one_in(&g, 3) && g.flows < 8);
    while (one_in(&g, 4))
        say_datagrams(&g);
    say_misfortunes(&g);
    if (fclose(g.out) != 0)
        abort();
    return text;
}
