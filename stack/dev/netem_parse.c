/* The grammar of tc-netem(8), see the header: one function for each option, in the order in which
 * prefixes of their names are tried. */
#include "dev/netem_parse.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "dev/netem_random.h"

enum seen {
    SEEN_LOSS = 1 << 0,
    SEEN_BARE_TIME = 1 << 1,
};

int netem_parse_error(struct netem_notes *notes, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(notes->error, sizeof notes->error, format, arguments);
    va_end(arguments);
    return -EINVAL;
}

void netem_parse_warning(struct netem_notes *notes, const char *format, ...)
{
    va_list arguments;
    size_t used = strlen(notes->warnings);
    size_t room = sizeof notes->warnings - used;

    va_start(arguments, format);
    int len = vsnprintf(notes->warnings + used, room, format, arguments);
    va_end(arguments);
    bool fits = len >= 0 && (size_t)len + 1 < room;
    if (fits)
        memcpy(notes->warnings + used + (size_t)len, "\n", 2);
    /* What does not fit whole, or both directions cause, is left out. */
    const char *same = fits ? strstr(notes->warnings, notes->warnings + used) : NULL;
    if (same != notes->warnings + used)
        notes->warnings[used] = '\0';
}

/* Every option begins with a value that must be there. */
static int take(struct netem_parser *p, const char *option, const char *expected,
                char word[NETEM_WORD_SIZE])
{
    if (netem_words_take(&p->words, word))
        return 0;
    return netem_parse_error(p->notes, "%s: nothing follows; %s is expected", option, expected);
}

static int bad_word(struct netem_parser *p, const char *option, const char *word,
                    const char *expected)
{
    return netem_parse_error(p->notes, "%s: '%.64s' is no %s", option, word, expected);
}

static int take_time(struct netem_parser *p, const char *option, struct duration *time)
{
    static const char expected[] = "time like 20ms, 1.5s, 300us or 100ns";
    char word[NETEM_WORD_SIZE];

    if (take(p, option, expected, word))
        return -EINVAL;
    if (netem_read_time(word, time))
        return bad_word(p, option, word, expected);
    size_t len = strlen(word);
    if (time->ns != 0 && word[len - 1] >= '0' && word[len - 1] <= '9')
        p->seen |= SEEN_BARE_TIME;
    return 0;
}

static int take_share(struct netem_parser *p, const char *option, double *share)
{
    static const char expected[] = "percentage from 0% to 100%";
    char word[NETEM_WORD_SIZE];

    if (take(p, option, expected, word))
        return -EINVAL;
    return netem_read_share(word, share) ? bad_word(p, option, word, expected) : 0;
}

static int take_probability(struct netem_parser *p, const char *option, uint32_t *probability)
{
    double share;

    if (take_share(p, option, &share))
        return -EINVAL;
    *probability = netem_share_to_u32(share);
    return 0;
}

static int take_u32(struct netem_parser *p, const char *option, uint32_t *value)
{
    static const char expected[] = "whole number";
    char word[NETEM_WORD_SIZE];

    if (take(p, option, expected, word))
        return -EINVAL;
    return netem_read_u32(word, value) ? bad_word(p, option, word, expected) : 0;
}

static int take_s32(struct netem_parser *p, const char *option, int32_t *value)
{
    static const char expected[] = "whole number";
    char word[NETEM_WORD_SIZE];

    if (take(p, option, expected, word))
        return -EINVAL;
    return netem_read_s32(word, value) ? bad_word(p, option, word, expected) : 0;
}

static int take_size(struct netem_parser *p, const char *option, uint32_t *value)
{
    static const char expected[] = "number like 1000 or 10k";
    char word[NETEM_WORD_SIZE];

    if (take(p, option, expected, word))
        return -EINVAL;
    return netem_read_size(word, value) ? bad_word(p, option, word, expected) : 0;
}

