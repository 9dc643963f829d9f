/* See code_expr.h: precedence climbing over the text itself. Nesting is bounded. */
#include "code_expr.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MOST = 24, ITEMS_MOST = 32, WORD_MOST = 64 };

void code_skip(struct code *code)
{
    for (;; code->at++) {
        if (code->at[0] == '\\' && code->at[1] == '\n')
            code->at++;
        else if (*code->at == '#')
            while (code->at[0] != '\0' && code->at[1] != '\0' && code->at[1] != '\n')
                code->at++;
        else if (*code->at == '\0' || !isspace((unsigned char)*code->at) ||
                 (*code->at == '\n' && code->depth == 0))
            return;
    }
}

static bool is_name(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

/* Takes the text when it stands here; a word must end there. */
static bool take(struct code *code, const char *text)
{
    size_t length = strlen(text);
    code_skip(code);
    if (strncmp(code->at, text, length) != 0)
        return false;
    if (is_name(text[length - 1]) && is_name(code->at[length]))
        return false;
    code->at += length;
    return true;
}

const char *code_word(struct code *code)
{
    code_skip(code);
    const char *start = code->at;
    if (!isalpha((unsigned char)*start) && *start != '_')
        return NULL;
    while (is_name(*code->at))
        code->at++;
    return arena_copy(code->arena, start, (size_t)(code->at - start));
}

/* --- strings -------------------------------------------------------------------------------- */

/* What stands in the braces of an f-string, up to the closing one. */
static bool interpolate(struct code *code, const char **at, const char **out)
{
    struct code inner = *code;
    struct code_value value;
    inner.at = *at + 1;
    inner.depth = 1;
    if (!code_expression(&inner, &value))
        return code_fails(code, "%s", inner.error);
    const char *label = "";
    if (*inner.at == '=') {
        label = arena_printf(code->arena, "%.*s=", (int)(inner.at - *at - 1), *at + 1);
        inner.at++;
    }
    const char *format = "";
    if (*inner.at == ':') {
        size_t length = strcspn(inner.at, "}");
        format = arena_copy(code->arena, inner.at + 1, length - 1);
        inner.at += length;
    }
    if (*inner.at != '}')
        return code_fails(code, "an f-string that cannot be read");
    *out = arena_printf(code->arena, "%s%s%s", *out, label,
                        *format ? code_format(code->arena, &value, format)
                                : code_text(code->arena, &value));
    *at = inner.at + 1;
    return true;
}

static bool format_string(struct code *code, const char *text, struct code_value *value)
{
    const char *out = "";
    for (const char *at = text; *at != '\0';) {
        size_t plain = strcspn(at, "{}");
        out = arena_printf(code->arena, "%s%.*s", out, (int)plain, at);
        at += plain;
        if (*at == '\0')
            break;
        if (at[1] == at[0]) {
            out = arena_printf(code->arena, "%s%c", out, *at);
            at += 2;
        } else if (*at == '{') {
            if (!interpolate(code, &at, &out))
                return false;
        } else {
            return code_fails(code, "a single } in an f-string");
        }
    }
    value->text = out;
    return true;
}

/* 'text', "text", f'text'; escapes are kept as they are but for quotes. */
static bool parse_string(struct code *code, struct code_value *value)
{
    bool formatted = *code->at == 'f' || *code->at == 'F';
    code->at += formatted;
    char quote = *code->at++;
    char *copy = arena_take(code->arena, strlen(code->at) + 1);
    size_t n = 0;
    while (*code->at != quote) {
        if (*code->at == '\0')
            return code_fails(code, "a string that does not end");
        if (code->at[0] == '\\' && code->at[1] != '\0')
            code->at++;
        copy[n++] = *code->at++;
    }
    code->at++;
    *value = (struct code_value){.kind = CODE_TEXT, .text = copy};
    return !formatted || code->muted > 0 || format_string(code, copy, value);
}

static bool starts_string(const char *at)
{
    if (*at == 'f' || *at == 'F')
        at++;
    return *at == '\'' || *at == '"';
}

/* --- atoms ---------------------------------------------------------------------------------- */

static bool parse_number(struct code *code, struct code_value *value)
{
    char *end;
    int64_t whole = (int64_t)strtoull(code->at, &end, strncmp(code->at, "0x", 2) == 0 ? 16 : 10);
    *value = (struct code_value){.kind = CODE_INTEGER, .integer = whole, .number = (double)whole};
    if (*end == '.' || *end == 'e') {
        value->kind = CODE_FLOAT;
        value->number = strtod(code->at, &end);
    }
    code->at = end;
    return true;
}

/* Values up to `close`; *comma says that there was one. */
static bool parse_values(struct code *code, const char *close, struct code_value *items,
                         size_t *count, bool *comma)
{
    *count = 0;
    *comma = false;
    while (!take(code, close)) {
        if (*count == ITEMS_MOST)
            return code_fails(code, "too many values in a list");
        if (!code_expression(code, &items[(*count)++]))
            return false;
        if (take(code, ",")) {
            *comma = true;
            continue;
        }
        if (!take(code, close))
            return code_fails(code, "expected \"%s\" at \"%.20s\"", close, code->at);
        return true;
    }
    return true;
}

/* A parenthesis, a tuple, a list. */
static bool parse_group(struct code *code, struct code_value *value)
{
    struct code_value items[ITEMS_MOST];
    bool comma, list = *code->at++ == '[';
    size_t count;
    code->depth++;
    bool read = parse_values(code, list ? "]" : ")", items, &count, &comma);
    code->depth--;
    if (!read)
        return false;
    if (!list && !comma && count == 1) {
        *value = items[0];
        return true;
    }
    *value = (struct code_value){.kind = CODE_LIST, .count = count};
    value->items = arena_take(code->arena, (count + 1) * sizeof *items);
    memcpy(value->items, items, count * sizeof *items);
    return true;
}

static void note_name(struct code *code, const char *name, const struct code_value *value)
{
    for (unsigned i = 0; i < code->seen_count; i++)
        if (strcmp(code->seen[i].name, name) == 0)
            return;
    if (code->seen_count == CODE_NAMES)
        return;
    code->seen[code->seen_count].name = name;
    code->seen[code->seen_count++].value = *value;
}

static bool parse_name(struct code *code, struct code_value *value)
{
    const char *name = code_word(code);
    struct code_value arguments[ITEMS_MOST];
    size_t count;
    bool comma;
    *value = (struct code_value){.kind = CODE_NONE};
    if (name == NULL)
        return code_fails(code, "expected a value at \"%.20s\"", code->at);
    if (strcmp(name, "None") == 0)
        return true;
    if (strcmp(name, "True") == 0 || strcmp(name, "False") == 0) {
        *value = (struct code_value){
            .kind = CODE_INTEGER, .integer = name[0] == 'T', .number = name[0] == 'T'};
        return true;
    }
    if (*code->at == '(') {
        code->at++;
        code->depth++;
        bool read = parse_values(code, ")", arguments, &count, &comma);
        code->depth--;
        return read && (code->muted > 0 || code_call(code, name, arguments, count, value));
    }
    if (code->muted > 0)
        return true;
    if (!code->lookup(code->context, name, value)) {
        code->unsupported = true;
        return code_fails(code, "the name %s", name);
    }
    note_name(code, name, value);
    return true;
}

static bool parse_atom(struct code *code, struct code_value *value)
{
    code_skip(code);
    char c = *code->at;
    if (starts_string(code->at))
        return parse_string(code, value);
    if (isdigit((unsigned char)c) || (c == '.' && isdigit((unsigned char)code->at[1])))
        return parse_number(code, value);
    if (c == '(' || c == '[')
        return parse_group(code, value);
    return parse_name(code, value);
}

/* --- operators, from tight to loose --------------------------------------------------------- */

static bool operate(struct code *code, const char *op, struct code_value *left,
                    const struct code_value *right)
{
    struct code_value result = {0};
    if (code->muted > 0)
        return true;
    if (!code_operate(code, op, left, right, &result))
        return false;
    *left = result;
    return true;
}

static bool parse_level(struct code *code, unsigned level, struct code_value *value);

enum { LEVEL_LOWEST = 0, LEVEL_UNARY = 6 };

/* Operators of each level that binds to the left; longer ones first. */
static const char *const levels[LEVEL_UNARY][5] = {
    {"|", NULL},        {"^", NULL},      {"&", NULL},
    {"<<", ">>", NULL}, {"+", "-", NULL}, {"//", "/", "%", "*", NULL},
};

static bool parse_unary(struct code *code, struct code_value *value)
{
    struct code_value right;
    bool negative = false;
    while (take(code, "-"))
        negative = !negative;
    if (!parse_atom(code, value))
        return false;
    if (take(code, "**") && (!parse_atom(code, &right) || !operate(code, "**", value, &right)))
        return false;
    if (negative) {
        right = *value;
        *value = (struct code_value){.kind = CODE_INTEGER};
        return operate(code, "-", value, &right);
    }
    code_skip(code);
    return true;
}

/* `op` stands here, and is no part of a longer one or of an assignment. */
static bool takes_operator(struct code *code, const char *op)
{
    size_t length = strlen(op);
    code_skip(code);
    if (strncmp(code->at, op, length) != 0 || code->at[length] == '=' ||
        (strcmp(op, "*") == 0 && code->at[1] == '*'))
        return false;
    code->at += length;
    return true;
}

static bool parse_level(struct code *code, unsigned level, struct code_value *value)
{
    struct code_value right;
    if (level == LEVEL_UNARY)
        return parse_unary(code, value);
    if (!parse_level(code, level + 1, value))
        return false;
    for (unsigned i = 0; levels[level][i] != NULL;) {
        if (!takes_operator(code, levels[level][i])) {
            i++;
            continue;
        }
        if (!parse_level(code, level + 1, &right) ||
            !operate(code, levels[level][i], value, &right))
            return false;
        i = 0;
    }
    return true;
}

static const char *take_comparison(struct code *code)
{
    static const char *const operators[] = {"==", "!=", "<=", ">=", "<", ">", "in"};
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++)
        if (take(code, operators[i]))
            return operators[i];
    if (take(code, "not"))
        return take(code, "in") ? "not in" : NULL;
    if (take(code, "is"))
        return take(code, "not") ? "is not" : "is";
    return NULL;
}

