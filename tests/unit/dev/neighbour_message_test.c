/* ARP and Neighbor Discovery messages: what is built is read, what breaks a rule is refused. */
#include "dev/neighbour_message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/checksum.h"

static const struct ethernet_address ours = {{2, 0, 0, 0, 0, 1}}, theirs = {{2, 0, 0, 0, 0, 2}};
static struct address a4, b4, a6, b6, nobody4;
static const struct address nobody6;

static int make_addresses(void **state)
{
    (void)state;
    nobody4 = address_from_ipv4_u32(0);
    return address_parse("198.18.0.1", &a4) && address_parse("198.18.0.2", &b4) &&
                   address_parse("fd00:7475:6e::1", &a6) && address_parse("fd00:7475:6e::2", &b6)
               ? 0
               : -1;
}

struct frame {
    uint8_t data[200];
    size_t len;
};

static struct frame frame_of(const struct neighbour_output *out)
{
    struct frame f = {.len = ETHERNET_HEADER + out->length};
    memcpy(f.data, out->header, ETHERNET_HEADER);
    memcpy(f.data + ETHERNET_HEADER, out->body, out->length);
    return f;
}

static struct frame question(const struct address *asker, const struct address *about,
                             const struct ethernet_address *to)
{
    struct neighbour_output out;
    neighbour_build_question(&out, asker, &ours, about, to);
    return frame_of(&out);
}

static struct frame answer(const struct address *about, const struct address *asker)
{
    struct neighbour_output out;
    neighbour_build_answer(&out, about, &ours, asker, &theirs);
    return frame_of(&out);
}

static enum neighbour_verdict verdict(const struct frame *f)
{
    struct neighbour_message message;
    return neighbour_message_parse((struct bytes){f->data, f->len}, &message);
}

/* Writes a right checksum over whatever an IPv6 frame says now. */
static void repair(struct frame *f)
{
    uint8_t *ip = f->data + ETHERNET_HEADER;
    struct address from = address_from_ipv6(ip + 8), to = address_from_ipv6(ip + 24);
    struct checksum sum = {.sum = 0};
    size_t length = f->len - ETHERNET_HEADER - 40;
    put_be16(ip + 4, (uint16_t)length);
    put_be16(ip + 42, 0);
    checksum_add_pseudo(&sum, &from, &to, 58, (uint32_t)length);
    checksum_add(&sum, ip + 40, length);
    put_be16(ip + 42, checksum_finish(&sum));
}

static void a_question_is_read_back_in_both_families(void **state)
{
    (void)state;
    const struct address *pairs[][2] = {{&a4, &b4}, {&a6, &b6}};
    for (unsigned i = 0; i < 2; i++) {
        struct neighbour_message m;
        struct frame f = question(pairs[i][0], pairs[i][1], NULL);
        assert_int_equal(neighbour_message_parse((struct bytes){f.data, f.len}, &m),
                         NEIGHBOUR_ASKS);
        assert_true(address_equal(&m.asker, pairs[i][0]));
        assert_true(address_equal(&m.about, pairs[i][1]));
        assert_true(m.has_ethernet);
        assert_memory_equal(&m.ethernet, &ours, sizeof ours);
    }
}

static void an_answer_is_read_back_in_both_families(void **state)
{
    (void)state;
    const struct address *pairs[][2] = {{&a4, &b4}, {&a6, &b6}};
    for (unsigned i = 0; i < 2; i++) {
        struct neighbour_message m;
        struct frame f = answer(pairs[i][0], pairs[i][1]);
        assert_int_equal(neighbour_message_parse((struct bytes){f.data, f.len}, &m),
                         NEIGHBOUR_TELLS);
        assert_memory_equal(f.data, &theirs, sizeof theirs);
        assert_true(address_equal(&m.about, pairs[i][0]));
        assert_true(address_equal(&m.to, pairs[i][1]));
        assert_true(m.solicited && m.override);
        assert_memory_equal(&m.ethernet, &ours, sizeof ours);
    }
}

