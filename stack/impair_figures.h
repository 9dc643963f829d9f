/* The engine's counts as tunny.h tells them: the one place that copies them. Used by whatever has
 * an impaired link inside. */
#ifndef TUNNY_IMPAIR_FIGURES_H
#define TUNNY_IMPAIR_FIGURES_H

#include "dev/netem.h"
#include "tunny.h"

static inline struct tunny_impair_counts impair_figures(struct netem_counts counts)
{
    return (struct tunny_impair_counts){
        .packets = counts.packets,
        .lost = counts.lost,
        .duplicated = counts.duplicated,
        .reordered = counts.reordered,
        .corrupted = counts.corrupted,
        .delayed = counts.delayed,
        .overlimit = counts.overlimit,
        .ecn_marked = counts.ecn_marked,
    };
}

#endif
