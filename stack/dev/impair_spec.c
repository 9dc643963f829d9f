/* Reading and writing the specification of an impaired link, see the header. Clauses between
 * semicolons, each for one direction or both; a clause for both is read once for each. */
#include "dev/impair_spec.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { OUT_BIT = 1 << IMPAIR_OUT, IN_BIT = 1 << IMPAIR_IN, BOTH_BITS = OUT_BIT | IN_BIT };

/* Bytes, of a trace without a queue that is named: more than anybody fills by mistake. */
enum { TRACE_QUEUE = 4 << 20 };

struct clause {
    const char *start, *end;
};

struct spec_parser {
    struct impair_specification *specification;
    struct netem_notes *notes;
    struct netem_parser netem[IMPAIR_DIRECTIONS]; /* what each has seen, over all clauses */
    unsigned directions;                          /* that the text may speak of */
    unsigned first_change;                        /* of this text */
};

/* The directions that a word names, 0 when it names none. */
static unsigned direction_bits(const char *word, size_t len)
{
    static const struct {
        const char *name;
        unsigned bits;
    } names[] = {{"out", OUT_BIT},
                 {"forward", OUT_BIT},
                 {"in", IN_BIT},
                 {"backward", IN_BIT},
                 {"both", BOTH_BITS}};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (len == strlen(names[i].name) && strncmp(word, names[i].name, len) == 0)
            return names[i].bits;
    }
    return 0;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void trim(struct clause *clause)
{
    while (clause->start < clause->end && is_space(*clause->start))
        clause->start++;
    while (clause->end > clause->start && is_space(clause->end[-1]))
        clause->end--;
}

/* "out:", also "out" before a blank: takes it off the clause. Both directions when none is named.
 */
static unsigned take_direction(struct clause *clause)
{
    const char *at = clause->start;

    while (at < clause->end && !is_space(*at) && *at != ':')
        at++;
    unsigned bits = direction_bits(clause->start, (size_t)(at - clause->start));
    if (bits == 0)
        return BOTH_BITS;
    clause->start = at < clause->end && *at == ':' ? at + 1 : at;
    trim(clause);
    return bits;
}

/* netem's drop is loss: `drop 3%`. Ours is followed by a list: `drop 3,7`. */
static bool list_follows_drop(struct netem_parser *p)
{
    struct netem_words ahead = p->words;
    char word[NETEM_WORD_SIZE];
    uint64_t number;

    netem_words_take(&ahead, word);
    if (strcmp(word, "drop") != 0)
        return false;
    if (netem_read_u64(ahead.next, &number) == 0)
        netem_parse_warning(p->notes,
                            "drop: '%.20s' means a loss of %.20s %%, as in tc; the packet of that "
                            "number is '#%.20s'",
                            ahead.next, ahead.next, ahead.next);
    return impair_script_is_list(ahead.next);
}

static int parse_drop(struct netem_parser *p, struct impair_script *script)
{
    char word[NETEM_WORD_SIZE];

    netem_words_take(&p->words, word);
    netem_words_take(&p->words, word);
    int rc = impair_script_add(script, word);
    if (rc == -E2BIG)
        return netem_parse_error(p->notes, "drop: more than %d ranges", IMPAIR_RANGES);
    if (rc)
        return netem_parse_error(p->notes,
                                 "drop: '%.64s' is no list like 3,7,20-25 or syn#1,data#5 (kinds: "
                                 "syn fin rst data ack sack; the first is 1)",
                                 word);
    return 0;
}

static int parse_mask(struct netem_parser *p, struct impair_script *script)
{
    char word[NETEM_WORD_SIZE];

    if (!netem_words_take(&p->words, word) || netem_read_u64(word, &script->mask))
        return netem_parse_error(p->notes, "mask: '%.64s' is no number of 64 bits like 0x5", word);
    script->has_mask = true;
    return 0;
}

