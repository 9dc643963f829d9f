/* A device that writes down what passes through it, see capture.h. An arrived packet is not written
 * until the next call: what the stack says about it meanwhile becomes its comments. What the stack
 * says about a departure it says before it hands the packet over. Must not change or delay any
 * packet. */
#include "dev/capture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dev/pcapng.h"
#include "wire/checksum.h"

enum {
    REMARKS_LARGEST = 32, /* comments beside one packet */
    REMARKS_SIZE = 8192,
    REMARK_SIZE = 512,
    FILE_BUFFER = 1 << 20,
};

/* Texts that wait for their packet. */
struct remarks {
    char text[REMARKS_SIZE];
    size_t used;
    const char *at[REMARKS_LARGEST + 1]; /* the last is for "and n more" */
    unsigned count, left_out;
};

struct capture {
    struct device device; /* first: a device is its capture */
    struct trace_sink sink;
    struct device *inner;
    struct trace *trace;
    FILE *file; /* NULL after a failure */
    char *path;
    int64_t epoch_ns;
    uint32_t snap_length;
    bool watched; /* not a regular file: somebody may read along */
    bool held;    /* `arrived` has not been written yet */
    struct packet arrived;
    struct instant arrived_at;
    struct remarks arrival, departure;
    uint8_t copy[PACKET_LARGEST];
    char buffer[FILE_BUFFER]; /* stdio's */
};

static struct capture *capture_of(struct device *device)
{
    return (struct capture *)(void *)device;
}

/* --- comments --------------------------------------------------------------------------------- */

static void remark(struct remarks *remarks, const struct trace_record *record)
{
    char line[REMARK_SIZE];
    trace_text(record, line, sizeof line);
    size_t size = strlen(line) + 1;
    if (remarks->count == REMARKS_LARGEST || size > REMARKS_SIZE - remarks->used) {
        remarks->left_out++;
        return;
    }
    char *text = remarks->text + remarks->used;
    memcpy(text, line, size);
    remarks->at[remarks->count++] = text;
    remarks->used += size;
}

static void remarks_clear(struct remarks *remarks)
{
    remarks->used = 0;
    remarks->count = remarks->left_out = 0;
}

/* What is about an arrival while none is held is about something that a timer did. */
static void capture_event(struct trace_sink *sink, const struct trace_record *record)
{
    struct capture *capture = (struct capture *)(void *)((char *)sink -
                                                         offsetof(struct capture, sink));
    if (trace_event_level(record->id) < LEVEL_DECISION)
        return;
    switch (trace_event_about(record->id)) {
    case ABOUT_ARRIVAL:
        if (capture->held)
            remark(&capture->arrival, record);
        break;
    case ABOUT_DEPARTURE:
        remark(&capture->departure, record);
        break;
    case ABOUT_NOTHING:
        break;
    }
}

/* --- writing ---------------------------------------------------------------------------------- */

/* The packet in one piece, as it would be on the wire: a checksum that the device completes is
 * completed in a copy, so that a reader of the file finds nothing wrong with it. */
static struct bytes as_on_the_wire(struct capture *capture, const struct packet *packet)
{
    if (packet->count == 1 && packet->checksum != PACKET_CHECKSUM_PARTIAL)
        return packet->parts[0];
    size_t length = packet_flatten(packet, capture->copy, sizeof capture->copy);
    size_t field = (size_t)packet->checksum_at + packet->checksum_offset;
    if (packet->checksum == PACKET_CHECKSUM_PARTIAL && field + 2 <= length)
        checksum_complete(capture->copy, length, packet->checksum_at, packet->checksum_offset);
    return (struct bytes){capture->copy, length};
}

static void stop_after_failure(struct capture *capture)
{
    fprintf(stderr, "the capture in '%s' ends here: %s\n", capture->path, strerror(errno));
    fclose(capture->file);
    capture->file = NULL;
    if (capture->trace)
        trace_unsubscribe(capture->trace, &capture->sink);
}

static void write_packet(struct capture *capture, const struct packet *packet,
                         enum pcapng_direction direction, struct instant when,
                         struct remarks *remarks)
{
    char more[40];
    if (!capture->file)
        return;
    if (remarks->left_out) {
        snprintf(more, sizeof more, "and %u more", remarks->left_out);
        remarks->at[remarks->count++] = more;
    }
    struct bytes whole = as_on_the_wire(capture, packet);
    struct pcapng_packet record = {
        .time_ns = time_saturating_add(capture->epoch_ns, when.ns),
        .direction = direction,
        .data = capture->snap_length ? bytes_part(whole, 0, capture->snap_length) : whole,
        .length = (uint32_t)whole.len,
        .comments = remarks->at,
        .comment_count = remarks->count,
    };
    pcapng_write(capture->file, &record);
    remarks_clear(remarks);
    if (ferror(capture->file))
        stop_after_failure(capture);
}

