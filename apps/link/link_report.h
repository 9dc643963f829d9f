/* What a link did, for people and for programs. Called at the end and by the control socket. */
#ifndef TUNNY_LINK_LINK_REPORT_H
#define TUNNY_LINK_LINK_REPORT_H

#include "tunny.h"

enum link_format { LINK_TEXT, LINK_JSON };

/* Seed, ends, and both directions with all figures. */
void link_report(FILE *file, const struct tunny_link *link, enum link_format format);
/* The specifications and whether the directions are up: short. */
void link_show(FILE *file, const struct tunny_link *link, enum link_format format);
/* Where netem does something else than one would think, a line each. */
void link_report_warnings(FILE *file, const struct tunny_link *link);

#endif
