/* tunny lab: reads the command line and the experiment, takes up what the CSV has, runs the rest,
 * writes the reports. */
#define _GNU_SOURCE
#include "lab/lab.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/exit_codes.h"
#include "common/interrupt.h"
#include "common/message.h"
#include "common/numbers.h"
#include "common/options.h"
#include "lab/link_spec.h"
#include "lab/machine.h"
#include "lab/page.h"
#include "lab/ready.h"
#include "lab/schedule.h"
#include "lab/summary.h"
#include "lab/tables.h"

enum { PATH_SIZE = 512, FILE_MOST = 1 << 20 };

enum lab_option {
    LAB_LIST = 1,
    LAB_PRINT,
    LAB_PLAN,
    LAB_REPORT,
    LAB_SECTION,
    LAB_REPEATS,
    LAB_SIZE,
    LAB_FOR,
    LAB_CAPTURES,
    LAB_QUIET,
    LAB_SIM,
    LAB_HELP,
    LAB_VERSION,
};

static const struct option longs[] = {
    {"output", required_argument, NULL, 'o'},
    {"jobs", required_argument, NULL, 'j'},
    {"list", no_argument, NULL, LAB_LIST},
    {"print", required_argument, NULL, LAB_PRINT},
    {"plan", no_argument, NULL, LAB_PLAN},
    {"report", no_argument, NULL, LAB_REPORT},
    {"section", required_argument, NULL, LAB_SECTION},
    {"repeats", required_argument, NULL, LAB_REPEATS},
    {"size", required_argument, NULL, LAB_SIZE},
    {"for", required_argument, NULL, LAB_FOR},
    {"captures", required_argument, NULL, LAB_CAPTURES},
    {"quiet", no_argument, NULL, LAB_QUIET},
    {"sim", no_argument, NULL, LAB_SIM},
    {"help", no_argument, NULL, LAB_HELP},
    {"version", no_argument, NULL, LAB_VERSION},
    {0},
};

static const char help[] =
    "Usage: tunny lab [OPTION]... EXPERIMENT\n"
    "Runs an experiment over a grid of links, our TCP beside the kernel's: EXPERIMENT is a file,\n"
    "or the name of one that comes with the program. Each run has network namespaces of its own,\n"
    "joined by `tunny link`. What the CSV has already is not run again.\n\n"
    "  -o, --output DIR     for runs.csv, summary.csv, tables.md, index.html (default\n"
    "                       lab-EXPERIMENT, with --sim lab-EXPERIMENT-sim)\n"
    "  -j, --jobs N         runs at a time (default 1: runs disturb each other)\n"
    "      --for TIME       begin no run later than this after the start: 20min\n"
    "      --section NAME   only this section\n"
    "      --repeats N      instead of what the experiment says\n"
    "      --size BYTES     instead of what the experiment says, in all sections\n"
    "      --captures DIR   pcapng of the link and of our stacks, three files a run\n"
    "      --plan           print the runs and their links, run nothing\n"
    "      --report         write the reports from what is there, run nothing\n"
    "      --list           the experiments that come with the program\n"
    "      --print NAME     the text of one of them\n"
    "      --sim            in the simulator: only our own stack, at both ends, in virtual time\n"
    "      --quiet          no progress\n"
    "      --help, --version\n\n"
    "Exit codes: 0 everything ran, 1 some runs failed, 2 usage or files, 3 --for has passed and\n"
    "runs are missing, 130 and 143 interrupted (what is done stays; the same command goes on).\n";

enum { EXIT_MISSING = 3 };

struct lab {
    struct grid grid;
    struct schedule schedule;
    struct records records;
    struct machine machine;
    const char *experiment, *folder, *size;
    char default_folder[PATH_SIZE];
    uint64_t repeats;
    int plan, report;
};

/* --- the command line ------------------------------------------------------------------------- */

