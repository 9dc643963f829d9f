/* Reading a scenario, see the header: lines, the things that they name, and what they say of each
 * other. Events that concern a link become clauses of its specification, which has a schedule of
 * its own. */
#include "sim/scenario.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/scenario_words.h"

struct parser {
    struct scenario *scenario;
    struct scenario_line line;
};

#define COUNT(table) (sizeof(table) / sizeof *(table))

/* --- names ------------------------------------------------------------------------------------ */

static int take_name(struct parser *p, char name[SCENARIO_NAME_SIZE])
{
    char word[NETEM_WORD_SIZE];

    if (!netem_words_take(&p->line.words, word))
        return scenario_wrong(&p->line, "a name is missing");
    if (strlen(word) >= SCENARIO_NAME_SIZE || strpbrk(word, ">/#;,\"\\"))
        return scenario_wrong(&p->line, "'%.64s' is no name", word);
    memcpy(name, word, strlen(word) + 1);
    return 0;
}

static int find_node(const struct scenario *scenario, const char *name)
{
    for (unsigned i = 0; i < scenario->node_count; i++) {
        if (strcmp(scenario->nodes[i].name, name) == 0)
            return (int)i;
    }
    return -1;
}

static int find_link(const struct scenario *scenario, const char *name)
{
    for (unsigned i = 0; i < scenario->link_count; i++) {
        if (strcmp(scenario->links[i].name, name) == 0)
            return (int)i;
    }
    return -1;
}

static int find_flow(const struct scenario *scenario, const char *name)
{
    for (unsigned i = 0; i < scenario->flow_count; i++) {
        if (strcmp(scenario->flows[i].name, name) == 0)
            return (int)i;
    }
    return -1;
}

static int take_node(struct parser *p, unsigned *index)
{
    char name[SCENARIO_NAME_SIZE];

    if (take_name(p, name))
        return -EINVAL;
    int found = find_node(p->scenario, name);
    if (found < 0)
        return scenario_wrong(&p->line, "there is no host or router %s above this line", name);
    *index = (unsigned)found;
    return 0;
}

static int take_host(struct parser *p, unsigned *index)
{
    if (take_node(p, index))
        return -EINVAL;
    if (p->scenario->nodes[*index].router)
        return scenario_wrong(&p->line, "%s is a router", p->scenario->nodes[*index].name);
    return 0;
}

/* One more thing in the list that the pointer at `list` points to, or NULL with the reason in
 * *error. */
static void *add(struct parser *p, void *list, unsigned *count, unsigned most, size_t size,
                 int *error)
{
    void *things;

    memcpy(&things, list, sizeof things);
    if (*count == most) {
        *error = scenario_wrong(&p->line, "more than %u of these", most);
        return NULL;
    }
    void *grown = realloc(things, (*count + 1) * size);
    if (grown == NULL) {
        *error = -ENOMEM;
        return NULL;
    }
    memcpy(list, &grown, sizeof grown);
    void *thing = (uint8_t *)grown + *count * size;
    memset(thing, 0, size);
    ++*count;
    // cppcheck-suppress memleak ; `list` points to it now
    return thing;
}

/* --- hosts and routers ------------------------------------------------------------------------ */

static int take_offload(struct parser *p, struct scenario_node *node)
{
    static const char *const names[] = {"none", "checksum", "segments", "all"};
    char word[NETEM_WORD_SIZE];

    netem_words_take(&p->line.words, word);
    netem_words_take(&p->line.words, word);
    for (unsigned i = 0; i < COUNT(names); i++) {
        if (strcmp(word, names[i]) == 0) {
            node->offload = (enum scenario_offload)i;
            return 0;
        }
    }
    return scenario_wrong(&p->line, "offload '%.64s': expected none, checksum, segments or all",
                          word);
}

static int take_setting(struct parser *p, struct scenario_node *node)
{
    char word[NETEM_WORD_SIZE];

    netem_words_take(&p->line.words, word);
    netem_words_take(&p->line.words, word);
    if (!strchr(word, '=') || strlen(word) >= SCENARIO_SETTING_SIZE)
        return scenario_wrong(&p->line, "set '%.64s': expected NAME=VALUE", word);
    if (node->setting_count == SCENARIO_SETTINGS)
        return scenario_wrong(&p->line, "set: more than %d", SCENARIO_SETTINGS);
    memcpy(node->settings[node->setting_count++], word, strlen(word) + 1);
    return 0;
}

