/* See parse.h: options, commands, and the times of events. Packets are in parse_packet.c, calls and
 * expressions in parse_call.c. */
#include "parse.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* --- what all of the parser uses
 * --------------------------------------------------------------------- */

bool parse_fails(struct parser *p, enum parse_verdict verdict, const char *what)
{
    if (p->error->verdict != PARSE_OK)
        return false;
    p->error->verdict = verdict;
    p->error->line = p->token.line;
    if (p->token.kind == TOKEN_BAD)
        snprintf(p->error->text, sizeof p->error->text, "%s", p->lexer.error);
    else
        snprintf(p->error->text, sizeof p->error->text, "%s", what);
    return false;
}

void parse_advance(struct parser *p)
{
    p->token = lexer_next(&p->lexer);
}

bool parse_is(const struct parser *p, char character)
{
    return p->token.kind == TOKEN_CHARACTER && p->token.character == character;
}

bool parse_is_word(const struct parser *p, const char *word)
{
    return p->token.kind == TOKEN_WORD && strcmp(p->token.text, word) == 0;
}

bool parse_take(struct parser *p, char character)
{
    if (!parse_is(p, character))
        return false;
    parse_advance(p);
    return true;
}

bool parse_take_word(struct parser *p, const char *word)
{
    if (!parse_is_word(p, word))
        return false;
    parse_advance(p);
    return true;
}

bool parse_expect(struct parser *p, char character)
{
    char what[] = "expected 'x' here";
    if (parse_take(p, character))
        return true;
    what[10] = character;
    return parse_fails(p, PARSE_WRONG, what);
}

bool parse_number(struct parser *p, int64_t least, int64_t most, int64_t *value)
{
    if (p->token.kind != TOKEN_INTEGER && p->token.kind != TOKEN_HEX)
        return parse_fails(p, PARSE_WRONG, "expected a whole number here");
    if (p->token.integer < least || p->token.integer > most)
        return parse_fails(p, PARSE_WRONG, "this number is out of its range");
    *value = p->token.integer;
    parse_advance(p);
    return true;
}

/* --- options
 * ------------------------------------------------------------------------------------------ */

/* "--name=value" without quotes around the value. */
static struct script_option *option_of(struct parser *p)
{
    struct script_option *option = arena_take(p->arena, sizeof *option);
    const char *name = p->token.text + 2, *equals = strchr(name, '=');
    size_t length = equals ? (size_t)(equals - name) : strlen(name);
    const char *value = equals ? equals + 1 : "";
    size_t value_length = strlen(value);
    if (value_length >= 2 && *value == '"' && value[value_length - 1] == '"') {
        value++;
        value_length -= 2;
    }
    option->name = arena_copy(p->arena, name, length);
    option->value = arena_copy(p->arena, value, value_length);
    option->line = p->token.line;
    return option;
}

/* --define=NAME=VALUE: later words NAME mean VALUE. */
static void note_define(struct parser *p, const struct script_option *option)
{
    if (strcmp(option->name, "define") != 0 && strcmp(option->name, "D") != 0)
        return;
    const char *equals = strchr(option->value, '=');
    if (equals == NULL)
        return;
    struct script_option *define = arena_take(p->arena, sizeof *define);
    define->name = arena_copy(p->arena, option->value, (size_t)(equals - option->value));
    define->value = equals + 1;
    define->next = p->lexer.defines;
    p->lexer.defines = define;
}

static void note_option(struct parser *p, const struct script_option *option)
{
    note_define(p, option);
    if (strcmp(option->name, "ip_version") != 0)
        return;
    if (strcmp(option->value, "ipv6") == 0)
        p->ip_version = IP_VERSION_6;
    else
        p->ip_version = strcmp(option->value, "ipv4") == 0 ? IP_VERSION_4 : IP_VERSION_4_MAPPED;
}

static void parse_options(struct parser *p, struct script *script, struct script_option *given)
{
    struct script_option **end = &script->options;
    for (; given != NULL; given = given->next) {
        struct script_option *copy = arena_take(p->arena, sizeof *copy);
        *copy = (struct script_option){.name = given->name, .value = given->value};
        *end = copy;
        end = &copy->next;
        note_option(p, copy);
    }
    while (p->token.kind == TOKEN_OPTION) {
        *end = option_of(p);
        note_option(p, *end);
        end = &(*end)->next;
        parse_advance(p);
    }
}

/* --- times
 * -------------------------------------------------------------------------------------------- */

static bool parse_time(struct parser *p, int64_t *us)
{
    if (p->token.kind != TOKEN_INTEGER && p->token.kind != TOKEN_FLOAT)
        return parse_fails(p, PARSE_WRONG, "expected a time in seconds here");
    if (p->token.number < 0 || p->token.number > 1e9)
        return parse_fails(p, PARSE_WRONG, "a time must lie between 0 and 10^9 seconds");
    *us = (int64_t)(p->token.number * 1e6 + 0.5);
    parse_advance(p);
    return true;
}

