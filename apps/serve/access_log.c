/* One line for each answer; see access_log.h. */
#include "serve/access_log.h"

#include <string.h>
#include <time.h>

#include "common/endpoint.h"
#include "common/message.h"

static void add_json(const struct access_log *log, const struct access_entry *entry,
                     const char *host)
{
    fprintf(log->file, "{\"time\":%lld,\"peer\":\"%s\",\"method\":", (long long)time(NULL), host);
    message_json_string(log->file, entry->method);
    fprintf(log->file, ",\"target\":");
    message_json_string(log->file, entry->target);
    fprintf(log->file, ",\"status\":%u,\"bytes\":%llu,\"seconds\":%.6f}\n", entry->status,
            (unsigned long long)entry->bytes, (double)entry->duration_ns / 1e9);
}

void access_log_add(const struct access_log *log, const struct access_entry *entry)
{
    char host[ENDPOINT_TEXT], target[1024], date[64];
    time_t now = time(NULL);
    struct tm utc = {0};
    if (log->file == NULL)
        return;
    endpoint_host(entry->peer, host);
    if (log->is_json) {
        add_json(log, entry, host);
        return;
    }
    gmtime_r(&now, &utc);
    strftime(date, sizeof date, "%d/%b/%Y:%H:%M:%S +0000", &utc);
    message_quote(entry->target, strlen(entry->target), target, sizeof target);
    fprintf(log->file, "%s - - [%s] \"%s %s HTTP/1.%u\" %u %llu %.3f\n", host, date, entry->method,
            target, entry->minor_version, entry->status, (unsigned long long)entry->bytes,
            (double)entry->duration_ns / 1e9);
}
