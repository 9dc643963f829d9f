/* One URL into one file, whatever it takes: redirects, resuming, retries, the digest. Called by the
 * command for each URL; everything that an answer means is decided here. */
#ifndef TUNNY_GET_DOWNLOAD_H
#define TUNNY_GET_DOWNLOAD_H

#include "get/exchange.h"

struct download_settings {
    int resume;        /* -c */
    unsigned retries;  /* after failures that may pass */
    int retries_given; /* the user asked for them: refused connections count, too */
    unsigned most_redirects;
    enum progress_style style;
    const char *digest; /* expected SHA-256 in hexadecimal; NULL: not checked */
};

struct download {
    const struct download_settings *settings;
    struct exchange *exchange;
    struct url url; /* after redirects, where the bytes come from */
    struct part_file file;
    struct progress progress;
    uint64_t resumed_from; /* bytes that were there before */
    int was_complete;      /* nothing had to be fetched */
    unsigned tries;
    char digest_text[SHA256_TEXT]; /* "" unless it was asked for */
    int64_t start_ns, end_ns;
};

/* Fetches `url` into `name` ("-": standard output). EXIT_OK; else a code with exchange->sentence.
 * Blocks. */
int download_run(struct download *download, struct exchange *exchange,
                 const struct download_settings *settings, const struct url *url, const char *name);

#endif
