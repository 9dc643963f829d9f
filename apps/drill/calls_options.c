/* setsockopt() and getsockopt(). See calls.h. A value may be [n], n, "text", {onoff=1, linger=0},
 * {tv_sec=1, tv_usec=0}, or for TCP_INFO {tcpi_...=n, ...}, of which each field named is compared.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "calls.h"
#include "info_names.h"

enum { VALUE_MOST = 512 };

struct value {
    _Alignas(8) uint8_t bytes[VALUE_MOST];
    socklen_t length;
};

static bool put_bytes(struct value *value, const void *bytes, size_t length)
{
    memset(value, 0, sizeof *value);
    memcpy(value->bytes, bytes, length < VALUE_MOST ? length : VALUE_MOST);
    value->length = (socklen_t)length;
    return true;
}

/* Structs are known by their members' names. */
static bool struct_value(struct world *world, int line, const struct expr *expr,
                         struct value *value)
{
    int64_t one, other;
    if (member(expr, "onoff") != NULL) {
        if (!value_number(world, line, member(expr, "onoff"), &one) ||
            !value_number(world, line, member(expr, "linger"), &other))
            return false;
        return put_bytes(value, &(struct linger){(int)one, (int)other}, sizeof(struct linger));
    }
    if (member(expr, "tv_sec") != NULL) {
        if (!value_number(world, line, member(expr, "tv_sec"), &one) ||
            !value_number(world, line, member(expr, "tv_usec"), &other))
            return false;
        return put_bytes(value, &(struct timeval){one, other}, sizeof(struct timeval));
    }
    return world_lacks(world, line, "this struct as a socket option's value");
}

static bool read_value(struct world *world, int line, const struct expr *expr, struct value *value)
{
    int64_t number;
    if (expr == NULL)
        return world_fails(world, line, "the option's value is missing in this call");
    if (expr->kind == EXPR_STRING)
        return put_bytes(value, expr->text, expr->length);
    if (expr->kind == EXPR_STRUCT)
        return struct_value(world, line, expr, value);
    if (expr->kind == EXPR_ELLIPSIS)
        return put_bytes(value, "", 0);
    if (!value_in_list(world, line, expr, &number))
        return false;
    /* Counters of 64 bits exist, in this place they are small. */
    int32_t narrow = (int32_t)number;
    return put_bytes(value, &narrow, sizeof narrow);
}

static bool option_arguments(struct world *world, struct attempt *attempt, int64_t *level,
                             int64_t *option)
{
    return value_argument(world, attempt, 1, level) && value_argument(world, attempt, 2, option);
}

/* An option that the stack does not have, where the script expects it, is no failure of TCP. */
static bool lacks_option(struct world *world, struct attempt *attempt, int r)
{
    int64_t expected = 0;
    const struct expr *option = argument(attempt->call, 2);
    if (r != -ENOPROTOOPT || attempt->call->error != NULL)
        return false;
    if (attempt->call->result->kind == EXPR_INTEGER)
        expected = attempt->call->result->integer;
    if (expected < 0)
        return false;
    world_lacks(world, attempt->event->line, "the socket option %s",
                option != NULL && option->kind == EXPR_WORD ? option->text : "of this number");
    return true;
}

bool call_setsockopt(struct world *world, struct attempt *attempt)
{
    struct file *file;
    struct value value;
    int64_t level, option, length;
    if (!call_file(world, attempt, 0, &file) || file == NULL)
        return file == NULL && world->verdict == VERDICT_PASS;
    if (!option_arguments(world, attempt, &level, &option) ||
        !read_value(world, attempt->event->line, argument(attempt->call, 3), &value) ||
        !value_argument(world, attempt, 4, &length))
        return false;
    if (length < 0 || length > VALUE_MOST)
        return world_fails(world, attempt->event->line, "the option's length is out of its range");
    int r = tunny_setsockopt(world->stack, file->number, (int)level, (int)option, value.bytes,
                             (socklen_t)length);
    if (lacks_option(world, attempt, r))
        return false;
    return call_returns(attempt, r);
}

/* --- getsockopt
 * ----------------------------------------------------------------------------------------- */

static bool compare_info(struct world *world, const struct attempt *attempt,
                         const struct expr *expr, const struct value *got)
{
    for (const struct expr *m = expr->first; m != NULL; m = m->next) {
        int64_t expected, value;
        if (m->name == NULL || !info_field(got->bytes, m->name, &value))
            return world_lacks(world, attempt->event->line, "the field %s of TCP_INFO",
                               m->name ? m->name : "without a name");
        if (!value_number(world, attempt->event->line, m, &expected))
            return false;
        if (value != expected)
            return world_fails(world, attempt->event->line, "%s is %lld, where %lld was expected",
                               m->name, (long long)value, (long long)expected);
    }
    return true;
}

static bool compare_value(struct world *world, const struct attempt *attempt,
                          const struct expr *expr, const struct value *got)
{
    struct value expected;
    int32_t number, wanted;
    if (expr == NULL || expr->kind == EXPR_ELLIPSIS)
        return true;
    if (expr->kind == EXPR_STRUCT && expr->first != NULL && expr->first->name != NULL &&
        strncmp(expr->first->name, "tcpi_", 5) == 0)
        return compare_info(world, attempt, expr, got);
    if (!read_value(world, attempt->event->line, expr, &expected))
        return false;
    if (memcmp(got->bytes, expected.bytes, expected.length) == 0)
        return true;
    if (expr->kind == EXPR_STRING)
        return world_fails(world, attempt->event->line,
                           "the option is \"%.30s\", where \"%s\" was expected",
                           (const char *)got->bytes, expr->text);
    memcpy(&number, got->bytes, sizeof number);
    memcpy(&wanted, expected.bytes, sizeof wanted);
    return world_fails(world, attempt->event->line,
                       "the option is %d, where %d was expected\n  in: %s", number, wanted,
                       attempt->event->text);
}

bool call_getsockopt(struct world *world, struct attempt *attempt)
{
    struct file *file;
    struct value value = {.length = VALUE_MOST};
    int64_t level, option, length = VALUE_MOST;
    const struct expr *size = argument(attempt->call, 4);
    if (!call_file(world, attempt, 0, &file) || file == NULL)
        return file == NULL && world->verdict == VERDICT_PASS;
    if (!option_arguments(world, attempt, &level, &option))
        return false;
    if (size != NULL && size->kind != EXPR_ELLIPSIS &&
        !value_in_list(world, attempt->event->line, size, &length))
        return false;
    if (length >= 0 && length < VALUE_MOST)
        value.length = (socklen_t)length;
    int r = tunny_getsockopt(world->stack, file->number, (int)level, (int)option, value.bytes,
                             &value.length);
    if (lacks_option(world, attempt, r))
        return false;
    call_returns(attempt, r);
    return r < 0 || compare_value(world, attempt, argument(attempt->call, 3), &value);
}
