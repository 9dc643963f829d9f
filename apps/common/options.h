/* The options that every command shares, and the stack that they describe. Called by each command's
 * main function; it must not know what a command does. */
#ifndef TUNNY_COMMON_OPTIONS_H
#define TUNNY_COMMON_OPTIONS_H

#include <getopt.h>

#include "tunny.h"

enum { OPTIONS_SETTINGS = 64 };

struct options {
    struct tunny_config config;
    const char *settings[OPTIONS_SETTINGS + 1];
    unsigned settings_count;
    char device[64];
    char busy_poll[24]; /* as a setting */
    char command_line[512];
    const char *trace_file;
    const char *stats_file;
    int64_t start_ns; /* of the stack's clock */
    int verbosity;
    int json;
};

/* What a command adds. Its long options' values are letters, or numbers from 1 to 255 without a
 * letter. */
struct command {
    const char *name;           /* "tunny get" */
    const char *usage;          /* "tunny get [OPTION]... URL..." */
    const char *help;           /* its own options, a line each */
    const char *shorts;         /* begins with "+": options end at the first operand */
    const struct option *longs; /* ends with zeros; at most 48 */
};

/* What options_next() returns besides a value of the command's own options. */
enum {
    OPTIONS_END = -1,      /* optind is the first operand */
    OPTIONS_WRONG = -2,    /* a sentence was printed: return EXIT_USAGE */
    OPTIONS_ANSWERED = -3, /* --help or --version was answered: return EXIT_OK */
};

/* Defaults, and the command line for the capture's header. */
void options_start(struct options *options, int argc, char **argv);

/* Takes options until one is the command's own or an end is reached. optarg as in getopt_long(3).
 */
int options_next(struct options *options, const struct command *command, int argc, char **argv);

/* "tunny get: ... Try --help." Returns EXIT_USAGE. */
__attribute__((format(printf, 1, 2))) int options_wrong(const char *format, ...);

/* Makes the stack, and catches signals. EXIT_OK, or EXIT_USAGE with a sentence printed. */
int options_open_stack(struct options *options, struct tunny **stack);

/* Lets closed connections end (at most two seconds, not after a signal), writes --stats, destroys
 * the stack, closes the trace. */
void options_close_stack(struct options *options, struct tunny *stack);

/* tunny --list-settings. */
void options_list_settings(void);

#endif
