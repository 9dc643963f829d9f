/* See lexer.h. By hand, since three things of the language depend on what follows: 1:1001 are two
 * numbers, 0...0.2 are a number, an ellipsis and a number, and 12ab is a word. */
#include "lexer.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void lexer_start(struct lexer *lexer, const char *text, struct arena *arena)
{
    *lexer = (struct lexer){.at = text, .line = 1, .arena = arena};
}

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

static bool is_digit(char c)
{
    return isdigit((unsigned char)c);
}

static void skip_to_newline(struct lexer *lexer)
{
    while (*lexer->at != '\0' && *lexer->at != '\n')
        lexer->at++;
}

/* False: it does not end. */
static bool skip_c_comment(struct lexer *lexer)
{
    const char *end = strstr(lexer->at + 2, "*/");
    if (end == NULL)
        return false;
    for (; lexer->at < end; lexer->at++)
        lexer->line += *lexer->at == '\n';
    lexer->at += 2;
    return true;
}

/* False: a comment does not end. */
static bool skip_space(struct lexer *lexer)
{
    for (;;) {
        const char *at = lexer->at;
        if (*at == '#' || (at[0] == '/' && at[1] == '/')) {
            skip_to_newline(lexer);
        } else if (at[0] == '/' && at[1] == '*') {
            if (!skip_c_comment(lexer))
                return false;
        } else if (*at != '\0' && isspace((unsigned char)*at)) {
            lexer->line += *at == '\n';
            lexer->at++;
        } else {
            return true;
        }
    }
}

static struct token bad(struct lexer *lexer, struct token token, const char *what)
{
    snprintf(lexer->error, sizeof lexer->error, "%s", what);
    token.kind = TOKEN_BAD;
    return token;
}

static void set_text(struct lexer *lexer, struct token *token, const char *from, size_t length)
{
    token->text = arena_copy(lexer->arena, from, length);
    token->length = length;
}

static unsigned hex_value(char c)
{
    if (is_digit(c))
        return (unsigned)(c - '0');
    return (unsigned)(tolower((unsigned char)c) - 'a' + 10);
}

/* One escape from behind its backslash; *from moves on to behind it. */
static char unescape(const char **from)
{
    char c = *(*from)++;
    switch (c) {
    case 'n':
        return '\n';
    case 't':
        return '\t';
    case 'r':
        return '\r';
    case '0':
        return '\0';
    case 'x': {
        unsigned value = 0;
        for (int i = 0; i < 2 && isxdigit((unsigned char)**from); i++)
            value = value * 16 + hex_value(*(*from)++);
        return (char)value;
    }
    default:
        return c;
    }
}

/* From a quote to the same quote. */
static struct token take_quoted(struct lexer *lexer, struct token token)
{
    char quote = *lexer->at++;
    const char *at = lexer->at;
    while (*at != '\0' && *at != quote)
        at += at[0] == '\\' && at[1] != '\0' ? 2 : 1;
    if (*at == '\0')
        return bad(lexer, token, "a quoted text does not end");
    char *copy = arena_take(lexer->arena, (size_t)(at - lexer->at) + 1);
    size_t length = 0;
    for (const char *from = lexer->at; from < at;) {
        lexer->line += *from == '\n';
        if (*from == '\\' && quote == '"') {
            from++;
            copy[length++] = unescape(&from);
        } else {
            copy[length++] = *from++;
        }
    }
    lexer->at = at + 1;
    token.kind = quote == '"' ? TOKEN_STRING : TOKEN_BACKQUOTED;
    token.text = copy;
    token.length = length;
    return token;
}

static struct token take_code(struct lexer *lexer, struct token token)
{
    const char *from = lexer->at + 2, *end = strstr(from, "}%");
    if (end == NULL)
        return bad(lexer, token, "a block %{ does not end with }%");
    for (const char *at = from; at < end; at++)
        lexer->line += *at == '\n';
    token.kind = TOKEN_CODE;
    set_text(lexer, &token, from, (size_t)(end - from));
    lexer->at = end + 2;
    return token;
}

