/* Arithmetic and comparison of Python's values, as far as scripts need it; see code_expr.h.
 * Integers are 64 bits wide. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "code_expr.h"

bool code_fails(struct code *code, const char *format, ...)
{
    va_list list;
    if (code->error[0] != '\0')
        return false;
    va_start(list, format);
    vsnprintf(code->error, sizeof code->error, format, list);
    va_end(list);
    return false;
}

static struct code_value integer(int64_t value)
{
    return (struct code_value){.kind = CODE_INTEGER, .integer = value, .number = (double)value};
}

static struct code_value number(double value)
{
    return (struct code_value){.kind = CODE_FLOAT, .number = value};
}

bool code_truth(const struct code_value *value)
{
    switch (value->kind) {
    case CODE_NONE:
        return false;
    case CODE_INTEGER:
        return value->integer != 0;
    case CODE_FLOAT:
        return value->number != 0;
    case CODE_TEXT:
        return value->text[0] != '\0';
    case CODE_LIST:
        return value->count > 0;
    }
    return false;
}

static bool is_number(const struct code_value *value)
{
    return value->kind == CODE_INTEGER || value->kind == CODE_FLOAT;
}

/* --- text ----------------------------------------------------------------------------------- */

static const char *list_text(struct arena *arena, const struct code_value *value)
{
    const char *text = "(";
    for (size_t i = 0; i < value->count; i++) {
        const struct code_value *item = &value->items[i];
        const char *one = code_text(arena, item), *quote = item->kind == CODE_TEXT ? "'" : "";
        text = arena_printf(arena, "%s%s%s%s%s", text, i ? ", " : "", quote, one, quote);
    }
    return arena_printf(arena, "%s)", text);
}

const char *code_text(struct arena *arena, const struct code_value *value)
{
    switch (value->kind) {
    case CODE_NONE:
        return "None";
    case CODE_INTEGER:
        return arena_printf(arena, "%" PRId64, value->integer);
    case CODE_FLOAT:
        return arena_printf(arena, "%.12g", value->number);
    case CODE_TEXT:
        return value->text;
    case CODE_LIST:
        return list_text(arena, value);
    }
    return "";
}

/* [width][.digits] and one of d f g x s; anything else is left out. */
const char *code_format(struct arena *arena, const struct code_value *value, const char *format)
{
    char *rest;
    int width = (int)strtol(format, &rest, 10), digits = 6;
    if (*rest == '.')
        digits = (int)strtol(rest + 1, &rest, 10);
    width = width < 0 ? 0 : width > 100 ? 100 : width;
    digits = digits < 0 ? 0 : digits > 30 ? 30 : digits;
    if (*rest == 'f' && is_number(value))
        return arena_printf(arena, "%*.*f", width, digits, value->number);
    if (*rest == 'g' && is_number(value))
        return arena_printf(arena, "%*.*g", width, digits, value->number);
    if (*rest == 'x' && value->kind == CODE_INTEGER)
        return arena_printf(arena, "%*" PRIx64, width, (uint64_t)value->integer);
    return arena_printf(arena, "%*s", width, code_text(arena, value));
}

/* "%d of %d" % (a, b) */
static bool format_text(struct code *code, const struct code_value *left,
                        const struct code_value *right, struct code_value *result)
{
    const struct code_value *items = right->kind == CODE_LIST ? right->items : right;
    size_t count = right->kind == CODE_LIST ? right->count : 1, used = 0;
    const char *out = "";
    for (const char *at = left->text; *at != '\0';) {
        size_t plain = strcspn(at, "%");
        out = arena_printf(code->arena, "%s%.*s", out, (int)plain, at);
        at += plain;
        if (at[0] == '%' && at[1] == '%') {
            out = arena_printf(code->arena, "%s%%", out);
            at += 2;
        } else if (*at == '%') {
            size_t length = strcspn(++at, "diufgsxr");
            const char *format = arena_copy(code->arena, at, length + (at[length] != '\0'));
            if (used == count)
                return code_fails(code, "there are fewer values than the format has");
            out = arena_printf(code->arena, "%s%s", out,
                               code_format(code->arena, &items[used++], format));
            at += length + (at[length] != '\0');
        }
    }
    *result = (struct code_value){.kind = CODE_TEXT, .text = out};
    return true;
}

/* --- comparison ----------------------------------------------------------------------------- */