static void questions_go_to_everybody_or_to_one(void **state)
{
    (void)state;
    static const uint8_t broadcast[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    static const uint8_t group[] = {0x33, 0x33, 0xff, 0, 0, 2};
    struct frame f = question(&a4, &b4, NULL);
    assert_memory_equal(f.data, broadcast, 6);
    f = question(&a6, &b6, NULL);
    assert_memory_equal(f.data, group, 6);
    f = question(&a4, &b4, &theirs);
    assert_memory_equal(f.data, &theirs, 6);
    f = question(&a6, &b6, &theirs);
    assert_memory_equal(f.data, &theirs, 6);
    assert_int_equal(verdict(&f), NEIGHBOUR_ASKS);
}

/* RFC 5227, 2.1.1; RFC 4861, 7.2.4 */
static void who_tests_an_address_is_answered(void **state)
{
    (void)state;
    static const uint8_t all_nodes[] = {0x33, 0x33, 0, 0, 0, 1};
    struct frame f = question(&nobody4, &b4, NULL);
    assert_int_equal(verdict(&f), NEIGHBOUR_ASKS);
    struct neighbour_message m;
    f = answer(&b6, &nobody6);
    assert_memory_equal(f.data, all_nodes, 6);
    assert_int_equal(neighbour_message_parse((struct bytes){f.data, f.len}, &m), NEIGHBOUR_TELLS);
    assert_false(m.solicited);
}

/* Neighbor/RA attacks: RFC 826 */
static void arp_that_breaks_a_rule_is_refused(void **state)
{
    (void)state;
    static const struct {
        unsigned at;
        uint8_t value;
    } faults[] = {
        {1, 6},            /* hardware: not Ethernet */
        {2, 0x86},         /* protocol: not IPv4 */
        {4, 8},            /* length of a hardware address */
        {5, 16},           /* length of a protocol address */
        {7, 3},            /* RARP */
        {7, 0},    {8, 1}, /* the sender is an Ethernet group */
        {14, 224},         /* the sender is a multicast group ... */
        {14, 255},         /* ... or 255.255.255.255 */
        {24, 239},         /* a question for a group */
    };
    for (unsigned i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        struct frame f = question(&a4, &b4, NULL);
        f.data[ETHERNET_HEADER + faults[i].at] = faults[i].value;
        if (faults[i].value == 255)
            memset(f.data + ETHERNET_HEADER + 14, 255, 4);
        if (verdict(&f) != NEIGHBOUR_INVALID)
            fail_msg("fault %u was accepted", i);
    }
    for (size_t len = ETHERNET_HEADER; len < ETHERNET_HEADER + 28; len++) {
        struct frame f = question(&a4, &b4, NULL);
        f.len = len;
        assert_int_equal(verdict(&f), NEIGHBOUR_INVALID);
    }
    struct frame f = question(&a4, &b4, NULL);
    f.data[6] = 0xff; /* the frame comes from a group */
    assert_int_equal(verdict(&f), NEIGHBOUR_INVALID);
}

/* Neighbor/RA attacks: RFC 4861, 7.1.1 */
static void solicitations_that_break_a_rule_are_refused(void **state)
{
    (void)state;
    enum { IP = ETHERNET_HEADER, ICMP = IP + 40 };
    struct frame good = question(&a6, &b6, NULL), f = good;
    f.data[IP + 7] = 254; /* a router forwarded it */
    assert_int_equal(verdict(&f), NEIGHBOUR_INVALID);
    f = good;
    f.data[ICMP + 2] ^= 1; /* checksum */
    assert_int_equal(verdict(&f), NEIGHBOUR_INVALID);
    f = good;
    f.data[ICMP + 1] = 1; /* code */
    repair(&f);
    assert_int_equal(verdict(&f), NEIGHBOUR_INVALID);
    f = good;
    f.len = ICMP + 23; /* shorter than 24 */
    repair(&f);
    assert_int_equal(verdict(&f), NEIGHBOUR_INVALID);
    f = good;
    f.data[ICMP + 8] = 0xff; /* a group is asked for */
    repair(&f);
    assert_int_equal(verdict(&f), NEIGHBOUR_INVALID);
    f = question(&nobody6, &b6, NULL); /* :: must not name an Ethernet address */
    assert_int_equal(verdict(&f), NEIGHBOUR_INVALID);
    f.len = ICMP + 24;
    repair(&f);
    assert_int_equal(verdict(&f), NEIGHBOUR_ASKS);
    memcpy(f.data + IP + 24, b6.bytes, 16); /* ... and must ask the solicited-node group */
    repair(&f);
    assert_int_equal(verdict(&f), NEIGHBOUR_INVALID);
}

/* Neighbor/RA attacks: CVE-2020-16898 */
static void options_must_have_a_length_that_fits(void **state)
{
    (void)state;
    enum { OPTION = ETHERNET_HEADER + 40 + 24 };
    struct frame good = question(&a6, &b6, NULL);
    for (unsigned units = 0; units < 256; units++) {
        struct frame f = good;
        f.data[OPTION + 1] = (uint8_t)units;
        repair(&f);
        assert_int_equal(verdict(&f), units == 1 ? NEIGHBOUR_ASKS : NEIGHBOUR_INVALID);
    }
    struct frame f = good; /* an option of one byte */
    f.len = OPTION + 1;
    repair(&f);
    assert_int_equal(verdict(&f), NEIGHBOUR_INVALID);
    f = good; /* an unknown option before is skipped */
    memmove(f.data + OPTION + 16, f.data + OPTION, 8);
    memset(f.data + OPTION, 0, 16);
    f.data[OPTION] = 99;
    f.data[OPTION + 1] = 2;
    f.len += 16;
    repair(&f);
    assert_int_equal(verdict(&f), NEIGHBOUR_ASKS);
    f = good;
    f.data[OPTION + 2] |= 1; /* a group's Ethernet address */
    repair(&f);
    assert_int_equal(verdict(&f), NEIGHBOUR_INVALID);
}

/* Neighbor/RA attacks: RFC 4861, 7.1.2 */
static void advertisements_that_break_a_rule_are_refused(void **state)
{
    (void)state;
    enum { IP = ETHERNET_HEADER, ICMP = IP + 40 };
    struct frame good = answer(&a6, &b6), f = good;
    f.data[IP + 24] = 0xff; /* solicited, but to a group */
    repair(&f);
    assert_int_equal(verdict(&f), NEIGHBOUR_INVALID);
    f.data[ICMP + 4] = 0x20;
    repair(&f);
    assert_int_equal(verdict(&f), NEIGHBOUR_TELLS);
    f = good;
    memset(f.data + IP + 8, 0, 16); /* from nobody */
    repair(&f);
    assert_int_equal(verdict(&f), NEIGHBOUR_INVALID);
    f = good;
    f.data[IP + 8] = 0xff; /* from a group */
    repair(&f);
    assert_int_equal(verdict(&f), NEIGHBOUR_INVALID);
    f = good;
    f.data[IP + 5] += 8; /* the payload is longer than the frame */
    assert_int_equal(verdict(&f), NEIGHBOUR_INVALID);
}

/* Device-level frames; RFC 6980, 5 */
static void other_frames_are_left_to_ip(void **state)
{
    (void)state;
    struct frame f = question(&a6, &b6, NULL);
    f.data[ETHERNET_HEADER + 40] = 134; /* a router's advertisement */
    assert_int_equal(verdict(&f), NEIGHBOUR_NO_MESSAGE);
    f.data[ETHERNET_HEADER + 40] = 135;
    f.data[ETHERNET_HEADER + 6] = 44; /* behind a fragment header */
    assert_int_equal(verdict(&f), NEIGHBOUR_NO_MESSAGE);
    f = question(&a4, &b4, NULL);
    put_be16(f.data + 12, ETHERNET_IPV4);
    assert_int_equal(verdict(&f), NEIGHBOUR_NO_MESSAGE);
    for (size_t len = 0; len < ETHERNET_HEADER; len++) {
        f.len = len;
        assert_int_equal(verdict(&f), NEIGHBOUR_NO_MESSAGE);
    }
}

/* Every byte of each message set to every value: never a crash, and lengths stay inside (ASan). */
static void any_damage_is_survived(void **state)
{
    (void)state;
    struct frame frames[] = {question(&a4, &b4, NULL), question(&a6, &b6, NULL), answer(&a6, &b6)};
    unsigned refused = 0;
    for (unsigned i = 0; i < 3; i++)
        for (size_t at = 0; at < frames[i].len; at++)
            for (unsigned value = 0; value < 256; value++) {
                uint8_t exact[ETHERNET_HEADER + NEIGHBOUR_MESSAGE_LONGEST];
                struct neighbour_message m;
                memcpy(exact, frames[i].data, frames[i].len);
                exact[at] = (uint8_t)value;
                if (neighbour_message_parse((struct bytes){exact, frames[i].len}, &m) ==
                    NEIGHBOUR_INVALID)
                    refused++;
            }
    assert_true(refused > 20000);
}

static void groups_have_ethernet_addresses(void **state)
{
    (void)state;
    struct address group4, group6;
    assert_true(address_parse("239.129.2.3", &group4) && address_parse("ff02::fb", &group6));
    static const uint8_t e4[] = {1, 0, 0x5e, 1, 2, 3}, e6[] = {0x33, 0x33, 0, 0, 0, 0xfb};
    assert_memory_equal(ethernet_of_group(&group4).bytes, e4, 6);
    assert_memory_equal(ethernet_of_group(&group6).bytes, e6, 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_question_is_read_back_in_both_families),
        cmocka_unit_test(an_answer_is_read_back_in_both_families),
        cmocka_unit_test(questions_go_to_everybody_or_to_one),
        cmocka_unit_test(who_tests_an_address_is_answered),
        cmocka_unit_test(arp_that_breaks_a_rule_is_refused),
        cmocka_unit_test(solicitations_that_break_a_rule_are_refused),
        cmocka_unit_test(options_must_have_a_length_that_fits),
        cmocka_unit_test(advertisements_that_break_a_rule_are_refused),
        cmocka_unit_test(other_frames_are_left_to_ip),
        cmocka_unit_test(any_damage_is_survived),
        cmocka_unit_test(groups_have_ethernet_addresses),
    };
    return cmocka_run_group_tests(tests, make_addresses, NULL);
}
