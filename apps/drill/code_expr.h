/* The Python expressions that scripts assert: comparison, arithmetic, and / or / not, names, a few
 * functions, tuples, f-strings. Called by code.c; knows of names only what it is told. */
#ifndef TUNNY_DRILL_CODE_EXPR_H
#define TUNNY_DRILL_CODE_EXPR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"

enum code_kind { CODE_NONE, CODE_INTEGER, CODE_FLOAT, CODE_TEXT, CODE_LIST };

struct code_value {
    enum code_kind kind;
    int64_t integer;
    double number;
    const char *text;
    struct code_value *items; /* of a list or tuple */
    size_t count;
};

enum { CODE_ERROR = 160, CODE_NAMES = 16 };

struct code {
    const char *at;    /* what is left */
    const char *start; /* of the whole text */
    struct arena *arena;
    /* What a name means; false: nothing. */
    bool (*lookup)(void *context, const char *name, struct code_value *value);
    void *context;
    unsigned depth;
    unsigned muted;         /* the right side of an `and` that is decided: read, not evaluated */
    char error[CODE_ERROR]; /* "" while all is well */
    bool unsupported;       /* the error is that something is not implemented */
    struct {
        const char *name;
        struct code_value value;
    } seen[CODE_NAMES]; /* names that were looked up, for the explanation of a failure */
    unsigned seen_count;
};

/* Evaluates from code->at up to what belongs to no expression. False: code->error. */
bool code_expression(struct code *code, struct code_value *value);
bool code_truth(const struct code_value *value);
/* As str() has it; strings inside lists with quotes. */
const char *code_text(struct arena *arena, const struct code_value *value);
/* Spaces, and comments; in parentheses lines end nowhere. */
void code_skip(struct code *code);
/* The word at code->at, taken; NULL: there is none. */
const char *code_word(struct code *code);
__attribute__((format(printf, 2, 3))) bool code_fails(struct code *code, const char *format, ...);
/* code_values.c: one operation; `op` is "+", "<=", "in" ... */
bool code_operate(struct code *code, const char *op, const struct code_value *left,
                  const struct code_value *right, struct code_value *result);
/* A call of abs(), min(), max(), int(), float(), round(), len(), str(). */
bool code_call(struct code *code, const char *name, const struct code_value *arguments,
               size_t count, struct code_value *result);
/* With a format behind a colon, as in f"{x:.2f}". */
const char *code_format(struct arena *arena, const struct code_value *value, const char *format);

#endif
