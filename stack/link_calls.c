/* A cable between other people's interfaces as tunny.h offers it: the ends opened, the loop that
 * waits for packets and times, figures. What happens to a packet is in dev/cable.c. Called by
 * applications. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "base/check.h"
#include "dev/cable.h"
#include "dev/clock.h"
#include "dev/secret.h"
#include "impair_figures.h"
#include "link_ends.h"

enum { WATCHED_MOST = 32, LOOK_EVERY = 64 /* turns, while there is always something to move */ };

struct tunny_link {
    struct cable *cable;
    struct link_ends ends; /* the devices are the cable's */
    unsigned far;
    uint64_t seed;
    struct instant start;
};

/* --- making ----------------------------------------------------------------------------------- */

static int open_cable(struct tunny_link *link, const struct tunny_link_config *config,
                      const struct siphash_key *secret, char *error, size_t error_size)
{
    struct cable_config cable = {
        .devices = link->ends.devices,
        .count = link->ends.count,
        .far = link->far,
        .trailer = link->ends.trailer,
        .impair = config->impair,
        .each = {config->forward, config->backward},
        .seed = link->seed,
        .log = config->log,
        .replay = config->replay,
        .capture = config->capture,
        .note = config->capture_note,
        .epoch_ns = clock_epoch_ns(),
        .secret = secret,
    };

    return cable_open(&cable, &link->cable, error, error_size);
}

static int set_up(struct tunny_link *link, const struct tunny_link_config *config, char *error,
                  size_t error_size)
{
    struct siphash_key secret;
    int rc = secret_fill(&secret);

    if (rc) {
        snprintf(error, error_size, "the kernel gives no random numbers: %s", strerror(-rc));
        return rc;
    }
    link->seed = config->seed ? config->seed : siphash(&secret, "seed", 4);
    link->far = config->far_count ? config->far_count : 1;
    rc = link_ends_open(config, &link->ends, error, error_size);
    if (rc)
        return rc;
    rc = open_cable(link, config, &secret, error, error_size);
    if (rc)
        link_ends_close(&link->ends);
    return rc;
}

int tunny_link_create(const struct tunny_link_config *config, struct tunny_link **link, char *error,
                      size_t error_size)
{
    struct tunny_link *made = calloc(1, sizeof *made);

    snprintf(error, error_size, "no memory");
    if (!made)
        return -ENOMEM;
    int rc = set_up(made, config, error, error_size);
    if (rc) {
        free(made);
        return rc;
    }
    made->start = clock_now();
    *link = made;
    return 0;
}

int tunny_link_destroy(struct tunny_link *link)
{
    if (!link)
        return 0;
    bool whole = cable_close(link->cable);
    free(link);
    return whole ? 0 : -EIO;
}

/* --- running ---------------------------------------------------------------------------------- */

struct waiting {
    struct pollfd polled[TUNNY_LINK_ENDS + WATCHED_MOST];
    unsigned ends, count;
};

static void start_waiting(struct waiting *w, const struct tunny_link *link, const int *descriptors,
                          unsigned count)
{
    CHECK(count <= WATCHED_MOST);
    *w = (struct waiting){.ends = link->ends.count, .count = link->ends.count + count};
    for (unsigned i = 0; i < w->ends; i++)
        w->polled[i].fd = device_descriptor(link->ends.devices[i]);
    for (unsigned i = 0; i < count; i++)
        w->polled[w->ends + i].fd = descriptors[i];
    for (unsigned i = 0; i < w->count; i++)
        w->polled[i].events = POLLIN;
}

/* Until something is readable or `until` has come; whether that is one of the descriptors watched.
 */
static bool wait_until(struct waiting *w, struct instant until)
{
    struct timespec left = {0, 0};

    if (!instant_is_never(until)) {
        int64_t ns = instant_since(until, clock_now()).ns;
        if (ns > 0)
            left = (struct timespec){ns / 1000000000, ns % 1000000000};
    }
    if (ppoll(w->polled, w->count, instant_is_never(until) ? NULL : &left, NULL) <= 0)
        return false;
    for (unsigned i = w->ends; i < w->count; i++) {
        if (w->polled[i].revents)
            return true;
    }
    return false;
}

int tunny_link_run(struct tunny_link *link, const int *descriptors, unsigned count, char *error,
                   size_t error_size)
{
    struct waiting waiting;
    unsigned end;

    start_waiting(&waiting, link, descriptors, count);
    for (unsigned turns = 1;; turns++) {
        int rc = cable_turn(link->cable, clock_now(), &end);
        if (rc < 0) {
            snprintf(error, error_size, "the interface of end %u, '%s', is gone: %s", end + 1,
                     link->ends.names[end], strerror(-rc));
            return rc;
        }
        bool idle = rc == 0;
        if ((idle || turns % LOOK_EVERY == 0) &&
            wait_until(&waiting, idle ? cable_deadline(link->cable) : INSTANT_ZERO))
            return 0;
    }
}

/* --- changing and watching -------------------------------------------------------------------- */

int tunny_link_set(struct tunny_link *link, unsigned directions, const char *impair, char *error,
                   size_t error_size)
{
    return cable_set(link->cable, directions, impair, clock_now(), error, error_size);
}

void tunny_link_down(struct tunny_link *link, unsigned directions)
{
    cable_cut(link->cable, directions, CABLE_DOWN);
}

void tunny_link_up(struct tunny_link *link, unsigned directions)
{
    cable_cut(link->cable, directions, CABLE_UP);
}

static unsigned index_of(unsigned direction)
{
    return direction == TUNNY_BACKWARD ? IMPAIR_IN : IMPAIR_OUT;
}

struct tunny_link_figures tunny_link_figures(const struct tunny_link *link, unsigned direction)
{
    struct cable_figures f = cable_figures(link->cable, index_of(direction));

    return (struct tunny_link_figures){
        .impaired = impair_figures(f.counts),
        .bytes = f.bytes,
        .held = f.held,
        .held_bytes = f.held_bytes,
        .unsent = f.unsent,
        .local = f.local,
        .late = f.late,
        .late_total_ns = f.late_total.ns,
        .late_most_ns = f.late_most.ns,
        .is_down = f.state == CABLE_DOWN,
    };
}

int tunny_link_end(const struct tunny_link *link, unsigned index, struct tunny_link_end *end)
{
    if (index >= link->ends.count)
        return -ENOENT;
    const struct device *device = link->ends.devices[index];
    *end = (struct tunny_link_end){
        .name = link->ends.names[index],
        .is_far = index >= link->ends.count - link->far,
        .received = device->received,
        .transmitted = device->transmitted,
        .refused = device->refused,
    };
    return 0;
}

size_t tunny_link_impair(const struct tunny_link *link, unsigned direction, char *text, size_t size)
{
    return cable_specification(link->cable, index_of(direction), text, size);
}

const char *tunny_link_warnings(const struct tunny_link *link, unsigned direction)
{
    return cable_warnings(link->cable, index_of(direction));
}

uint64_t tunny_link_seed(const struct tunny_link *link)
{
    return link->seed;
}

int64_t tunny_link_age_ns(const struct tunny_link *link)
{
    return instant_since(clock_now(), link->start).ns;
}
