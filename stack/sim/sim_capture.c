/* One file of a whole world's packets, see the header. Time 0 of the world is 1970. */
#include "sim/sim_capture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dev/pcapng.h"

struct sim_capture {
    FILE *file;
};

int sim_capture_open(const char *path, const char *comment, struct sim_capture **capture,
                     char *error, size_t error_size)
{
    struct sim_capture *made = calloc(1, sizeof *made);

    if (made == NULL)
        return -ENOMEM;
    made->file = fopen(path, "wbe");
    if (made->file == NULL) {
        int r = -errno;
        snprintf(error, error_size, "cannot write '%s': %s", path, strerror(-r));
        free(made);
        return r;
    }
    pcapng_begin(made->file, comment, 0);
    *capture = made;
    return 0;
}

int sim_capture_close(struct sim_capture *capture)
{
    if (capture == NULL)
        return 0;
    int bad = ferror(capture->file), r = fclose(capture->file);
    free(capture);
    return bad || r ? -EIO : 0;
}

void sim_capture_write(struct sim_capture *capture, struct instant now, const char *link,
                       unsigned direction, struct bytes packet, const char *fate)
{
    char text[128];
    const char *comments[] = {text};
    struct pcapng_packet record = {
        .time_ns = now.ns,
        .direction = direction ? PCAPNG_IN : PCAPNG_OUT,
        .data = packet,
        .length = (uint32_t)packet.len,
        .comments = comments,
        .comment_count = 1,
    };

    snprintf(text, sizeof text, "%s %s: %s", link, direction ? "backward" : "forward", fate);
    pcapng_write(capture->file, &record);
}