static int take_node_words(struct parser *p, struct scenario_node *node)
{
    static const struct scenario_word words[] = {
        {"mtu", SCENARIO_NUMBER, offsetof(struct scenario_node, mtu), 65535},
        {"room", SCENARIO_NUMBER, offsetof(struct scenario_node, room), UINT32_MAX},
        {"memory", SCENARIO_BYTES, offsetof(struct scenario_node, memory), UINT64_C(1) << 40},
        {"clock", SCENARIO_CLOCK, offsetof(struct scenario_node, clock), 0},
    };
    int r = 1;

    while (r == 1 && p->line.words.next[0] != '\0') {
        if (strcmp(p->line.words.next, "offload") == 0)
            r = take_offload(p, node) ? -EINVAL : 1;
        else if (strcmp(p->line.words.next, "set") == 0)
            r = take_setting(p, node) ? -EINVAL : 1;
        else
            r = scenario_take_word(&p->line, words, COUNT(words), node);
    }
    if (r == 0)
        return scenario_wrong(&p->line, "'%.64s' is nothing that a host has", p->line.words.next);
    return r < 0 ? r : 0;
}

static int parse_node(struct parser *p, bool router)
{
    static const struct scenario_word router_words[] = {
        {"bleach", SCENARIO_FLAG, offsetof(struct scenario_node, bleaches), 0},
        {"mark", SCENARIO_FLAG, offsetof(struct scenario_node, marks), 0},
    };
    struct scenario *s = p->scenario;
    int error;
    struct scenario_node *node = add(p, &s->nodes, &s->node_count, SCENARIO_NODES, sizeof *node,
                                     &error);

    if (node == NULL)
        return error;
    node->router = router;
    node->mtu = 1500;
    node->memory = 64 << 20;
    char name[SCENARIO_NAME_SIZE];
    if (take_name(p, name))
        return -EINVAL;
    if (find_node(s, name) >= 0)
        return scenario_wrong(&p->line, "there are two of the name %s", name);
    memcpy(node->name, name, sizeof name);
    if (router)
        return scenario_take_words(&p->line, router_words, COUNT(router_words), node);
    return take_node_words(p, node);
}

/* --- links ------------------------------------------------------------------------------------ */

/* What is left of the line, joined by blanks, behind what stands in `spec`. */
static int append_rest(struct parser *p, char spec[SCENARIO_SPEC_SIZE])
{
    char word[NETEM_WORD_SIZE];

    while (netem_words_take(&p->line.words, word)) {
        size_t used = strlen(spec);
        int length = snprintf(spec + used, SCENARIO_SPEC_SIZE - used, "%s%s", used ? " " : "",
                              word);
        if ((size_t)length >= SCENARIO_SPEC_SIZE - used)
            return scenario_wrong(&p->line, "a link's specification is longer than %d bytes",
                                  SCENARIO_SPEC_SIZE);
    }
    return 0;
}

static int parse_link(struct parser *p)
{
    static const struct scenario_word words[] = {
        {"mtu", SCENARIO_NUMBER, offsetof(struct scenario_link, mtu), 65535},
        {"silent", SCENARIO_FLAG, offsetof(struct scenario_link, silent), 0},
    };
    int r;
    struct scenario *s = p->scenario;
    int error;
    struct scenario_link *link = add(p, &s->links, &s->link_count, SCENARIO_LINKS, sizeof *link,
                                     &error);

    if (link == NULL)
        return error;
    char name[SCENARIO_NAME_SIZE];
    if (take_name(p, name))
        return -EINVAL;
    if (find_link(s, name) >= 0)
        return scenario_wrong(&p->line, "there are two links of the name %s", name);
    memcpy(link->name, name, sizeof name);
    if (take_node(p, &link->ends[0]) || take_node(p, &link->ends[1]))
        return -EINVAL;
    if (link->ends[0] == link->ends[1])
        return scenario_wrong(&p->line, "a link joins two nodes");
    while ((r = scenario_take_word(&p->line, words, COUNT(words), link)) > 0)
        continue;
    return r < 0 ? r : append_rest(p, link->spec);
}