static bool equal_atoms(const struct code_value *left, const struct code_value *right)
{
    if (left->kind == CODE_INTEGER && right->kind == CODE_INTEGER)
        return left->integer == right->integer;
    if (is_number(left) && is_number(right))
        return !(left->number < right->number) && !(left->number > right->number);
    if (left->kind != right->kind)
        return false;
    return left->kind == CODE_NONE ||
           (left->kind == CODE_TEXT && strcmp(left->text, right->text) == 0);
}

static bool equal(const struct code_value *left, const struct code_value *right)
{
    if (left->kind != CODE_LIST || right->kind != CODE_LIST)
        return equal_atoms(left, right);
    bool same = left->count == right->count;
    for (size_t i = 0; same && i < left->count; i++)
        same = equal_atoms(&left->items[i], &right->items[i]);
    return same;
}

static bool contains(const struct code_value *list, const struct code_value *item)
{
    for (size_t i = 0; i < list->count; i++)
        if (equal_atoms(&list->items[i], item))
            return true;
    return false;
}

static int order(const struct code_value *left, const struct code_value *right)
{
    if (left->kind == CODE_INTEGER && right->kind == CODE_INTEGER)
        return (left->integer > right->integer) - (left->integer < right->integer);
    return (left->number > right->number) - (left->number < right->number);
}

static bool compare(struct code *code, const char *op, const struct code_value *left,
                    const struct code_value *right, struct code_value *result)
{
    bool is;
    if (strcmp(op, "==") == 0 || strcmp(op, "is") == 0) {
        is = equal(left, right);
    } else if (strcmp(op, "!=") == 0 || strcmp(op, "is not") == 0) {
        is = !equal(left, right);
    } else if (strcmp(op, "in") == 0 || strcmp(op, "not in") == 0) {
        if (right->kind != CODE_LIST)
            return code_fails(code, "\"in\" needs a list or tuple on its right");
        is = contains(right, left) == (op[0] == 'i');
    } else {
        if (!is_number(left) || !is_number(right))
            return code_fails(code, "\"%s\" compares numbers only", op);
        int o = order(left, right);
        is = op[0] == '<' ? (o < 0 || (op[1] == '=' && o == 0))
                          : (o > 0 || (op[1] == '=' && o == 0));
    }
    *result = integer(is);
    return true;
}

/* --- arithmetic ----------------------------------------------------------------------------- */

/* Python rounds quotients down. */
static int64_t floor_quotient(int64_t a, int64_t b)
{
    int64_t q = a / b;
    return a % b != 0 && (a < 0) != (b < 0) ? q - 1 : q;
}

static bool whole(struct code *code, const char *op, int64_t a, int64_t b,
                  struct code_value *result)
{
    int64_t r = 0;
    bool lost = false;
    if ((op[0] == '/' || op[0] == '%') && (b == 0 || (b == -1 && a == INT64_MIN)))
        return code_fails(code, "a division by zero");
    if (op[0] == '+')
        lost = __builtin_add_overflow(a, b, &r);
    else if (op[0] == '-')
        lost = __builtin_sub_overflow(a, b, &r);
    else if (op[0] == '*')
        lost = __builtin_mul_overflow(a, b, &r);
    else if (strcmp(op, "//") == 0)
        r = floor_quotient(a, b);
    else if (op[0] == '%')
        r = a - floor_quotient(a, b) * b;
    else if (op[0] == '&')
        r = a & b;
    else if (op[0] == '|')
        r = a | b;
    else if (op[0] == '^')
        r = a ^ b;
    else if (b < 0 || b > 62)
        lost = true;
    else
        r = op[0] == '<' ? (int64_t)((uint64_t)a << b) : a >> b;
    if (lost)
        return code_fails(code, "a number beyond 64 bits");
    *result = integer(r);
    return true;
}

/* Without the mathematics library: values here are far below 2^63. */
static double floor_of(double x)
{
    double cut = (double)(int64_t)x;
    return cut > x ? cut - 1 : cut;
}

static int64_t nearest(double x)
{
    return (int64_t)(x < 0 ? x - 0.5 : x + 0.5);
}

static double power_of(double base, int64_t exponent)
{
    double result = 1;
    for (int64_t n = exponent < 0 ? -exponent : exponent; n > 0; n--)
        result *= base;
    return exponent < 0 ? 1 / result : result;
}

