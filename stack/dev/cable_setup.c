/* Making, changing and counting a cable, see cable.h. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "dev/cable_inside.h"

/* A live change may ask for a longer line than the first specification: untouched memory costs
 * nothing. */
enum { LIMIT_MOST = 1 << 16 };

static void on_fate(struct impair_watcher *watcher, const struct impair_verdict *verdict)
{
    struct cable *cable = (struct cable *)(void *)watcher;
    char text[128];

    if (cable->record)
        cable_record_verdict(cable->record, verdict, cable->now);
    if (cable->log) {
        impair_log_print(&verdict->line, text, sizeof text);
        fprintf(cable->log, "%s\n", text);
    }
}

const char *cable_direction_name(unsigned direction)
{
    return direction == IMPAIR_OUT ? "forward" : "backward";
}

/* --- specifications --------------------------------------------------------------------------- */

/* `each` for this direction alone, or else `both`. Frees nothing and leaves nothing on an error. */
static int parse(unsigned direction, const char *each, const char *both,
                 struct impair_specification **specification, struct netem_notes *notes)
{
    struct impair_specification *s = malloc(sizeof *s);
    const char *texts[IMPAIR_DIRECTIONS] = {NULL};

    *notes = (struct netem_notes){0};
    if (s == NULL)
        return -ENOMEM;
    texts[direction] = each;
    int rc = each || !both ? impair_specification_parse_each(texts, s, notes)
                           : impair_specification_parse(both, s, notes);
    if (rc) {
        impair_specification_free(s);
        free(s);
        return rc;
    }
    s->limit_most = LIMIT_MOST;
    *specification = s;
    return 0;
}

static void free_specification(struct impair_specification *specification)
{
    if (specification)
        impair_specification_free(specification);
    free(specification);
}

static int parse_all(struct cable *cable, const struct cable_config *config, char *error,
                     size_t error_size)
{
    for (unsigned i = 0; i < IMPAIR_DIRECTIONS; i++) {
        struct cable_direction *d = &cable->directions[i];
        int rc = parse(i, config->each[i], config->impair, &d->specification, &d->notes);
        if (rc) {
            snprintf(error, error_size, "%s: %s", cable_direction_name(i),
                     rc == -ENOMEM ? "no memory" : d->notes.error);
            return rc;
        }
        impair_specification_seed(d->specification, config->seed);
    }
    return 0;
}

/* --- opening ---------------------------------------------------------------------------------- */

/* The file that the configuration names, else one that a specification does; NULL: none. */
static const char *path_of(const struct cable *cable, const char *configured, size_t offset)
{
    for (unsigned i = 0; configured == NULL && i < IMPAIR_DIRECTIONS; i++) {
        const char *path = (const char *)cable->directions[i].specification + offset;
        if (*path)
            configured = path;
    }
    return configured;
}

/* A direction's specification in the log, a comment for each clause. */
static void log_specification(struct cable *cable, unsigned direction)
{
    char *text = (char *)cable->cut;

    if (cable->log == NULL)
        return;
    cable_specification(cable, direction, text, sizeof cable->cut);
    for (char *clause = text; *clause;) {
        size_t length = strcspn(clause, ";");
        fprintf(cable->log, "# %s: %.*s\n", cable_direction_name(direction), (int)length, clause);
        clause += length;
        clause += strspn(clause, "; ");
    }
}

static int open_log(struct cable *cable, const char *path, char *error, size_t error_size)
{
    if (path == NULL)
        return 0;
    cable->log = fopen(path, "we");
    if (cable->log == NULL) {
        snprintf(error, error_size, "the log '%s' cannot be written: %s", path, strerror(errno));
        return -errno;
    }
    for (unsigned i = 0; i < IMPAIR_DIRECTIONS; i++)
        log_specification(cable, i);
    return 0;
}