/* --- flows ------------------------------------------------------------------------------------ */

static int take_leave(struct parser *p, struct scenario_flow *flow)
{
    char word[NETEM_WORD_SIZE], who[NETEM_WORD_SIZE], when[NETEM_WORD_SIZE];
    struct duration after;

    netem_words_take(&p->line.words, word);
    netem_words_take(&p->line.words, who);
    netem_words_take(&p->line.words, when);
    bool server = strcmp(who, "server") == 0;
    if ((!server && strcmp(who, "client") != 0) || scenario_read_time(when, &after))
        return scenario_wrong(&p->line, "%s: expected client or server, and a time", word);
    if (strcmp(word, "deaf") == 0)
        flow->leave[server] = SCENARIO_DEAF;
    else
        flow->leave[server] = strcmp(word, "abort") == 0 ? SCENARIO_ABORT : SCENARIO_CLOSE;
    flow->leave_after[server] = after;
    return 0;
}

static int take_flow_words(struct parser *p, struct scenario_flow *flow)
{
#define AT(field) offsetof(struct scenario_flow, field)
    static const struct scenario_word words[] = {
        {"size", SCENARIO_BYTES, AT(size[0]), UINT64_C(1) << 50},
        {"reply", SCENARIO_BYTES, AT(size[1]), UINT64_C(1) << 50},
        {"start", SCENARIO_TIME, AT(start), 0},
        {"cc", SCENARIO_TEXT, AT(congestion), sizeof flow->congestion},
        {"ipv6", SCENARIO_FLAG, AT(ipv6), 0},
        {"nodelay", SCENARIO_FLAG, AT(no_delay), 0},
        {"cork", SCENARIO_FLAG, AT(cork), 0},
        {"refused", SCENARIO_FLAG, AT(refused), 0},
        {"chunk", SCENARIO_NUMBER, AT(chunk), 65536},
        {"read", SCENARIO_NUMBER, AT(read), 65536},
        {"pause", SCENARIO_TIME, AT(pause), 0},
        {"sndbuf", SCENARIO_NUMBER, AT(send_buffer), INT32_MAX},
        {"rcvbuf", SCENARIO_NUMBER, AT(receive_buffer), INT32_MAX},
        {"calls", SCENARIO_BYTES, AT(calls), UINT64_MAX},
        {"fastopen", SCENARIO_FLAG, AT(fast_open), 0},
        {"simultaneous", SCENARIO_FLAG, AT(simultaneous), 0},
        {"zerocopy", SCENARIO_FLAG, AT(zerocopy), 0},
        {"accept", SCENARIO_TIME, AT(accept), 0},
        {"usertimeout", SCENARIO_TIME, AT(user_timeout), 0},
    };
#undef AT
    int r = 1;

    while (r == 1 && p->line.words.next[0] != '\0') {
        if (strcmp(p->line.words.next, "abort") == 0 || strcmp(p->line.words.next, "close") == 0 ||
            strcmp(p->line.words.next, "deaf") == 0)
            r = take_leave(p, flow) ? -EINVAL : 1;
        else
            r = scenario_take_word(&p->line, words, COUNT(words), flow);
    }
    if (r == 0)
        return scenario_wrong(&p->line, "'%.64s' is nothing that a flow has", p->line.words.next);
    if (r > 0 && (flow->chunk == 0 || flow->read == 0))
        return scenario_wrong(&p->line, "chunk and read are at least 1");
    return r < 0 ? r : 0;
}

/* `NAME CLIENT > SERVER` */
static int take_ends(struct parser *p, char name[SCENARIO_NAME_SIZE], unsigned ends[2])
{
    char word[NETEM_WORD_SIZE];

    if (take_name(p, name) || take_host(p, &ends[0]))
        return -EINVAL;
    netem_words_take(&p->line.words, word);
    if (strcmp(word, ">") != 0)
        return scenario_wrong(&p->line, "expected > between two hosts");
    return take_host(p, &ends[1]);
}

