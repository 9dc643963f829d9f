/* What must not be guessed: initial sequence numbers, timestamp offsets, flow labels and ports
 * (RFC 9293, 3.4.1; RFC 7323, 7.1; RFC 6437; RFC 6056), and the hash of the table of connections.
 * All come from SipHash under the host's secret; here it is shown that they look like it. */
#include "support/tcp_steps.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

enum { SAMPLES = 65536 };

static struct memory memory;
static struct trace trace;
static struct tcp *tcp;
static const struct instant start = {1000000000};

static struct tcp *host_with(struct siphash_key secret)
{
    struct tcp_config config = {.secret = secret, .memory = &memory, .trace = &trace, .mtu = 1500};
    struct tcp *made = malloc(tcp_size());

    assert_int_equal(tcp_init(made, &config), 0);
    return made;
}

static void free_host(struct tcp *host)
{
    tcp_destroy(host);
    free(host);
}

static int setup(void **state)
{
    (void)state;
    trace = (struct trace){0};
    assert_int_equal(memory_init(&memory, 32u << 20), 0);
    tcp = host_with((struct siphash_key){1, 2});
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    free_host(tcp);
    memory_destroy(&memory);
    return 0;
}

/* Different flows: to one peer, one after the other. */
static struct flow nth_flow(unsigned n)
{
    return (struct flow){
        .local = {address_from_ipv4_u32(0xc6120002 + n / 60000), (uint16_t)(1024 + n % 60000)},
        .remote = {address_from_ipv4_u32(0xc6120001), 443}};
}

static uint32_t iss_of(const struct tcp *host, const struct flow *flow, int64_t later_ns)
{
    return (uint32_t)tcp_new_iss(host, flow, (struct instant){start.ns + later_ns});
}

/* Counts in 256 cells stay near their mean: chi-square with 255 degrees of freedom is above 400
 * once in ten million times. */
static void assert_even(const unsigned cells[256])
{
    double chi = 0, mean = SAMPLES / 256.0;

    for (unsigned i = 0; i < 256; i++)
        chi += (cells[i] - mean) * (cells[i] - mean) / mean;
    assert_true(chi < 400);
}

typedef uint32_t number(unsigned n);

/* Each byte of the numbers is even, and so is that of the differences between neighbours: neither a
 * number nor its successor can be guessed. */
static void assert_unpredictable(number *nth, unsigned bits)
{
    for (unsigned shift = 0; shift + 8 <= bits; shift += 8) {
        unsigned single[256] = {0}, difference[256] = {0};
        for (unsigned n = 0; n < SAMPLES; n++) {
            single[nth(n) >> shift & 0xff]++;
            difference[(nth(n + 1) - nth(n)) >> shift & 0xff]++;
        }
        assert_even(single);
        assert_even(difference);
    }
}

/* --- initial sequence numbers ------------------------------------------------------------ */

/* MUST-8, SHLD-1, R6528-01: M ticks every 4 microseconds, and the same flow's numbers follow it. */
static void the_isn_clock_ticks_every_4_microseconds(void **state)
{
    struct flow flow = nth_flow(0);
    uint32_t first = iss_of(tcp, &flow, 0);
    (void)state;
    assert_int_equal(iss_of(tcp, &flow, 3999), first);
    assert_int_equal(iss_of(tcp, &flow, 4000), first + 1);
    assert_int_equal(iss_of(tcp, &flow, INT64_C(1000000000)), first + 250000);
    /* It comes round after 4.77 hours. */
    assert_int_equal(iss_of(tcp, &flow, (INT64_C(4000) << 32) + 4000), first + 1);
}

static uint32_t nth_iss(unsigned n)
{
    struct flow flow = nth_flow(n);

    return iss_of(tcp, &flow, 0);
}

/* MUST-9, SHLD-1, R6528-01, Weak ISN (NUMBER:JACK), Weak ISN (InterNiche), Weak ISN/hash (older) */
static void isns_of_other_flows_cannot_be_guessed(void **state)
{
    (void)state;
    assert_unpredictable(nth_iss, 32);
}

static unsigned ones(uint32_t x)
{
    return (unsigned)__builtin_popcount(x);
}

/* MUST-9, R6528-02, Weak hash in userspace stack, Secrets in checkpoints: another secret, or any
 * other bit of the secret, gives numbers that have nothing to do with these. */
static void every_bit_of_the_secret_counts(void **state)
{
    struct flow flow = nth_flow(0);
    uint32_t first = iss_of(tcp, &flow, 0);
    unsigned changed = 0;
    (void)state;
    for (unsigned bit = 0; bit < 128; bit++) {
        struct siphash_key secret = {1, 2};
        struct tcp *other;
        if (bit < 64)
            secret.k0 ^= UINT64_C(1) << bit;
        else
            secret.k1 ^= UINT64_C(1) << (bit - 64);
        other = host_with(secret);
        assert_int_not_equal(iss_of(other, &flow, 0), first);
        changed += ones(iss_of(other, &flow, 0) ^ first);
        free_host(other);
    }
    assert_true(changed > 128 * 16 - 200 && changed < 128 * 16 + 200);
}

/* --- timestamps and flow labels ---------------------------------------------------------- */

static uint32_t nth_offset(unsigned n)
{
    struct flow flow = nth_flow(n);

    return tcp_timestamp_offset(tcp, &flow);
}