static bool fraction(struct code *code, const char *op, double a, double b,
                     struct code_value *result)
{
    if ((op[0] == '/' || op[0] == '%') && !(b < 0) && !(b > 0))
        return code_fails(code, "a division by zero");
    if (op[0] == '+')
        *result = number(a + b);
    else if (op[0] == '-')
        *result = number(a - b);
    else if (strcmp(op, "**") == 0 && nearest(b) < 1024 && nearest(b) > -1024)
        *result = number(power_of(a, nearest(b)));
    else if (op[0] == '*')
        *result = number(a * b);
    else if (strcmp(op, "//") == 0)
        *result = number(floor_of(a / b));
    else if (op[0] == '/')
        *result = number(a / b);
    else if (op[0] == '%')
        *result = number(a - floor_of(a / b) * b);
    else
        return code_fails(code, "\"%s\" needs whole numbers", op);
    return true;
}

bool code_operate(struct code *code, const char *op, const struct code_value *left,
                  const struct code_value *right, struct code_value *result)
{
    static const char *const comparisons[] = {"==", "!=", "<",      "<=", ">",
                                              ">=", "in", "not in", "is", "is not"};
    for (size_t i = 0; i < sizeof comparisons / sizeof *comparisons; i++)
        if (strcmp(op, comparisons[i]) == 0)
            return compare(code, op, left, right, result);
    if (left->kind == CODE_TEXT && strcmp(op, "%") == 0)
        return format_text(code, left, right, result);
    if (left->kind == CODE_TEXT && right->kind == CODE_TEXT && strcmp(op, "+") == 0) {
        *result = (struct code_value){
            .kind = CODE_TEXT, .text = arena_printf(code->arena, "%s%s", left->text, right->text)};
        return true;
    }
    if (!is_number(left) || !is_number(right))
        return code_fails(code, "\"%s\" needs numbers", op);
    bool power = strcmp(op, "**") == 0, divides = strcmp(op, "/") == 0;
    if (left->kind == CODE_INTEGER && right->kind == CODE_INTEGER && !power && !divides)
        return whole(code, op, left->integer, right->integer, result);
    if (!fraction(code, op, left->number, right->number, result))
        return false;
    bool stays = power && left->kind == CODE_INTEGER && right->kind == CODE_INTEGER &&
                 right->integer >= 0 && result->number < 9e15;
    if (stays)
        *result = integer((int64_t)result->number);
    return true;
}

/* --- functions ------------------------------------------------------------------------------ */

static bool least_or_most(struct code *code, bool least, const struct code_value *items,
                          size_t count, struct code_value *result)
{
    if (count == 1 && items->kind == CODE_LIST) {
        count = items->count;
        items = items->items;
    }
    for (size_t i = 0; i < count; i++) {
        if (!is_number(&items[i]))
            return code_fails(code, "min() and max() compare numbers only");
        if (i == 0 || (order(&items[i], result) < 0) == least)
            *result = items[i];
    }
    return count > 0 || code_fails(code, "min() and max() need a value");
}

bool code_call(struct code *code, const char *name, const struct code_value *arguments,
               size_t count, struct code_value *result)
{
    if (strcmp(name, "min") == 0 || strcmp(name, "max") == 0)
        return least_or_most(code, name[1] == 'i', arguments, count, result);
    if (count == 0)
        return code_fails(code, "%s() needs a value", name);
    if (strcmp(name, "str") == 0) {
        *result = (struct code_value){.kind = CODE_TEXT, .text = code_text(code->arena, arguments)};
        return true;
    }
    if (strcmp(name, "len") == 0 && arguments->kind == CODE_LIST) {
        *result = integer((int64_t)arguments->count);
        return true;
    }
    if (!is_number(arguments))
        return code_fails(code, "%s() needs a number", name);
    if (strcmp(name, "int") == 0)
        *result = integer((int64_t)arguments->number);
    else if (strcmp(name, "round") == 0)
        *result = integer(nearest(arguments->number));
    else if (strcmp(name, "float") == 0)
        *result = number(arguments->number);
    else if (strcmp(name, "abs") == 0 && arguments->kind == CODE_INTEGER)
        *result = integer(arguments->integer < 0 ? -arguments->integer : arguments->integer);
    else if (strcmp(name, "abs") == 0)
        *result = number(arguments->number < 0 ? -arguments->number : arguments->number);
    else {
        code->unsupported = true;
        return code_fails(code, "the function %s()", name);
    }
    return true;
}
