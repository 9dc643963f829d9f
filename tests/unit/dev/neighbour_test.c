/* The table of neighbours in virtual time; the test plays the link and the other hosts. */
#include "dev/neighbour.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static const struct ethernet_address ours = {{2, 0, 0, 0, 0, 1}}, theirs = {{2, 0, 0, 0, 0, 2}},
                                     others = {{2, 0, 0, 0, 0, 3}};
static struct neighbours *table;
static struct instant now;

static struct address at(const char *text)
{
    struct address a;
    assert_true(address_parse(text, &a));
    return a;
}

static int begin(void **state)
{
    (void)state;
    struct prefix addresses[3];
    assert_true(prefix_parse("198.18.0.1/24", &addresses[0]));
    assert_true(prefix_parse("fd00:7475:6e::1/64", &addresses[1]));
    assert_true(prefix_parse("fe80::1/64", &addresses[2]));
    struct neighbour_config config = {.ethernet = ours,
                                      .addresses = addresses,
                                      .address_count = 3,
                                      .gateway4 = at("198.18.0.254")};
    table = neighbours_new(&config);
    now = (struct instant){1000};
    return table ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    neighbours_free(table);
    return 0;
}

/* A packet to `destination` that carries `mark`. */
static int sends(const char *destination, uint8_t mark, struct ethernet_address *to)
{
    static uint8_t ip[41];
    struct address a = at(destination);
    memset(ip, 0, sizeof ip);
    if (address_is_ipv4(&a)) {
        ip[0] = 0x45;
        memcpy(ip + 16, address_ipv4_bytes(&a), 4);
    } else {
        ip[0] = 0x60;
        memcpy(ip + 24, a.bytes, 16);
    }
    ip[40] = mark;
    struct packet p = {.parts = {{ip, 40}, {ip + 40, 1}}, .count = 2, .gso_size = 7};
    return neighbour_resolve(table, &p, now, to);
}

struct sent {
    uint8_t header[ETHERNET_HEADER];
    struct packet packet;
    struct neighbour_message message;
    enum neighbour_verdict kind;
};

static bool next(struct sent *sent)
{
    uint8_t frame[200];
    if (!neighbour_next(table, now, sent->header, &sent->packet))
        return false;
    memcpy(frame, sent->header, ETHERNET_HEADER);
    size_t len = packet_flatten(&sent->packet, frame + ETHERNET_HEADER, 180);
    assert_true(len > 0);
    sent->kind = neighbour_message_parse((struct bytes){frame, ETHERNET_HEADER + len},
                                         &sent->message);
    return true;
}

static void asks_for(const char *address)
{
    struct sent sent;
    struct address a = at(address);
    assert_true(next(&sent));
    assert_int_equal(sent.kind, NEIGHBOUR_ASKS);
    assert_true(address_equal(&sent.message.about, &a));
}

static void is_silent(void)
{
    struct sent sent;
    assert_false(next(&sent));
}

static void releases(uint8_t mark, const struct ethernet_address *to)
{
    struct sent sent;
    assert_true(next(&sent));
    assert_int_equal(sent.kind, NEIGHBOUR_NO_MESSAGE);
    assert_memory_equal(sent.header, to, sizeof *to);
    assert_memory_equal(sent.header + 6, &ours, sizeof ours);
    assert_int_equal(packet_length(&sent.packet), 41);
    assert_int_equal(sent.packet.parts[0].data[40], mark);
    assert_int_equal(sent.packet.gso_size, 7);
}

static void arrives(const struct neighbour_output *out)
{
    uint8_t frame[ETHERNET_HEADER + NEIGHBOUR_MESSAGE_LONGEST];
    memcpy(frame, out->header, ETHERNET_HEADER);
    memcpy(frame + ETHERNET_HEADER, out->body, out->length);
    assert_true(
        neighbour_frame_arrived(table, (struct bytes){frame, ETHERNET_HEADER + out->length}, now));
}

/* `about` says to `to` that it is at `ethernet`. */
static void tells(const char *about, const char *to, const struct ethernet_address *ethernet)
{
    struct neighbour_output out;
    struct address a = at(about), t = at(to);
    neighbour_build_answer(&out, &a, ethernet, &t, &ours);
    arrives(&out);
}

static void asks_us(const char *asker, const char *about, const struct ethernet_address *ethernet)
{
    struct neighbour_output out;
    struct address a = at(asker), t = at(about);
    neighbour_build_question(&out, &a, ethernet, &t, NULL);
    arrives(&out);
}

static void passes_ms(int64_t ms)
{
    now = instant_add(now, duration_ms(ms));
}

static void knows(const char *about, const struct ethernet_address *expected)
{
    struct ethernet_address to;
    assert_int_equal(sends(about, 0, &to), 0);
    assert_memory_equal(&to, expected, sizeof to);
}

static void learn(const char *about, const char *us)
{
    struct ethernet_address to;
    assert_int_equal(sends(about, 9, &to), -EINPROGRESS);
    asks_for(about);
    tells(about, us, &theirs);
    releases(9, &theirs);
}

