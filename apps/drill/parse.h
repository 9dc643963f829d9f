/* Text to script: a recursive descent over the grammar of packetdrill. Called once for each script.
 */
#ifndef TUNNY_DRILL_PARSE_H
#define TUNNY_DRILL_PARSE_H

#include "lexer.h"
#include "script.h"

enum parse_verdict { PARSE_OK, PARSE_WRONG, PARSE_UNSUPPORTED };

struct parse_error {
    enum parse_verdict verdict;
    int line;
    char text[200];
};

/* `text` is terminated and outlives the script; `path` likewise. `options` are those of the command
 * line (they come before the script's own, which win). PARSE_WRONG: the text is no script;
 * PARSE_UNSUPPORTED: it is, but uses what is not implemented: *error says which line and what. */
enum parse_verdict parse_script(struct script *script, const char *path, const char *text,
                                struct script_option *options, struct arena *arena,
                                struct parse_error *error);

/* --- among the parser's files
 * ----------------------------------------------------------------------- */

struct parser {
    struct lexer lexer;
    struct token token; /* the one looked at */
    struct arena *arena;
    enum ip_version ip_version;
    unsigned depth; /* of nested expressions */
    struct parse_error *error;
};

/* All of these return false (NULL) after the first error, which they note. */
void parse_advance(struct parser *p);
bool parse_fails(struct parser *p, enum parse_verdict verdict, const char *what);
bool parse_is(const struct parser *p, char character);
bool parse_is_word(const struct parser *p, const char *word);
bool parse_expect(struct parser *p, char character);
/* Takes the word when it is there. */
bool parse_take_word(struct parser *p, const char *word);
bool parse_take(struct parser *p, char character);
/* A whole number from `least` to `most`, decimal or hexadecimal. */
bool parse_number(struct parser *p, int64_t least, int64_t most, int64_t *value);

struct packet_spec *parse_packet(struct parser *p);
bool parse_tcp_options(struct parser *p, struct packet_spec *spec);
bool parse_icmp(struct parser *p, struct packet_spec *spec);
bool parse_sequence(struct parser *p, uint32_t *seq, uint32_t *length);
struct call_spec *parse_call(struct parser *p);

#endif
