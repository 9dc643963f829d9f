/* Commands in backquotes. There is no shell: what sets something is understood (sysctl, name=value
 * anywhere, echo into /proc/sys, common/defaults.sh, initcwnd of ip route) and mapped to tunables
 * by the last part of the name; the rest is remarked upon and left out. See world.h. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"

enum { WORD_MOST = 256 };

/* What the field's scripts find after common/defaults.sh: names that are tunables here. */
static const char *const defaults[][2] = {
    {"tcp_cubic_reduces_cwnd", "1"},
    {"tcp_dsack", "1"},
    {"tcp_early_retrans", "4"},
    {"tcp_ecn", "0"},
    {"tcp_fastopen", "0x70403"},
    {"tcp_fastopen_key", "a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d4"},
    {"tcp_fin_timeout", "60"},
    {"tcp_frto", "2"},
    {"tcp_moderate_rcvbuf", "1"},
    {"tcp_notsent_lowat", "4294967295"},
    {"tcp_pacing_ca_ratio", "120"},
    {"tcp_pacing_ss_ratio", "200"},
    {"tcp_recovery", "1"},
    {"tcp_reordering", "3"},
    {"tcp_require_timestamps", "0"},
    {"tcp_rmem", "4096 540000 15728640"},
    {"tcp_sack", "1"},
    {"tcp_slow_start_after_idle", "0"},
    {"tcp_syn_retries", "5"},
    {"tcp_synack_retries", "5"},
    {"tcp_syncookies", "1"},
    {"tcp_timestamps", "1"},
    {"tcp_window_scaling", "1"},
    {"tcp_wmem", "4096 262144 4194304"},
    {"tcp_congestion_control", "cubic"},
};

/* --- setting
 * ---------------------------------------------------------------------------------------------- */

static void set_number(struct world *world, const char *name, const char *text)
{
    char *end;
    long long value = strtoll(text, &end, 0);
    if (end == text) {
        world_remark(world, "%s is not set: \"%s\" is no number", name, text);
        return;
    }
    int r = tunny_set(world->stack, name, value);
    if (r == -ENOENT)
        world_remark(world, "there is no setting %s: ignored", name);
    else if (r < 0)
        world_remark(world, "%s cannot be %lld: ignored", name, value);
}

/* "least default most": Linux keeps three, of which the last two mean something here. */
static void set_memory(struct world *world, const char *name, const char *text)
{
    char full[WORD_MOST], *at;
    long long least = strtoll(text, &at, 0), usual = strtoll(at, &at, 0),
              most = strtoll(at, &at, 0);
    (void)least;
    if (usual <= 0 || most <= 0) {
        world_remark(world, "%s needs three numbers: ignored", name);
        return;
    }
    snprintf(full, sizeof full, "%s_max", name);
    if (tunny_set(world->stack, full, most) < 0)
        world_remark(world, "%s cannot be %lld: ignored", full, most);
    snprintf(full, sizeof full, "%s_default", name);
    if (tunny_set(world->stack, full, usual) < 0)
        world_remark(world, "%s cannot be %lld: ignored", full, usual);
}

static void set_congestion(struct world *world, const char *value)
{
    for (unsigned i = 0; tunny_congestion(i) != NULL; i++) {
        if (strcmp(tunny_congestion(i), value) == 0) {
            world->congestion = tunny_congestion(i);
            return;
        }
    }
    world_lacks(world, 0, "the congestion control \"%s\"", value);
}

/* "00112233-44556677-8899aabb-ccddeeff", one key or two with a comma between: words whose bytes
 * stand in the key lowest first. */
static void set_fast_open_key(struct world *world, const char *text)
{
    size_t length = 0;
    while (length < sizeof world->fast_open_key) {
        char *end;
        unsigned long word = strtoul(text, &end, 16);
        if (end == text)
            break;
        for (int i = 0; i < 4; i++)
            world->fast_open_key[length++] = (uint8_t)(word >> (8 * i));
        text = end + (*end == '-' || *end == ',');
    }
    world->fast_open_key_length = length;
    if (*text != '\0' || length % 16 != 0)
        world_remark(world, "this is no Fast Open key of 4 or 8 words: ignored");
}

void command_set(struct world *world, const char *name, const char *value)
{
    if (strcmp(name, "tcp_rmem") == 0 || strcmp(name, "tcp_wmem") == 0)
        set_memory(world, name, value);
    else if (strcmp(name, "tcp_congestion_control") == 0)
        set_congestion(world, value);
    else if (strcmp(name, "tcp_fastopen_key") == 0)
        set_fast_open_key(world, value);
    else if (strcmp(name, "initcwnd") == 0)
        set_number(world, "tcp_initial_cwnd", value);
    else
        set_number(world, name, value);
}

static void set_defaults(struct world *world)
{
    for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++)
        command_set(world, defaults[i][0], defaults[i][1]);
}

