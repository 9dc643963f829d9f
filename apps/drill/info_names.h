/* The fields of struct tcp_info by name, and the names of states that scripts compare them with.
 * Called by getsockopt() and by code. */
#ifndef TUNNY_DRILL_INFO_NAMES_H
#define TUNNY_DRILL_INFO_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { INFO_BYTES = 512 };

/* `info`: what getsockopt(TCP_INFO) gave, zeros behind it. False: there is no field of that name.
 */
bool info_field(const void *info, const char *name, int64_t *value);
/* TCP_ESTABLISHED, TCP_CA_Open, TCPI_OPT_SACK ... */
bool info_constant(const char *name, int64_t *value);

#endif
