/* Options as a grid: every known kind and some unknown ones, at every offset of the 40 bytes, with
 * every kind of wrong length, truncated everywhere, in a SYN, a SYN-ACK and a segment with text. A
 * reader of its own (RFC 9293, 3.1 and 3.2: kind, length, value; skip what is unknown; stop where a
 * length is illegal) says what may take effect. */
#include "support/grid.h"

enum { AREA = 40 };

/* What the options of one area say, read from the RFC's words. */
struct said {
    bool mss, scale, sack_permitted, timestamps;
    uint32_t mss_value, scale_value, ts_val;
};

static uint32_t number(const uint8_t *at, unsigned bytes)
{
    uint32_t n = 0;

    while (bytes-- > 0)
        n = n << 8 | *at++;
    return n;
}

/* A second option of a kind, and one whose length is not its kind's, says nothing. */
static void understand(struct said *said, const uint8_t *option, unsigned length)
{
    unsigned kind = option[0];

    if (kind == 2 && length == 4 && !said->mss) {
        said->mss = true;
        said->mss_value = number(option + 2, 2);
    } else if (kind == 3 && length == 3 && !said->scale) {
        said->scale = true;
        said->scale_value = option[2];
    } else if (kind == 4 && length == 2) {
        said->sack_permitted = true;
    } else if (kind == 8 && length == 10 && !said->timestamps) {
        said->timestamps = true;
        said->ts_val = number(option + 2, 4);
    }
}

static struct said reading_of(const uint8_t *area, unsigned size)
{
    struct said said = {0};
    unsigned at = 0;

    while (at < size && area[at] != 0) {
        if (area[at] == 1) {
            at++;
            continue;
        }
        if (at + 1 >= size || area[at + 1] < 2 || area[at + 1] > size - at)
            break;
        understand(&said, area + at, area[at + 1]);
        at += area[at + 1];
    }
    return said;
}

/* --- the grid ---------------------------------------------------------------------------- */

static const uint8_t kinds[] = {0, 1, 2, 3, 4, 5, 8, 19, 28, 29, 34, 77, 172, 174, 253, 255};
static const uint8_t right_lengths[] = {1, 1, 4, 3, 2, 10, 10, 18, 4, 16, 10, 6, 11, 11, 4, 2};
enum { KINDS = sizeof kinds, LENGTHS = 8 };

/* The claimed length: right, none, too short, too long by one, to the end, past the end. */
static uint8_t claimed(unsigned which, unsigned right, unsigned room)
{
    const unsigned all[LENGTHS] = {right, 0, 1, right - 1, right + 1, room, room + 1, 255};

    return (uint8_t)all[which];
}

/* NOPs up to `offset`, the option, and behind it an MSS option, which must be found when the one in
 * front can be skipped. */
static void fill_area(uint8_t area[AREA], unsigned kind, unsigned offset, uint8_t length)
{
    static const uint8_t behind[] = {2, 4, 0x03, 0x20};

    memset(area, 1, AREA);
    for (unsigned i = 0; offset + i < AREA && i < 34; i++)
        area[offset + i] = (uint8_t)(0x11 * i + 3);
    area[offset] = kinds[kind];
    if (kinds[kind] > 1 && offset + 1 < AREA)
        area[offset + 1] = length;
    if (offset + right_lengths[kind] + sizeof behind <= AREA)
        memcpy(area + offset + right_lengths[kind], behind, sizeof behind);
}

typedef void visitor(const uint8_t *area, unsigned size);

static void every_area(visitor *visit)
{
    uint8_t area[AREA];

    for (unsigned kind = 0; kind < KINDS; kind++)
        for (unsigned offset = 0; offset < AREA; offset++)
            for (unsigned which = 0; which < (kinds[kind] > 1 ? LENGTHS : 1u); which++)
                for (unsigned size = (offset / 4 + 1) * 4; size <= AREA; size += 4) {
                    fill_area(area, kind, offset,
                              claimed(which, right_lengths[kind], size - offset));
                    visit(area, size);
                }
}

/* --- in a SYN ---------------------------------------------------------------------------- */

static bool agreed(const struct tcb *tcb, const struct said *said)
{
    uint32_t mss = said->mss ? said->mss_value : 536; /* MUST-15 */
    uint32_t scale = said->scale_value > 14 ? 14 : said->scale_value;

    if (mss < 88) /* tcp_min_snd_mss: CVE-2019-11479 */
        mss = 88;
    return tcb->peer_mss == mss && tcb->sack == said->sack_permitted &&
           tcb->window_scaling == said->scale && tcb->snd.wscale == (said->scale ? scale : 0) &&
           tcb->paws.enabled == said->timestamps &&
           (!said->timestamps || tcb->paws.recent == said->ts_val);
}

