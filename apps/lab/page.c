/* The HTML page; see page.h. Everything it shows stands in it: no script, no font, no address. */
#include "lab/page.h"

#include <math.h>
#include <string.h>

#include "lab/chart.h"
#include "lab/tables.h"
#include "tunny.h"

static const char style[] =
    ":root{color-scheme:light dark;--paper:#fbfaf8;--card:#fff;--ink:#1d2430;--soft:#5b6472;"
    "--rule:#e3e1dc;--s0:#5f6b7a;--s1:#d1570b;--s2:#0b7fab;--s3:#7b3fa0;--good:#17714a;"
    "--bad:#b3261e;--goodbg:#e2f3ea;--badbg:#fbe4e1}\n"
    "@media(prefers-color-scheme:dark){:root{--paper:#12161c;--card:#1a2029;--ink:#e8eaee;"
    "--soft:#9aa5b4;--rule:#2c3440;--s0:#a9b5c4;--s1:#ff9a4d;--s2:#56c2ea;--s3:#c79be6;"
    "--good:#7ddcae;--bad:#ff9d94;--goodbg:#173527;--badbg:#43211f}}\n"
    "*{box-sizing:border-box}body{margin:0 auto;padding:2.2rem 1.4rem 4rem;max-width:78rem;"
    "background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,sans-serif}\n"
    "h1{font-size:1.7rem;line-height:1.2;margin:0 0 .3rem}h2{font-size:1.2rem;margin:2.6rem 0 "
    ".2rem}h3{font-size:.95rem;margin:1.2rem 0 .4rem;font-weight:600}\n"
    "p{margin:.3rem 0 .7rem;max-width:62rem}.soft,dt{color:var(--soft)}code{font:13px "
    "ui-monospace,monospace}\n"
    ".facts{display:grid;grid-template-columns:max-content 1fr;gap:.1rem "
    "1rem;margin:.8rem 0;font-size:13px}dd{margin:0}\n"
    ".cards{display:flex;flex-wrap:wrap;gap:.8rem;margin:1rem 0}.cards div{background:var(--card);"
    "border:1px solid var(--rule);border-radius:10px;padding:.6rem 1rem;min-width:10rem}.cards "
    "b{display:block;font-size:1.6rem;line-height:1.25;font-variant-numeric:tabular-nums}.cards "
    "span{color:var(--soft);font-size:13px}\n"
    ".panels{display:grid;grid-template-columns:repeat(auto-fill,minmax(19rem,1fr));gap:.8rem}\n"
    "figure{margin:0;background:var(--card);border:1px solid "
    "var(--rule);border-radius:10px;padding:.6rem .6rem .3rem}figcaption{font-size:13px;"
    "padding:0 .3rem}svg{display:block;width:100%}\n"
    ".grid{stroke:var(--rule)}.tick{fill:var(--soft);font-size:11px}.name{fill:var(--soft);"
    "font-size:11.5px;font-style:italic}.line{fill:none;stroke-width:1.8;stroke:currentColor;"
    "opacity:.75}.bar{stroke:currentColor;stroke-width:1.4}svg circle,svg rect{fill:currentColor}\n"
    ".s0{color:var(--s0)}.s1{color:var(--s1)}.s2{color:var(--s2)}.s3{color:var(--s3)}\n"
    ".key{display:flex;gap:1.2rem;margin:.4rem 0;font-size:14px}.key i{display:inline-block;"
    "width:11px;height:11px;margin-right:.4rem;background:currentColor;border-radius:2px}.key "
    ".s0 i{border-radius:50%}.key em{color:var(--ink);font-style:normal}\n"
    "details{margin:.9rem 0}summary{cursor:pointer;color:var(--soft)}.wide{overflow-x:auto}\n"
    "table{border-collapse:collapse;font-size:13px;font-variant-numeric:tabular-nums;"
    "margin:.5rem 0}th,td{padding:.22rem .7rem;text-align:right;border-bottom:1px solid "
    "var(--rule);white-space:nowrap}th{color:var(--soft);font-weight:600}.l{text-align:left}\n"
    ".good{color:var(--good);background:var(--goodbg)}.bad{color:var(--bad);"
    "background:var(--badbg);font-weight:600}\n"
    "@media print{details{display:block}}\n";

