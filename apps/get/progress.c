/* The bar and the lines; see progress.h. */
#include "get/progress.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/numbers.h"

static const int64_t bar_interval_ns = 200000000, line_interval_ns = 5000000000;

enum { LINE_MOST = 256, BAR_CELLS = 24 };

enum progress_style progress_style(void)
{
    return isatty(STDERR_FILENO) ? PROGRESS_BAR : PROGRESS_LINES;
}

void progress_start(struct progress *progress, enum progress_style style, int64_t now_ns,
                    uint64_t bytes)
{
    *progress = (struct progress){.style = style, .shown_ns = now_ns, .shown_bytes = bytes};
}

int progress_is_due(const struct progress *progress, int64_t now_ns)
{
    int64_t interval = progress->style == PROGRESS_BAR ? bar_interval_ns : line_interval_ns;
    return progress->style != PROGRESS_NONE && now_ns - progress->shown_ns >= interval;
}

static void update_rate(struct progress *progress, const struct progress_facts *facts)
{
    double seconds = (double)(facts->now_ns - progress->shown_ns) / 1e9;
    if (seconds <= 0 || facts->bytes < progress->shown_bytes)
        return;
    double rate = (double)(facts->bytes - progress->shown_bytes) / seconds;
    progress->rate = progress->rate > 0 ? 0.7 * progress->rate + 0.3 * rate : rate;
}

/* ", ETA 1:02:03"; nothing when it cannot be told. */
static void append_eta(const struct progress *progress, const struct progress_facts *facts,
                       char line[LINE_MOST])
{
    if (!facts->has_total || progress->rate < 1 || facts->bytes > facts->total)
        return;
    double left = (double)(facts->total - facts->bytes) / progress->rate;
    unsigned long seconds = left < 3.6e6 ? (unsigned long)left : 3600000;
    size_t used = strlen(line);
    if (seconds >= 3600)
        snprintf(line + used, LINE_MOST - used, ", ETA %lu:%02lu:%02lu", seconds / 3600,
                 seconds / 60 % 60, seconds % 60);
    else
        snprintf(line + used, LINE_MOST - used, ", ETA %lu:%02lu", seconds / 60, seconds % 60);
}

char *figures_text(const struct tcp_figures *figures, char out[FIGURES_TEXT])
{
    *out = '\0';
    if (figures->known)
        snprintf(out, FIGURES_TEXT, "rtt %.1f ms, cwnd %u, %u retransmitted",
                 (double)figures->rtt_us / 1000, figures->cwnd_segments,
                 figures->retransmitted_segments);
    return out;
}

/* "45.2 MiB of 64.0 MiB, 70 %, 12.3 MiB/s, ETA 0:02, rtt ..." */
static void compose(const struct progress *progress, const struct progress_facts *facts,
                    const struct tcp_figures *figures, char line[LINE_MOST])
{
    char have[SIZE_TEXT], total[SIZE_TEXT], rate[SIZE_TEXT], tcp[FIGURES_TEXT];
    size_text(facts->bytes, have);
    size_text(facts->total, total);
    size_text((uint64_t)progress->rate, rate);
    if (facts->has_total && facts->total > 0)
        snprintf(line, LINE_MOST, "%s of %s, %.0f %%, %s/s", have, total,
                 100.0 * (double)facts->bytes / (double)facts->total, rate);
    else
        snprintf(line, LINE_MOST, "%s, %s/s", have, rate);
    append_eta(progress, facts, line);
    size_t used = strlen(line);
    if (*figures_text(figures, tcp) != '\0')
        snprintf(line + used, LINE_MOST - used, ", %s", tcp);
}

static int columns(void)
{
    struct winsize size;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

static void draw(const struct progress_facts *facts, const char *line)
{
    char cells[BAR_CELLS + 1] = "";
    int width = columns(), room = width - (int)strlen(line) - 4;
    int count = room < BAR_CELLS ? room : BAR_CELLS;
    if (facts->has_total && facts->total > 0 && count >= 6) {
        double part = (double)facts->bytes / (double)facts->total;
        for (int i = 0; i < count; i++)
            cells[i] = (double)i < part * count ? '#' : '.';
        fprintf(stderr, "\r\033[K[%s] %s", cells, line);
    } else {
        fprintf(stderr, "\r\033[K%.*s", width - 1, line);
    }
    fflush(stderr);
}

void progress_show(struct progress *progress, const struct progress_facts *facts,
                   const struct tcp_figures *figures)
{
    char line[LINE_MOST];
    update_rate(progress, facts);
    progress->shown_ns = facts->now_ns;
    progress->shown_bytes = facts->bytes;
    compose(progress, facts, figures, line);
    if (progress->style == PROGRESS_BAR) {
        draw(facts, line);
        progress->bar_is_drawn = 1;
    } else if (progress->style == PROGRESS_LINES) {
        fprintf(stderr, "%s\n", line);
    }
}

void progress_clear(struct progress *progress)
{
    if (progress->bar_is_drawn)
        fprintf(stderr, "\r\033[K");
    progress->bar_is_drawn = 0;
}
