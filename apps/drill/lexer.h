/* The words of the packetdrill language, one at a time. Called by the parser. Comments are //, C's,
 * and from # to the end of the line. */
#ifndef TUNNY_DRILL_LEXER_H
#define TUNNY_DRILL_LEXER_H

#include "arena.h"
#include "script.h"

enum token_kind {
    TOKEN_END,
    TOKEN_INTEGER,
    TOKEN_HEX,
    TOKEN_FLOAT,
    TOKEN_WORD, /* letters, digits and _, not a number */
    TOKEN_STRING,
    TOKEN_BACKQUOTED,
    TOKEN_CODE,   /* %{ ... }% */
    TOKEN_OPTION, /* --name=value */
    TOKEN_ELLIPSIS,
    TOKEN_CHARACTER, /* any other single one */
    TOKEN_BAD,       /* lexer.error says what is wrong */
};

struct token {
    enum token_kind kind;
    int line;
    const char *start; /* in the script */
    const char *text;  /* without quotes, escapes resolved; terminated */
    size_t length;     /* of text */
    int64_t integer;
    double number; /* TOKEN_INTEGER, TOKEN_FLOAT */
    char character;
};

struct lexer {
    const char *at;
    int line;
    struct arena *arena;
    struct script_option *defines; /* words that stand for others (-D NAME=VALUE) */
    char error[120];
};

/* `text` is terminated and outlives the lexer. */
void lexer_start(struct lexer *lexer, const char *text, struct arena *arena);
struct token lexer_next(struct lexer *lexer);
/* What was read last is read again from `token` on as characters up to white space: TCP's flags.
 * Returns an arena copy; the next token is what follows. */
const char *lexer_raw(struct lexer *lexer, const struct token *token);

#endif