static struct token take_option(struct lexer *lexer, struct token token)
{
    const char *end = lexer->at;
    bool quoted = false;
    while (*end != '\0' && (quoted || !isspace((unsigned char)*end))) {
        quoted ^= *end == '"';
        end++;
    }
    token.kind = TOKEN_OPTION;
    set_text(lexer, &token, lexer->at, (size_t)(end - lexer->at));
    lexer->at = end;
    return token;
}

/* A sign, digits, and a fraction if a digit follows the point. */
static const char *number_end(const char *at, bool *fraction)
{
    if (*at == '-')
        at++;
    while (is_digit(*at))
        at++;
    *fraction = at[0] == '.' && is_digit(at[1]);
    if (*fraction)
        for (at++; is_digit(*at);)
            at++;
    return at;
}

static struct token take_number(struct lexer *lexer, struct token token)
{
    bool fraction;
    const char *end = number_end(lexer->at, &fraction);
    set_text(lexer, &token, lexer->at, (size_t)(end - lexer->at));
    lexer->at = end;
    token.number = strtod(token.text, NULL);
    token.kind = fraction ? TOKEN_FLOAT : TOKEN_INTEGER;
    if (!fraction)
        token.integer = strtoll(token.text, NULL, 10);
    return token;
}

/* A definition's value may be a string, a command or a word. */
static void substitute(struct lexer *lexer, struct token *token)
{
    for (const struct script_option *d = lexer->defines; d != NULL; d = d->next) {
        if (strcmp(d->name, token->text) != 0)
            continue;
        size_t length = strlen(d->value);
        char quote = *d->value;
        if (length >= 2 && (quote == '"' || quote == '`') && d->value[length - 1] == quote) {
            token->kind = quote == '"' ? TOKEN_STRING : TOKEN_BACKQUOTED;
            set_text(lexer, token, d->value + 1, length - 2);
        } else if (is_digit(quote)) {
            token->kind = TOKEN_INTEGER;
            token->integer = strtoll(d->value, NULL, 0);
        } else {
            set_text(lexer, token, d->value, length);
        }
        return;
    }
}

static struct token take_word(struct lexer *lexer, struct token token)
{
    const char *end = lexer->at;
    while (is_word(*end))
        end++;
    set_text(lexer, &token, lexer->at, (size_t)(end - lexer->at));
    lexer->at = end;
    token.kind = TOKEN_WORD;
    char *rest;
    if (strncmp(token.text, "0x", 2) == 0) {
        token.integer = (int64_t)strtoull(token.text, &rest, 16);
        if (*rest == '\0' && token.length > 2)
            token.kind = TOKEN_HEX;
    }
    if (token.kind == TOKEN_WORD)
        substitute(lexer, &token);
    return token;
}

/* Digits only, up to something that is no part of a word. */
static bool starts_number(const char *at)
{
    const char *p = *at == '-' ? at + 1 : at;
    if (p[0] == '.')
        return is_digit(p[1]);
    if (!is_digit(*p))
        return false;
    while (is_digit(*p))
        p++;
    return !is_word(*p);
}

struct token lexer_next(struct lexer *lexer)
{
    struct token token = {.kind = TOKEN_END, .text = ""};
    bool ended = skip_space(lexer);
    token.line = lexer->line;
    token.start = lexer->at;
    const char *at = lexer->at;
    if (!ended)
        return bad(lexer, token, "a comment does not end");
    if (*at == '\0')
        return token;
    if (*at == '"' || *at == '`')
        return take_quoted(lexer, token);
    if (at[0] == '%' && at[1] == '{')
        return take_code(lexer, token);
    if (at[0] == '-' && at[1] == '-' && isalpha((unsigned char)at[2]))
        return take_option(lexer, token);
    if (strncmp(at, "...", 3) == 0) {
        lexer->at += 3;
        token.kind = TOKEN_ELLIPSIS;
        return token;
    }
    if (starts_number(at))
        return take_number(lexer, token);
    if (is_word(*at))
        return take_word(lexer, token);
    token.kind = TOKEN_CHARACTER;
    token.character = *lexer->at++;
    return token;
}

const char *lexer_raw(struct lexer *lexer, const struct token *token)
{
    const char *end = token->start;
    while (*end != '\0' && !isspace((unsigned char)*end))
        end++;
    lexer->at = end;
    lexer->line = token->line;
    return arena_copy(lexer->arena, token->start, (size_t)(end - token->start));
}