/* R7323-16, Timestamp leak / clock skew: nobody can tell how long the host is up, or that two
 * connections are of one host. */
static void timestamp_offsets_cannot_be_guessed(void **state)
{
    (void)state;
    assert_unpredictable(nth_offset, 32);
    assert_int_not_equal(nth_offset(0), nth_iss(0) - (uint32_t)(start.ns / 4000));
}

static uint32_t nth_label(unsigned n)
{
    struct flow flow = nth_flow(n);

    return tcp_flow_label(tcp, &flow);
}

/* Flow-label / hash key leak: 20 bits, even, and under a key of 128. */
static void flow_labels_cannot_be_guessed(void **state)
{
    (void)state;
    assert_unpredictable(nth_label, 16);
    for (unsigned n = 0; n < 1000; n++)
        assert_true(nth_label(n) < 1u << 20);
}

/* --- ports ------------------------------------------------------------------------------- */

static struct address ours(void)
{
    return address_from_ipv4_u32(0xc6120002);
}

/* R6056-01, Source-port prediction / tracking: over the whole range, evenly, for as many
 * destinations. */
static void ports_are_scattered_over_the_whole_range(void **state)
{
    unsigned cells[256] = {0};
    struct address local = ours();
    uint16_t least = UINT16_MAX, most = 0;
    (void)state;
    for (unsigned n = 0; n < SAMPLES; n++) {
        struct endpoint remote = {address_from_ipv4_u32(0x0a000000 + n), 443};
        uint16_t port = tcp_choose_port(tcp, &local, &remote, start);
        assert_true(port >= 1024);
        least = port < least ? port : least;
        most = port > most ? port : most;
        cells[(port - 1024u) * 256 / (65536 - 1024)]++;
    }
    assert_even(cells);
    assert_true(least < 1034 && most > 65525);
}

/* R6056-01: to one destination they go on by small steps, so that a port is not used again soon. */
static void ports_to_one_destination_do_not_come_again_soon(void **state)
{
    static bool used[65536];
    struct endpoint remote = {address_from_ipv4_u32(0xc6120001), 443};
    struct address local = ours();
    (void)state;
    memset(used, 0, sizeof used);
    for (unsigned n = 0; n < 8000; n++) {
        uint16_t port = tcp_choose_port(tcp, &local, &remote, start);
        assert_false(used[port]);
        used[port] = true;
    }
}

/* R6056-02, Ephemeral port exhaustion: ports of connections, in whatever state, are passed over;
 * when there is none left it says so at once. */
static void ports_in_use_are_not_chosen(void **state)
{
    struct endpoint remote = {address_from_ipv4_u32(0xc6120001), 443};
    struct address local = ours();
    struct tcp_settings settings;
    struct tcb *tcb;
    (void)state;
    tcp_default_settings(tcp, &settings);
    for (unsigned n = 0; n < 500; n++) {
        struct flow flow = {.remote = remote};
        flow.local = (struct endpoint){local, tcp_choose_port(tcp, &local, &remote, start)};
        assert_int_not_equal(flow.local.port, 0);
        assert_int_equal(tcp_open_active(tcp, &flow, &settings, 0, tcp, &tcb, start), 0);
    }
    for (unsigned port = 1024; port < 65536; port++) {
        struct tcp_claim claim = {.local = {local, (uint16_t)port}};
        (void)tcp_claim_port(tcp, &claim);
    }
    assert_int_equal(tcp_choose_port(tcp, &local, &remote, start), 0);
}

/* --- the table --------------------------------------------------------------------------- */

static unsigned longest_chain(const struct tcp *host)
{
    unsigned longest = 0;

    for (size_t i = 0; i < host->bucket_count; i++) {
        unsigned length = 0;
        for (const struct tcp_connection *c = host->buckets[i]; c; c = c->next)
            length++;
        longest = length > longest ? length : longest;
    }
    return longest;
}

/* Demux hash flooding: flows that share one bucket of a host whose secret the attacker knows are
 * scattered in a host whose secret he does not. */
static void chosen_flows_do_not_share_a_bucket(void **state)
{
    struct tcp *known = host_with((struct siphash_key){0, 0});
    struct tcp_settings settings;
    unsigned colliding = 0;
    struct tcb *tcb;
    (void)state;
    tcp_default_settings(tcp, &settings);
    for (unsigned n = 0; n < 60000; n++) {
        struct flow flow = nth_flow(n);
        assert_int_equal(tcp_open_active(known, &flow, &settings, 0, known, &tcb, start), 0);
        if ((tcb->connection->hash & 1023) == 7) {
            struct tcb *other;
            colliding++;
            assert_int_equal(tcp_open_active(tcp, &flow, &settings, 0, tcp, &other, start), 0);
        }
        tcp_abort(tcb, start);
        tcp_free_connection(known, tcb);
    }
    assert_true(colliding > 30);
    assert_true(longest_chain(tcp) <= 4);
    free_host(known);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_isn_clock_ticks_every_4_microseconds),
        TEST(isns_of_other_flows_cannot_be_guessed),
        TEST(every_bit_of_the_secret_counts),
        TEST(timestamp_offsets_cannot_be_guessed),
        TEST(flow_labels_cannot_be_guessed),
        TEST(ports_are_scattered_over_the_whole_range),
        TEST(ports_to_one_destination_do_not_come_again_soon),
        TEST(ports_in_use_are_not_chosen),
        TEST(chosen_flows_do_not_share_a_bucket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
