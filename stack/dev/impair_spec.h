/* The specification of an impaired link, both directions:
 *     delay 20ms loss 3%                         both directions alike
 *     out: delay 20ms ; in: rate 10mbit          each on its own (forward: and backward: are the
 * same) with tc-netem's own options (netem_parse.h) and what netem does not have, always in full
 * words: drop 3,7,20-25   drop syn#1,data#5   mask 0x5        scripted losses (impair_script.h)
 *     queue tail|codel BYTES [ecn]               a bottleneck at `rate` (impair_queue.h)
 *     trace FILE                                 or at what a trace says (impair_trace.h)
 *     log FILE   replay FILE                     fates written, fates read (impair_log.h)
 *     at 2s forward loss 5%   at 5s down   at 7s up        a schedule; options not named stay
 * Reads text and the files that it names. Called by impair.c, cable.c and by tools that check what
 * a user wrote. */
#ifndef TUNNY_DEV_IMPAIR_SPEC_H
#define TUNNY_DEV_IMPAIR_SPEC_H

#include "dev/impair_queue.h"
#include "dev/impair_script.h"
#include "dev/netem_parse.h"

enum { IMPAIR_OUT, IMPAIR_IN, IMPAIR_DIRECTIONS };
enum { IMPAIR_CHANGES = 32, IMPAIR_CLAUSE_SIZE = 256, IMPAIR_PATH_SIZE = NETEM_WORD_SIZE };
/* Enough for the text of every specification. */
enum { IMPAIR_TEXT_SIZE = 32768 };

struct impair_side {
    struct netem_config netem;
    struct impair_script script;
    struct impair_queue_config queue;
};

enum impair_change_kind { IMPAIR_CHANGE_OPTIONS, IMPAIR_CHANGE_DOWN, IMPAIR_CHANGE_UP };

struct impair_change {
    struct duration at; /* since the first packet or call */
    enum impair_change_kind kind;
    bool concerns[IMPAIR_DIRECTIONS];
    struct netem_config netem[IMPAIR_DIRECTIONS]; /* complete, also with what stays */
    char text[IMPAIR_CLAUSE_SIZE];                /* the options as written */
};

struct impair_specification {
    struct impair_side side[IMPAIR_DIRECTIONS];
    struct impair_change changes[IMPAIR_CHANGES]; /* in order of time */
    unsigned change_count;
    uint32_t limit_most; /* of `limit` in what may come to replace this; 0: nothing will */
    char log[IMPAIR_PATH_SIZE], replay[IMPAIR_PATH_SIZE]; /* "": none */
    struct netem_tables tables;
    struct impair_trace *traces; /* that sides refer to */
};

/* Reads a specification. 0; -EINVAL with notes->error; -ENOMEM. impair_specification_free() is due
 * in any case. */
int impair_specification_parse(const char *text, struct impair_specification *specification,
                               struct netem_notes *notes);
/* The same with a text for each direction, either of them NULL for nothing; a clause that names the
 * other direction is an error. */
int impair_specification_parse_each(const char *const texts[IMPAIR_DIRECTIONS],
                                    struct impair_specification *specification,
                                    struct netem_notes *notes);
void impair_specification_free(struct impair_specification *specification);
/* Gives a seed of its own to each direction that names none (splitmix64). */
void impair_specification_seed(struct impair_specification *specification, uint64_t seed);
/* The specification that reads back as exactly this, seeds included. Always terminated; returns the
 * length that was wanted. */
size_t impair_specification_text(const struct impair_specification *specification, char *text,
                                 size_t size);
/* One direction of it, as a specification for that direction alone; without log and replay. */
size_t impair_specification_side_text(const struct impair_specification *specification,
                                      unsigned direction, char *text, size_t size);

#endif