static int parse_queue(struct netem_parser *p, struct impair_queue_config *queue)
{
    char word[NETEM_WORD_SIZE];

    *queue = (struct impair_queue_config){.kind = IMPAIR_QUEUE_TAIL, .trace = queue->trace};
    netem_words_take(&p->words, word);
    if (strcmp(word, "codel") == 0)
        queue->kind = IMPAIR_QUEUE_CODEL;
    else if (strcmp(word, "tail") != 0)
        return netem_parse_error(p->notes, "queue: '%.64s' is neither tail nor codel", word);
    if (!netem_words_take(&p->words, word) || netem_read_size(word, &queue->bytes) ||
        queue->bytes == 0)
        return netem_parse_error(p->notes, "queue: '%.64s' is no number of bytes like 64k", word);
    if (strcmp(p->words.next, "ecn") == 0) {
        netem_words_take(&p->words, word);
        queue->ecn = true;
    }
    return 0;
}

static const struct impair_trace *known_trace(const struct impair_specification *specification,
                                              const char *path)
{
    const struct impair_trace *trace = specification->traces;

    while (trace && strcmp(trace->path, path) != 0)
        trace = trace->next;
    return trace;
}

static int parse_trace(struct spec_parser *s, struct netem_parser *p,
                       struct impair_queue_config *queue)
{
    struct impair_trace *made;
    char word[NETEM_WORD_SIZE];
    size_t bad_line = 0;

    if (!netem_words_take(&p->words, word))
        return netem_parse_error(p->notes, "trace: the name of a file is expected");
    queue->trace = known_trace(s->specification, word);
    if (queue->trace)
        return 0;
    int rc = impair_trace_read(word, &made, &bad_line);
    if (rc == -EINVAL)
        return netem_parse_error(p->notes,
                                 "trace: '%.64s', line %zu is no time in milliseconds that comes "
                                 "after those before",
                                 word, bad_line);
    if (rc)
        return netem_parse_error(p->notes, "trace: '%.64s' cannot be read: %s", word,
                                 strerror(-rc));
    made->next = s->specification->traces;
    s->specification->traces = made;
    queue->trace = made;
    return 0;
}

static int parse_path(struct netem_parser *p, const char *option, char path[IMPAIR_PATH_SIZE])
{
    if (!netem_words_take(&p->words, path))
        return netem_parse_error(p->notes, "%s: the name of a file is expected", option);
    return 0;
}

/* One word that netem does not have: 1 taken, 0 not known here. */
static int parse_extra(struct spec_parser *s, struct netem_parser *p, struct impair_side *side)
{
    char keyword[NETEM_WORD_SIZE];
    int rc;

    if (list_follows_drop(p)) {
        rc = parse_drop(p, &side->script);
        return rc ? rc : 1;
    }
    memcpy(keyword, p->words.next, sizeof keyword);
    if (strcmp(keyword, "mask") != 0 && strcmp(keyword, "queue") != 0 &&
        strcmp(keyword, "trace") != 0 && strcmp(keyword, "log") != 0 &&
        strcmp(keyword, "replay") != 0)
        return 0;
    netem_words_take(&p->words, keyword);
    if (strcmp(keyword, "mask") == 0)
        rc = parse_mask(p, &side->script);
    else if (strcmp(keyword, "queue") == 0)
        rc = parse_queue(p, &side->queue);
    else if (strcmp(keyword, "trace") == 0)
        rc = parse_trace(s, p, &side->queue);
    else if (strcmp(keyword, "log") == 0)
        rc = parse_path(p, keyword, s->specification->log);
    else
        rc = parse_path(p, keyword, s->specification->replay);
    return rc ? rc : 1;
}

static int unknown_word(struct netem_parser *p)
{
    return netem_parse_error(p->notes,
                             "'%.64s' is no option (netem: limit delay loss seed ecn reorder "
                             "corrupt gap duplicate distribution rate slot; also: drop LIST, mask, "
                             "queue, trace, log, replay)",
                             p->words.next);
}

static int parse_options(struct spec_parser *s, struct clause clause, unsigned direction)
{
    struct netem_parser *p = &s->netem[direction];
    int rc = 1;

    netem_words_start(&p->words, clause.start, clause.end);
    while (rc == 1 && p->words.next[0] != '\0') {
        rc = parse_extra(s, p, &s->specification->side[direction]);
        if (rc == 0)
            rc = netem_parse_option(p);
        if (rc == 0)
            return unknown_word(p);
    }
    return rc < 0 ? rc : 0;
}