static int take_table(struct netem_parser *p, const char *option, const struct netem_table **table)
{
    static const char expected[] = "name like normal, pareto, paretonormal, uniform or ./my.dist";
    char word[NETEM_WORD_SIZE];

    if (take(p, option, expected, word))
        return -EINVAL;
    int rc = netem_tables_find(p->tables, word, table);
    if (rc == -ENOENT)
        return netem_parse_error(p->notes,
                                 "%s: there is no table '%.64s' (computed: normal, pareto, "
                                 "paretonormal, uniform; others from iproute2's directory or "
                                 "TC_LIB_DIR; a name with a slash is a file)",
                                 option, word);
    if (rc == -EINVAL)
        return netem_parse_error(p->notes,
                                 "%s: '%.64s' is no table of at most %d numbers of 16 bits", option,
                                 word, NETEM_TABLE_LARGEST);
    return rc;
}

/* PROBABILITY [CORRELATION], of which netem does not keep what the user means. */
static int take_event(struct netem_parser *p, const char *option, struct netem_event *event)
{
    event->correlation = 0;
    if (take_probability(p, option, &event->probability))
        return -EINVAL;
    if (!netem_words_number_follows(&p->words))
        return 0;
    return take_probability(p, option, &event->correlation);
}

static int parse_limit(struct netem_parser *p)
{
    return take_size(p, "limit", &p->config->limit);
}

static int parse_delay(struct netem_parser *p)
{
    p->config->jitter = DURATION_ZERO;
    p->config->delay_correlation = 0;
    if (take_time(p, "delay", &p->config->delay))
        return -EINVAL;
    if (!netem_words_number_follows(&p->words))
        return 0;
    if (take_time(p, "delay, jitter", &p->config->jitter))
        return -EINVAL;
    if (!netem_words_number_follows(&p->words))
        return 0;
    return take_probability(p, "delay, correlation", &p->config->delay_correlation);
}

static int parse_loss_state(struct netem_parser *p)
{
    struct netem_loss_state *state = &p->config->state;
    uint32_t *const further[] = {&state->p31, &state->p32, &state->p23, &state->p14};
    double p13;

    p->config->loss_model = NETEM_LOSS_STATE;
    if (take_share(p, "loss state", &p13))
        return -EINVAL;
    *state = (struct netem_loss_state){
        .p13 = netem_share_to_u32(p13), .p31 = netem_share_to_u32(1. - p13), .p23 = UINT32_MAX};
    for (size_t i = 0; i < sizeof further / sizeof *further; i++) {
        if (!netem_words_number_follows(&p->words))
            break;
        if (take_probability(p, "loss state", further[i]))
            return -EINVAL;
    }
    return 0;
}

static int parse_loss_gemodel(struct netem_parser *p)
{
    struct netem_loss_gemodel *model = &p->config->gemodel;
    double bad, lost_when_bad;

    p->config->loss_model = NETEM_LOSS_GEMODEL;
    if (take_share(p, "loss gemodel, p", &bad))
        return -EINVAL;
    *model = (struct netem_loss_gemodel){.p = netem_share_to_u32(bad),
                                         .r = netem_share_to_u32(1. - bad)};
    if (!netem_words_number_follows(&p->words))
        return 0;
    if (take_probability(p, "loss gemodel, r", &model->r))
        return -EINVAL;
    if (!netem_words_number_follows(&p->words))
        return 0;
    if (take_share(p, "loss gemodel, 1-h", &lost_when_bad))
        return -EINVAL;
    model->h = netem_share_to_u32(1. - lost_when_bad);
    if (!netem_words_number_follows(&p->words))
        return 0;
    return take_probability(p, "loss gemodel, 1-k", &model->k1);
}

static int parse_loss_random(struct netem_parser *p)
{
    p->config->loss_model = NETEM_LOSS_RANDOM;
    return take_event(p, "loss", &p->config->loss);
}

static int parse_loss(struct netem_parser *p)
{
    char word[NETEM_WORD_SIZE];

    if (p->seen & SEEN_LOSS)
        return netem_parse_error(p->notes, "loss: given twice");
    p->seen |= SEEN_LOSS;
    if (netem_words_number_follows(&p->words))
        return parse_loss_random(p);
    if (take(p, "loss", "a percentage, random, state or gemodel", word))
        return -EINVAL;
    if (strcmp(word, "random") == 0)
        return parse_loss_random(p);
    if (strcmp(word, "state") == 0)
        return parse_loss_state(p);
    if (strcmp(word, "gemodel") == 0)
        return parse_loss_gemodel(p);
    return bad_word(p, "loss", word, "percentage and neither random, state nor gemodel");
}

