/* The grammar of TCP options in packet lines: <mss 1460,sackOK,TS val 1 ecr 0,nop,wscale 7>, or
 * <...> for any. Called by parse_packet.c. */
#include <ctype.h>
#include <string.h>

#include "parse.h"

static bool take_number(struct parser *p, int64_t most, uint32_t *value)
{
    int64_t number;
    if (!parse_number(p, 0, most, &number))
        return false;
    *value = (uint32_t)number;
    return true;
}

static bool parse_sack(struct parser *p, struct tcp_option *option)
{
    while (p->token.kind == TOKEN_INTEGER) {
        if (option->blocks == SACK_BLOCKS_MOST)
            return parse_fails(p, PARSE_WRONG, "a SACK option has at most four blocks");
        unsigned i = option->blocks++;
        if (!take_number(p, UINT32_MAX, &option->block[i].left) || !parse_expect(p, ':') ||
            !take_number(p, UINT32_MAX, &option->block[i].right))
            return false;
    }
    return true;
}

static bool parse_timestamps(struct parser *p, struct tcp_option *option)
{
    if (!parse_take_word(p, "val"))
        return parse_fails(p, PARSE_WRONG, "expected \"val\" here");
    if (!take_number(p, UINT32_MAX, &option->value))
        return false;
    if (!parse_take_word(p, "ecr"))
        return parse_fails(p, PARSE_WRONG, "expected \"ecr\" here");
    return take_number(p, UINT32_MAX, &option->echo);
}

static unsigned hex_digit(char c)
{
    if (isdigit((unsigned char)c))
        return (unsigned)(c - '0');
    return (unsigned)(tolower((unsigned char)c) - 'a' + 10);
}

/* Pairs of hexadecimal digits, perhaps none; behind the `skip` bytes that are there already. */
static bool parse_blob(struct parser *p, struct tcp_option *option)
{
    if (p->token.kind != TOKEN_WORD && p->token.kind != TOKEN_INTEGER)
        return true;
    const char *text = p->token.text;
    size_t length = p->token.length;
    if (length % 2 != 0 || length / 2 + option->length > OPTIONS_LONGEST - 2)
        return parse_fails(p, PARSE_WRONG, "these bytes are too many or half");
    for (size_t i = 0; i < length; i += 2) {
        if (!isxdigit((unsigned char)text[i]) || !isxdigit((unsigned char)text[i + 1]))
            return parse_fails(p, PARSE_WRONG, "expected hexadecimal digits here");
        option->bytes[option->length++] = (uint8_t)(hex_digit(text[i]) * 16 +
                                                    hex_digit(text[i + 1]));
    }
    parse_advance(p);
    return true;
}

static void append_24(struct tcp_option *option, uint32_t value)
{
    option->bytes[option->length++] = (uint8_t)(value >> 16);
    option->bytes[option->length++] = (uint8_t)(value >> 8);
    option->bytes[option->length++] = (uint8_t)value;
}

/* `ECN e1b 1 ceb 0 e0b 1` (kind 174) or `e0b ... ` first (kind 172): RFC 9768, 3.2.3. */
static bool parse_acc_ecn(struct parser *p, struct tcp_option *option)
{
    option->kind = OPTION_ACC_ECN_0;
    if (parse_is_word(p, "e1b"))
        option->kind = OPTION_ACC_ECN_1;
    while (parse_is_word(p, "e0b") || parse_is_word(p, "ceb") || parse_is_word(p, "e1b")) {
        uint32_t value;
        parse_advance(p);
        if (option->length == 9)
            return parse_fails(p, PARSE_WRONG, "an AccECN option has at most three counters");
        if (!take_number(p, 0xffffff, &value))
            return false;
        append_24(option, value);
    }
    return true;
}

static bool parse_named(struct parser *p, const char *name, struct tcp_option *option)
{
    if (strcmp(name, "nop") == 0) {
        option->kind = OPTION_NOP;
        return true;
    }
    if (strcmp(name, "eol") == 0) {
        option->kind = OPTION_EOL;
        return true;
    }
    if (strcmp(name, "mss") == 0) {
        option->kind = OPTION_MSS;
        return take_number(p, 65535, &option->value);
    }
    if (strcmp(name, "wscale") == 0) {
        option->kind = OPTION_WSCALE;
        return take_number(p, 255, &option->value);
    }
    if (strcmp(name, "sackOK") == 0) {
        option->kind = OPTION_SACK_OK;
        return true;
    }
    if (strcmp(name, "sack") == 0) {
        option->kind = OPTION_SACK;
        return parse_sack(p, option);
    }
    if (strcmp(name, "TS") == 0) {
        option->kind = OPTION_TS;
        return parse_timestamps(p, option);
    }
    return false;
}

static bool parse_bytes_option(struct parser *p, const char *name, struct tcp_option *option)
{
    if (strcmp(name, "FO") == 0) {
        option->kind = OPTION_FAST_OPEN;
        return parse_blob(p, option);
    }
    if (strcmp(name, "FOEXP") == 0) {
        /* RFC 6994's experiment identifier of Fast Open. */
        option->kind = OPTION_EXPERIMENT;
        option->bytes[0] = 0xf9;
        option->bytes[1] = 0x89;
        option->length = 2;
        return parse_blob(p, option);
    }
    if (strcmp(name, "md5") == 0) {
        option->kind = OPTION_MD5;
        return parse_blob(p, option);
    }
    if (strcmp(name, "ECN") == 0)
        return parse_acc_ecn(p, option);
    return parse_fails(p, PARSE_UNSUPPORTED, arena_printf(p->arena, "the TCP option \"%s\"", name));
}

static bool parse_option(struct parser *p, struct tcp_option *option)
{
    const char *name = p->token.text;
    if (p->token.kind != TOKEN_WORD)
        return parse_fails(p, PARSE_WRONG, "expected a TCP option here");
    parse_advance(p);
    if (parse_named(p, name, option))
        return true;
    return p->error->verdict == PARSE_OK && parse_bytes_option(p, name, option);
}

bool parse_tcp_options(struct parser *p, struct packet_spec *spec)
{
    if (!parse_expect(p, '<'))
        return false;
    if (p->token.kind == TOKEN_ELLIPSIS) {
        spec->any_options = true;
        parse_advance(p);
        return parse_expect(p, '>');
    }
    do {
        if (spec->options_count == OPTIONS_LONGEST)
            return parse_fails(p, PARSE_WRONG, "TCP options are at most 40 bytes");
        if (!parse_option(p, &spec->options[spec->options_count++]))
            return false;
    } while (parse_take(p, ','));
    return parse_expect(p, '>');
}