static int open_replay(struct cable *cable, const char *path, char *error, size_t error_size)
{
    size_t bad_line = 0;

    if (path == NULL)
        return 0;
    int rc = impair_recording_open(&cable->recording, path, &bad_line);
    if (rc == -EINVAL)
        snprintf(error, error_size, "replay: '%s', line %zu is no fate", path, bad_line);
    else if (rc)
        snprintf(error, error_size, "replay: '%s' cannot be read: %s", path, strerror(-rc));
    return rc;
}

static int open_directions(struct cable *cable, const char *replay)
{
    for (unsigned i = 0; i < IMPAIR_DIRECTIONS; i++) {
        struct cable_direction *d = &cable->directions[i];
        int rc = impair_direction_open(&d->impair, i, d->specification,
                                       replay ? &cable->recording : NULL, &cable->watcher,
                                       cable->largest);
        if (rc)
            return rc;
    }
    return 0;
}

static int open_record(struct cable *cable, const struct cable_config *config, char *error,
                       size_t error_size)
{
    char *text = (char *)cable->wire, *side = (char *)cable->cut;

    if (config->capture == NULL)
        return 0;
    int used = snprintf(text, 1024, "%.1000s\n", config->note ? config->note : "");
    for (unsigned i = 0; i < IMPAIR_DIRECTIONS; i++) {
        cable_specification(cable, i, side, IMPAIR_TEXT_SIZE / 2);
        used += snprintf(text + used, sizeof cable->wire - (size_t)used, "%s: %s\n%s",
                         cable_direction_name(i), side, cable_warnings(cable, i));
    }
    return cable_record_open(config->capture, text, config->epoch_ns, cable->trailer,
                             &cable->record, error, error_size);
}

static int open_all(struct cable *cable, const struct cable_config *config, char *error,
                    size_t error_size)
{
    int rc = parse_all(cable, config, error, error_size);

    if (rc)
        return rc;
    const char *replay = path_of(cable, config->replay,
                                 offsetof(struct impair_specification, replay));
    const char *log = path_of(cable, config->log, offsetof(struct impair_specification, log));
    rc = open_replay(cable, replay, error, error_size);
    if (rc == 0)
        rc = open_directions(cable, replay);
    if (rc == 0)
        rc = open_log(cable, log, error, error_size);
    return rc ? rc : open_record(cable, config, error, error_size);
}

/* Whether all that was to be written is. */
static bool cable_free(struct cable *cable)
{
    bool whole = cable_record_close(cable->record);

    for (unsigned i = 0; i < IMPAIR_DIRECTIONS; i++) {
        impair_direction_close(&cable->directions[i].impair);
        free_specification(cable->directions[i].specification);
    }
    impair_recording_close(&cable->recording);
    if (cable->log) {
        whole &= !ferror(cable->log);
        whole &= fclose(cable->log) == 0;
    }
    free(cable);
    return whole;
}

int cable_open(const struct cable_config *config, struct cable **cable, char *error,
               size_t error_size)
{
    struct cable *c = calloc(1, sizeof *c);

    snprintf(error, error_size, "no memory");
    if (c == NULL)
        return -ENOMEM;
    c->watcher.fate = on_fate;
    c->count = config->count;
    c->far = config->far;
    c->trailer = config->trailer;
    for (unsigned i = 0; i < config->count; i++) {
        c->ends[i].device = config->devices[i];
        c->ends[i].far = i >= config->count - config->far;
        if (c->largest < config->devices[i]->features.mtu)
            c->largest = config->devices[i]->features.mtu;
    }
    c->largest += c->trailer;
    stations_init(&c->stations, config->secret);
    int rc = open_all(c, config, error, error_size);
    if (rc) {
        cable_free(c);
        return rc;
    }
    *cable = c;
    return 0;
}

bool cable_close(struct cable *cable)
{
    for (unsigned i = 0; i < cable->count; i++)
        device_close(cable->ends[i].device);
    return cable_free(cable);
}

/* --- changing --------------------------------------------------------------------------------- */