static int parse_seed(struct netem_parser *p)
{
    static const char expected[] = "whole number of 64 bits";
    char word[NETEM_WORD_SIZE];

    if (take(p, "seed", expected, word))
        return -EINVAL;
    if (netem_read_u64(word, &p->config->seed))
        return bad_word(p, "seed", word, expected);
    p->config->has_seed = true;
    return 0;
}

static int parse_ecn(struct netem_parser *p)
{
    p->config->ecn = true;
    return 0;
}

static int parse_reorder(struct netem_parser *p)
{
    return take_event(p, "reorder", &p->config->reorder);
}

static int parse_corrupt(struct netem_parser *p)
{
    return take_event(p, "corrupt", &p->config->corrupt);
}

static int parse_gap(struct netem_parser *p)
{
    return take_u32(p, "gap", &p->config->gap);
}

static int parse_duplicate(struct netem_parser *p)
{
    return take_event(p, "duplicate", &p->config->duplicate);
}

static int parse_distribution(struct netem_parser *p)
{
    return take_table(p, "distribution", &p->config->table);
}

static int parse_rate(struct netem_parser *p)
{
    static const char expected[] = "rate like 10mbit, 500kbit or 100kbps (bytes)";
    struct netem_config *config = p->config;
    char word[NETEM_WORD_SIZE];

    config->overhead = config->cell_overhead = 0;
    config->cell = 0;
    if (take(p, "rate", expected, word))
        return -EINVAL;
    int rc = netem_read_rate(word, p->device_rate, &config->rate);
    if (rc == -ENODEV)
        return netem_parse_error(p->notes,
                                 "rate: '%.64s' is a share of a speed that this device "
                                 "does not have",
                                 word);
    if (rc)
        return bad_word(p, "rate", word, expected);
    if (!netem_words_signed_number_follows(&p->words))
        return 0;
    if (take_s32(p, "rate, overhead", &config->overhead))
        return -EINVAL;
    if (!netem_words_number_follows(&p->words))
        return 0;
    if (take_u32(p, "rate, cell size", &config->cell))
        return -EINVAL;
    if (!netem_words_signed_number_follows(&p->words))
        return 0;
    return take_s32(p, "rate, cell overhead", &config->cell_overhead);
}

static bool is_prefix(const char *word, const char *keyword)
{
    return word[0] != '\0' && strncmp(word, keyword, strlen(word)) == 0;
}

static int parse_slot_bounds(struct netem_parser *p, struct netem_slot *slot)
{
    char word[NETEM_WORD_SIZE];

    if (is_prefix(p->words.next, "packets")) {
        netem_words_take(&p->words, word);
        if (take_u32(p, "slot, packets", &slot->packets))
            return -EINVAL;
    }
    if (is_prefix(p->words.next, "bytes")) {
        netem_words_take(&p->words, word);
        if (take_size(p, "slot, bytes", &slot->bytes))
            return -EINVAL;
    }
    if (slot->packets > INT32_MAX || slot->bytes > INT32_MAX)
        return netem_parse_error(p->notes, "slot: more than 2^31 - 1 packets or bytes");
    return 0;
}

static int parse_slot(struct netem_parser *p)
{
    struct netem_slot *slot = &p->config->slot;
    char word[NETEM_WORD_SIZE];

    *slot = (struct netem_slot){.on = true};
    if (netem_words_number_follows(&p->words)) {
        if (take_time(p, "slot", &slot->shortest))
            return -EINVAL;
        slot->longest = slot->shortest;
        if (netem_words_number_follows(&p->words) && take_time(p, "slot", &slot->longest))
            return -EINVAL;
        if (slot->longest.ns < slot->shortest.ns)
            return netem_parse_error(p->notes, "slot: the longest is shorter than the shortest");
        return parse_slot_bounds(p, slot);
    }
    if (take(p, "slot", "a time or 'distribution'", word))
        return -EINVAL;
    if (strcmp(word, "distribution") != 0)
        return bad_word(p, "slot", word, "time and not 'distribution'");
    int rc = take_table(p, "slot distribution", &slot->table);
    if (rc)
        return rc;
    if (take_time(p, "slot distribution, delay", &slot->delay) ||
        take_time(p, "slot distribution, jitter", &slot->jitter))
        return -EINVAL;
    if (slot->jitter.ns == 0)
        return netem_parse_error(p->notes, "slot distribution: the jitter must be more than 0");
    return parse_slot_bounds(p, slot);
}