static int parse_datagrams(struct parser *p)
{
#define AT(field) offsetof(struct scenario_datagrams, field)
    static const struct scenario_word words[] = {
        {"count", SCENARIO_NUMBER, AT(count), UINT32_MAX},
        {"size", SCENARIO_NUMBER, AT(size), 65000},
        {"start", SCENARIO_TIME, AT(start), 0},
        {"gap", SCENARIO_TIME, AT(gap), 0},
        {"ipv6", SCENARIO_FLAG, AT(ipv6), 0},
    };
#undef AT
    struct scenario *s = p->scenario;
    int error;
    struct scenario_datagrams *d = add(p, &s->datagrams, &s->datagrams_count, SCENARIO_DATAGRAMS,
                                       sizeof *d, &error);

    if (d == NULL)
        return error;
    *d = (struct scenario_datagrams){.count = 100, .size = 1000, .gap = duration_ms(10)};
    int r = take_ends(p, d->name, d->ends);
    return r ? r : scenario_take_words(&p->line, words, COUNT(words), d);
}

static int parse_flow(struct parser *p)
{
    struct scenario *s = p->scenario;
    int error;
    struct scenario_flow *flow = add(p, &s->flows, &s->flow_count, SCENARIO_FLOWS, sizeof *flow,
                                     &error);

    if (flow == NULL)
        return error;
    flow->chunk = flow->read = 65536;
    int r = take_ends(p, flow->name, flow->ends);
    return r ? r : take_flow_words(p, flow);
}

/* --- events ----------------------------------------------------------------------------------- */

/* `at 5s link L SPEC`: a clause of the link's own schedule. */
static int parse_link_event(struct parser *p, struct duration at)
{
    char name[SCENARIO_NAME_SIZE], time[NETEM_TIME_TEXT_SIZE];

    if (take_name(p, name))
        return -EINVAL;
    int found = find_link(p->scenario, name);
    if (found < 0)
        return scenario_wrong(&p->line, "there is no link %s above this line", name);
    char *spec = p->scenario->links[found].spec;
    size_t used = strlen(spec);
    int length = snprintf(spec + used, SCENARIO_SPEC_SIZE - used, "; at %s",
                          netem_time_text(at, time));
    if ((size_t)length >= SCENARIO_SPEC_SIZE - used)
        return scenario_wrong(&p->line, "too much is said of link %s", name);
    return append_rest(p, spec);
}

static int take_number(struct parser *p, uint32_t *number)
{
    char word[NETEM_WORD_SIZE];

    netem_words_take(&p->line.words, word);
    if (netem_read_u32(word, number) || *number == 0)
        return scenario_wrong(&p->line, "'%.64s' is no number from 1", word);
    return 0;
}

/* `at 5s reset FLOW`, `at 5s forge FLOW DISTANCE`, `at 5s replay LINK COUNT` */
static int take_target(struct parser *p, struct scenario_event *event, const char *act)
{
    bool link = strcmp(act, "replay") == 0;
    char name[SCENARIO_NAME_SIZE];

    event->act = link ? SCENARIO_REPLAY : SCENARIO_RESET;
    if (take_name(p, name))
        return -EINVAL;
    int found = link ? find_link(p->scenario, name) : find_flow(p->scenario, name);
    if (found < 0)
        return scenario_wrong(&p->line, "there is no %s %s above this line", link ? "link" : "flow",
                              name);
    event->target = (unsigned)found;
    return strcmp(act, "reset") == 0 ? 0 : take_number(p, &event->number);
}

static int parse_act(struct parser *p, const char *act, struct duration at)
{
    struct scenario *s = p->scenario;
    int error, r;
    struct scenario_event *event = add(p, &s->events, &s->event_count, SCENARIO_EVENTS,
                                       sizeof *event, &error);

    if (event == NULL)
        return error;
    event->at = at;
    if (strcmp(act, "restart") == 0) {
        event->act = SCENARIO_RESTART;
        return take_host(p, &event->target);
    }
    if (strcmp(act, "starve") == 0) {
        event->act = SCENARIO_STARVE;
        r = take_host(p, &event->target);
        return r ? r : take_number(p, &event->number);
    }
    if (strcmp(act, "replay") == 0 || strcmp(act, "reset") == 0 || strcmp(act, "forge") == 0)
        return take_target(p, event, act);
    return scenario_wrong(&p->line,
                          "'%.64s': expected link, restart, starve, replay, reset or forge", act);
}

