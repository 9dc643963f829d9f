/* A link's figures as text and JSON; see link_report.h. */
#include "link/link_report.h"

#include <string.h>

#include "common/message.h"

/* More than any specification is long. */
enum { SPECIFICATION_SIZE = 32768 };

typedef unsigned long long number;

static const struct {
    unsigned direction;
    const char *name;
} directions[] = {{TUNNY_FORWARD, "forward"}, {TUNNY_BACKWARD, "backward"}};

static double seconds_of(const struct tunny_link *link)
{
    return (double)tunny_link_age_ns(link) / 1e9;
}

static double mean_late_us(const struct tunny_link_figures *f)
{
    return f->late ? (double)f->late_total_ns / (double)f->late / 1e3 : 0;
}

/* --- text ------------------------------------------------------------------------------------- */

static void text_ends(FILE *file, const struct tunny_link *link)
{
    struct tunny_link_end end;

    for (unsigned i = 0; tunny_link_end(link, i, &end) == 0; i++)
        fprintf(file, "%-4s %s: %llu read, %llu written, %llu refused\n",
                end.is_far ? "far" : "near", end.name, (number)end.received,
                (number)end.transmitted, (number)end.refused);
}

static void text_direction(FILE *file, const struct tunny_link *link, unsigned i)
{
    struct tunny_link_figures f = tunny_link_figures(link, directions[i].direction);
    const struct tunny_impair_counts *c = &f.impaired;

    fprintf(file,
            "%s: %llu packets, %llu bytes; %llu lost, %llu over limit, %llu duplicated, %llu "
            "reordered, %llu corrupted, %llu delayed, %llu marked\n",
            directions[i].name, (number)c->packets, (number)f.bytes, (number)c->lost,
            (number)c->overlimit, (number)c->duplicated, (number)c->reordered, (number)c->corrupted,
            (number)c->delayed, (number)c->ecn_marked);
    fprintf(file,
            "  held %llu (%llu bytes), unsent %llu, past the engine %llu, late %llu (mean %.0f us, "
            "most %.0f us)\n",
            (number)f.held, (number)f.held_bytes, (number)f.unsent, (number)f.local, (number)f.late,
            mean_late_us(&f), (double)f.late_most_ns / 1e3);
}

static void text_specification(FILE *file, const struct tunny_link *link, unsigned i)
{
    char text[SPECIFICATION_SIZE];

    tunny_link_impair(link, directions[i].direction, text, sizeof text);
    fprintf(file, "%s (%s): %s\n", directions[i].name,
            tunny_link_figures(link, directions[i].direction).is_down ? "down" : "up", text);
}

/* --- JSON ------------------------------------------------------------------------------------- */

static void json_ends(FILE *file, const struct tunny_link *link)
{
    struct tunny_link_end end;

    fprintf(file, "\"ends\":[");
    for (unsigned i = 0; tunny_link_end(link, i, &end) == 0; i++) {
        fprintf(file, "%s{\"name\":", i ? "," : "");
        message_json_string(file, end.name);
        fprintf(file, ",\"side\":\"%s\",\"received\":%llu,\"transmitted\":%llu,\"refused\":%llu}",
                end.is_far ? "far" : "near", (number)end.received, (number)end.transmitted,
                (number)end.refused);
    }
    fprintf(file, "]");
}

static void json_specification(FILE *file, const struct tunny_link *link, unsigned i)
{
    char text[SPECIFICATION_SIZE];

    tunny_link_impair(link, directions[i].direction, text, sizeof text);
    fprintf(file, "\"%s\":{\"impair\":", directions[i].name);
    message_json_string(file, text);
    fprintf(file, ",\"state\":\"%s\"",
            tunny_link_figures(link, directions[i].direction).is_down ? "down" : "up");
}

static void json_figures(FILE *file, const struct tunny_link *link, unsigned i)
{
    struct tunny_link_figures f = tunny_link_figures(link, directions[i].direction);
    const struct tunny_impair_counts *c = &f.impaired;

    fprintf(file,
            ",\"packets\":%llu,\"bytes\":%llu,\"lost\":%llu,\"overlimit\":%llu,"
            "\"duplicated\":%llu,\"reordered\":%llu,\"corrupted\":%llu,\"delayed\":%llu,"
            "\"ecn_marked\":%llu",
            (number)c->packets, (number)f.bytes, (number)c->lost, (number)c->overlimit,
            (number)c->duplicated, (number)c->reordered, (number)c->corrupted, (number)c->delayed,
            (number)c->ecn_marked);
    fprintf(file,
            ",\"held\":%llu,\"held_bytes\":%llu,\"unsent\":%llu,\"past_engine\":%llu,"
            "\"late\":%llu,\"late_mean_us\":%.1f,\"late_most_us\":%.1f",
            (number)f.held, (number)f.held_bytes, (number)f.unsent, (number)f.local, (number)f.late,
            mean_late_us(&f), (double)f.late_most_ns / 1e3);
}

/* --- both ------------------------------------------------------------------------------------- */

static void begin(FILE *file, const struct tunny_link *link, enum link_format format)
{
    fprintf(file, format == LINK_JSON ? "{\"seed\":%llu,\"seconds\":%.3f," : "seed %llu, %.3f s\n",
            (number)tunny_link_seed(link), seconds_of(link));
}

void link_report(FILE *file, const struct tunny_link *link, enum link_format format)
{
    begin(file, link, format);
    if (format == LINK_TEXT) {
        text_ends(file, link);
        for (unsigned i = 0; i < 2; i++)
            text_direction(file, link, i);
        return;
    }
    json_ends(file, link);
    for (unsigned i = 0; i < 2; i++) {
        fprintf(file, ",");
        json_specification(file, link, i);
        json_figures(file, link, i);
        fprintf(file, "}");
    }
    fprintf(file, "}\n");
}

void link_show(FILE *file, const struct tunny_link *link, enum link_format format)
{
    begin(file, link, format);
    for (unsigned i = 0; i < 2; i++) {
        if (format == LINK_TEXT) {
            text_specification(file, link, i);
            continue;
        }
        json_specification(file, link, i);
        fprintf(file, i == 0 ? "}," : "}}\n");
    }
}

void link_report_warnings(FILE *file, const struct tunny_link *link)
{
    const char *forward = tunny_link_warnings(link, TUNNY_FORWARD);
    const char *backward = tunny_link_warnings(link, TUNNY_BACKWARD);

    fputs(forward, file);
    if (strcmp(forward, backward) != 0)
        fputs(backward, file);
}