/* What a direction is told before this change. */
static const struct netem_config *config_before(const struct impair_specification *specification,
                                                unsigned direction)
{
    for (unsigned i = specification->change_count; i > 0; i--) {
        const struct impair_change *change = &specification->changes[i - 1];
        if (change->kind == IMPAIR_CHANGE_OPTIONS && change->concerns[direction])
            return &change->netem[direction];
    }
    return &specification->side[direction].netem;
}

/* As take_direction(), of those that this text is for. */
static int take_directions(struct spec_parser *s, struct clause *clause, unsigned *bits)
{
    *bits = take_direction(clause) & s->directions;
    return *bits ? 0
                 : netem_parse_error(s->notes, "the specification of one direction speaks of the "
                                               "other");
}

static int parse_change_options(struct spec_parser *s, struct impair_change *change,
                                struct clause clause, unsigned direction)
{
    struct netem_parser p = {.config = &change->netem[direction],
                             .tables = &s->specification->tables,
                             .notes = s->notes};
    int rc = 1;

    change->netem[direction] = *config_before(s->specification, direction);
    netem_words_start(&p.words, clause.start, clause.end);
    if (p.words.next[0] == '\0')
        return netem_parse_error(s->notes, "at: options, 'down' or 'up' are expected");
    while (rc == 1 && p.words.next[0] != '\0')
        rc = netem_parse_option(&p);
    if (rc == 0)
        return netem_parse_error(s->notes, "at: '%.64s' is no option of netem, nor 'down' or 'up'",
                                 p.words.next);
    return rc < 0 ? rc : netem_parse_finish(&p);
}

static bool clause_is(struct clause clause, const char *word)
{
    size_t len = (size_t)(clause.end - clause.start);

    return len == strlen(word) && strncmp(clause.start, word, len) == 0;
}

/* The time behind `at`, which is taken off the clause. */
static int take_change_time(struct spec_parser *s, struct clause *clause, struct duration *at)
{
    const struct impair_specification *specification = s->specification;
    struct netem_words words;
    char word[NETEM_WORD_SIZE];

    netem_words_start(&words, clause->start, clause->end);
    netem_words_take(&words, word);
    const char *behind = clause->start + strlen(word);
    if (netem_read_time(word, at))
        return netem_parse_error(s->notes, "at: '%.64s' is no time like 2s", word);
    if (specification->change_count > s->first_change &&
        at->ns < specification->changes[specification->change_count - 1].at.ns)
        return netem_parse_error(s->notes, "at: %.64s comes after a later time", word);
    clause->start = behind;
    trim(clause);
    return 0;
}

static int parse_change(struct spec_parser *s, struct clause clause)
{
    struct impair_specification *specification = s->specification;

    if (specification->change_count == IMPAIR_CHANGES)
        return netem_parse_error(s->notes, "at: more than %d changes", IMPAIR_CHANGES);
    struct impair_change *change = &specification->changes[specification->change_count];
    unsigned bits;
    *change = (struct impair_change){0};
    if (take_change_time(s, &clause, &change->at) || take_directions(s, &clause, &bits))
        return -EINVAL;
    if ((size_t)(clause.end - clause.start) >= sizeof change->text)
        return netem_parse_error(s->notes, "at: more than %d bytes", IMPAIR_CLAUSE_SIZE - 1);
    memcpy(change->text, clause.start, (size_t)(clause.end - clause.start));
    if (clause_is(clause, "down"))
        change->kind = IMPAIR_CHANGE_DOWN;
    else if (clause_is(clause, "up"))
        change->kind = IMPAIR_CHANGE_UP;
    for (unsigned i = 0; i < IMPAIR_DIRECTIONS; i++) {
        change->concerns[i] = bits >> i & 1;
        if (!change->concerns[i] || change->kind != IMPAIR_CHANGE_OPTIONS)
            continue;
        int rc = parse_change_options(s, change, clause, i);
        if (rc)
            return rc;
        if (specification->side[i].queue.trace && change->netem[i].rate)
            return netem_parse_error(s->notes, "at: a link with a trace has no 'rate'");
    }
    specification->change_count++;
    return 0;
}

static bool takes_at(struct clause *clause)
{
    if (clause->end - clause->start < 3 || strncmp(clause->start, "at", 2) != 0 ||
        !is_space(clause->start[2]))
        return false;
    clause->start += 2;
    trim(clause);
    return true;
}

