/* DNS messages and the two text files as resolver.c reads them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "base/random.h"
#include "sock/resolver.h"

enum { ID = 0x1234, C_NAME = 5 };

static struct resolver_question asked(const char *name, enum resolver_type type)
{
    struct resolver_question question;
    assert_int_equal(resolver_ask(name, type, ID, &question), 0);
    return question;
}

/* --- building answers ------------------------------------------------------------------------- */

/* The question, echoed, with these flags and this many answers announced. */
static void begin(struct builder *b, const struct resolver_question *question, uint16_t flags,
                  uint16_t answers)
{
    builder_copy(b, question->message, question->length);
    put_be16(b->start + 2, flags);
    put_be16(b->start + 6, answers);
}

static void record(struct builder *b, uint16_t owner_at, uint16_t type, const void *data,
                   uint16_t length)
{
    builder_u16(b, (uint16_t)(0xc000 | owner_at));
    builder_u16(b, type);
    builder_u16(b, 1);
    builder_u32(b, 3600);
    builder_u16(b, length);
    builder_copy(b, data, length);
}

static struct bytes so_far(const struct builder *b)
{
    assert_false(b->failed);
    return (struct bytes){b->start, builder_length(b)};
}

/* --- the question ----------------------------------------------------------------------------- */

static void a_question_is_written_as_rfc_1035_has_it(void **state)
{
    static const uint8_t expected[] = {0x12, 0x34, 1,   0,   0,   1,   0,   0,   0,   0,   0,
                                       0,    3,    'w', 'w', 'w', 7,   'e', 'x', 'a', 'm', 'p',
                                       'l',  'e',  3,   'o', 'r', 'g', 0,   0,   28,  0,   1};
    (void)state;
    struct resolver_question question = asked("www.example.org", RESOLVER_AAAA);
    assert_int_equal(question.length, sizeof expected);
    assert_memory_equal(question.message, expected, sizeof expected);
    struct resolver_question dotted = asked("www.example.org.", RESOLVER_AAAA);
    assert_int_equal(dotted.length, question.length);
    assert_memory_equal(dotted.message, question.message, question.length);
}

static void names_that_cannot_be_are_refused(void **state)
{
    char label[65], name[300] = "";
    struct resolver_question question;
    const char *const wrong[] = {"", ".", "a..b", ".a", "a b", "a/b", "a\xc3\xa4"};
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(resolver_ask(wrong[i], RESOLVER_A, ID, &question), -EINVAL);
    memset(label, 'a', 64);
    label[64] = '\0';
    assert_int_equal(resolver_ask(label, RESOLVER_A, ID, &question), -EINVAL);
    assert_int_equal(resolver_ask(label + 1, RESOLVER_A, ID, &question), 0);
    /* 4 labels of 63 are 257 bytes; 3 of 63 and one of 61 are 255 */
    for (int i = 0; i < 4; i++) {
        strcat(name, label + 1);
        strcat(name, ".");
    }
    assert_int_equal(resolver_ask(name, RESOLVER_A, ID, &question), -EINVAL);
    assert_int_equal(resolver_ask(name + 2, RESOLVER_A, ID, &question), 0);
    assert_int_equal(resolver_ask(name + 1, RESOLVER_A, ID, &question), -EINVAL);
}

/* --- the answer ------------------------------------------------------------------------------- */

static void addresses_are_read(void **state)
{
    static const uint8_t one[4] = {192, 0, 2, 1}, two[4] = {192, 0, 2, 2};
    uint8_t message[512];
    struct builder b = builder_over(message, sizeof message);
    struct resolver_addresses found = {.count = 0};
    (void)state;
    struct resolver_question question = asked("Example.org", RESOLVER_A);
    begin(&b, &question, 0x8180, 2);
    record(&b, 12, RESOLVER_A, one, 4);
    record(&b, 12, RESOLVER_A, two, 4);
    assert_int_equal(resolver_read(&question, so_far(&b), &found), RESOLVER_FOUND);
    assert_int_equal(found.count, 2);
    struct address expected = address_from_ipv4(one);
    assert_true(address_equal(&found.list[0], &expected));
    expected = address_from_ipv4(two);
    assert_true(address_equal(&found.list[1], &expected));
}

static void aliases_are_followed(void **state)
{
    static const uint8_t alias[] = {3, 'w', 'e', 'b', 0xc0, 12}, one[4] = {192, 0, 2, 1};
    uint8_t message[512];
    struct builder b = builder_over(message, sizeof message);
    struct resolver_addresses found = {.count = 0};
    (void)state;
    struct resolver_question question = asked("example.org", RESOLVER_A);
    begin(&b, &question, 0x8180, 2);
    uint16_t alias_at = (uint16_t)(builder_length(&b) + 12);
    record(&b, 12, C_NAME, alias, sizeof alias);
    record(&b, alias_at, RESOLVER_A, one, 4);
    assert_int_equal(resolver_read(&question, so_far(&b), &found), RESOLVER_FOUND);
    assert_int_equal(found.count, 1);
}