int netem_parse_option(struct netem_parser *parser)
{
    /* The first that the word is a prefix of: "l" is limit, "d" is delay, "s" is seed. */
    static const struct {
        const char *name;
        int (*parse)(struct netem_parser *p);
    } options[] = {
        {"limit", parse_limit},
        {"latency", parse_delay},
        {"delay", parse_delay},
        {"loss", parse_loss},
        {"drop", parse_loss},
        {"seed", parse_seed},
        {"ecn", parse_ecn},
        {"reorder", parse_reorder},
        {"corrupt", parse_corrupt},
        {"gap", parse_gap},
        {"duplicate", parse_duplicate},
        {"distribution", parse_distribution},
        {"rate", parse_rate},
        {"slot", parse_slot},
    };
    char word[NETEM_WORD_SIZE];

    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        if (is_prefix(parser->words.next, options[i].name)) {
            netem_words_take(&parser->words, word);
            int rc = options[i].parse(parser);
            return rc ? rc : 1;
        }
    }
    return 0;
}

/* How often an event with this correlation really happens: by trying, as its arithmetic has no
 * formula that one could state. */
static double real_probability(const struct netem_event *event)
{
    enum { TRIES = 100000 };
    struct netem_series series = {.correlation = event->correlation, .last = UINT32_MAX / 2};
    struct netem_random random;
    unsigned events = 0;

    netem_random_seed(&random, UINT64_C(0x9e3779b97f4a7c15));
    for (int i = 0; i < TRIES; i++)
        events += netem_random_event(&random, &series, event->probability);
    return (double)events / TRIES;
}

static void warn_of_correlation(struct netem_parser *p, const char *option,
                                const struct netem_event *event)
{
    if (event->correlation == 0 || event->probability == 0)
        return;
    netem_parse_warning(p->notes,
                        "%s: netem's correlation changes the probability: about %.2f %% instead of "
                        "%.4g %%, and not in bursts; 'loss gemodel' has bursts",
                        option, real_probability(event) * 100,
                        (double)event->probability / UINT32_MAX * 100);
}

static void warn_of_loss_state(struct netem_parser *p)
{
    const struct netem_loss_state *state = &p->config->state;

    if (p->config->loss_model != NETEM_LOSS_STATE)
        return;
    if ((uint64_t)state->p13 + state->p14 > UINT32_MAX)
        netem_parse_warning(p->notes, "loss state: p13 + p14 is more than 100 %% and wraps");
    if ((uint64_t)state->p31 + state->p32 > UINT32_MAX)
        netem_parse_warning(p->notes, "loss state: p31 + p32 is more than 100 %% and wraps");
}

/* A queue shorter than what is under way in the delay line loses packets that nobody asked to lose.
 */
static void warn_of_limit(struct netem_parser *p)
{
    const struct netem_config *config = p->config;
    double packets = (double)config->rate * (double)config->delay.ns / 1e9 / 1500 * 1.5;

    if (config->limit == 0)
        netem_parse_warning(p->notes, "limit: 0 loses every packet");
    else if (packets > config->limit)
        netem_parse_warning(p->notes,
                            "limit: %" PRIu32 " packets are less than 1.5 times what this rate and "
                            "delay hold; set limit %.0f",
                            config->limit, packets);
}

/* No packet of IPv4 is shorter than its header. */
static void warn_of_overhead(struct netem_parser *p)
{
    if (p->config->rate && p->config->overhead < -20)
        netem_parse_warning(p->notes,
                            "rate: a packet shorter than %" PRId64 " bytes stops the link, as in "
                            "netem: its length becomes negative, that is, enormous",
                            -(int64_t)p->config->overhead);
}