void page_text(FILE *file, const char *text)
{
    for (; *text != '\0'; text++)
        switch (*text) {
        case '<':
            fputs("&lt;", file);
            break;
        case '>':
            fputs("&gt;", file);
            break;
        case '&':
            fputs("&amp;", file);
            break;
        case '\'':
            fputs("&#39;", file);
            break;
        default:
            fputc(*text, file);
        }
}

static void write_fact(FILE *file, const char *term, const char *text)
{
    fprintf(file, "<dt>%s</dt><dd>", term);
    page_text(file, text);
    fprintf(file, "</dd>\n");
}

static void write_cards(FILE *file, const struct verdict *verdict)
{
    char text[CELL_TEXT_SIZE];
    if (verdict->worst == NULL)
        return;
    fprintf(file,
            "<div class='cards'><div><b>%.2f</b><span>geometric mean of the ratios to the "
            "kernel</span></div><div><b>%zu of %zu</b><span>cells above %.2f</span></div>"
            "<div><b>%.2f</b><span>worst: %s, ",
            verdict->mean, verdict->above, verdict->compared, VERDICT_BAR, verdict->worst->ratio,
            verdict->worst->cell.section->name);
    page_text(file, cell_text(&verdict->worst->cell, DIMENSIONS, text));
    fprintf(file,
            "</span></div><div><b>%zu</b><span>cells with more spurious retransmissions</span>"
            "</div><div><b>%zu</b><span>cells with a timeout where the kernel has none</span>"
            "</div></div>\n",
            verdict->more_spurious, verdict->new_timeouts);
}

static void write_key(FILE *file, const struct section *section)
{
    const struct values *stacks = &section->dimension[DIMENSION_STACK];
    fprintf(file, "<div class='key'>");
    for (unsigned s = 0; s < stacks->count; s++)
        fprintf(file, "<span class='s%u'><i></i><em>%s</em></span>", s, stacks->text[s]);
    fprintf(file, "</div>\n");
    const struct values *places = &section->dimension[section_axis(section)];
    if (!chart_numbers_places(places))
        return;
    fprintf(file, "<p class='soft'>%s:", dimension_name(section_axis(section)));
    for (unsigned i = 0; i < places->count; i++) {
        fprintf(file, "%s <b>%u</b> ", i > 0 ? "," : "", i + 1);
        page_text(file, places->text[i]);
    }
    fprintf(file, "</p>\n");
}

/* The first cell of each panel: that with the first stack and the first value of the axis. */
static int begins_panel(const struct cell *cell)
{
    enum dimension axis = section_axis(cell->section);
    return cell->values[DIMENSION_STACK] == cell->section->dimension[DIMENSION_STACK].text[0] &&
           cell->values[axis] == cell->section->dimension[axis].text[0];
}

static void write_panels(FILE *file, const struct summary *summary, const struct section *section,
                         enum metric metric)
{
    char text[CELL_TEXT_SIZE];
    const char *unit = metric_unit(metric);
    fprintf(file, "<h3>%s%s%s</h3>\n<div class='panels'>\n", metric_label(metric),
            *unit != '\0' ? ", " : "", unit);
    for (unsigned i = 0; i < section_cells(section); i++) {
        struct cell cell = section_cell(section, i);
        if (!begins_panel(&cell))
            continue;
        fprintf(file, "<figure><figcaption>");
        page_text(file, cell_text(&cell, section_axis(section), text));
        fprintf(file, "</figcaption>\n");
        chart_write(file, summary, &cell, metric);
        fprintf(file, "</figure>\n");
    }
    fprintf(file, "</div>\n");
}

static void write_table_head(FILE *file, const struct section *section)
{
    enum dimension columns[DIMENSIONS];
    enum metric metrics[TABLE_METRICS];
    unsigned count = table_columns(section, columns);
    unsigned metric_count = table_metrics(section, metrics);
    fprintf(file, "<tr>");
    for (unsigned i = 0; i < count; i++)
        fprintf(file, "<th class='l'>%s</th>", dimension_name(columns[i]));
    fprintf(file, "<th class='l'>stack</th>");
    for (unsigned i = 0; i < metric_count; i++) {
        const char *unit = metric_unit(metrics[i]);
        fprintf(file, "<th>%s%s%s</th>", metric_label(metrics[i]), *unit != '\0' ? ", " : "", unit);
    }
    fprintf(file, "<th>runs</th><th>ratio</th></tr>\n");
}

