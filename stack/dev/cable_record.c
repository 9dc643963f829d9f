/* The cable's pcapng file, see the header. */
#include "dev/cable_record.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "dev/cable.h"
#include "dev/impair_verdict.h"
#include "dev/pcapng.h"
#include "wire/checksum.h"

struct cable_record {
    FILE *file;
    int64_t epoch_ns;
    size_t trailer;
    bool watched; /* no regular file: somebody may read along */
    bool failed;
    bool has_clone;
    char clone[IMPAIR_VERDICT_SIZE]; /* the second copy's verdict, until the first's comes */
    uint8_t copy[PACKET_LARGEST + CABLE_TRAILER_MOST];
};

static bool is_regular(FILE *file)
{
    struct stat facts;

    return fstat(fileno(file), &facts) == 0 && S_ISREG(facts.st_mode);
}

int cable_record_open(const char *path, const char *comment, int64_t epoch_ns, size_t trailer,
                      struct cable_record **record, char *error, size_t error_size)
{
    struct cable_record *r = calloc(1, sizeof *r);

    if (r == NULL)
        return -ENOMEM;
    r->file = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");
    if (r->file == NULL) {
        int rc = -errno;
        snprintf(error, error_size, "the capture '%s' cannot be written: %s", path,
                 strerror(errno));
        free(r);
        return rc;
    }
    r->epoch_ns = epoch_ns;
    r->trailer = trailer;
    r->watched = !is_regular(r->file);
    pcapng_begin(r->file, comment, 0);
    *record = r;
    return 0;
}

bool cable_record_close(struct cable_record *record)
{
    if (record == NULL)
        return true;
    bool failed = record->failed;
    failed |= (record->file == stdout ? fflush(stdout) : fclose(record->file)) != 0;
    free(record);
    return !failed;
}

static void put(struct cable_record *r, unsigned direction, struct bytes bytes, struct instant now,
                const char *const *comments, unsigned count)
{
    bytes = bytes_part(bytes, 0, bytes.len - r->trailer);
    struct pcapng_packet packet = {
        .time_ns = time_saturating_add(r->epoch_ns, now.ns),
        .direction = direction == IMPAIR_OUT ? PCAPNG_OUT : PCAPNG_IN,
        .data = bytes,
        .length = (uint32_t)bytes.len,
        .comments = comments,
        .comment_count = count,
    };

    if (r->failed)
        return;
    pcapng_write(r->file, &packet);
    r->failed = ferror(r->file) != 0;
}

void cable_record_verdict(struct cable_record *r, const struct impair_verdict *verdict,
                          struct instant now)
{
    char text[IMPAIR_VERDICT_SIZE];
    const char *comments[2] = {impair_verdict_text(verdict, text), r->clone};

    if (verdict->line.fate.clone) {
        memcpy(r->clone, text, strlen(text) + 1);
        r->has_clone = true;
        return;
    }
    put(r, verdict->line.direction, verdict->packet, now, comments, r->has_clone ? 2 : 1);
    r->has_clone = false;
}

void cable_record_passed(struct cable_record *r, unsigned direction, const struct packet *packet,
                         struct instant now)
{
    struct bytes whole = packet->parts[0];
    size_t length = whole.len - r->trailer;
    size_t field = (size_t)packet->checksum_at + packet->checksum_offset;

    if (packet->checksum == PACKET_CHECKSUM_PARTIAL && field + 2 <= length) {
        memcpy(r->copy, whole.data, whole.len);
        checksum_complete(r->copy, length, packet->checksum_at, packet->checksum_offset);
        whole.data = r->copy;
    }
    put(r, direction, whole, now, NULL, 0);
}

void cable_record_idle(struct cable_record *r)
{
    if (r->watched && !r->failed)
        r->failed = fflush(r->file) != 0;
}