static void a_packet_waits_until_its_neighbour_is_known(void **state)
{
    (void)state;
    struct ethernet_address to;
    const char *pairs[][2] = {{"198.18.0.2", "198.18.0.1"},
                              {"fd00:7475:6e::2", "fd00:7475:6e::1"},
                              {"fe80::2", "fe80::1"}};
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(sends(pairs[i][0], 1, &to), -EINPROGRESS);
        assert_int_equal(sends(pairs[i][0], 2, &to), -EINPROGRESS);
        asks_for(pairs[i][0]);
        is_silent();
        tells(pairs[i][0], pairs[i][1], &theirs);
        assert_int_equal(neighbour_deadline(table).ns, 0);
        releases(1, &theirs);
        releases(2, &theirs);
        is_silent();
        knows(pairs[i][0], &theirs);
    }
}

/* RFC 4861, 7.2.2: the newest are kept */
static void the_newest_packets_wait(void **state)
{
    (void)state;
    struct ethernet_address to;
    for (uint8_t i = 1; i <= NEIGHBOUR_HELD_EACH + 2; i++)
        assert_int_equal(sends("198.18.0.2", i, &to), -EINPROGRESS);
    asks_for("198.18.0.2");
    tells("198.18.0.2", "198.18.0.1", &theirs);
    for (uint8_t i = 3; i <= NEIGHBOUR_HELD_EACH + 2; i++)
        releases(i, &theirs);
    is_silent();
    assert_int_equal(neighbour_counts(table).discarded, 2);
}

static void strangers_share_the_places_for_packets(void **state)
{
    (void)state;
    struct ethernet_address to;
    char name[20];
    for (uint8_t i = 1; i <= NEIGHBOUR_HELD / 2 + 2; i++) {
        snprintf(name, sizeof name, "198.18.0.%u", 10U + i);
        assert_int_equal(sends(name, i, &to), -EINPROGRESS);
        assert_int_equal(sends(name, i, &to), -EINPROGRESS);
    }
    assert_int_equal(neighbour_counts(table).discarded, 4);
}

/* RFC 1122, 2.3.2.1; RFC 4861, 7.2.2, 10 */
static void a_question_is_asked_three_times_a_second_apart(void **state)
{
    (void)state;
    struct ethernet_address to;
    assert_int_equal(sends("198.18.0.2", 1, &to), -EINPROGRESS);
    for (unsigned i = 0; i < 3; i++) {
        asks_for("198.18.0.2");
        is_silent();
        struct instant deadline = neighbour_deadline(table);
        assert_int_equal(instant_since(deadline, now).ns, 1000000000);
        passes_ms(999);
        is_silent();
        now = deadline;
    }
    is_silent();
    assert_int_equal(neighbour_counts(table).unanswered, 1);
    assert_int_equal(neighbour_counts(table).discarded, 1);
    assert_true(instant_is_never(neighbour_deadline(table)));
    assert_int_equal(sends("198.18.0.2", 2, &to), -EINPROGRESS); /* begins anew */
    asks_for("198.18.0.2");
}

/* RFC 4861, 7.3.3 */
static void an_old_address_is_used_while_it_is_tested(void **state)
{
    (void)state;
    learn("198.18.0.2", "198.18.0.1");
    passes_ms(29999);
    knows("198.18.0.2", &theirs);
    is_silent();
    passes_ms(1);
    knows("198.18.0.2", &theirs);
    struct sent sent;
    assert_true(next(&sent));
    assert_int_equal(sent.kind, NEIGHBOUR_ASKS);
    assert_memory_equal(sent.header, &theirs, sizeof theirs); /* not everybody */
    tells("198.18.0.2", "198.18.0.1", &theirs);
    passes_ms(5000);
    is_silent();
}

static void a_neighbour_that_is_gone_is_forgotten(void **state)
{
    (void)state;
    struct ethernet_address to;
    learn("198.18.0.2", "198.18.0.1");
    passes_ms(30000);
    knows("198.18.0.2", &theirs);
    for (unsigned i = 0; i < 3; i++) {
        asks_for("198.18.0.2");
        passes_ms(1000);
    }
    is_silent();
    assert_int_equal(sends("198.18.0.2", 1, &to), -EINPROGRESS);
}

static void what_is_not_on_the_link_goes_to_the_gateway(void **state)
{
    (void)state;
    struct ethernet_address to;
    assert_int_equal(sends("198.19.5.5", 1, &to), -EINPROGRESS);
    asks_for("198.18.0.254");
    tells("198.18.0.254", "198.18.0.1", &others);
    releases(1, &others);
    assert_int_equal(sends("fd00::1", 1, &to), -ENETUNREACH); /* no IPv6 gateway */
}

static void groups_and_broadcasts_need_no_question(void **state)
{
    (void)state;
    static const struct ethernet_address all = {{255, 255, 255, 255, 255, 255}},
                                         group4 = {{1, 0, 0x5e, 0, 0, 1}},
                                         group6 = {{0x33, 0x33, 0, 0, 0, 1}};
    knows("255.255.255.255", &all);
    knows("198.18.0.255", &all);
    knows("224.0.0.1", &group4);
    knows("ff02::1", &group6);
    is_silent();
}