static void write_runs_and_ratio(FILE *file, const struct cell_summary *cell)
{
    fprintf(file, "<td>%zu", cell->done);
    if (cell->timeouts > 0)
        fprintf(file, ", %zu too long", cell->timeouts);
    if (cell->failures > 0)
        fprintf(file, ", %zu failed", cell->failures);
    if (isnan(cell->ratio))
        fprintf(file, "</td><td></td></tr>\n");
    else
        fprintf(file, "</td><td class='%s'>%.2f</td></tr>\n",
                cell->ratio > VERDICT_BAR ? "bad"
                : cell->ratio <= 1        ? "good"
                                          : "",
                cell->ratio);
}

static void write_table_row(FILE *file, const struct cell_summary *cell)
{
    const struct section *section = cell->cell.section;
    enum dimension columns[DIMENSIONS];
    enum metric metrics[TABLE_METRICS];
    unsigned count = table_columns(section, columns);
    unsigned metric_count = table_metrics(section, metrics);
    char text[SPREAD_SIZE];
    fprintf(file, "<tr>");
    for (unsigned i = 0; i < count; i++) {
        fprintf(file, "<td class='l'>");
        page_text(file, cell->cell.values[columns[i]]);
        fprintf(file, "</td>");
    }
    fprintf(file, "<td class='l'>%s</td>", cell->cell.values[DIMENSION_STACK]);
    for (unsigned i = 0; i < metric_count; i++) {
        const struct spread *spread = &cell->metric[metrics[i]];
        fprintf(file, "<td>%s</td>",
                i < section->shown_count ? spread_text(spread, text)
                                         : number_text(spread->median, "", text));
    }
    write_runs_and_ratio(file, cell);
}

static void write_section(FILE *file, const struct summary *summary, const struct section *section)
{
    struct verdict verdict = summary_verdict(summary, section);
    fprintf(file, "<h2>%s</h2>\n<p>", section->name);
    page_text(file, section->about);
    fprintf(file, "</p>\n");
    if (summary->grid->section_count > 1)
        write_cards(file, &verdict);
    write_key(file, section);
    for (unsigned i = 0; i < section->shown_count; i++)
        write_panels(file, summary, section, section->shown[i]);
    fprintf(file, "<details%s><summary>The numbers</summary><div class='wide'><table>\n",
            summary->grid->section_count == 1 ? " open" : "");
    write_table_head(file, section);
    for (size_t i = 0; i < summary->count; i++)
        if (summary->cells[i].cell.section == section)
            write_table_row(file, &summary->cells[i]);
    fprintf(file, "</table></div></details>\n");
}

void page_write(FILE *file, const struct summary *summary, const struct machine *machine)
{
    const struct grid *grid = summary->grid;
    const char *title = grid->title[0] != '\0' ? grid->title : "Experiment";
    struct verdict verdict = summary_verdict(summary, NULL);
    fprintf(file, "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'>"
                  "<meta name='viewport' content='width=device-width,initial-scale=1'><title>");
    page_text(file, title);
    fprintf(file, "</title>\n<style>%s</style></head>\n<body>\n<h1>", style);
    page_text(file, title);
    fprintf(file, "</h1>\n<p class='soft'>Ours beside the kernel's TCP, over the same link with "
                  "the same seeds. Points are medians; bars hold the median with 95 %% confidence "
                  "(with fewer than six runs, from the least to the most). Ratio: ours to the "
                  "kernel's, below 1.00 ours is better.</p>\n");
    write_cards(file, &verdict);
    fprintf(file, "<dl class='facts'>\n");
    write_fact(file, "command", machine->command);
    write_fact(file, "kernel", machine->kernel);
    write_fact(file, "machine", machine->processors);
    write_fact(file, "stack", tunny_version());
    write_fact(file, "date", machine->date);
    fprintf(file, "</dl>\n");
    for (unsigned i = 0; i < grid->section_count; i++)
        write_section(file, summary, &grid->sections[i]);
    fprintf(file, "</body></html>\n");
}