/* The next clause of `*text`, false when there is none. */
static bool next_clause(const char **text, struct clause *clause)
{
    if (*text == NULL)
        return false;
    const char *semicolon = strchr(*text, ';');
    *clause = (struct clause){*text, semicolon ? semicolon : *text + strlen(*text)};
    *text = semicolon ? semicolon + 1 : NULL;
    trim(clause);
    return true;
}

static int parse_base_clauses(struct spec_parser *s, const char *text)
{
    struct clause clause;

    while (next_clause(&text, &clause)) {
        if (takes_at(&clause))
            continue;
        unsigned bits;
        if (take_directions(s, &clause, &bits))
            return -EINVAL;
        for (unsigned i = 0; i < IMPAIR_DIRECTIONS; i++) {
            int rc = bits >> i & 1 ? parse_options(s, clause, i) : 0;
            if (rc)
                return rc;
        }
    }
    return 0;
}

static int parse_changes(struct spec_parser *s, const char *text)
{
    struct clause clause;

    while (next_clause(&text, &clause)) {
        int rc = takes_at(&clause) ? parse_change(s, clause) : 0;
        if (rc)
            return rc;
    }
    return 0;
}

static int finish_side(struct spec_parser *s, unsigned direction)
{
    struct impair_side *side = &s->specification->side[direction];
    struct impair_queue_config *queue = &side->queue;

    if (queue->trace && side->netem.rate)
        return netem_parse_error(s->notes, "trace: takes the place of 'rate'");
    if (queue->trace && queue->kind == IMPAIR_QUEUE_NONE) {
        queue->kind = IMPAIR_QUEUE_TAIL;
        queue->bytes = TRACE_QUEUE;
    }
    if (queue->kind != IMPAIR_QUEUE_NONE && side->netem.rate == 0 && queue->trace == NULL)
        return netem_parse_error(s->notes,
                                 "queue: needs 'rate', the speed of the bottleneck, or 'trace'");
    return netem_parse_finish(&s->netem[direction]);
}

static void start_parser(struct spec_parser *s, struct impair_specification *specification,
                         struct netem_notes *notes)
{
    memset(specification, 0, sizeof *specification);
    *s = (struct spec_parser){.specification = specification, .notes = notes};
    for (unsigned i = 0; i < IMPAIR_DIRECTIONS; i++) {
        netem_config_default(&specification->side[i].netem);
        s->netem[i] = (struct netem_parser){.config = &specification->side[i].netem,
                                            .tables = &specification->tables,
                                            .notes = notes};
    }
}

/* The text about `directions`, without what comes later. */
static int parse_start(struct spec_parser *s, const char *text, unsigned directions)
{
    s->directions = directions;
    int rc = parse_base_clauses(s, text);
    for (unsigned i = 0; rc == 0 && i < IMPAIR_DIRECTIONS; i++)
        rc = directions >> i & 1 ? finish_side(s, i) : 0;
    return rc;
}

int impair_specification_parse(const char *text, struct impair_specification *specification,
                               struct netem_notes *notes)
{
    struct spec_parser s;

    start_parser(&s, specification, notes);
    int rc = parse_start(&s, text, BOTH_BITS);
    return rc ? rc : parse_changes(&s, text);
}

/* Texts of their own are each in order of time: so becomes what they are together. */
static void sort_changes(struct impair_specification *specification)
{
    struct impair_change *changes = specification->changes;

    for (unsigned i = 1; i < specification->change_count; i++) {
        struct impair_change moved = changes[i];
        unsigned at = i;
        for (; at > 0 && changes[at - 1].at.ns > moved.at.ns; at--)
            changes[at] = changes[at - 1];
        changes[at] = moved;
    }
}

int impair_specification_parse_each(const char *const texts[IMPAIR_DIRECTIONS],
                                    struct impair_specification *specification,
                                    struct netem_notes *notes)
{
    struct spec_parser s;
    int rc = 0;

    start_parser(&s, specification, notes);
    for (unsigned i = 0; rc == 0 && i < IMPAIR_DIRECTIONS; i++) {
        const char *text = texts[i] ? texts[i] : "";
        s.first_change = specification->change_count;
        rc = parse_start(&s, text, 1u << i);
        if (rc == 0)
            rc = parse_changes(&s, text);
    }
    sort_changes(specification);
    return rc;
}