/* --- reading
 * ---------------------------------------------------------------------------------------------- */

/* $((a*b+c)), as a shell has it: numbers, + - * / from left to right, products first. `at` stands
 * behind the parentheses afterwards. */
static bool arithmetic(const char **at, long long *value)
{
    long long sum = 0, term = 0, sign = 1;
    const char *here = *at + 3;
    char op = '+', *end;
    if (strncmp(*at, "$((", 3) != 0)
        return false;
    for (;;) {
        long long number = strtoll(here, &end, 0);
        if (end == here || (op == '/' && number == 0))
            return false;
        if (op == '+' || op == '-') {
            sum += sign * term;
            sign = op == '-' ? -1 : 1;
            term = number;
        } else {
            term = op == '*' ? term * number : term / number;
        }
        here = end + strspn(end, " ");
        if (*here == '\0' || strchr("+-*/", *here) == NULL)
            break;
        op = *here++;
    }
    *value = sum + sign * term;
    *at = here + 2;
    return strncmp(here, "))", 2) == 0;
}

/* Puts a number's digits behind the word so far. */
static size_t append_number(char word[WORD_MOST], size_t n, long long value)
{
    int more = snprintf(word + n, WORD_MOST - n, "%lld", value);
    return more > 0 && n + (size_t)more < WORD_MOST ? n + (size_t)more : n;
}

/* The next word of a command line, without quotes. Ends of commands are words of their own: ";".
 * False: the end.
 */
static bool next_word(const char **at, char word[WORD_MOST])
{
    size_t n = 0;
    char quote = '\0';
    long long value;
    while (**at != '\0' && isspace((unsigned char)**at) && **at != '\n')
        (*at)++;
    if (**at == '\0')
        return false;
    if (**at != '\0' && strchr(";&|\n", **at) != NULL) {
        *at += strspn(*at, ";&|\n");
        snprintf(word, WORD_MOST, ";");
        return true;
    }
    for (; **at != '\0'; (*at)++) {
        if (quote != '\'' && arithmetic(at, &value)) {
            n = append_number(word, n, value);
            (*at)--;
            continue;
        }
        char c = **at;
        if (quote == '\0' && (isspace((unsigned char)c) || strchr(";&|", c) != NULL))
            break;
        if (c == quote || (quote == '\0' && (c == '"' || c == '\'')))
            quote = quote == '\0' ? c : '\0';
        else if (n + 1 < WORD_MOST)
            word[n++] = c;
    }
    word[n] = '\0';
    return true;
}

/* net.ipv4.tcp_sack and /proc/sys/net/ipv4/tcp_sack are tcp_sack. */
static const char *last_part(const char *name)
{
    const char *last = name;
    for (const char *at = name; *at != '\0'; at++)
        if (*at == '.' || *at == '/')
            last = at + 1;
    return last;
}

struct line {
    bool set_something, echoes, into_file;
    char first[WORD_MOST], echoed[WORD_MOST], before[WORD_MOST];
};

static void take_word(struct world *world, struct line *line, char *word)
{
    char *equals = strchr(word, '=');
    if (line->first[0] == '\0') {
        snprintf(line->first, sizeof line->first, "%s", word);
        line->echoes = strcmp(word, "echo") == 0;
        if (strcmp(last_part(word), "sh") == 0 && strstr(word, "defaults") != NULL) {
            set_defaults(world);
            line->set_something = true;
        }
    }
    if (equals != NULL && equals > word && (isalpha((unsigned char)*word) || *word == '/')) {
        *equals = '\0';
        command_set(world, last_part(word), equals + 1);
        line->set_something = true;
    } else if (strcmp(line->before, "initcwnd") == 0) {
        command_set(world, "initcwnd", word);
        line->set_something = true;
    } else if (line->into_file && line->echoes) {
        command_set(world, last_part(word), line->echoed);
        line->set_something = true;
    } else if (strcmp(line->before, "echo") == 0) {
        snprintf(line->echoed, sizeof line->echoed, "%s", word);
    }
    line->into_file = strcmp(word, ">") == 0;
    snprintf(line->before, sizeof line->before, "%s", word);
}

bool command_run(struct world *world, const char *text, int line_number)
{
    char word[WORD_MOST];
    struct line line = {0};
    world_tell(world, "`%s`", text);
    bool more = true;
    while (more) {
        more = next_word(&text, word);
        if (more && strcmp(word, ";") != 0) {
            take_word(world, &line, word);
            continue;
        }
        if (!line.set_something && line.first[0] != '\0')
            world_remark(world, "the command %s means nothing here: ignored", line.first);
        line = (struct line){0};
    }
    if (world->verdict != VERDICT_PASS && world->line == 0)
        world->line = line_number;
    return world->verdict == VERDICT_PASS;
}
