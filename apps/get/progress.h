/* How far a transfer is: a bar that is redrawn on a terminal, a plain line every five seconds
 * elsewhere. Called by the download with TCP's own figures; writes to standard error only. */
#ifndef TUNNY_GET_PROGRESS_H
#define TUNNY_GET_PROGRESS_H

#include "common/tcp_figures.h"

enum progress_style { PROGRESS_NONE, PROGRESS_LINES, PROGRESS_BAR };

struct progress {
    enum progress_style style;
    int64_t shown_ns;
    uint64_t shown_bytes;
    double rate; /* bytes a second, smoothed */
    int bar_is_drawn;
};

struct progress_facts {
    int64_t now_ns;
    uint64_t bytes;
    int has_total;
    uint64_t total;
};

/* The bar on a terminal, lines elsewhere. */
enum progress_style progress_style(void);
void progress_start(struct progress *progress, enum progress_style style, int64_t now_ns,
                    uint64_t bytes);
/* Whether enough time has passed to say something again. */
int progress_is_due(const struct progress *progress, int64_t now_ns);
void progress_show(struct progress *progress, const struct progress_facts *facts,
                   const struct tcp_figures *figures);
/* Takes the bar away before something else is printed. */
void progress_clear(struct progress *progress);

enum { FIGURES_TEXT = 96 };
/* "rtt 20.1 ms, cwnd 10, 3 retransmitted"; "" when nothing is known. Returns `out`. */
char *figures_text(const struct tcp_figures *figures, char out[FIGURES_TEXT]);

#endif
