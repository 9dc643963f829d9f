/* See values.h. */
#include "values.h"

#include <arpa/inet.h>
#include <string.h>

#include "symbols.h"

const struct expr *argument(const struct call_spec *call, unsigned n)
{
    const struct expr *expr = call->arguments;
    while (expr != NULL && n-- > 0)
        expr = expr->next;
    return expr;
}

const struct expr *member(const struct expr *expr, const char *name)
{
    for (const struct expr *m = expr->first; m != NULL; m = m->next)
        if (m->name != NULL && strcmp(m->name, name) == 0)
            return m;
    return NULL;
}

/* What one operand is worth: a number, a constant, htons(n), inet_addr("..."). */
static bool operand(struct world *world, int line, const struct expr *expr, int64_t *value)
{
    struct in_addr address;
    switch (expr->kind) {
    case EXPR_INTEGER:
        *value = expr->integer;
        return true;
    case EXPR_WORD:
        if (symbol_value(expr->text, value))
            return true;
        return world_lacks(world, line, "the constant %s", expr->text);
    case EXPR_CALL:
        if (strcmp(expr->text, "htons") == 0 && expr->first != NULL &&
            expr->first->kind == EXPR_INTEGER) {
            *value = htons((uint16_t)expr->first->integer);
            return true;
        }
        if (strcmp(expr->text, "inet_addr") == 0 && expr->first != NULL &&
            expr->first->kind == EXPR_STRING &&
            inet_pton(AF_INET, expr->first->text, &address) == 1) {
            *value = address.s_addr;
            return true;
        }
        return world_lacks(world, line, "the function %s()", expr->text);
    case EXPR_ELLIPSIS:
    case EXPR_STRING:
    case EXPR_LIST:
    case EXPR_STRUCT:
    case EXPR_OR:
        break;
    }
    return world_fails(world, line, "a number or constant is expected in this call");
}

bool value_number(struct world *world, int line, const struct expr *expr, int64_t *value)
{
    if (expr == NULL)
        return world_fails(world, line, "an argument is missing in this call");
    if (expr->kind != EXPR_OR)
        return operand(world, line, expr, value);
    int64_t all = 0, one;
    for (const struct expr *part = expr->first; part != NULL; part = part->next) {
        if (!operand(world, line, part, &one))
            return false;
        all |= one;
    }
    *value = all;
    return true;
}

bool value_in_list(struct world *world, int line, const struct expr *expr, int64_t *value)
{
    if (expr != NULL && expr->kind == EXPR_LIST)
        expr = expr->first;
    return value_number(world, line, expr, value);
}

bool value_argument(struct world *world, const struct attempt *attempt, unsigned n, int64_t *value)
{
    return value_number(world, attempt->event->line, argument(attempt->call, n), value);
}

/* --- addresses
 * ------------------------------------------------------------------------------------------ */

socklen_t place_to_sockaddr(const struct world *world, const struct place *place, int family,
                            struct sockaddr_storage *address)
{
    (void)world;
    memset(address, 0, sizeof *address);
    if (family == AF_INET) {
        struct sockaddr_in *in = (struct sockaddr_in *)(void *)address;
        in->sin_family = AF_INET;
        in->sin_port = htons(place->port);
        memcpy(&in->sin_addr, place->address, 4);
        return sizeof *in;
    }
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)address;
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons(place->port);
    if (place->ipv6) {
        memcpy(&in6->sin6_addr, place->address, 16);
    } else {
        in6->sin6_addr.s6_addr[10] = in6->sin6_addr.s6_addr[11] = 0xff;
        memcpy(in6->sin6_addr.s6_addr + 12, place->address, 4);
    }
    return sizeof *in6;
}

/* The text of inet_addr("...") or inet6_addr("..."), or NULL. */
static const char *address_text(const struct expr *expr)
{
    if (expr == NULL || expr->kind != EXPR_CALL || expr->first == NULL ||
        expr->first->kind != EXPR_STRING)
        return NULL;
    return expr->first->text;
}

static bool struct_address(struct world *world, int line, const struct expr *expr,
                           struct sockaddr_storage *address, socklen_t *length)
{
    int64_t family, port;
    const char *text = address_text(member(expr, "sin_addr"));
    if (!value_number(world, line, member(expr, "sa_family"), &family) ||
        !value_number(world, line, member(expr, "sin_port"), &port))
        return false;
    struct place place = {.ipv6 = family == AF_INET6, .port = ntohs((uint16_t)port)};
    if (text == NULL || inet_pton((int)family, text, place.address) != 1)
        return world_fails(world, line, "the address in this call cannot be read");
    *length = place_to_sockaddr(world, &place, (int)family, address);
    return true;
}

bool value_address(struct world *world, int line, const struct expr *expr,
                   const struct place *otherwise, struct sockaddr_storage *address,
                   socklen_t *length)
{
    int family = world->options.ip_version == IP_VERSION_4 ? AF_INET : AF_INET6;
    if (expr == NULL)
        return world_fails(world, line, "an address is missing in this call");
    if (expr->kind == EXPR_ELLIPSIS) {
        *length = place_to_sockaddr(world, otherwise, family, address);
        return true;
    }
    if (expr->kind == EXPR_WORD && strcmp(expr->text, "AF_UNSPEC") == 0) {
        memset(address, 0, sizeof *address);
        *length = sizeof(struct sockaddr_in);
        return true;
    }
    if (expr->kind == EXPR_STRUCT)
        return struct_address(world, line, expr, address, length);
    return world_fails(world, line, "an address is expected in this call");
}
