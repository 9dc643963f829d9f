/* Blocks of code, %{ ... }%: assertions on TCP_INFO, assignments, print(), if, elif and else. See
 * world.h. They are evaluated where they stand, on the newest socket; variables live on. */
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

/* The names of SO_MEMINFO that the stack has an answer for: the limits of the two buffers. */
static bool memory_field(struct world *world, const char *name, int64_t *number)
{
    struct file *file = world_file(world, world->under_test);
    bool receive = strcmp(name, "SK_MEMINFO_RCVBUF") == 0;
    int bytes = 0;
    socklen_t length = sizeof bytes;
    if (file == NULL || (!receive && strcmp(name, "SK_MEMINFO_SNDBUF") != 0) ||
        tunny_getsockopt(world->stack, file->number, SOL_SOCKET, receive ? SO_RCVBUF : SO_SNDBUF,
                         &bytes, &length) < 0)
        return false;
    *number = bytes;
    return true;
}

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
    if (!info_constant(name, &number) && !memory_field(scope->world, name, &number) &&
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

static void take_info(struct world *world, struct scope *scope)
{
    struct file *file = world_file(world, world->under_test);
    socklen_t length = sizeof scope->info;
    scope->has_info = file != NULL && tunny_getsockopt(world->stack, file->number, IPPROTO_TCP,
                                                       TCP_INFO, scope->info, &length) == 0;
}

/* --- lines and blocks
 * ------------------------------------------------------------------------------------------ */

enum { BLOCKS_MOST = 16 };

/* A line that ends in a colon, and what is indented below it. */
struct block {
    int indent;
    bool reached; /* the line itself was run */
    bool runs;    /* what is below it is run */
    bool decided; /* this branch or one before it was taken */
};

struct blocks {
    struct block open[BLOCKS_MOST];
    unsigned depth;
    struct block closed; /* the last one that ended: an `else` may follow it */
};

static bool is_running(const struct blocks *blocks)
{
    return blocks->depth == 0 || blocks->open[blocks->depth - 1].runs;
}

/* To the next line with something on it: its indentation. -1: the end. */
static int next_line(struct code *code)
{
    int indent = 0;
    for (;; code->at++) {
        code_skip(code);
        if (*code->at == '\0')
            return -1;
        if (*code->at != '\n' && *code->at != ';')
            break;
    }
    for (const char *at = code->at; at > code->start && at[-1] != '\n'; at--)
        indent += at[-1] == '\t' ? 8 : 1;
    return indent;
}

static void skip_line(struct code *code)
{
    while (*code->at != '\0' && *code->at != '\n')
        code->at += code->at[0] == '\\' && code->at[1] != '\0' ? 2 : 1;
}

/* Statements up to the end of the line, which a semicolon may stand between. */
static bool run_line(struct world *world, const struct event *event, struct code *code)
{
    do {
        while (*code->at == ';' ||
               (*code->at != '\0' && *code->at != '\n' && isspace((unsigned char)*code->at)))
            code->at++;
        code_skip(code);
        if (*code->at == '\0' || *code->at == '\n')
            return true;
        if (!run_statement(world, event, code))
            return false;
        if (!at_end_of_statement(code))
            return world_lacks(world, event->line, "in code, \"%.30s\"", code->at);
    } while (*code->at == ';');
    return true;
}

/* The condition of `if` and `elif`, which is only read where the line is not reached. */
static bool take_condition(struct world *world, const struct event *event, struct code *code,
                           bool reached, bool *holds)
{
    struct code_value value = {0};
    code->muted += !reached;
    bool read = code_expression(code, &value);
    code->muted -= !reached;
    if (!read)
        return told(world, event, code);
    *holds = reached && code_truth(&value);
    return true;
}

/* `if`, `elif` or `else` and what stands behind its colon. */
static bool run_branch(struct world *world, const struct event *event, struct code *code,
                       struct blocks *blocks, const char *word, int indent)
{
    struct block before = blocks->closed;
    struct block block = {.indent = indent, .reached = is_running(blocks)};
    bool follows = strcmp(word, "if") != 0, holds = true;
    if (follows && before.indent != indent)
        return world_fails(world, event->line, "the code has no \"if\" before this \"%s\"", word);
    if (blocks->depth == BLOCKS_MOST)
        return world_lacks(world, event->line, "in code, blocks as deep as this");
    bool open = block.reached && !(follows && before.decided);
    if (strcmp(word, "else") != 0 && !take_condition(world, event, code, open, &holds))
        return false;
    code_skip(code);
    if (*code->at != ':')
        return world_fails(world, event->line, "the code lacks a colon at \"%.30s\"", code->at);
    code->at++;
    block.runs = open && holds;
    block.decided = (follows && before.decided) || block.runs;
    blocks->open[blocks->depth++] = block;
    if (block.runs)
        return run_line(world, event, code);
    skip_line(code);
    return true;
}

static bool is_branch(const char *word)
{
    return word != NULL &&
           (strcmp(word, "if") == 0 || strcmp(word, "elif") == 0 || strcmp(word, "else") == 0);
}

bool code_run(struct world *world, const struct event *event)
{
    struct scope scope = {.world = world};
    struct code code = {.at = event->body,
                        .start = event->body,
                        .arena = world->arena,
                        .lookup = lookup,
                        .context = &scope};
    struct blocks blocks = {.closed.indent = -1};
    take_info(world, &scope);
    world_tell(world, "%s", event->text);
    for (int indent; (indent = next_line(&code)) >= 0;) {
        const char *line = code.at, *word = code_word(&code);
        if (!is_branch(word) || blocks.depth == 0 ||
            blocks.open[blocks.depth - 1].indent < indent || strcmp(word, "if") == 0)
            blocks.closed.indent = -1;
        while (blocks.depth > 0 && blocks.open[blocks.depth - 1].indent >= indent)
            blocks.closed = blocks.open[--blocks.depth];
        bool going_on = true;
        if (is_branch(word)) {
            going_on = run_branch(world, event, &code, &blocks, word, indent);
        } else {
            code.at = line;
            if (is_running(&blocks))
                going_on = run_line(world, event, &code);
            else
                skip_line(&code);
        }
        if (!going_on)
            return false;
    }
    return true;
}