/* `+0.1`, `0.1`, `*`, and `a ~ b` of the first two. */
static bool parse_event_time(struct parser *p, struct event *event)
{
    if (parse_take(p, '*')) {
        event->time_kind = TIME_ANY;
        return true;
    }
    event->time_kind = parse_take(p, '+') ? TIME_RELATIVE : TIME_ABSOLUTE;
    if (!parse_time(p, &event->start_us))
        return false;
    event->stop_us = event->start_us;
    if (!parse_take(p, '~'))
        return true;
    event->range = true;
    bool relative = parse_take(p, '+');
    if (relative != (event->time_kind == TIME_RELATIVE))
        return parse_fails(p, PARSE_WRONG, "both ends of a range must be of the same kind");
    if (!parse_time(p, &event->stop_us))
        return false;
    if (event->stop_us < event->start_us)
        return parse_fails(p, PARSE_WRONG, "the range of time ends before it begins");
    return true;
}

/* --- events
 * ------------------------------------------------------------------------------------------- */

/* From `start` up to where the parser stands now, on one line, without comments at the end. */
static const char *text_of(struct parser *p, const char *start)
{
    const char *end = p->token.start;
    while (end > start && isspace((unsigned char)end[-1]))
        end--;
    char *text = arena_take(p->arena, (size_t)(end - start) + 1);
    size_t n = 0;
    for (const char *at = start; at < end; at++) {
        if (at[0] == '/' && (at[1] == '/' || at[1] == '*') && (at == start || at[-1] == '\n'))
            break;
        if (!isspace((unsigned char)*at))
            text[n++] = *at;
        else if (n > 0 && text[n - 1] != ' ')
            text[n++] = ' ';
    }
    while (n > 0 && text[n - 1] == ' ')
        text[--n] = '\0';
    return text;
}

static bool parse_action(struct parser *p, struct event *event)
{
    enum token_kind kind = p->token.kind;
    if (kind == TOKEN_BACKQUOTED || kind == TOKEN_CODE) {
        event->kind = kind == TOKEN_CODE ? EVENT_CODE : EVENT_COMMAND;
        event->body = p->token.text;
        parse_advance(p);
        return true;
    }
    if (parse_is(p, '<') || parse_is(p, '>')) {
        event->kind = EVENT_PACKET;
        event->packet = parse_packet(p);
        return event->packet != NULL;
    }
    if (kind == TOKEN_WORD || kind == TOKEN_ELLIPSIS) {
        event->kind = EVENT_CALL;
        if (kind == TOKEN_ELLIPSIS) {
            int64_t end;
            parse_advance(p);
            if (!parse_time(p, &end))
                return false;
            event->call = parse_call(p);
            if (event->call == NULL)
                return false;
            event->call->blocks = true;
            event->call->end_us = end;
            return true;
        }
        event->call = parse_call(p);
        return event->call != NULL;
    }
    return parse_fails(p, PARSE_WRONG, "expected a packet, a call, a command or code here");
}

static struct event *parse_event(struct parser *p)
{
    struct event *event = arena_take(p->arena, sizeof *event);
    const char *start = p->token.start;
    event->line = p->token.line;
    if (!parse_event_time(p, event))
        return NULL;
    event->line = p->token.line;
    if (!parse_action(p, event))
        return NULL;
    event->text = text_of(p, start);
    return event;
}

static bool parse_events(struct parser *p, struct script *script)
{
    struct event **end = &script->events;
    while (p->token.kind != TOKEN_END) {
        /* A command without a time: cleaning up, of which there is nothing to do here. */
        if (p->token.kind == TOKEN_BACKQUOTED) {
            parse_advance(p);
            continue;
        }
        struct event *event = parse_event(p);
        if (event == NULL)
            return false;
        *end = event;
        end = &event->next;
    }
    return true;
}

enum parse_verdict parse_script(struct script *script, const char *path, const char *text,
                                struct script_option *options, struct arena *arena,
                                struct parse_error *error)
{
    struct parser p = {.arena = arena, .error = error};
    *script = (struct script){.path = path, .arena = arena};
    *error = (struct parse_error){.verdict = PARSE_OK};
    lexer_start(&p.lexer, text, arena);
    parse_advance(&p);
    parse_options(&p, script, options);
    if (p.token.kind == TOKEN_BACKQUOTED) {
        script->init_command = p.token.text;
        script->init_line = p.token.line;
        parse_advance(&p);
    }
    if (parse_events(&p, script) && script->events == NULL)
        parse_fails(&p, PARSE_WRONG, "the script has no events");
    return error->verdict;
}