static int list_ready(void)
{
    static struct grid grid;
    char error[200];
    const struct ready *ready;
    for (unsigned i = 0; (ready = ready_experiment(i)) != NULL; i++) {
        if (grid_parse(ready->text, &grid, error, sizeof error) < 0)
            return options_wrong("%s: %s", ready->name, error);
        printf("%-12s %s\n", ready->name, grid.title);
    }
    return EXIT_OK;
}

static int print_ready(const char *name)
{
    const struct ready *ready = ready_find(name);
    if (ready == NULL)
        return options_wrong("there is no experiment %s, --list names them", name);
    printf("%s", ready->text);
    return EXIT_OK;
}

static int take_number(const char *option, uint64_t most, uint64_t *value)
{
    if (number_parse(optarg, most, value) == 0 && *value > 0)
        return -1;
    return options_wrong("%s %s: expected a number from 1 to %llu", option, optarg,
                         (unsigned long long)most);
}

static int take_size(struct lab *lab)
{
    const char *expected = dimension_check(DIMENSION_SIZE, optarg);
    lab->size = optarg;
    return expected == NULL ? -1 : options_wrong("--size %s: expected %s", optarg, expected);
}

static int take_jobs(struct lab *lab)
{
    uint64_t jobs = 1;
    int code = take_number("--jobs", WORKERS_MOST, &jobs);
    lab->schedule.workers = (unsigned)jobs;
    return code;
}

static int take_budget(struct lab *lab)
{
    if (time_parse(optarg, &lab->schedule.budget_s) == 0 && lab->schedule.budget_s > 0)
        return -1;
    return options_wrong("--for %s: expected a time, 20min", optarg);
}

/* -1: go on; else an exit code. */
static int take_option(struct lab *lab, int option)
{
    switch (option) {
    case 'o':
        lab->folder = optarg;
        return -1;
    case 'j':
        return take_jobs(lab);
    case LAB_LIST:
        return list_ready();
    case LAB_PRINT:
        return print_ready(optarg);
    case LAB_PLAN:
        lab->plan = 1;
        return -1;
    case LAB_REPORT:
        lab->report = 1;
        return -1;
    case LAB_SECTION:
        lab->schedule.section = optarg;
        return -1;
    case LAB_REPEATS:
        return take_number("--repeats", 1000, &lab->repeats);
    case LAB_SIZE:
        return take_size(lab);
    case LAB_FOR:
        return take_budget(lab);
    case LAB_CAPTURES:
        lab->schedule.captures = optarg;
        return -1;
    case LAB_SIM:
        lab->schedule.simulated = 1;
        return -1;
    case LAB_QUIET:
        lab->schedule.quiet = 1;
        return -1;
    case LAB_HELP:
        printf("%s", help);
        return EXIT_OK;
    case LAB_VERSION:
        printf("%s\n", tunny_version());
        return EXIT_OK;
    default:
        return EXIT_USAGE;
    }
}

static int read_options(struct lab *lab, int argc, char **argv)
{
    int code = -1;
    while (code < 0) {
        int tried = optind, option = getopt_long(argc, argv, ":o:j:", longs, NULL);
        if (option == -1)
            break;
        if (option == '?' || option == ':') {
            int index = optind > tried ? optind - 1 : optind;
            return options_wrong(option == ':' ? "option %s needs a value"
                                               : "there is no option %s",
                                 index < argc ? argv[index] : "");
        }
        code = take_option(lab, option);
    }
    if (code >= 0)
        return code;
    if (argc - optind != 1)
        return options_wrong("one experiment is needed: a file or a name of --list");
    lab->experiment = argv[optind];
    return -1;
}

/* --- the experiment --------------------------------------------------------------------------- */

/* The file's text, to be freed; NULL with a sentence printed. */
static char *read_file(const char *path)
{
    FILE *file = fopen(path, "re");
    char *text = file != NULL ? malloc(FILE_MOST + 1) : NULL;
    if (file == NULL || text == NULL) {
        complain("%s: %s; and there is no ready experiment of that name (--list).", path,
                 error_words(errno));
    } else {
        size_t length = fread(text, 1, FILE_MOST, file);
        text[length] = '\0';
    }
    if (file != NULL)
        fclose(file);
    return text;
}