void impair_specification_free(struct impair_specification *specification)
{
    netem_tables_free(&specification->tables);
    while (specification->traces) {
        struct impair_trace *first = specification->traces;
        specification->traces = first->next;
        impair_trace_free(first);
    }
}

/* Steele, Lea and Flood, Fast splittable pseudorandom number generators (2014): splitmix64. */
static uint64_t splitmix64(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

void impair_specification_seed(struct impair_specification *specification, uint64_t seed)
{
    for (unsigned i = 0; i < IMPAIR_DIRECTIONS; i++) {
        struct netem_config *config = &specification->side[i].netem;
        uint64_t own = splitmix64(&seed);
        if (!config->has_seed) {
            config->has_seed = true;
            config->seed = own;
        }
    }
    /* A change that names no seed keeps the one that is there. */
    for (unsigned c = 0; c < specification->change_count; c++) {
        for (unsigned i = 0; i < IMPAIR_DIRECTIONS; i++) {
            struct netem_config *config = &specification->changes[c].netem[i];
            if (!config->has_seed) {
                config->has_seed = true;
                config->seed = specification->side[i].netem.seed;
            }
        }
    }
}

struct text {
    char *at;
    size_t size, wanted;
};

static struct room room_of(const struct text *t)
{
    size_t used = t->wanted < t->size ? t->wanted : t->size;

    return (struct room){(uint8_t *)t->at + used, t->size - used};
}

static void add(struct text *t, const char *a, const char *b)
{
    struct room room = room_of(t);
    int len = snprintf((char *)room.data, room.len, "%s%s", a, b);

    t->wanted += (size_t)len;
}

static void add_side(struct text *t, const struct impair_side *side)
{
    struct room room = room_of(t);
    char bytes[32];

    t->wanted += netem_config_text(&side->netem, (char *)room.data, room.len);
    room = room_of(t);
    t->wanted += impair_script_text(&side->script, (char *)room.data, room.len);
    if (side->queue.kind == IMPAIR_QUEUE_NONE)
        return;
    if (side->queue.trace)
        add(t, " trace ", side->queue.trace->path);
    snprintf(bytes, sizeof bytes, "%" PRIu32, side->queue.bytes);
    add(t, side->queue.kind == IMPAIR_QUEUE_CODEL ? " queue codel " : " queue tail ", bytes);
    add(t, side->queue.ecn ? " ecn" : "", "");
}

static void add_change_time(struct text *t, const struct impair_change *change)
{
    char at[NETEM_TIME_TEXT_SIZE];

    add(t, "; at ", netem_time_text(change->at, at));
    add(t, " ", "");
}

static void add_change(struct text *t, const struct impair_change *change)
{
    add_change_time(t, change);
    if (!change->concerns[IMPAIR_IN])
        add(t, "out: ", "");
    else if (!change->concerns[IMPAIR_OUT])
        add(t, "in: ", "");
    add(t, change->text, "");
}

size_t impair_specification_text(const struct impair_specification *specification, char *text,
                                 size_t size)
{
    struct text t = {.at = text, .size = size};

    add(&t, "out: ", "");
    add_side(&t, &specification->side[IMPAIR_OUT]);
    add(&t, "; in: ", "");
    add_side(&t, &specification->side[IMPAIR_IN]);
    for (unsigned i = 0; i < specification->change_count; i++)
        add_change(&t, &specification->changes[i]);
    if (specification->log[0])
        add(&t, "; log ", specification->log);
    if (specification->replay[0])
        add(&t, "; replay ", specification->replay);
    return t.wanted;
}

size_t impair_specification_side_text(const struct impair_specification *specification,
                                      unsigned direction, char *text, size_t size)
{
    struct text t = {.at = text, .size = size};

    add_side(&t, &specification->side[direction]);
    for (unsigned i = 0; i < specification->change_count; i++) {
        const struct impair_change *change = &specification->changes[i];
        if (!change->concerns[direction])
            continue;
        add_change_time(&t, change);
        add(&t, change->text, "");
    }
    return t.wanted;
}
