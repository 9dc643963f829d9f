/* tunny sim: reads a scenario, runs the world that it describes and prints what became of its flows
 * (tunny.h, section "worlds"; tunny-sim(1)). */
#include "sim.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/exit_codes.h"
#include "common/message.h"
#include "common/numbers.h"
#include "common/options.h"
#include "results.h"

enum sim_option {
    SIM_SEED = 1,
    SIM_UNTIL,
    SIM_PCAP,
    SIM_CSV,
    SIM_JSON,
    SIM_CHECK,
    SIM_TRACE,
    SIM_HELP,
    SIM_VERSION
};

static const struct option longs[] = {
    {"seed", required_argument, NULL, SIM_SEED},   {"until", required_argument, NULL, SIM_UNTIL},
    {"pcap", required_argument, NULL, SIM_PCAP},   {"csv", required_argument, NULL, SIM_CSV},
    {"json", no_argument, NULL, SIM_JSON},         {"check", no_argument, NULL, SIM_CHECK},
    {"trace", required_argument, NULL, SIM_TRACE}, {"help", no_argument, NULL, SIM_HELP},
    {"version", no_argument, NULL, SIM_VERSION},   {0},
};

static const char help[] =
    "Usage: tunny sim [OPTION]... SCENARIO\n"
    "Runs a network of hosts, links and routers in virtual time: hours in seconds, the same\n"
    "result every time. SCENARIO is a text file (\"-\": standard input), see tunny-sim(1).\n\n"
    "      --seed N       another course of chance than the scenario's\n"
    "      --until TIME   end after so much network time (seconds)\n"
    "      --pcap PATH    pcapng: of all packets in one file, or in a folder that exists one\n"
    "                     file a host, with every drop and decision beside its packet\n"
    "      --csv FILE     a row for each flow; \"-\": standard output\n"
    "      --json         results as JSON\n"
    "      --check        look at the invariants of every host after every step\n"
    "      --trace FILE   what all stacks say of themselves\n"
    "      --help, --version\n";

struct sim {
    struct tunny_world_config config;
    const char *csv;
    const char *trace;
    int json;
    char note[512];
    char *text;
};

static int is_directory(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

/* 0, or -1 with a sentence printed. */
static int take_option(struct sim *sim, int option)
{
    switch (option) {
    case SIM_SEED:
        if (number_parse(optarg, UINT64_MAX, &sim->config.seed) < 0 || sim->config.seed == 0)
            break;
        return 0;
    case SIM_UNTIL:
        if (seconds_parse(optarg, &sim->config.until_ns) < 0 || sim->config.until_ns == 0)
            break;
        return 0;
    case SIM_PCAP:
        if (is_directory(optarg))
            sim->config.capture_directory = optarg;
        else
            sim->config.capture = optarg;
        return 0;
    case SIM_CSV:
        sim->csv = optarg;
        return 0;
    case SIM_JSON:
        sim->json = 1;
        return 0;
    case SIM_CHECK:
        sim->config.check = 1;
        return 0;
    case SIM_TRACE:
        sim->trace = optarg;
        return 0;
    default:
        options_wrong("there is no such option, or a value is missing");
        return -1;
    }
    options_wrong("'%s' is no number from 1", optarg);
    return -1;
}

/* OPTIONS_END, OPTIONS_ANSWERED or OPTIONS_WRONG. */
static int read_options(struct sim *sim, int argc, char **argv)
{
    int option;

    opterr = 0;
    while ((option = getopt_long(argc, argv, "", longs, NULL)) != -1) {
        if (option == SIM_HELP) {
            fputs(help, stdout);
            return OPTIONS_ANSWERED;
        }
        if (option == SIM_VERSION) {
            printf("%s\n", tunny_version());
            return OPTIONS_ANSWERED;
        }
        if (take_option(sim, option) < 0)
            return OPTIONS_WRONG;
    }
    if (optind + 1 != argc) {
        options_wrong("expected one scenario");
        return OPTIONS_WRONG;
    }
    return OPTIONS_END;
}

/* The whole file, or NULL with a sentence printed. */
static char *read_text(const char *path)
{
    enum { STEP = 65536 };
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    size_t used = 0, got;
    char *text = NULL;

    if (file == NULL) {
        complain("cannot read %s: %s", path, error_words(errno));
        return NULL;
    }
    do {
        char *grown = realloc(text, used + STEP + 1);
        if (grown == NULL) {
            free(text);
            text = NULL;
            break;
        }
        text = grown;
        got = fread(text + used, 1, STEP, file);
        used += got;
        text[used] = '\0';
    } while (got > 0);
    if (text == NULL || ferror(file))
        complain("cannot read %s: %s", path, error_words(text ? EIO : ENOMEM));
    if (file != stdin)
        fclose(file);
    return text;
}

/* 0, or -1 with a sentence printed. */
static int write_csv(const char *path, const struct tunny_world *world)
{
    FILE *file = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");

    if (file == NULL) {
        complain("cannot write %s: %s", path, error_words(errno));
        return -1;
    }
    results_csv(file, world);
    if (file != stdout && fclose(file) != 0) {
        complain("cannot write %s: %s", path, error_words(errno));
        return -1;
    }
    return 0;
}

/* The exit code. */
static int tell(const struct sim *sim, const struct tunny_world *world)
{
    const char *failure = tunny_world_failure(world);
    int code = results_all_complete(world) ? EXIT_OK : EXIT_FAILED;

    if (sim->json)
        results_json(stdout, world);
    else if (sim->csv == NULL || strcmp(sim->csv, "-") != 0)
        results_table(stdout, world);
    if (*failure) {
        complain("an invariant is broken: %s", failure);
        code = EXIT_FAILED;
    }
    if (sim->csv != NULL && write_csv(sim->csv, world) < 0)
        code = EXIT_USAGE;
    return code;
}

static int run(struct sim *sim)
{
    struct tunny_world *world;
    char error[512] = "";

    if (tunny_world_create(&sim->config, &world, error, sizeof error) < 0) {
        complain("%s", error);
        return EXIT_USAGE;
    }
    tunny_world_run(world);
    int code = tell(sim, world);
    if (tunny_world_destroy(world) < 0) {
        complain("the capture is incomplete.");
        code = EXIT_USAGE;
    }
    return fflush(stdout) == 0 ? code : EXIT_USAGE;
}

int sim_main(int argc, char **argv)
{
    struct sim sim = {0};
    message_program("tunny sim");
    int r = read_options(&sim, argc, argv);

    if (r != OPTIONS_END)
        return r == OPTIONS_ANSWERED ? EXIT_OK : EXIT_USAGE;
    snprintf(sim.note, sizeof sim.note, "tunny sim %s", argv[optind]);
    sim.config.note = sim.note;
    sim.text = read_text(argv[optind]);
    if (sim.text == NULL)
        return EXIT_USAGE;
    sim.config.scenario = sim.text;
    if (sim.trace != NULL && (sim.config.trace = fopen(sim.trace, "we")) == NULL) {
        complain("cannot write %s: %s", sim.trace, error_words(errno));
        free(sim.text);
        return EXIT_USAGE;
    }
    r = run(&sim);
    if (sim.config.trace != NULL && fclose(sim.config.trace) != 0)
        complain("the trace %s is incomplete.", sim.trace);
    free(sim.text);
    return r;
}