/* A seed that is not named goes on. */
static void keep_seed(struct impair_specification *specification,
                      const struct impair_specification *before, unsigned direction)
{
    struct netem_config *config = &specification->side[direction].netem;

    if (!config->has_seed) {
        config->has_seed = true;
        config->seed = before->side[direction].netem.seed;
    }
    impair_specification_seed(specification, 0);
}

static int replace(struct cable *cable, unsigned direction,
                   struct impair_specification *specification, struct instant now)
{
    struct cable_direction *d = &cable->directions[direction];

    keep_seed(specification, d->specification, direction);
    int rc = impair_direction_replace(&d->impair, &specification->side[direction], now);
    if (rc)
        return rc;
    free_specification(d->specification);
    d->specification = specification;
    d->start = now;
    d->started = true;
    d->next_change = 0;
    log_specification(cable, direction);
    return 0;
}

static int parse_new(unsigned directions, unsigned direction, const char *text,
                     struct impair_specification **specification, struct netem_notes *notes)
{
    bool alone = directions == 1u << direction;
    int rc = parse(direction, alone ? text : NULL, alone ? NULL : text, specification, notes);

    if (rc)
        return rc;
    if ((*specification)->log[0] || (*specification)->replay[0])
        rc = netem_parse_error(notes, "log and replay can be chosen at the start only");
    else if ((*specification)->side[direction].netem.limit > LIMIT_MOST)
        rc = netem_parse_error(notes, "limit: more than %d can be chosen at the start only",
                               LIMIT_MOST);
    if (rc) {
        free_specification(*specification);
        *specification = NULL;
    }
    return rc;
}

int cable_set(struct cable *cable, unsigned directions, const char *specification,
              struct instant now, char *error, size_t error_size)
{
    struct impair_specification *fresh[IMPAIR_DIRECTIONS] = {NULL};
    struct netem_notes notes[IMPAIR_DIRECTIONS] = {{{0}, {0}}};
    int rc = cable->directions[0].impair.recording ? -EBUSY : 0;

    cable->now = now;
    snprintf(error, error_size, "%s", rc ? "fates are replayed: nothing can be changed" : "");
    for (unsigned i = 0; rc == 0 && i < IMPAIR_DIRECTIONS; i++) {
        if (directions >> i & 1)
            rc = parse_new(directions, i, specification, &fresh[i], &notes[i]);
        if (rc)
            snprintf(error, error_size, "%s", notes[i].error[0] ? notes[i].error : "no memory");
    }
    for (unsigned i = 0; i < IMPAIR_DIRECTIONS; i++) {
        if (rc == 0 && fresh[i])
            rc = replace(cable, i, fresh[i], now);
        if (rc)
            free_specification(fresh[i]);
        else if (fresh[i])
            cable->directions[i].notes = notes[i];
    }
    return rc;
}

void cable_cut(struct cable *cable, unsigned directions, enum cable_state state)
{
    for (unsigned i = 0; i < IMPAIR_DIRECTIONS; i++) {
        if (directions >> i & 1)
            cable->directions[i].impair.down = state == CABLE_DOWN;
    }
}

/* --- counting --------------------------------------------------------------------------------- */

struct cable_figures cable_figures(const struct cable *cable, unsigned direction)
{
    const struct cable_direction *d = &cable->directions[direction];
    uint64_t held_bytes, held = impair_direction_held(&d->impair, &held_bytes);

    return (struct cable_figures){
        .counts = impair_direction_counts(&d->impair),
        .bytes = d->bytes,
        .held = held,
        .held_bytes = held_bytes,
        .state = d->impair.down ? CABLE_DOWN : CABLE_UP,
        .late = d->late,
        .late_total = d->late_total,
        .late_most = d->late_most,
        .unsent = d->unsent,
        .local = d->local,
    };
}

size_t cable_specification(const struct cable *cable, unsigned direction, char *text, size_t size)
{
    return impair_specification_side_text(cable->directions[direction].specification, direction,
                                          text, size);
}

const char *cable_warnings(const struct cable *cable, unsigned direction)
{
    return cable->directions[direction].notes.warnings;
}