static void aliases_in_a_circle_end(void **state)
{
    static const uint8_t itself[] = {0xc0, 12};
    uint8_t message[512];
    struct builder b = builder_over(message, sizeof message);
    struct resolver_addresses found = {.count = 0};
    (void)state;
    struct resolver_question question = asked("example.org", RESOLVER_A);
    begin(&b, &question, 0x8180, 1);
    record(&b, 12, C_NAME, itself, sizeof itself);
    assert_int_equal(resolver_read(&question, so_far(&b), &found), RESOLVER_SERVER_FAILED);
}

/* NAME:WRECK: a pointer to itself, forwards, and a chain that is too long. */
static void compression_in_a_circle_ends(void **state)
{
    static const uint8_t data[4] = {192, 0, 2, 1};
    (void)state;
    struct resolver_question question = asked("example.org", RESOLVER_A);
    for (uint16_t target = 0; target < 64; target++) {
        uint8_t message[512] = {0};
        struct builder b = builder_over(message, sizeof message);
        struct resolver_addresses found = {.count = 0};
        begin(&b, &question, 0x8180, 1);
        uint16_t here = (uint16_t)builder_length(&b);
        record(&b, target, RESOLVER_A, data, 4);
        enum resolver_verdict verdict = resolver_read(&question, so_far(&b), &found);
        if (target >= here)
            assert_int_equal(verdict, RESOLVER_SERVER_FAILED);
        assert_true(found.count == (target == 12 ? 1 : 0));
    }
}

static void foreign_records_are_passed_over(void **state)
{
    static const uint8_t other[] = {3, 'w', 'w', 'w', 0xc0, 12}, one[4] = {192, 0, 2, 66};
    uint8_t message[512];
    struct builder b = builder_over(message, sizeof message);
    struct resolver_addresses found = {.count = 0};
    (void)state;
    struct resolver_question question = asked("example.org", RESOLVER_A);
    begin(&b, &question, 0x8180, 1);
    builder_copy(&b, other, sizeof other);
    builder_u16(&b, RESOLVER_A);
    builder_u16(&b, 1);
    builder_u32(&b, 1);
    builder_u16(&b, 4);
    builder_copy(&b, one, 4);
    assert_int_equal(resolver_read(&question, so_far(&b), &found), RESOLVER_NO_ADDRESS);
    assert_int_equal(found.count, 0);
}

static void answers_to_other_questions_are_not_ours(void **state)
{
    uint8_t message[512];
    struct resolver_addresses found = {.count = 0};
    (void)state;
    struct resolver_question question = asked("example.org", RESOLVER_A);
    struct resolver_question other = asked("example.com", RESOLVER_A);
    struct builder b = builder_over(message, sizeof message);
    begin(&b, &other, 0x8180, 0);
    assert_int_equal(resolver_read(&question, so_far(&b), &found), RESOLVER_NOT_OURS);
    b = builder_over(message, sizeof message);
    begin(&b, &question, 0x8180, 0);
    assert_int_equal(resolver_read(&question, so_far(&b), &found), RESOLVER_NO_ADDRESS);
    put_be16(message, ID + 1); /* another id */
    assert_int_equal(resolver_read(&question, so_far(&b), &found), RESOLVER_NOT_OURS);
    put_be16(message, ID);
    put_be16(message + 2, 0x0100); /* a question, not an answer */
    assert_int_equal(resolver_read(&question, so_far(&b), &found), RESOLVER_NOT_OURS);
    put_be16(message + 2, 0x8180);
    put_be16(message + question.length - 4, RESOLVER_AAAA); /* another type */
    assert_int_equal(resolver_read(&question, so_far(&b), &found), RESOLVER_NOT_OURS);
}

static void verdicts_follow_the_flags(void **state)
{
    static const struct {
        uint16_t flags;
        enum resolver_verdict verdict;
    } cases[] = {{0x8180, RESOLVER_NO_ADDRESS},    {0x8183, RESOLVER_NO_NAME},
                 {0x8182, RESOLVER_SERVER_FAILED}, {0x8185, RESOLVER_SERVER_FAILED},
                 {0x8380, RESOLVER_TRUNCATED},     {0x8383, RESOLVER_TRUNCATED}};
    (void)state;
    struct resolver_question question = asked("example.org", RESOLVER_A);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t message[512];
        struct resolver_addresses found = {.count = 0};
        struct builder b = builder_over(message, sizeof message);
        begin(&b, &question, cases[i].flags, 0);
        assert_int_equal(resolver_read(&question, so_far(&b), &found), cases[i].verdict);
    }
}