static void questions_for_us_are_answered(void **state)
{
    (void)state;
    struct sent sent;
    asks_us("198.18.0.2", "198.18.0.1", &theirs);
    assert_true(next(&sent));
    assert_int_equal(sent.kind, NEIGHBOUR_TELLS);
    assert_memory_equal(sent.header, &theirs, sizeof theirs);
    assert_memory_equal(&sent.message.ethernet, &ours, sizeof ours);
    asks_us("fd00:7475:6e::2", "fd00:7475:6e::1", &theirs);
    assert_true(next(&sent));
    assert_int_equal(sent.kind, NEIGHBOUR_TELLS);
    asks_us("198.18.0.2", "198.18.0.3", &theirs); /* not for us */
    asks_us("198.18.0.1", "198.18.0.1", &theirs); /* somebody takes our address */
    is_silent();
}

/* Neighbor/RA attacks: RFC 6583 */
static void a_flood_of_questions_is_answered_in_part(void **state)
{
    (void)state;
    struct sent sent;
    unsigned answers = 0;
    for (unsigned i = 0; i < 1000; i++)
        asks_us("198.18.0.2", "198.18.0.1", &theirs);
    while (next(&sent))
        answers++;
    assert_int_equal(answers, NEIGHBOUR_ANSWERS);
}

/* Neighbor/RA attacks: nobody is learned that was not looked for */
static void what_nobody_asked_for_makes_no_entry(void **state)
{
    (void)state;
    struct ethernet_address to;
    tells("198.18.0.2", "198.18.0.1", &others);
    tells("fd00:7475:6e::2", "fd00:7475:6e::1", &others);
    asks_us("198.18.0.3", "198.18.0.9", &others);
    assert_int_equal(sends("198.18.0.2", 1, &to), -EINPROGRESS);
    assert_int_equal(sends("fd00:7475:6e::2", 1, &to), -EINPROGRESS);
    assert_int_equal(sends("198.18.0.3", 1, &to), -EINPROGRESS);
}

/* RFC 4861, 7.2.5: an address that changed unasked is believed, and tested at its next use */
static void a_changed_address_is_tested(void **state)
{
    (void)state;
    learn("198.18.0.2", "198.18.0.1");
    asks_us("198.18.0.2", "198.18.0.9", &others);
    knows("198.18.0.2", &others);
    struct sent sent;
    assert_true(next(&sent));
    assert_int_equal(sent.kind, NEIGHBOUR_ASKS);
    assert_memory_equal(sent.header, &others, sizeof others);
}

/* Neighbor/RA attacks: RFC 6583 */
static void strangers_do_not_push_out_neighbours(void **state)
{
    (void)state;
    struct ethernet_address to;
    char name[40];
    learn("198.18.0.2", "198.18.0.1");
    for (unsigned i = 0; i < 1000; i++) {
        passes_ms(1);
        snprintf(name, sizeof name, "fd00:7475:6e::%x", 0x1000 + i);
        assert_int_equal(sends(name, 1, &to), -EINPROGRESS);
    }
    knows("198.18.0.2", &theirs);
}

/* Neighbor/RA attacks */
static void invalid_messages_are_counted_and_kept_from_ip(void **state)
{
    (void)state;
    struct neighbour_output out;
    struct address a = at("fd00:7475:6e::2"), t = at("fd00:7475:6e::1");
    neighbour_build_question(&out, &a, &theirs, &t, NULL);
    out.body[7] = 64; /* the hop limit */
    arrives(&out);
    is_silent();
    assert_int_equal(neighbour_counts(table).invalid, 1);
}

static void what_is_no_ip_packet_has_no_neighbour(void **state)
{
    (void)state;
    static const uint8_t data[40] = {0x15};
    struct ethernet_address to;
    for (size_t len = 0; len <= sizeof data; len++) {
        struct packet p = {.parts = {{data, len}}, .count = 1};
        assert_int_equal(neighbour_resolve(table, &p, now, &to), -EINVAL);
    }
}

#define IN_A_TABLE(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_TABLE(a_packet_waits_until_its_neighbour_is_known),
        IN_A_TABLE(the_newest_packets_wait),
        IN_A_TABLE(strangers_share_the_places_for_packets),
        IN_A_TABLE(a_question_is_asked_three_times_a_second_apart),
        IN_A_TABLE(an_old_address_is_used_while_it_is_tested),
        IN_A_TABLE(a_neighbour_that_is_gone_is_forgotten),
        IN_A_TABLE(what_is_not_on_the_link_goes_to_the_gateway),
        IN_A_TABLE(groups_and_broadcasts_need_no_question),
        IN_A_TABLE(questions_for_us_are_answered),
        IN_A_TABLE(a_flood_of_questions_is_answered_in_part),
        IN_A_TABLE(what_nobody_asked_for_makes_no_entry),
        IN_A_TABLE(a_changed_address_is_tested),
        IN_A_TABLE(strangers_do_not_push_out_neighbours),
        IN_A_TABLE(invalid_messages_are_counted_and_kept_from_ip),
        IN_A_TABLE(what_is_no_ip_packet_has_no_neighbour),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
