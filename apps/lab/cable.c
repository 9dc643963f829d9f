/* The link of one run; see cable.h. The process carries packets until its channel has something to
 * read, which is the wish to stop (or the parent's end). */
#define _GNU_SOURCE
#include "lab/cable.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tunny.h"

enum { ERROR_SIZE = 200 };

struct cable_word {
    int error; /* a negative errno with a sentence */
    char sentence[ERROR_SIZE];
    struct cable_figures figures;
};

static void take_figures(const struct tunny_link *link, struct cable_figures *figures)
{
    static const unsigned directions[] = {TUNNY_FORWARD, TUNNY_BACKWARD};
    for (unsigned i = 0; i < 2; i++) {
        struct tunny_link_figures f = tunny_link_figures(link, directions[i]);
        figures->lost[i] = f.impaired.lost + f.impaired.overlimit + f.unsent;
        figures->full[i] = f.impaired.overlimit + f.unsent;
        if ((double)f.late_most_ns / 1e6 > figures->late_most_ms)
            figures->late_most_ms = (double)f.late_most_ns / 1e6;
    }
}

static int make_link(const struct cable_setup *setup, struct tunny_link **link,
                     struct cable_word *word)
{
    char near[64], far[64];
    snprintf(near, sizeof near, "%d/tun:lab-a=" CABLE_NEAR "/24", (int)setup->near);
    snprintf(far, sizeof far, "%d/tun:lab-b=" CABLE_FAR "/24", (int)setup->far);
    const char *const ends[] = {near, far};
    struct tunny_link_config config = {.ends = ends,
                                       .end_count = 2,
                                       .impair = setup->impair,
                                       .seed = setup->seed,
                                       .capture = setup->capture,
                                       .offload = 1};
    return tunny_link_create(&config, link, word->sentence, sizeof word->sentence);
}

static void be_the_cable(const struct cable_setup *setup, int channel)
{
    struct cable_word word = {0};
    struct tunny_link *link = NULL;
    /* The kernel may let a sleeper sleep 50 us longer to save a wake-up; and the link goes before
     * the ends, where that is allowed. link_late_ms tells what came of it. */
    const struct sched_param before_ends = {.sched_priority = 2};
    prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
    (void)sched_setscheduler(0, SCHED_RR, &before_ends);
    word.error = make_link(setup, &link, &word);
    if (send(channel, &word, sizeof word, MSG_NOSIGNAL) < 0 || word.error < 0)
        _exit(1);
    word.error = tunny_link_run(link, &channel, 1, word.sentence, sizeof word.sentence);
    /* A socket that is closed with something unread would take the report with it. */
    char wish;
    ssize_t got = recv(channel, &wish, sizeof wish, MSG_DONTWAIT);
    (void)got;
    take_figures(link, &word.figures);
    tunny_link_destroy(link);
    ssize_t sent = send(channel, &word, sizeof word, MSG_NOSIGNAL);
    _exit(sent < 0);
}

static int hear(int channel, struct cable_word *word)
{
    ssize_t got = recv(channel, word, sizeof *word, 0);
    if (got != (ssize_t)sizeof *word)
        return got < 0 ? -errno : -EPIPE;
    return word->error;
}

int cable_start(const struct cable_setup *setup, struct cable *cable, char *error,
                size_t error_size)
{
    int ends[2];
    struct cable_word word = {.sentence = "the link's process is gone"};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return -errno;
    pid_t parent = getpid(), child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(ends[0]);
        if (getppid() == parent)
            be_the_cable(setup, ends[1]);
        _exit(1);
    }
    int result = child < 0 ? -errno : 0;
    close(ends[1]);
    cable->channel = ends[0];
    if (result == 0)
        result = hear(cable->channel, &word);
    if (result < 0)
        snprintf(error, error_size, "link: %s", word.sentence);
    return result;
}

int cable_stop(struct cable *cable, struct cable_figures *figures)
{
    struct cable_word word = {0};
    if (send(cable->channel, "", 1, MSG_NOSIGNAL) < 0)
        return -errno;
    int result = hear(cable->channel, &word);
    close(cable->channel);
    *figures = word.figures;
    return result;
}