static void warn_of_seed(struct netem_parser *p)
{
    if (p->config->has_seed && p->config->seed < UINT64_C(1) << 20)
        netem_parse_warning(p->notes, "seed: the first draws of netem's generator are small for "
                                      "small seeds; take a large number");
}

static void warn_of_delay(struct netem_parser *p)
{
    struct netem_config *config = p->config;

    if (config->jitter.ns > INT32_MAX) {
        netem_parse_warning(p->notes, "delay: netem caps the jitter at 2.147 s");
        config->jitter = duration_ns(INT32_MAX);
    }
    if (config->slot.jitter.ns > INT32_MAX) {
        netem_parse_warning(p->notes, "slot: netem caps the jitter at 2.147 s");
        config->slot.jitter = duration_ns(INT32_MAX);
    }
    if (config->delay_correlation && config->jitter.ns < 2100000000)
        netem_parse_warning(p->notes, "delay: netem's correlation has no effect on a jitter below "
                                      "2.1 s");
    if (p->seen & SEEN_BARE_TIME)
        netem_parse_warning(p->notes, "a time without unit counts nanoseconds (tc before 6.9: "
                                      "microseconds)");
}

static int check_reorder(struct netem_parser *p)
{
    struct netem_config *config = p->config;

    if (config->reorder.probability == 0) {
        if (config->gap > 0)
            return netem_parse_error(p->notes, "gap: needs 'reorder PERCENT'");
        return 0;
    }
    if (config->delay.ns == 0)
        return netem_parse_error(p->notes, "reorder: needs a delay to let packets overtake");
    if (config->gap == 0)
        config->gap = 1;
    return 0;
}

static int check_distribution(struct netem_parser *p)
{
    struct netem_config *config = p->config;

    if (config->table == NULL)
        return 0;
    if (config->delay.ns == 0 || config->jitter.ns == 0)
        return netem_parse_error(p->notes, "distribution: needs 'delay TIME JITTER'");
    /* Jitter without a table is uniform, and finer than a table. */
    if (strcmp(config->table->name, "uniform") == 0)
        config->table = NULL;
    return 0;
}

/* tc hands correlations over only when an option other than duplicate has one. */
static void drop_duplicate_correlation(struct netem_parser *p)
{
    struct netem_config *config = p->config;

    if (config->duplicate.correlation == 0 || config->delay_correlation ||
        config->loss.correlation || config->reorder.correlation || config->corrupt.correlation)
        return;
    config->duplicate.correlation = 0;
    netem_parse_warning(p->notes, "duplicate: tc ignores this correlation unless another option "
                                  "has one too");
}

int netem_parse_finish(struct netem_parser *parser)
{
    struct netem_config *config = parser->config;

    if (check_reorder(parser) || check_distribution(parser))
        return -EINVAL;
    if (config->ecn && config->loss_model == NETEM_LOSS_NONE)
        return netem_parse_error(parser->notes, "ecn: needs 'loss' (it marks what would be lost)");
    drop_duplicate_correlation(parser);
    warn_of_delay(parser);
    warn_of_loss_state(parser);
    if (config->loss_model == NETEM_LOSS_RANDOM)
        warn_of_correlation(parser, "loss", &config->loss);
    warn_of_correlation(parser, "corrupt", &config->corrupt);
    warn_of_correlation(parser, "duplicate", &config->duplicate);
    warn_of_correlation(parser, "reorder", &config->reorder);
    warn_of_limit(parser);
    warn_of_overhead(parser);
    warn_of_seed(parser);
    return 0;
}

int netem_parse(const char *text, struct netem_tables *tables, struct netem_config *config,
                struct netem_notes *notes)
{
    struct netem_parser parser = {.config = config, .tables = tables, .notes = notes};
    int rc;

    netem_config_default(config);
    netem_words_start(&parser.words, text, text + strlen(text));
    while ((rc = netem_parse_option(&parser)) == 1)
        ;
    if (rc)
        return rc;
    if (parser.words.next[0] != '\0')
        return netem_parse_error(notes, "'%.64s' is no option of netem", parser.words.next);
    return netem_parse_finish(&parser);
}