/* a < b < c is both comparisons. */
static bool parse_comparison(struct code *code, struct code_value *value)
{
    struct code_value left, right;
    const char *op;
    bool all = true, any = false;
    if (!parse_level(code, LEVEL_LOWEST, value))
        return false;
    left = *value;
    while ((op = take_comparison(code)) != NULL) {
        if (!parse_level(code, LEVEL_LOWEST, &right) || !operate(code, op, &left, &right))
            return false;
        all = all && code_truth(&left);
        any = true;
        left = right;
    }
    if (any)
        *value = (struct code_value){.kind = CODE_INTEGER, .integer = all, .number = all};
    return true;
}

static bool parse_not(struct code *code, struct code_value *value)
{
    bool negated = false;
    while (take(code, "not"))
        negated = !negated;
    bool asked = code->at[0] != '\0';
    if (!asked || !parse_comparison(code, value))
        return code_fails(code, "an expression is missing");
    if (negated)
        *value = (struct code_value){
            .kind = CODE_INTEGER, .integer = !code_truth(value), .number = !code_truth(value)};
    return true;
}

static bool parse_and(struct code *code, struct code_value *value)
{
    struct code_value right;
    if (!parse_not(code, value))
        return false;
    while (take(code, "and")) {
        bool decided = !code_truth(value);
        code->muted += decided;
        bool read = parse_not(code, &right);
        code->muted -= decided;
        if (!read)
            return false;
        if (!decided)
            *value = right;
    }
    return true;
}

bool code_expression(struct code *code, struct code_value *value)
{
    struct code_value right;
    if (code->depth >= DEPTH_MOST)
        return code_fails(code, "parentheses are nested too deeply");
    if (!parse_and(code, value))
        return false;
    while (take(code, "or")) {
        bool decided = code_truth(value);
        code->muted += decided;
        bool read = parse_and(code, &right);
        code->muted -= decided;
        if (!read)
            return false;
        if (!decided)
            *value = right;
    }
    return true;
}
