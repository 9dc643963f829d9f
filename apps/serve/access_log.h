/* One line for each answer, in the Common Log Format with the seconds it took behind it, or as
 * JSON. Called by the server's clients. */
#ifndef TUNNY_SERVE_ACCESS_LOG_H
#define TUNNY_SERVE_ACCESS_LOG_H

#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>

struct access_log {
    FILE *file; /* NULL: none is kept */
    int is_json;
};

struct access_entry {
    const struct sockaddr_storage *peer;
    const char *method, *target;
    unsigned minor_version, status;
    uint64_t bytes; /* of the body that was sent */
    int64_t duration_ns;
};

void access_log_add(const struct access_log *log, const struct access_entry *entry);

#endif
