/* A plot as SVG; see chart.h. Values of the axis stand at equal distances, as they are named. */
#include "lab/chart.h"

#include <math.h>
#include <string.h>

#include "lab/page.h"
#include "lab/tables.h"

enum { WIDTH = 340, HEIGHT = 220, LEFT = 46, RIGHT = 12, TOP = 12, BOTTOM = 38, LETTERS_MOST = 44 };
static const double log_from = 30;

struct plot {
    FILE *file;
    const struct summary *summary;
    const struct cell *panel;
    enum metric metric;
    enum dimension axis;
    struct scale scale;
};

/* 1, 2 or 5 times a power of ten, not less than `value`. */
static double nice_step(double value)
{
    double power = pow(10, floor(log10(value)));
    static const double steps[] = {1, 2, 5, 10};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        if (steps[i] * power >= value * (1 - 1e-9))
            return steps[i] * power;
    return 10 * power;
}

static void add_tick(struct scale *scale, double value)
{
    if (scale->tick_count < TICKS_MOST)
        scale->ticks[scale->tick_count++] = value;
}

static void make_logarithmic(struct scale *scale, double low, double high)
{
    double first = floor(log10(low)), last = ceil(log10(high) - 1e-9);
    double stride = last - first > 6 ? ceil((last - first) / 6) : 1;
    scale->is_logarithmic = 1;
    scale->low = pow(10, first);
    scale->high = pow(10, last);
    for (double exponent = first; exponent <= last; exponent += stride)
        add_tick(scale, pow(10, exponent));
}

void scale_make(struct scale *scale, double low, double high)
{
    *scale = (struct scale){0};
    if (!(high > 0))
        high = 1;
    if (low > 0 && high > low * log_from) {
        make_logarithmic(scale, low, high);
        return;
    }
    double step = nice_step(high / 4);
    scale->high = ceil(high / step - 1e-9) * step;
    for (unsigned i = 0; i * step <= scale->high * (1 + 1e-9); i++)
        add_tick(scale, i * step);
}

double scale_place(const struct scale *scale, double value)
{
    if (!scale->is_logarithmic)
        return (value - scale->low) / (scale->high - scale->low);
    if (value < scale->low)
        return 0;
    return log10(value / scale->low) / log10(scale->high / scale->low);
}

static double x_of(const struct plot *plot, unsigned index)
{
    unsigned count = plot->panel->section->dimension[plot->axis].count;
    return LEFT + (WIDTH - LEFT - RIGHT) * (index + 0.5) / count;
}

static double y_of(const struct plot *plot, double value)
{
    return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * scale_place(&plot->scale, value);
}

/* The cell of this stack at this place of the axis, or NULL. */
static const struct spread *spread_at(const struct plot *plot, const char *stack, const char *place,
                                      struct cell_summary const **cell)
{
    for (size_t i = 0; i < plot->summary->count; i++) {
        const struct cell_summary *at = &plot->summary->cells[i];
        if (!cells_match(&at->cell, plot->panel, plot->axis, DIMENSION_STACK) ||
            strcmp(at->cell.values[DIMENSION_STACK], stack) != 0 ||
            strcmp(at->cell.values[plot->axis], place) != 0)
            continue;
        *cell = at;
        return at->metric[plot->metric].count > 0 ? &at->metric[plot->metric] : NULL;
    }
    return NULL;
}

static void find_scale(struct plot *plot)
{
    const struct values *places = &plot->panel->section->dimension[plot->axis];
    const struct values *stacks = &plot->panel->section->dimension[DIMENSION_STACK];
    const struct cell_summary *cell;
    double low = INFINITY, high = 0;
    for (unsigned s = 0; s < stacks->count; s++)
        for (unsigned i = 0; i < places->count; i++) {
            const struct spread *spread = spread_at(plot, stacks->text[s], places->text[i], &cell);
            if (spread == NULL)
                continue;
            low = fmin(low, spread->low);
            high = fmax(high, spread->high);
        }
    scale_make(&plot->scale, low, high);
}

int chart_numbers_places(const struct values *places)
{
    size_t letters = 0;
    for (unsigned i = 0; i < places->count; i++)
        letters += strlen(places->text[i]) + 1;
    return letters > LETTERS_MOST;
}