/* What the command line says instead of the experiment. */
static void override(struct lab *lab)
{
    for (unsigned i = 0; i < lab->grid.section_count; i++) {
        struct section *section = &lab->grid.sections[i];
        struct values *size = &section->dimension[DIMENSION_SIZE];
        if (lab->repeats > 0)
            section->repeats = lab->repeats;
        if (lab->size == NULL)
            continue;
        size->count = 1;
        snprintf(size->text[0], VALUE_SIZE, "%s", lab->size);
    }
}

static int has_section(const struct lab *lab, const char *name)
{
    for (unsigned i = 0; i < lab->grid.section_count; i++)
        if (strcmp(lab->grid.sections[i].name, name) == 0)
            return 1;
    return 0;
}

static int read_experiment(struct lab *lab)
{
    char error[256];
    const struct ready *ready = ready_find(lab->experiment);
    char *text = ready == NULL ? read_file(lab->experiment) : NULL;
    if (ready == NULL && text == NULL)
        return EXIT_USAGE;
    int result = grid_parse(ready != NULL ? ready->text : text, &lab->grid, error, sizeof error);
    free(text);
    if (result < 0) {
        complain("%s, %s.", lab->experiment, error);
        return EXIT_USAGE;
    }
    if (lab->schedule.section != NULL && !has_section(lab, lab->schedule.section))
        return options_wrong("there is no section %s", lab->schedule.section);
    override(lab);
    if (lab->folder == NULL) {
        const char *slash = strrchr(lab->experiment, '/');
        const char *name = slash != NULL ? slash + 1 : lab->experiment;
        snprintf(lab->default_folder, PATH_SIZE, "lab-%.*s%s", (int)strcspn(name, "."), name,
                 lab->schedule.simulated ? "-sim" : "");
        lab->folder = lab->default_folder;
    }
    return EXIT_OK;
}

static int print_plan(const struct lab *lab)
{
    char text[CELL_TEXT_SIZE], spec[LINK_SPEC_SIZE];
    for (unsigned s = 0; s < lab->grid.section_count; s++) {
        const struct section *section = &lab->grid.sections[s];
        if (lab->schedule.section != NULL && strcmp(lab->schedule.section, section->name) != 0)
            continue;
        for (unsigned i = 0; i < section_cells(section); i++) {
            struct cell cell = section_cell(section, i);
            if (link_spec_of(&cell, spec) < 0)
                snprintf(spec, sizeof spec, "(the link's specification is too long)");
            printf("%s: %s, %s, %llu times\n    %s\n", section->name,
                   cell_text(&cell, DIMENSIONS, text), cell.values[DIMENSION_STACK],
                   (unsigned long long)section->repeats, spec);
        }
    }
    return EXIT_OK;
}

/* --- files ------------------------------------------------------------------------------------ */

static const char *in_folder(const struct lab *lab, const char *name, char path[PATH_SIZE])
{
    snprintf(path, PATH_SIZE, "%s/%s", lab->folder, name);
    return path;
}

static int cannot(const char *path, int error)
{
    complain("%s: %s.", path, error == -EINVAL ? "is no CSV of this program" : error_words(error));
    return EXIT_USAGE;
}

/* Takes up what is there and opens the CSV for more. */
static int open_csv(struct lab *lab)
{
    char path[PATH_SIZE];
    long whole = 0;
    if (mkdir(lab->folder, 0777) != 0 && errno != EEXIST)
        return cannot(lab->folder, -errno);
    if (lab->schedule.captures != NULL && mkdir(lab->schedule.captures, 0777) != 0 &&
        errno != EEXIST)
        return cannot(lab->schedule.captures, -errno);
    int result = records_read(in_folder(lab, "runs.csv", path), &lab->records, &whole);
    if (result < 0 && result != -ENOENT)
        return cannot(path, result);
    lab->schedule.csv = fopen(path, whole > 0 ? "r+e" : "we");
    if (lab->schedule.csv == NULL)
        return cannot(path, -errno);
    if (whole == 0)
        record_write_header(lab->schedule.csv);
    /* Half a row at the end, of a machine that went off, is overwritten. */
    else if (ftruncate(fileno(lab->schedule.csv), whole) != 0 ||
             fseek(lab->schedule.csv, whole, SEEK_SET) != 0)
        return cannot(path, -errno);
    return EXIT_OK;
}

