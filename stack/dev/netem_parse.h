/* The grammar of tc-netem(8) as iproute2 7.1 reads it: keywords may be shortened to any prefix,
 * numbers that belong to an option are taken while they look like numbers. An error names the word
 * and says what is expected; a warning says where netem does something else than one would think.
 * Called by the parser of impairments and by tools that configure the kernel's netem. */
#ifndef TUNNY_DEV_NETEM_PARSE_H
#define TUNNY_DEV_NETEM_PARSE_H

#include "dev/netem_config.h"
#include "dev/netem_units.h"

/* What the parser says: sentences for people. Zeroed at first. */
struct netem_notes {
    char error[256];
    char warnings[1024]; /* each ends with a newline */
};

struct netem_parser {
    struct netem_words words;
    struct netem_config *config;
    struct netem_tables *tables;
    uint64_t device_rate; /* bytes a second, for "rate 50%"; 0: not known */
    struct netem_notes *notes;
    uint32_t seen; /* options that were named, bits private to netem_parse.c */
};

/* Reads a whole specification into `config` (defaults first). 0; -EINVAL with notes->error;
 * -ENOMEM. */
int netem_parse(const char *text, struct netem_tables *tables, struct netem_config *config,
                struct netem_notes *notes);

/* The same in steps, for grammars that know more words. Option: 1 when the next word was netem's
 * and is taken with what belongs to it, 0 when it is not netem's, -EINVAL, -ENOMEM. Finish: what
 * must be consistent across options, and the warnings. */
int netem_parse_option(struct netem_parser *parser);
int netem_parse_finish(struct netem_parser *parser);

/* Sets the error sentence and returns -EINVAL. */
__attribute__((format(printf, 2, 3))) int netem_parse_error(struct netem_notes *notes,
                                                            const char *format, ...);
__attribute__((format(printf, 2, 3))) void netem_parse_warning(struct netem_notes *notes,
                                                               const char *format, ...);

#endif