static void draw_axes(const struct plot *plot)
{
    const struct values *places = &plot->panel->section->dimension[plot->axis];
    for (unsigned i = 0; i < plot->scale.tick_count; i++) {
        double y = y_of(plot, plot->scale.ticks[i]);
        fprintf(plot->file,
                "<line class='grid' x1='%d' x2='%d' y1='%.1f' y2='%.1f'/>"
                "<text class='tick' x='%d' y='%.1f' text-anchor='end'>%g</text>\n",
                LEFT, WIDTH - RIGHT, y, y, LEFT - 6, y + 3.5, plot->scale.ticks[i]);
    }
    for (unsigned i = 0; i < places->count; i++) {
        fprintf(plot->file, "<text class='tick' x='%.1f' y='%d' text-anchor='middle'>",
                x_of(plot, i), HEIGHT - BOTTOM + 15);
        if (chart_numbers_places(places))
            fprintf(plot->file, "%u", i + 1);
        else
            page_text(plot->file, places->text[i]);
        fprintf(plot->file, "<title>");
        page_text(plot->file, places->text[i]);
        fprintf(plot->file, "</title></text>\n");
    }
    fprintf(plot->file, "<text class='name' x='%d' y='%d' text-anchor='middle'>%s</text>\n",
            (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, dimension_name(plot->axis));
}

static void draw_point(const struct plot *plot, unsigned stack, double x,
                       const struct spread *spread, const struct cell_summary *cell)
{
    char text[SPREAD_SIZE], where[CELL_TEXT_SIZE];
    fprintf(plot->file, "<g class='s%u'><title>%s, ", stack,
            plot->panel->section->dimension[DIMENSION_STACK].text[stack]);
    page_text(plot->file, cell_text(&cell->cell, DIMENSIONS, where));
    fprintf(plot->file, ": %s %s, %zu runs</title>", spread_text(spread, text),
            metric_unit(plot->metric), spread->count);
    fprintf(plot->file, "<line class='bar' x1='%.1f' x2='%.1f' y1='%.1f' y2='%.1f'/>", x, x,
            y_of(plot, spread->low), y_of(plot, spread->high));
    if (stack == 0)
        fprintf(plot->file, "<circle cx='%.1f' cy='%.1f' r='4'/>", x, y_of(plot, spread->median));
    else
        fprintf(plot->file, "<rect x='%.1f' y='%.1f' width='7.4' height='7.4' rx='1.2'/>", x - 3.7,
                y_of(plot, spread->median) - 3.7);
    fprintf(plot->file, "</g>\n");
}

/* The stacks stand a little beside each other, so that neither hides the other's interval. */
static void draw_stack(const struct plot *plot, unsigned stack)
{
    const struct section *section = plot->panel->section;
    const struct values *places = &section->dimension[plot->axis];
    const struct values *stacks = &section->dimension[DIMENSION_STACK];
    const struct spread *spread;
    const struct cell_summary *cell;
    double aside = (stack - (stacks->count - 1) / 2.0) * 9;
    fprintf(plot->file, "<polyline class='line s%u' points='", stack);
    for (unsigned i = 0; i < places->count; i++)
        if ((spread = spread_at(plot, stacks->text[stack], places->text[i], &cell)) != NULL)
            fprintf(plot->file, "%.1f,%.1f ", x_of(plot, i) + aside, y_of(plot, spread->median));
    fprintf(plot->file, "'/>\n");
    for (unsigned i = 0; i < places->count; i++)
        if ((spread = spread_at(plot, stacks->text[stack], places->text[i], &cell)) != NULL)
            draw_point(plot, stack, x_of(plot, i) + aside, spread, cell);
}

void chart_write(FILE *file, const struct summary *summary, const struct cell *panel,
                 enum metric metric)
{
    struct plot plot = {.file = file,
                        .summary = summary,
                        .panel = panel,
                        .metric = metric,
                        .axis = section_axis(panel->section)};
    find_scale(&plot);
    fprintf(file, "<svg viewBox='0 0 %d %d' role='img'>\n", WIDTH, HEIGHT);
    draw_axes(&plot);
    for (unsigned s = 0; s < panel->section->dimension[DIMENSION_STACK].count; s++)
        draw_stack(&plot, s);
    fprintf(file, "</svg>\n");
}
