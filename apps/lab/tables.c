/* Results as Markdown; see tables.h. */
#include "lab/tables.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "tunny.h"

char *number_text(double value, const char *unit, char out[NUMBER_SIZE])
{
    const char *blank = *unit == '\0' ? "" : " ";
    if (isnan(value)) {
        snprintf(out, NUMBER_SIZE, "-");
        return out;
    }
    double size = fabs(value);
    int is_whole = size >= 100 || (value >= floor(value) && value <= floor(value) && size >= 1);
    int decimals = is_whole || size <= 0 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
    snprintf(out, NUMBER_SIZE, "%.*f%s%s", decimals, value, blank, unit);
    return out;
}

char *spread_text(const struct spread *spread, char out[SPREAD_SIZE])
{
    char low[NUMBER_SIZE], median[NUMBER_SIZE], high[NUMBER_SIZE];
    number_text(spread->median, "", median);
    if (spread->count < 2)
        snprintf(out, SPREAD_SIZE, "%s", median);
    else
        snprintf(out, SPREAD_SIZE, "%s (%s-%s)", median, number_text(spread->low, "", low),
                 number_text(spread->high, "", high));
    return out;
}

unsigned table_columns(const struct section *section, enum dimension out[DIMENSIONS])
{
    unsigned count = 0;
    for (unsigned d = 0; d < DIMENSION_STACK; d++)
        if (section_varies(section, (enum dimension)d))
            out[count++] = (enum dimension)d;
    return count;
}

unsigned table_metrics(const struct section *section, enum metric out[TABLE_METRICS])
{
    static const enum metric costs[] = {METRIC_RETRANSMITS, METRIC_SPURIOUS, METRIC_RTOS};
    unsigned count = section->shown_count;
    memcpy(out, section->shown, sizeof section->shown);
    for (size_t i = 0; i < sizeof costs / sizeof *costs; i++) {
        unsigned at = 0;
        while (at < section->shown_count && section->shown[at] != costs[i])
            at++;
        if (at == section->shown_count)
            out[count++] = costs[i];
    }
    return count;
}

static void write_fixed(FILE *file, const struct section *section)
{
    const char *comma = "";
    for (unsigned d = 0; d < DIMENSION_STACK; d++) {
        const char *value = section->dimension[d].text[0];
        if (section_varies(section, (enum dimension)d) ||
            (strcmp(value, dimension_fallback((enum dimension)d)) == 0 && d > DIMENSION_QUEUE &&
             d < DIMENSION_SIZE))
            continue;
        fprintf(file, "%s%s %s", comma, dimension_name((enum dimension)d), value);
        comma = ", ";
    }
    if (section->time > 0)
        fprintf(file, ", for %g s (the first %g s do not count)", section->time, section->skip);
    if (section->requests > 1)
        fprintf(file, ", %" PRIu64 " connections one after the other", section->requests);
    fprintf(file, "%s%" PRIu64 " runs a cell, seeds from %" PRIu64 ".\n",
            *comma != '\0' ? "; " : "", section->repeats, section->seed);
    if (section->schedule[0] != '\0')
        fprintf(file, "The link changes: %s.\n", section->schedule);
}

static void write_verdict(FILE *file, const struct verdict *verdict)
{
    char text[CELL_TEXT_SIZE];
    if (verdict->worst == NULL)
        return;
    fprintf(file,
            "\n**%zu cells compared: geometric mean of the ratios %.2f, %zu above %.2f; worst "
            "%.2f: %s, %s, %s. More spurious retransmissions than the kernel in %zu cells, a "
            "timeout where the kernel has none in %zu (of medians).**\n",
            verdict->compared, verdict->mean, verdict->above, VERDICT_BAR, verdict->worst->ratio,
            verdict->worst->cell.section->name, cell_text(&verdict->worst->cell, DIMENSIONS, text),
            verdict->worst->cell.values[DIMENSION_STACK], verdict->more_spurious,
            verdict->new_timeouts);
}

