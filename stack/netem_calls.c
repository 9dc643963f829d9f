/* The kernel's own netem as tunny.h offers it: the same specification as everywhere, without what
 * netem does not have. Called by applications. */
#include <errno.h>
#include <stdlib.h>

#include "dev/impair_spec.h"
#include "dev/netem_qdisc.h"
#include "dev/network_namespace.h"
#include "tunny.h"

enum { NAMESPACE_SIZE = 256 };

/* What of the specification only our engine can do; NULL: nothing. */
static const char *beyond_netem(const struct impair_specification *s, unsigned side_index)
{
    const struct impair_side *side = &s->side[side_index];

    if (side->script.count > 0)
        return "drop with a list";
    if (side->script.has_mask)
        return "mask";
    if (side->queue.trace)
        return "trace";
    if (side->queue.kind != IMPAIR_QUEUE_NONE)
        return "queue";
    if (s->change_count > 0)
        return "at";
    if (s->log[0] || s->replay[0])
        return "log or replay";
    return NULL;
}

struct wish {
    const char *specification; /* NULL: clear */
    unsigned direction;        /* 0: the text is for one */
};

static int read_wish(const struct wish *wish, struct impair_specification *s,
                     struct netem_notes *notes)
{
    const char *const texts[IMPAIR_DIRECTIONS] = {wish->specification, NULL};

    return wish->direction ? impair_specification_parse(wish->specification, s, notes)
                           : impair_specification_parse_each(texts, s, notes);
}

/* A generator that nobody named a seed for is seeded by the kernel itself. */
static int configure(const char *interface, const struct wish *wish, char *text, size_t text_size)
{
    struct impair_specification *s = malloc(sizeof *s);
    struct netem_notes notes = {.error = ""};
    unsigned side = wish->direction == TUNNY_BACKWARD ? IMPAIR_IN : IMPAIR_OUT;

    snprintf(text, text_size, "no memory");
    if (!s)
        return -ENOMEM;
    int rc = read_wish(wish, s, &notes);
    const char *beyond = rc == 0 ? beyond_netem(s, side) : NULL;
    if (beyond)
        rc = netem_parse_error(&notes, "the kernel's netem has no '%s': tunny link and --impair do",
                               beyond);
    if (rc == -EINVAL)
        snprintf(text, text_size, "%s", notes.error);
    if (rc == 0)
        rc = netem_qdisc_set(interface, &s->side[side].netem, text, text_size);
    if (rc == 0)
        snprintf(text, text_size, "%s%s", notes.warnings,
                 s->side[side].netem.has_seed && !netem_qdisc_has_seed()
                     ? "seed: kernels before 6.6 have none, fates differ from run to run\n"
                     : "");
    impair_specification_free(s);
    free(s);
    return rc;
}

static int configure_here(const char *interface, const struct wish *wish, char *text,
                          size_t text_size)
{
    if (wish->specification)
        return configure(interface, wish, text, text_size);
    int rc = netem_qdisc_clear(interface, text, text_size);
    if (rc == 0)
        text[0] = '\0';
    return rc;
}

int tunny_netem(const char *interface, const char *specification, unsigned direction, char *text,
                size_t text_size)
{
    struct wish wish = {specification, direction};
    char namespace[NAMESPACE_SIZE];
    const char *slash = strrchr(interface, '/');
    int way_back;

    if (!slash)
        return configure_here(interface, &wish, text, text_size);
    snprintf(namespace, sizeof namespace, "%.*s", (int)(slash - interface), interface);
    int rc = network_namespace_enter(namespace, &way_back, text, text_size);
    if (rc)
        return rc;
    rc = configure_here(slash + 1, &wish, text, text_size);
    int back = network_namespace_leave(way_back);
    if (back == 0)
        return rc;
    snprintf(text, text_size, "cannot return from the network namespace '%s'", namespace);
    return back;
}
