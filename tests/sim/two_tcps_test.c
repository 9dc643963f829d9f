/* Two TCPs over hostile links, hundreds of seeds: every byte is compared, both directions, and both
 * sides close in order. A failure prints the seed; SEED=n repeats it alone, STORY=1 tells every
 * event. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "support/tcp_link.h"

static struct tcp_link link_;

static uint8_t pattern(uint64_t seed, unsigned direction, uint64_t position)
{
    uint64_t x = position + seed * 31 + direction * 977;
    return (uint8_t)(x ^ x >> 8 ^ x >> 16);
}

/* One direction of a transfer. */
struct stream {
    struct tcb *from, *to;
    uint64_t size, written, read;
    unsigned direction;
    bool closed, ended;
};

static void push(struct stream *s, uint64_t seed)
{
    uint8_t data[5000];

    while (s->written < s->size) {
        uint64_t want = s->size - s->written;
        int64_t n;
        want = want < sizeof data ? want : sizeof data;
        want = 1 + random_below(&link_.random, want);
        for (uint64_t i = 0; i < want; i++)
            data[i] = pattern(seed, s->direction, s->written + i);
        n = tcp_send(s->from, data, want, TCP_SEND_PUSH, link_.now);
        if (n == -EAGAIN)
            return;
        if (n < 0)
            fail_msg("seed %lu: send: %ld", (unsigned long)seed, (long)n);
        s->written += (uint64_t)n;
    }
    if (!s->closed) {
        s->closed = true;
        tcp_shutdown_send(s->from, link_.now);
    }
}

static void pull(struct stream *s, uint64_t seed)
{
    uint8_t data[7000];
    int64_t n;

    while (!s->ended && (n = tcp_receive(s->to, data, 1 + random_below(&link_.random, sizeof data),
                                         0, link_.now)) != -EAGAIN) {
        if (n < 0)
            fail_msg("seed %lu: receive: %ld", (unsigned long)seed, (long)n);
        for (int64_t i = 0; i < n; i++)
            if (data[i] != pattern(seed, s->direction, s->read + (uint64_t)i))
                fail_msg("seed %lu: byte %lu differs", (unsigned long)seed,
                         (unsigned long)(s->read + (uint64_t)i));
        s->read += (uint64_t)n;
        s->ended = n == 0;
    }
}

static void transfer(uint64_t seed, const struct link_config *config, uint64_t size0,
                     uint64_t size1)
{
    struct stream s[2] = {{.size = size0, .direction = 0}, {.size = size1, .direction = 1}};
    struct instant limit;

    link_open(&link_, config);
    link_connect(&link_, &s[0].from, &s[0].to);
    s[1].from = s[0].to;
    s[1].to = s[0].from;
    limit = instant_add(link_.now, duration_s(7200));
    while (!s[0].ended || !s[1].ended) {
        for (int i = 0; i < 2; i++) {
            push(&s[i], seed);
            pull(&s[i], seed);
        }
        if (s[0].ended && s[1].ended)
            break;
        if (!link_step(&link_) || !instant_before(link_.now, limit))
            fail_msg("seed %lu: no progress: %lu of %lu, %lu of %lu", (unsigned long)seed,
                     (unsigned long)s[0].read, (unsigned long)size0, (unsigned long)s[1].read,
                     (unsigned long)size1);
    }
    if (s[0].read != size0 || s[1].read != size1)
        fail_msg("seed %lu: %lu of %lu, %lu of %lu", (unsigned long)seed, (unsigned long)s[0].read,
                 (unsigned long)size0, (unsigned long)s[1].read, (unsigned long)size1);
    tcp_close(s[0].from, link_.now);
    tcp_close(s[0].to, link_.now);
    link_run(&link_, duration_s(1000)); /* TIME-WAIT ends, both tables are empty */
    for (unsigned i = 0; i < 2; i++)
        if (link_.host[i].tcp->connections != 0)
            fail_msg("seed %lu: host %u still has connections", (unsigned long)seed, i);
    link_close(&link_);
}

static uint64_t first_seed(uint64_t count, uint64_t *last)
{
    const char *only = getenv("SEED");
    uint64_t seed = only ? strtoull(only, NULL, 0) : 1;

    *last = only ? seed : count;
    return seed;
}

static void a_clean_link_carries_every_byte(void **state)
{
    static const uint64_t sizes[] = {0, 1, 12, 65534, 65537, 200000, 1000000};
    (void)state;
    for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct link_config config = {.seed = i, .faults = {.delay = duration_ms(10)}};
        transfer(i, &config, sizes[i], sizes[6 - i]);
    }
}

static void super_segments_carry_every_byte(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 10; seed++) {
        struct link_config config = {
            .seed = seed, .faults = {.delay = duration_us(50)}, .largest = 65535};
        transfer(seed, &config, 3000000, 1000000);
    }
}

static void hostile_links_carry_every_byte(void **state)
{
    uint64_t last, seed = first_seed(300, &last);

    (void)state;
    for (; seed <= last; seed++) {
        struct random r;
        struct link_config config = {.seed = seed};
        random_seed(&r, seed);
        config.faults = (struct link_faults){
            .loss = (unsigned)random_below(&r, 120),
            .duplicate = (unsigned)random_below(&r, 60),
            .reorder = (unsigned)random_below(&r, 200),
            .corrupt = (unsigned)random_below(&r, 40),
            .delay = duration_ms((int64_t)random_below(&r, 60)),
            .jitter = duration_ms((int64_t)random_below(&r, 20)),
        };
        config.mtu = random_one_in(&r, 3) ? 576 : 1500;
        config.largest = random_one_in(&r, 2) ? 0 : 65535;
        transfer(seed, &config, random_below(&r, 200000), random_below(&r, 60000));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clean_link_carries_every_byte),
        cmocka_unit_test(super_segments_carry_every_byte),
        cmocka_unit_test(hostile_links_carry_every_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