static void write_head(FILE *file, const struct section *section)
{
    enum dimension columns[DIMENSIONS];
    enum metric metrics[TABLE_METRICS];
    unsigned count = table_columns(section, columns);
    unsigned metric_count = table_metrics(section, metrics);
    fprintf(file, "\n|");
    for (unsigned i = 0; i < count; i++)
        fprintf(file, " %s |", dimension_name(columns[i]));
    fprintf(file, " stack |");
    for (unsigned i = 0; i < metric_count; i++) {
        const char *unit = metric_unit(metrics[i]);
        fprintf(file, " %s%s%s |", metric_label(metrics[i]), *unit != '\0' ? ", " : "", unit);
    }
    fprintf(file, " ratio |\n|");
    for (unsigned i = 0; i < count + 1 + metric_count + 1; i++)
        fprintf(file, "---|");
    fprintf(file, "\n");
}

static void write_row(FILE *file, const struct cell_summary *cell)
{
    const struct section *section = cell->cell.section;
    enum dimension columns[DIMENSIONS];
    enum metric metrics[TABLE_METRICS];
    unsigned count = table_columns(section, columns);
    unsigned metric_count = table_metrics(section, metrics);
    char text[SPREAD_SIZE];
    fprintf(file, "|");
    for (unsigned i = 0; i < count; i++)
        fprintf(file, " %s |", cell->cell.values[columns[i]]);
    fprintf(file, " %s |", cell->cell.values[DIMENSION_STACK]);
    for (unsigned i = 0; i < metric_count; i++) {
        const struct spread *spread = &cell->metric[metrics[i]];
        fprintf(file, " %s%s |", metrics[i] == METRIC_SECONDS && cell->timeouts > 0 ? "> " : "",
                i < section->shown_count ? spread_text(spread, text)
                                         : number_text(spread->median, "", text));
    }
    if (isnan(cell->ratio))
        fprintf(file, " |\n");
    else if (cell->ratio > VERDICT_BAR)
        fprintf(file, " **%.2f** |\n", cell->ratio);
    else
        fprintf(file, " %.2f |\n", cell->ratio);
}

static void write_section(FILE *file, const struct summary *summary, const struct section *section)
{
    struct verdict verdict = summary_verdict(summary, section);
    size_t rows = 0;
    for (size_t i = 0; i < summary->count; i++)
        rows += summary->cells[i].cell.section == section &&
                summary->cells[i].done + summary->cells[i].timeouts > 0;
    if (rows == 0)
        return;
    fprintf(file, "\n## %s\n\n", section->name);
    if (section->about[0] != '\0')
        fprintf(file, "%s ", section->about);
    write_fixed(file, section);
    write_verdict(file, &verdict);
    write_head(file, section);
    for (size_t i = 0; i < summary->count; i++) {
        const struct cell_summary *cell = &summary->cells[i];
        if (cell->cell.section == section && cell->done + cell->timeouts > 0)
            write_row(file, cell);
    }
}

void tables_write(FILE *file, const struct summary *summary, const struct machine *machine)
{
    const struct grid *grid = summary->grid;
    struct verdict verdict = summary_verdict(summary, NULL);
    fprintf(file, "# %s\n\n", grid->title[0] != '\0' ? grid->title : "Experiment");
    fprintf(file,
            "Made by `%s` on %s: %s, %s; %s. Medians, and in brackets the interval that holds the "
            "median with 95 %% confidence (with fewer than six runs: the least and the most). "
            "Ratio: ours to the kernel's on the same link with the same seeds, below 1.00 ours is "
            "better.\n",
            machine->command, machine->date, machine->kernel, machine->processors, tunny_version());
    if (grid->section_count > 1)
        write_verdict(file, &verdict);
    for (unsigned i = 0; i < grid->section_count; i++)
        write_section(file, summary, &grid->sections[i]);
}
