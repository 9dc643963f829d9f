/* Sentences for people, on standard error. Called by every command; it knows nothing of the
 * network. */
#ifndef TUNNY_COMMON_MESSAGE_H
#define TUNNY_COMMON_MESSAGE_H

#include <stddef.h>
#include <stdio.h>

/* The prefix of every later sentence, "tunny get". The text must live on. */
void message_program(const char *name);

/* "tunny get: SENTENCE" and a newline on standard error. */
__attribute__((format(printf, 1, 2))) void complain(const char *format, ...);

/* The system's words for an errno, negative or positive. Valid until the next call. */
const char *error_words(int error);

/* Writes `text` with everything that a terminal might obey or mistake (control characters, bytes
 * above 126, quotes and backslashes) as \xNN: for whatever a peer sent. Cut to fit; always ends
 * with NUL. Returns `out`. */
char *message_quote(const char *text, size_t length, char *out, size_t out_size);

/* Writes `text` as a JSON string with its quotes. Bytes above 126 become \u00NN. */
void message_json_string(FILE *file, const char *text);

#endif