enum report { REPORT_CSV, REPORT_TABLES, REPORT_PAGE };

static int write_report(const struct lab *lab, enum report report, const struct summary *summary)
{
    static const char *const names[] = {"summary.csv", "tables.md", "index.html"};
    char path[PATH_SIZE];
    FILE *file = fopen(in_folder(lab, names[report], path), "we");
    if (file == NULL)
        return cannot(path, -errno);
    switch (report) {
    case REPORT_CSV:
        summary_write_csv(file, summary);
        break;
    case REPORT_TABLES:
        tables_write(file, summary, &lab->machine);
        break;
    case REPORT_PAGE:
        page_write(file, summary, &lab->machine);
        break;
    }
    int is_bad = ferror(file);
    return fclose(file) != 0 || is_bad ? cannot(path, -EIO) : EXIT_OK;
}

static int write_reports(struct lab *lab)
{
    struct summary summary;
    int code = summary_make(&summary, &lab->grid, &lab->records) == 0 ? EXIT_OK : EXIT_USAGE;
    for (int report = REPORT_CSV; report <= REPORT_PAGE && code == EXIT_OK; report++)
        code = write_report(lab, (enum report)report, &summary);
    if (code == EXIT_OK && !lab->schedule.quiet) {
        struct verdict verdict = summary_verdict(&summary, NULL);
        if (verdict.worst != NULL)
            fprintf(stderr, "%zu cells compared, geometric mean %.2f, worst %.2f\n",
                    verdict.compared, verdict.mean, verdict.worst->ratio);
        fprintf(stderr, "%s/index.html\n", lab->folder);
    }
    summary_free(&summary);
    return code;
}

/* --- running ---------------------------------------------------------------------------------- */

static int has_failures(const struct records *records)
{
    for (size_t i = 0; i < records->count; i++)
        if (records->list[i].result.outcome == OUTCOME_FAILED)
            return 1;
    return 0;
}

static int run(struct lab *lab)
{
    int result = interrupt_setup();
    if (result == 0)
        result = schedule_run(&lab->schedule);
    if (fclose(lab->schedule.csv) != 0 || (result < 0 && result != -EINTR))
        return cannot("runs.csv", result < 0 ? result : -EIO);
    int code = write_reports(lab);
    if (code != EXIT_OK)
        return code;
    if (interrupt_signal() != 0)
        return EXIT_SIGNAL + interrupt_signal();
    if (schedule_missing(&lab->schedule) > 0)
        return EXIT_MISSING;
    return has_failures(&lab->records) ? EXIT_FAILED : EXIT_OK;
}

int lab_main(int argc, char **argv)
{
    static struct lab lab;
    char path[PATH_SIZE];
    long whole;
    lab.schedule = (struct schedule){.grid = &lab.grid, .records = &lab.records, .workers = 1};
    message_program("tunny lab");
    machine_look(&lab.machine, argc, argv);
    int code = read_options(&lab, argc, argv);
    if (code >= 0)
        return code;
    code = read_experiment(&lab);
    if (code == EXIT_OK && lab.plan) {
        code = print_plan(&lab);
    } else if (code == EXIT_OK && lab.report) {
        int result = records_read(in_folder(&lab, "runs.csv", path), &lab.records, &whole);
        code = result < 0 ? cannot(path, result) : write_reports(&lab);
    } else if (code == EXIT_OK) {
        code = open_csv(&lab);
        if (code == EXIT_OK)
            code = run(&lab);
    }
    records_free(&lab.records);
    return code;
}