static void fails_on(const char *what, const uint8_t *area, unsigned size)
{
    print_error("%s, options", what);
    for (unsigned i = 0; i < size; i++)
        print_error(" %02x", area[i]);
    print_error("\n");
    fail();
}

static void visit_syn(const uint8_t *area, unsigned size)
{
    static const struct grid_start start = {.name = "SYN", .state = TCP_LISTEN};
    struct said said = reading_of(area, size);
    const struct tcp_options *back;

    grid_begins(&start);
    arrives(.seq = 0, .flags = SYN, .raw_options = area, .raw_len = size);
    grid_cases++;
    if (unseen() != 1 || state_now() != TCP_SYN_RECEIVED ||
        !agreed(tcp_find(steps->tcp, &steps->flow), &said))
        fails_on("a SYN", area, size);
    back = &last_sent()->header.options;
    if (!back->has_mss || back->has_sack_permitted != said.sack_permitted ||
        back->has_window_scale != said.scale || back->has_timestamps != said.timestamps ||
        (said.timestamps && back->ts_ecr != said.ts_val))
        fails_on("the answer to a SYN", area, size);
}

/* MUST-4, MUST-6, MUST-7, MUST-64, MUST-68, MUST-69, MUST-15, R7323-01, R7323-03, R7323-06,
 * R2018-02, Option length zero loop, Option over-read, MSS zero / division, Window-scale shift >
 * 14, TFO abuse */
static void a_syn_with_any_options_is_answered(void **state)
{
    (void)state;
    every_area(visit_syn);
    grid_ends("options of a SYN: kinds x offsets x lengths x ends");
}

/* --- in a SYN-ACK ------------------------------------------------------------------------ */

static void visit_syn_ack(const uint8_t *area, unsigned size)
{
    static const struct grid_start start = {
        .name = "SYN-ACK", .state = TCP_SYN_SENT, .active = true};
    struct said said = reading_of(area, size);

    grid_begins(&start);
    arrives(.seq = 0, .ack = 1, .flags = SYN | ACK, .raw_options = area, .raw_len = size);
    grid_cases++;
    if (unseen() != 1 || state_now() != TCP_ESTABLISHED || !agreed(steps->tcb, &said))
        fails_on("a SYN-ACK", area, size);
}

/* MUST-4, MUST-6, MUST-7, MUST-64, R7323-01, R7323-03, Option length zero loop, Option over-read */
static void a_syn_ack_with_any_options_establishes(void **state)
{
    (void)state;
    every_area(visit_syn_ack);
    grid_ends("options of a SYN-ACK: kinds x offsets x lengths x ends");
}

/* --- in a segment with text -------------------------------------------------------------- */

static void visit_text(const uint8_t *area, unsigned size)
{
    static const struct grid_start start = {.name = "text", .state = TCP_ESTABLISHED, .sack = true};
    const struct tcb *tcb;
    uint32_t seq;

    if (grid_oracle.state != ORACLE_ESTABLISHED || grid_oracle.rcv.edge - grid_oracle.rcv.nxt < 10)
        grid_begins(&start);
    seq = grid_oracle.rcv.nxt - grid_oracle.rcv.irs;
    if (!grid_arrives(.seq = seq, .ack = 1, .flags = ACK, .len = 10, .raw_options = area,
                      .raw_len = size))
        fails_on("text", area, size);
    tcb = tcp_find(steps->tcp, &steps->flow);
    if (tcb->peer_mss != 1000 || tcb->snd.wscale != 0 || tcb->paws.enabled || !tcb->sack)
        fails_on("text changed what was agreed on", area, size);
}

/* MUST-5, MUST-6, MUST-7, MUST-64, MUST-65, R7323-01, R7323-19, R2018-01, SACK option malformed:
 * whatever the options say, the text arrives, and what the SYNs agreed on stays. */
static void text_with_any_options_arrives(void **state)
{
    (void)state;
    grid_oracle.state = ORACLE_CLOSED;
    every_area(visit_text);
    grid_ends("options of text: kinds x offsets x lengths x ends");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_syn_with_any_options_is_answered, steps_teardown),
        cmocka_unit_test_teardown(a_syn_ack_with_any_options_establishes, steps_teardown),
        cmocka_unit_test_teardown(text_with_any_options_arrives, steps_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
