/* Dates as HTTP writes them, "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, 5.6.7, the one form that
 * senders may use), free of locale. Called by the server for its fields and by the downloader for a
 * file's time. */
#ifndef TUNNY_COMMON_HTTP_DATE_H
#define TUNNY_COMMON_HTTP_DATE_H

#include <time.h>

#include "common/http_fields.h"

enum { HTTP_DATE_TEXT = 32 };

/* Years 0 to 9999; others are clamped to 1970. Returns `out`. */
char *http_date_text(time_t when, char out[HTTP_DATE_TEXT]);
/* 0; -EBADMSG. */
int http_date_parse(struct span text, time_t *when);

#endif
