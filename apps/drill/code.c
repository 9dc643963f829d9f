/* Blocks of code, %{ ... }%: assertions on TCP_INFO, assignments, print(). See world.h. They are
 * evaluated where they stand, on the newest socket; variables live on. */
#include <ctype.h>
#include <netinet/tcp.h>
#include <string.h>

#include "code_expr.h"
#include "info_names.h"
#include "world.h"

struct code_names {
    const char *name;
    struct code_value value;
    struct code_names *next;
};

/* What the names of one block mean. */
struct scope {
    struct world *world;
    _Alignas(8) uint8_t info[INFO_BYTES];
    bool has_info;
};

static bool lookup(void *context, const char *name, struct code_value *value)
{
    struct scope *scope = context;
    int64_t number;
    for (struct code_names *n = scope->world->names; n != NULL; n = n->next) {
        if (strcmp(n->name, name) == 0) {
            *value = n->value;
            return true;
        }
    }
    if (!info_constant(name, &number) &&
        !(scope->has_info && info_field(scope->info, name, &number)))
        return false;
    *value = (struct code_value){.kind = CODE_INTEGER, .integer = number, .number = (double)number};
    return true;
}

static void assign(struct world *world, const char *name, const struct code_value *value)
{
    struct code_names *n = world->names;
    while (n != NULL && strcmp(n->name, name) != 0)
        n = n->next;
    if (n == NULL) {
        n = arena_take(world->arena, sizeof *n);
        n->name = name;
        n->next = world->names;
        world->names = n;
    }
    n->value = *value;
}

/* --- statements
 * ------------------------------------------------------------------------------------------ */

static bool told(struct world *world, const struct event *event, const struct code *code)
{
    if (code->unsupported)
        return world_lacks(world, event->line, "in code, %s", code->error);
    return world_fails(world, event->line, "the code cannot be read: %s", code->error);
}

/* "tcpi_snd_cwnd == 10 does not hold; tcpi_snd_cwnd is 11" */
static bool assertion_fails(struct world *world, const struct event *event, struct code *code,
                            const char *start, const char *message)
{
    const char *end = code->at, *where = "";
    const char *newline = memchr(start, '\n', (size_t)(end - start));
    int length = (int)((newline ? newline : end) - start);
    for (unsigned i = 0; i < code->seen_count; i++)
        where = arena_printf(world->arena, "%s%s%s is %s", where, i ? ", " : "; ",
                             code->seen[i].name, code_text(world->arena, &code->seen[i].value));
    return world_fails(world, event->line, "the assertion %.*s does not hold%s%s%s", length, start,
                       where, *message ? ": " : "", message);
}

static bool run_assert(struct world *world, const struct event *event, struct code *code)
{
    struct code_value value, message = {.kind = CODE_TEXT, .text = ""};
    code_skip(code);
    const char *start = code->at;
    code->seen_count = 0;
    if (!code_expression(code, &value))
        return told(world, event, code);
    bool holds = code_truth(&value);
    struct code after = *code;
    code_skip(code);
    if (*code->at == ',') {
        code->at++;
        if (!code_expression(code, &message))
            return told(world, event, code);
    }
    if (holds)
        return true;
    return assertion_fails(world, event, &after, start, code_text(world->arena, &message));
}

static bool run_print(struct world *world, const struct event *event, struct code *code)
{
    struct code_value value;
    if (!code_expression(code, &value))
        return told(world, event, code);
    world_remark(world, "%s", code_text(world->arena, &value));
    return true;
}

/* name = value, name += value ... */
static bool run_assignment(struct world *world, const struct event *event, struct code *code,
                           const char *name)
{
    struct code_value value, old;
    char op[] = "+";
    code_skip(code);
    bool changes = code->at[0] != '\0' && strchr("+-*/", code->at[0]) != NULL && code->at[1] == '=';
    if (!changes && (code->at[0] != '=' || code->at[1] == '='))
        return world_lacks(world, event->line, "in code, the statement \"%s ...\"", name);
    op[0] = *code->at;
    code->at += changes ? 2 : 1;
    if (!code_expression(code, &value))
        return told(world, event, code);
    if (changes) {
        struct code_value right = value;
        if (!lookup(code->context, name, &old) || !code_operate(code, op, &old, &right, &value))
            return told(world, event, code);
    }
    assign(world, name, &value);
    return true;
}

static bool run_statement(struct world *world, const struct event *event, struct code *code)
{
    const char *word = code_word(code);
    if (word == NULL)
        return world_fails(world, event->line, "the code cannot be read at \"%.30s\"", code->at);
    if (strcmp(word, "assert") == 0)
        return run_assert(world, event, code);
    if (strcmp(word, "print") == 0)
        return run_print(world, event, code);
    if (strcmp(word, "pass") == 0)
        return true;
    return run_assignment(world, event, code, word);
}

/* Behind a statement: the end of its line, or a semicolon. */
static bool at_end_of_statement(struct code *code)
{
    code_skip(code);
    return *code->at == '\0' || *code->at == '\n' || *code->at == ';';
}

static void skip_between(struct code *code)
{
    while (*code->at != '\0' &&
           (isspace((unsigned char)*code->at) || *code->at == ';' || *code->at == '#')) {
        if (*code->at == '#')
            code_skip(code);
        else
            code->at++;
    }
}

static void take_info(struct world *world, struct scope *scope)
{
    struct file *file = world_file(world, world->under_test);
    socklen_t length = sizeof scope->info;
    scope->has_info = file != NULL && tunny_getsockopt(world->stack, file->number, IPPROTO_TCP,
                                                       TCP_INFO, scope->info, &length) == 0;
}

bool code_run(struct world *world, const struct event *event)
{
    struct scope scope = {.world = world};
    struct code code = {
        .at = event->body, .arena = world->arena, .lookup = lookup, .context = &scope};
    take_info(world, &scope);
    world_tell(world, "%s", event->text);
    for (skip_between(&code); *code.at != '\0'; skip_between(&code)) {
        if (!run_statement(world, event, &code))
            return false;
        if (!at_end_of_statement(&code))
            return world_lacks(world, event->line, "in code, \"%.30s\"", code.at);
    }
    return true;
}
