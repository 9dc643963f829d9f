/* What the programs return to the shell. `tunny get` uses curl's numbers, so that scripts that know
 * curl know us; the other commands use the first three and those above 128. Documented in tunny(1)
 * and tunny-get(1). */
#ifndef TUNNY_COMMON_EXIT_CODES_H
#define TUNNY_COMMON_EXIT_CODES_H

enum exit_code {
    EXIT_OK = 0,
    EXIT_FAILED = 1,             /* every command but get: the network said no */
    EXIT_UNSUPPORTED_SCHEME = 1, /* get: https:// and the like */
    EXIT_USAGE = 2,              /* wrong options, or the stack could not be made */
    EXIT_BAD_URL = 3,
    EXIT_RESOLVE = 6,
    EXIT_CONNECT = 7,
    EXIT_WEIRD_REPLY = 8,
    EXIT_PARTIAL = 18,
    EXIT_HTTP_ERROR = 22,
    EXIT_WRITE = 23,
    EXIT_TIMEOUT = 28,
    EXIT_RANGE = 33,
    EXIT_REDIRECTS = 47,
    EXIT_EMPTY_REPLY = 52,
    EXIT_SEND = 55,
    EXIT_RECEIVE = 56,
    EXIT_TOO_LARGE = 63, /* --max-size */
    EXIT_DIGEST = 110,   /* --sha256 differs; curl has no such code */
    EXIT_SIGNAL = 128    /* plus the signal's number: 130 SIGINT, 143 SIGTERM */
};

#endif
