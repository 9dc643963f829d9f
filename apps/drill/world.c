/* Time, sockets by the script's numbers, the story, and the verdict; see world.h. */
#include "world.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "calls.h"

/* --- the verdict ---------------------------------------------------------------------------- */

__attribute__((format(printf, 4, 0))) static void decide(struct world *world, enum verdict verdict,
                                                         int line, const char *format, va_list list)
{
    if (world->verdict != VERDICT_PASS)
        return;
    world->verdict = verdict;
    world->line = line;
    vsnprintf(world->reason, sizeof world->reason, format, list);
}

bool world_fails(struct world *world, int line, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    decide(world, VERDICT_FAIL, line, format, list);
    va_end(list);
    return false;
}

bool world_lacks(struct world *world, int line, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    decide(world, VERDICT_UNSUPPORTED, line, format, list);
    va_end(list);
    return false;
}

/* --- the story ------------------------------------------------------------------------------ */

/* "0.100000 #1 198.18.0.1:80 > 198.18.0.2:40000 sent again seq=1" without the flow: a script has
 * few. */
static const char *without_flow(const char *line)
{
    const char *flow = strstr(line, " > ");
    if (flow == NULL)
        return line + strcspn(line, " ") + (strchr(line, ' ') != NULL);
    const char *rest = flow + 3 + strcspn(flow + 3, " ");
    return *rest == ' ' ? rest + 1 : rest;
}

void world_tell_trace(struct world *world)
{
    if (world->trace == NULL)
        return;
    fflush(world->trace);
    world->trace_text[world->trace_size] = '\0';
    char *at = world->trace_text, *end;
    for (; (end = strchr(at, '\n')) != NULL; at = end + 1) {
        *end = '\0';
        if (world->log != NULL)
            fprintf(world->log, "%s\n", at);
        fprintf(world->story, "        %8.8s  %s\n", at, without_flow(at));
    }
    rewind(world->trace);
}

__attribute__((format(printf, 3, 0))) static void tell(struct world *world, const char *number,
                                                       const char *format, va_list list)
{
    char text[TELL_TEXT];
    world_tell_trace(world);
    vsnprintf(text, sizeof text, format, list);
    fprintf(world->story, "%4s  %9.6f  %s\n", number, (double)world_now_us(world) / 1e6, text);
    if (world->log != NULL)
        fprintf(world->log, "%.6f %s\n", (double)world_now_us(world) / 1e6, text);
}

void world_tell(struct world *world, const char *format, ...)
{
    char number[16];
    va_list list;
    snprintf(number, sizeof number, "%u", ++world->steps);
    va_start(list, format);
    tell(world, number, format, list);
    va_end(list);
}

void world_remark(struct world *world, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    tell(world, "-", format, list);
    va_end(list);
}

/* --- time ----------------------------------------------------------------------------------- */

int64_t world_now_us(const struct world *world)
{
    return tunny_now_ns(world->stack) / 1000;
}

void world_settle(struct world *world)
{
    bool had = world->has_pending;
    calls_note_changes(world);
    call_retry(world);
    /* What the call did may be news to edge-triggered watches. */
    if (had)
        calls_note_changes(world);
}

void world_step(struct world *world, int64_t until_us)
{
    int64_t until = until_us * 1000, next = tunny_virtual_deadline_ns(world->stack);
    if (world->has_pending && world->pending.deadline_ns < next)
        next = world->pending.deadline_ns;
    tunny_virtual_advance(world->stack, next < until ? next : until);
    world_settle(world);
}

bool world_wait(struct world *world, int64_t until_us)
{
    while (world->verdict == VERDICT_PASS && world_now_us(world) < until_us)
        world_step(world, until_us);
    return world->verdict == VERDICT_PASS;
}

int64_t world_tolerance_us(const struct world *world, int64_t expected_us)
{
    int64_t share = (int64_t)((double)(expected_us - world->last_us) *
                              world->options.tolerance_share);
    return share > world->options.tolerance_us ? share : world->options.tolerance_us;
}

bool world_on_time(const struct world *world, int64_t us, int64_t from, int64_t to)
{
    return us >= from - world_tolerance_us(world, from) && us <= to + world_tolerance_us(world, to);
}

/* --- sockets -------------------------------------------------------------------------------- */

struct file *world_file(struct world *world, int64_t descriptor)
{
    if (descriptor < 0 || descriptor >= FILES_MOST || world->files[descriptor].kind == FILE_FREE)
        return NULL;
    return &world->files[descriptor];
}

int world_descriptor_of(const struct world *world, int number)
{
    for (int i = 0; i < FILES_MOST; i++)
        if (world->files[i].kind == FILE_SOCKET && world->files[i].number == number)
            return i;
    return -1;
}
