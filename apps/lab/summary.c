/* Runs gathered by cell; see summary.h. */
#include "lab/summary.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void gather(struct cell_summary *cell, const struct records *records, double *values)
{
    for (unsigned m = 0; m < METRICS; m++) {
        size_t count = 0;
        for (size_t i = 0; i < records->count; i++)
            if (record_is_of(&records->list[i], &cell->cell))
                values[count++] = records->list[i].result.metric[m];
        cell->metric[m] = spread_of(values, count);
    }
    for (size_t i = 0; i < records->count; i++)
        if (record_is_of(&records->list[i], &cell->cell))
            switch (records->list[i].result.outcome) {
            case OUTCOME_DONE:
                cell->done++;
                break;
            case OUTCOME_TIMEOUT:
                cell->timeouts++;
                break;
            case OUTCOME_FAILED:
            case OUTCOMES:
                cell->failures++;
                break;
            }
}

int cells_match(const struct cell *a, const struct cell *b, enum dimension without,
                enum dimension also_without)
{
    if (a->section != b->section)
        return 0;
    for (unsigned d = 0; d < DIMENSIONS; d++)
        if (d != without && d != also_without && strcmp(a->values[d], b->values[d]) != 0)
            return 0;
    return 1;
}

/* The kernel's cell with as many flows. */
static const struct cell_summary *find_kernel(const struct summary *summary,
                                              const struct cell_summary *cell)
{
    const char *stack = cell->cell.values[DIMENSION_STACK];
    for (size_t i = 0; i < summary->count; i++) {
        const struct cell *other = &summary->cells[i].cell;
        if (cells_match(other, &cell->cell, DIMENSION_STACK, DIMENSION_STACK) &&
            stack_is_kernel(other->values[DIMENSION_STACK]) &&
            stack_flows(other->values[DIMENSION_STACK]) == stack_flows(stack))
            return &summary->cells[i];
    }
    return NULL;
}

static void compare(struct cell_summary *cell)
{
    enum metric metric = cell->cell.section->shown[0];
    cell->ratio = (double)NAN;
    if (cell->kernel == NULL || cell->kernel == cell)
        return;
    double ours = cell->metric[metric].median, theirs = cell->kernel->metric[metric].median;
    if (!(ours > 0) || !(theirs > 0))
        return;
    cell->ratio = metric_better(metric) == BETTER_LESS ? ours / theirs : theirs / ours;
}

int summary_make(struct summary *summary, const struct grid *grid, const struct records *records)
{
    *summary = (struct summary){.grid = grid};
    for (unsigned s = 0; s < grid->section_count; s++)
        summary->count += section_cells(&grid->sections[s]);
    summary->cells = calloc(summary->count, sizeof *summary->cells);
    double *values = calloc(records->count + 1, sizeof *values);
    size_t at = 0;
    for (unsigned s = 0; s < grid->section_count && summary->cells != NULL && values != NULL; s++)
        for (unsigned i = 0; i < section_cells(&grid->sections[s]); i++, at++) {
            summary->cells[at].cell = section_cell(&grid->sections[s], i);
            gather(&summary->cells[at], records, values);
        }
    for (size_t i = 0; i < at; i++) {
        summary->cells[i].kernel = find_kernel(summary, &summary->cells[i]);
        compare(&summary->cells[i]);
    }
    free(values);
    return at == summary->count ? 0 : -ENOMEM;
}

void summary_free(struct summary *summary)
{
    free(summary->cells);
    *summary = (struct summary){0};
}

/* Ours minus the kernel's. */
static double excess(const struct cell_summary *cell, enum metric metric)
{
    return cell->metric[metric].median - cell->kernel->metric[metric].median;
}

struct verdict summary_verdict(const struct summary *summary, const struct section *section)
{
    struct verdict verdict = {.mean = (double)NAN};
    double logs = 0;
    for (size_t i = 0; i < summary->count; i++) {
        const struct cell_summary *cell = &summary->cells[i];
        if (isnan(cell->ratio) || (section != NULL && cell->cell.section != section))
            continue;
        logs += log(cell->ratio);
        verdict.compared++;
        verdict.above += cell->ratio > VERDICT_BAR;
        verdict.more_spurious += excess(cell, METRIC_SPURIOUS) > 0;
        verdict.new_timeouts += excess(cell, METRIC_RTOS) > 0 &&
                                cell->kernel->metric[METRIC_RTOS].median <= 0;
        if (verdict.worst == NULL || cell->ratio > verdict.worst->ratio)
            verdict.worst = cell;
    }
    if (verdict.compared > 0)
        verdict.mean = exp(logs / (double)verdict.compared);
    return verdict;
}

char *cell_text(const struct cell *cell, enum dimension without, char out[CELL_TEXT_SIZE])
{
    size_t used = 0;
    snprintf(out, CELL_TEXT_SIZE, "all");
    for (unsigned d = 0; d < DIMENSION_STACK; d++) {
        if (d == without || !section_varies(cell->section, (enum dimension)d))
            continue;
        int length = snprintf(out + used, CELL_TEXT_SIZE - used, "%s%s %s", used > 0 ? ", " : "",
                              dimension_name((enum dimension)d), cell->values[d]);
        used += length > 0 ? (size_t)length : 0;
        if (used >= CELL_TEXT_SIZE)
            break;
    }
    return out;
}

static void write_number(FILE *file, double value)
{
    if (isnan(value))
        fprintf(file, ",");
    else
        fprintf(file, ",%.6g", value);
}

void summary_write_csv(FILE *file, const struct summary *summary)
{
    fprintf(file, "section");
    for (unsigned d = 0; d < DIMENSIONS; d++)
        fprintf(file, ",%s", dimension_name((enum dimension)d));
    fprintf(file, ",done,timeouts,failures,ratio");
    for (unsigned m = 0; m < METRICS; m++) {
        const char *name = metric_name((enum metric)m);
        fprintf(file, ",%s_low,%s,%s_high", name, name, name);
    }
    fprintf(file, "\n");
    for (size_t i = 0; i < summary->count; i++) {
        const struct cell_summary *cell = &summary->cells[i];
        fprintf(file, "%s", cell->cell.section->name);
        for (unsigned d = 0; d < DIMENSIONS; d++)
            fprintf(file, ",\"%s\"", cell->cell.values[d]);
        fprintf(file, ",%zu,%zu,%zu", cell->done, cell->timeouts, cell->failures);
        write_number(file, cell->ratio);
        for (unsigned m = 0; m < METRICS; m++) {
            write_number(file, cell->metric[m].low);
            write_number(file, cell->metric[m].median);
            write_number(file, cell->metric[m].high);
        }
        fprintf(file, "\n");
    }
}