/* The packet that arrived last; its memory is ours until `inner` is called again. */
static void write_held(struct capture *capture)
{
    if (!capture->held)
        return;
    write_packet(capture, &capture->arrived, PCAPNG_IN, capture->arrived_at, &capture->arrival);
    capture->held = false;
}

static void flush_file(struct capture *capture)
{
    if (capture->file && fflush(capture->file) != 0)
        stop_after_failure(capture);
}

void capture_flush(struct device *device)
{
    write_held(capture_of(device));
    flush_file(capture_of(device));
}

/* --- the device ------------------------------------------------------------------------------- */

static int capture_receive(struct device *device, struct packet *packet, struct instant now)
{
    struct capture *capture = capture_of(device);
    write_held(capture);
    int result = device_receive(capture->inner, packet, now);
    device->lies = capture->inner->lies;
    if (result == 0) {
        device->received++;
        capture->arrived = *packet;
        capture->arrived_at = now;
        capture->held = true;
        remarks_clear(&capture->arrival);
    } else if (capture->watched) {
        flush_file(capture);
    }
    return result;
}

/* What was said about a packet that is not taken is kept for when it is handed over again. */
static int capture_transmit(struct device *device, const struct packet *packet, struct instant now)
{
    struct capture *capture = capture_of(device);
    write_held(capture);
    int result = device_transmit(capture->inner, packet, now);
    device->refused = capture->inner->refused;
    if (result == 0) {
        device->transmitted++;
        write_packet(capture, packet, PCAPNG_OUT, now, &capture->departure);
    } else if (result != -EAGAIN) {
        remarks_clear(&capture->departure);
    }
    return result;
}

static struct instant capture_deadline(const struct device *device)
{
    return device_deadline(((const struct capture *)(const void *)device)->inner);
}

static int capture_descriptor(const struct device *device)
{
    return device_descriptor(((const struct capture *)(const void *)device)->inner);
}

static void capture_free(struct capture *capture)
{
    if (capture->file)
        fclose(capture->file);
    free(capture->path);
    free(capture);
}

static void capture_close(struct device *device)
{
    struct capture *capture = capture_of(device);
    capture_flush(device);
    if (capture->trace && capture->file)
        trace_unsubscribe(capture->trace, &capture->sink);
    device_close(capture->inner);
    capture_free(capture);
}

static const struct device_ops capture_ops = {
    .receive = capture_receive,
    .transmit = capture_transmit,
    .deadline = capture_deadline,
    .descriptor = capture_descriptor,
    .close = capture_close,
};

static int open_file(struct capture *capture, const char *path)
{
    struct stat status;
    if (strcmp(path, "-") == 0) {
        int copy = dup(STDOUT_FILENO);
        capture->file = copy < 0 ? NULL : fdopen(copy, "wb");
        if (!capture->file && copy >= 0)
            close(copy);
    } else {
        capture->file = fopen(path, "wbe");
    }
    if (!capture->file)
        return -errno;
    setvbuf(capture->file, capture->buffer, _IOFBF, sizeof capture->buffer);
    capture->watched = fstat(fileno(capture->file), &status) == 0 && !S_ISREG(status.st_mode);
    return 0;
}

/* The headers are written at once, so that a disk that is full is known now. */
static int begin(struct capture *capture, const struct capture_config *config)
{
    capture->path = strdup(config->path);
    if (!capture->path)
        return -ENOMEM;
    int result = open_file(capture, config->path);
    if (result != 0)
        return result;
    pcapng_begin(capture->file, config->comment, config->snap_length);
    return fflush(capture->file) == 0 ? 0 : -errno;
}

int capture_open(const struct capture_config *config, struct device *inner, struct trace *trace,
                 struct device **device, char *error, size_t error_size)
{
    struct capture *capture = calloc(1, sizeof *capture);
    int result = capture ? begin(capture, config) : -ENOMEM;
    if (result != 0) {
        snprintf(error, error_size, "cannot write the capture file '%s': %s", config->path,
                 strerror(-result));
        if (capture)
            capture_free(capture);
        return result;
    }
    capture->device = (struct device){.ops = &capture_ops, .features = inner->features};
    capture->sink.event = capture_event;
    capture->inner = inner;
    capture->trace = trace;
    capture->epoch_ns = config->epoch_ns;
    capture->snap_length = config->snap_length;
    if (trace)
        trace_subscribe(trace, &capture->sink);
    *device = &capture->device;
    return 0;
}
