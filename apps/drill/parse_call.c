/* The grammar of calls: name(arguments) = result ERRNO (words), and of the expressions in them.
 * Called by parse.c. Nesting is bounded. */
#include <string.h>

#include "parse.h"

enum { DEPTH_MOST = 16 };

static struct expr *parse_expr(struct parser *p);

static struct expr *expr_new(struct parser *p, enum expr_kind kind)
{
    struct expr *expr = arena_take(p->arena, sizeof *expr);
    expr->kind = kind;
    expr->text = p->token.text;
    expr->length = p->token.length;
    expr->integer = p->token.integer;
    return expr;
}

/* Items up to `close`, separated by commas. */
static bool parse_items(struct parser *p, char close, struct expr **first)
{
    if (parse_take(p, close))
        return true;
    for (;;) {
        *first = parse_expr(p);
        if (*first == NULL)
            return false;
        first = &(*first)->next;
        if (parse_take(p, close))
            return true;
        if (!parse_expect(p, ','))
            return false;
    }
}

/* Adjacent strings are one; "abc"... is how strace cuts. */
static struct expr *parse_string(struct parser *p)
{
    struct expr *expr = expr_new(p, EXPR_STRING);
    parse_advance(p);
    while (p->token.kind == TOKEN_STRING) {
        char *both = arena_take(p->arena, expr->length + p->token.length + 1);
        memcpy(both, expr->text, expr->length);
        memcpy(both + expr->length, p->token.text, p->token.length);
        expr->text = both;
        expr->length += p->token.length;
        parse_advance(p);
    }
    if (p->token.kind == TOKEN_ELLIPSIS)
        parse_advance(p);
    return expr;
}

/* NAME, NAME(...), NAME = value and NAME(...) = value: the last two name a member. */
static struct expr *parse_word(struct parser *p)
{
    struct expr *expr = expr_new(p, EXPR_WORD);
    parse_advance(p);
    if (parse_take(p, '(')) {
        expr->kind = EXPR_CALL;
        if (!parse_items(p, ')', &expr->first))
            return NULL;
    }
    if (!parse_take(p, '='))
        return expr;
    struct expr *value = parse_expr(p);
    if (value != NULL)
        value->name = expr->text;
    return value;
}

static struct expr *parse_primary(struct parser *p)
{
    struct expr *expr;
    switch (p->token.kind) {
    case TOKEN_ELLIPSIS:
        expr = expr_new(p, EXPR_ELLIPSIS);
        parse_advance(p);
        return expr;
    case TOKEN_INTEGER:
    case TOKEN_HEX:
        expr = expr_new(p, EXPR_INTEGER);
        parse_advance(p);
        return expr;
    case TOKEN_STRING:
        return parse_string(p);
    case TOKEN_WORD:
        return parse_word(p);
    case TOKEN_CHARACTER:
        if (!parse_is(p, '[') && !parse_is(p, '{'))
            break;
        expr = expr_new(p, parse_is(p, '[') ? EXPR_LIST : EXPR_STRUCT);
        parse_advance(p);
        return parse_items(p, expr->kind == EXPR_LIST ? ']' : '}', &expr->first) ? expr : NULL;
    case TOKEN_END:
    case TOKEN_FLOAT:
    case TOKEN_BACKQUOTED:
    case TOKEN_CODE:
    case TOKEN_OPTION:
    case TOKEN_BAD:
        break;
    }
    parse_fails(p, PARSE_WRONG, "expected an expression here");
    return NULL;
}

static struct expr *parse_expr(struct parser *p)
{
    if (p->depth == DEPTH_MOST) {
        parse_fails(p, PARSE_WRONG, "expressions are nested too deeply");
        return NULL;
    }
    p->depth++;
    struct expr *expr = parse_primary(p);
    if (expr != NULL && parse_is(p, '|')) {
        struct expr * or = arena_take(p->arena, sizeof * or);
        or->kind = EXPR_OR;
        or->name = expr->name;
        expr->name = NULL;
        or->first = expr;
        while (expr != NULL && parse_take(p, '|')) {
            expr->next = parse_primary(p);
            expr = expr->next;
        }
        expr = expr != NULL ? or : NULL;
    }
    p->depth--;
    return expr;
}

/* `(Resource temporarily unavailable)`, `(flags O_RDWR)`: words for people. */
static bool skip_note(struct parser *p)
{
    if (!parse_take(p, '('))
        return true;
    while (!parse_is(p, ')')) {
        if (p->token.kind == TOKEN_END || p->token.kind == TOKEN_BAD)
            return parse_fails(p, PARSE_WRONG, "a note in parentheses does not end");
        parse_advance(p);
    }
    parse_advance(p);
    return true;
}

struct call_spec *parse_call(struct parser *p)
{
    struct call_spec *call = arena_take(p->arena, sizeof *call);
    if (p->token.kind != TOKEN_WORD) {
        parse_fails(p, PARSE_WRONG, "expected the name of a call here");
        return NULL;
    }
    call->name = p->token.text;
    parse_advance(p);
    if (!parse_expect(p, '(') || !parse_items(p, ')', &call->arguments) || !parse_expect(p, '='))
        return NULL;
    call->result = parse_expr(p);
    if (call->result == NULL)
        return NULL;
    if (p->token.kind == TOKEN_WORD) {
        call->error = p->token.text;
        parse_advance(p);
    }
    return skip_note(p) ? call : NULL;
}