static int parse_event(struct parser *p)
{
    char time[NETEM_WORD_SIZE], act[NETEM_WORD_SIZE];
    struct duration at;

    netem_words_take(&p->line.words, time);
    if (scenario_read_time(time, &at))
        return scenario_wrong(&p->line, "'%.64s' is no time", time);
    netem_words_take(&p->line.words, act);
    if (strcmp(act, "link") == 0)
        return parse_link_event(p, at);
    int r = parse_act(p, act, at);
    return r ? r : scenario_take_words(&p->line, NULL, 0, NULL);
}

static int parse_hostile(struct parser *p)
{
    static const struct scenario_word words[] = {
        {"start", SCENARIO_TIME, offsetof(struct scenario_hostile, start), 0},
        {"gap", SCENARIO_TIME, offsetof(struct scenario_hostile, gap), 0},
        {"packets", SCENARIO_NUMBER, offsetof(struct scenario_hostile, packets), UINT32_MAX},
    };
    struct scenario *s = p->scenario;
    int error;
    struct scenario_hostile *hostile = add(p, &s->hostiles, &s->hostile_count, SCENARIO_NODES,
                                           sizeof *hostile, &error);

    if (hostile == NULL)
        return error;
    hostile->packets = 100;
    hostile->gap = duration_ms(10);
    if (take_name(p, hostile->name) || take_host(p, &hostile->target))
        return -EINVAL;
    return scenario_take_words(&p->line, words, COUNT(words), hostile);
}

/* --- lines ------------------------------------------------------------------------------------ */

static int parse_line(struct parser *p)
{
    static const struct scenario_word words[] = {
        {"seed", SCENARIO_BYTES, offsetof(struct scenario, seed), UINT64_MAX},
        {"until", SCENARIO_TIME, offsetof(struct scenario, until), 0},
    };
    char word[NETEM_WORD_SIZE];
    int r = scenario_take_word(&p->line, words, COUNT(words), p->scenario);

    if (r != 0)
        return r < 0 ? r : scenario_take_words(&p->line, NULL, 0, NULL);
    netem_words_take(&p->line.words, word);
    if (strcmp(word, "host") == 0 || strcmp(word, "router") == 0)
        return parse_node(p, strcmp(word, "router") == 0);
    if (strcmp(word, "link") == 0)
        return parse_link(p);
    if (strcmp(word, "flow") == 0)
        return parse_flow(p);
    if (strcmp(word, "datagrams") == 0)
        return parse_datagrams(p);
    if (strcmp(word, "at") == 0)
        return parse_event(p);
    if (strcmp(word, "hostile") == 0)
        return parse_hostile(p);
    return scenario_wrong(
        &p->line,
        "'%.64s': expected seed, until, host, router, link, flow, datagrams, at or hostile", word);
}

/* Earlier ones first, in the order of the text where they are at the same time. */
static void sort_events(struct scenario *s)
{
    for (unsigned i = 1; i < s->event_count; i++) {
        struct scenario_event event = s->events[i];
        unsigned at = i;
        for (; at > 0 && s->events[at - 1].at.ns > event.at.ns; at--)
            s->events[at] = s->events[at - 1];
        s->events[at] = event;
    }
}

/* Where the line's words end: at a # that begins a word, or at the line's end. */
static size_t before_comment(const char *line, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (line[i] == '#' && (i == 0 || line[i - 1] == ' ' || line[i - 1] == '\t'))
            return i;
    }
    return length;
}

int scenario_parse(const char *text, struct scenario *scenario, char *error, size_t error_size)
{
    struct parser p = {.scenario = scenario, .line = {.error = error, .error_size = error_size}};

    *scenario = (struct scenario){0};
    snprintf(error, error_size, "out of memory");
    for (const char *next; *text != '\0'; text = next) {
        size_t length = strcspn(text, "\n"), code = before_comment(text, length);
        next = text + length + (text[length] == '\n');
        p.line.number++;
        netem_words_start(&p.line.words, text, text + code);
        if (p.line.words.next[0] == '\0')
            continue;
        int r = parse_line(&p);
        if (r < 0)
            return r;
    }
    sort_events(scenario);
    *error = '\0';
    return 0;
}

void scenario_free(struct scenario *scenario)
{
    free(scenario->nodes);
    free(scenario->links);
    free(scenario->flows);
    free(scenario->datagrams);
    free(scenario->events);
    free(scenario->hostiles);
    *scenario = (struct scenario){0};
}