/* Every truncation and many damages of a good answer end, inside its bytes (ASan watches). */
static void damaged_answers_are_survived(void **state)
{
    static const uint8_t alias[] = {3, 'w', 'e', 'b', 0xc0, 12}, one[4] = {192, 0, 2, 1};
    uint8_t message[512];
    struct builder b = builder_over(message, sizeof message);
    struct random random;
    (void)state;
    struct resolver_question question = asked("example.org", RESOLVER_A);
    begin(&b, &question, 0x8180, 3);
    uint16_t alias_at = (uint16_t)(builder_length(&b) + 12);
    record(&b, 12, C_NAME, alias, sizeof alias);
    record(&b, alias_at, RESOLVER_A, one, 4);
    record(&b, alias_at, RESOLVER_A, one, 4);
    struct bytes whole = so_far(&b);
    for (size_t length = 0; length < whole.len; length++) {
        struct resolver_addresses found = {.count = 0};
        assert_int_not_equal(resolver_read(&question, (struct bytes){whole.data, length}, &found),
                             RESOLVER_FOUND);
    }
    random_seed(&random, 1035);
    for (int i = 0; i < 20000; i++) {
        uint8_t damaged[512];
        struct resolver_addresses found = {.count = 0};
        memcpy(damaged, message, whole.len);
        for (int j = 0; j < 3; j++)
            damaged[random_below(&random, whole.len)] = (uint8_t)random_u32(&random);
        resolver_read(&question, (struct bytes){damaged, whole.len}, &found);
        assert_true(found.count <= 2);
    }
}

/* --- files ------------------------------------------------------------------------------------ */

static void hosts_are_found_by_any_of_their_names(void **state)
{
    static const char text[] = "# comment\n127.0.0.1\tlocalhost\n\n"
                               "  10.0.0.9  alpha alpha.example.org # beta\n"
                               "fd00::9 ALPHA\nnonsense gamma\n10.0.0.10 delta";
    struct resolver_addresses found = {.count = 0};
    (void)state;
    assert_int_equal(resolver_find_host(text, "alpha", &found), 2);
    char printed[ADDRESS_TEXT_SIZE];
    assert_string_equal(address_print(&found.list[0], printed), "10.0.0.9");
    assert_string_equal(address_print(&found.list[1], printed), "fd00::9");
    assert_int_equal(resolver_find_host(text, "Alpha.Example.Org.", &found), 1);
    assert_int_equal(resolver_find_host(text, "delta", &found), 1);
    assert_int_equal(resolver_find_host(text, "beta", &found), 0);
    assert_int_equal(resolver_find_host(text, "gamma", &found), 0);
    assert_int_equal(resolver_find_host(text, "alph", &found), 0);
}

static void three_servers_are_read(void **state)
{
    static const char text[] = "; comment\nsearch example.org\nnameserver 192.0.2.53\n"
                               "nameserver\nnameserver what\n nameserver fd00::53 # two\n"
                               "options timeout:1\nnameserver 192.0.2.54\nnameserver 192.0.2.55\n";
    struct endpoint servers[RESOLVER_SERVERS];
    char printed[ENDPOINT_TEXT_SIZE];
    (void)state;
    assert_int_equal(resolver_find_servers(text, servers), 3);
    assert_string_equal(endpoint_print(&servers[0], printed), "192.0.2.53:53");
    assert_string_equal(endpoint_print(&servers[1], printed), "[fd00::53]:53");
    assert_string_equal(endpoint_print(&servers[2], printed), "192.0.2.54:53");
    assert_int_equal(resolver_find_servers("", servers), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_question_is_written_as_rfc_1035_has_it),
        cmocka_unit_test(names_that_cannot_be_are_refused),
        cmocka_unit_test(addresses_are_read),
        cmocka_unit_test(aliases_are_followed),
        cmocka_unit_test(aliases_in_a_circle_end),
        cmocka_unit_test(compression_in_a_circle_ends),
        cmocka_unit_test(foreign_records_are_passed_over),
        cmocka_unit_test(answers_to_other_questions_are_not_ours),
        cmocka_unit_test(verdicts_follow_the_flags),
        cmocka_unit_test(damaged_answers_are_survived),
        cmocka_unit_test(hosts_are_found_by_any_of_their_names),
        cmocka_unit_test(three_servers_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
