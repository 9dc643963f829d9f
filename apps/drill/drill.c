/* The command `tunny drill`: runs packetdrill scripts, each on a virtual host of its own, one after
 * the other or in several processes, and reports in order. The same scripts give the same results
 * every time. */
#include "drill.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/exit_codes.h"
#include "common/message.h"
#include "common/numbers.h"
#include "common/options.h"
#include "report.h"

enum { JOBS_MOST = 64, DEFAULT_SEED = 1 };
enum own_option {
    OWN_TAP = 1,
    OWN_STORY,
    OWN_STRICT,
    OWN_IP_VERSION,
    OWN_LOCAL,
    OWN_REMOTE,
    OWN_TOLERANCE
};

static const struct option longs[] = {
    {"tap", no_argument, NULL, OWN_TAP},
    {"story", no_argument, NULL, OWN_STORY},
    {"strict", no_argument, NULL, OWN_STRICT},
    {"jobs", required_argument, NULL, 'j'},
    {"define", required_argument, NULL, 'D'},
    {"ip-version", required_argument, NULL, OWN_IP_VERSION},
    {"ip_version", required_argument, NULL, OWN_IP_VERSION},
    {"local", required_argument, NULL, OWN_LOCAL},
    {"local_ip", required_argument, NULL, OWN_LOCAL},
    {"remote", required_argument, NULL, OWN_REMOTE},
    {"remote_ip", required_argument, NULL, OWN_REMOTE},
    {"tolerance_usecs", required_argument, NULL, OWN_TOLERANCE},
    {0},
};

static const struct command command = {
    .name = "tunny drill",
    .usage = "tunny drill [OPTION]... SCRIPT.pkt...",
    .help =
        "Runs packetdrill scripts against the stack, in virtual time: no device, no waiting, "
        "no root.\n"
        "Results are TAP lines: ok, not ok, or ok # SKIP when a script needs what is not there.\n"
        "Exit status: 0 no script failed, 1 some did, 2 usage.\n\n"
        "  -j, --jobs N          run in N processes\n"
        "      --story           tell what happened in scripts that pass, too\n"
        "      --strict          packets at the end that no line expects are failures\n"
        "      --tap             TAP output (the default)\n"
        "      --ip-version V    ipv4 (default), ipv6, ipv4-mapped-ipv6\n"
        "      --local ADDRESS   the stack's address (192.168.0.1, fd3d:0a0b:17d6::1)\n"
        "      --remote ADDRESS  the script's (192.0.2.1, fd3d:fa7b:d17d::1)\n"
        "      --tolerance_usecs N  times may be off by this (4000), or by an eighth\n"
        "  -D, --define NAME=VALUE  a word of scripts that stands for another\n",
    .shorts = "j:D:",
    .longs = longs,
};

struct drill {
    struct options options;
    struct arena arena;
    struct script_option *given, **given_end;
    unsigned jobs;
    enum telling telling;
    char **paths;
    unsigned count;
    unsigned passed, failed, unsupported;
};

/* --- options
 * ---------------------------------------------------------------------------------------------- */

static void give(struct drill *drill, const char *name, const char *value)
{
    struct script_option *option = arena_take(&drill->arena, sizeof *option);
    option->name = name;
    option->value = value;
    *drill->given_end = option;
    drill->given_end = &option->next;
}

static int take_jobs(struct drill *drill)
{
    uint64_t jobs;
    if (number_parse(optarg, JOBS_MOST, &jobs) < 0 || jobs == 0)
        return options_wrong("the number of jobs lies between 1 and %d", JOBS_MOST);
    drill->jobs = (unsigned)jobs;
    return EXIT_OK;
}

static int take_own(struct drill *drill, int option)
{
    if (option == OWN_STORY)
        drill->telling = TELL_ALL;
    else if (option == OWN_STRICT)
        give(drill, "strict", "");
    else if (option == OWN_IP_VERSION)
        give(drill, "ip_version", optarg);
    else if (option == OWN_LOCAL)
        give(drill, "local", optarg);
    else if (option == OWN_REMOTE)
        give(drill, "remote", optarg);
    else if (option == OWN_TOLERANCE)
        give(drill, "tolerance_usecs", optarg);
    else if (option == 'D')
        give(drill, "define", optarg);
    else if (option == 'j')
        return take_jobs(drill);
    return EXIT_OK;
}

static void give_common(struct drill *drill)
{
    if (drill->options.config.mtu != 0)
        give(drill, "mtu", arena_printf(&drill->arena, "%u", drill->options.config.mtu));
    if (drill->options.config.no_offload)
        give(drill, "no_offload", "");
    if (drill->options.trace_file != NULL || drill->options.config.capture != NULL)
        drill->jobs = 1;
}

/* OPTIONS_END, or the exit code with which the program ends. */
static int read_options(struct drill *drill, int argc, char **argv)
{
    int option;
    options_start(&drill->options, argc, argv);
    while ((option = options_next(&drill->options, &command, argc, argv)) > 0)
        if (take_own(drill, option) != EXIT_OK)
            return EXIT_USAGE;
    if (option == OPTIONS_ANSWERED)
        return EXIT_OK;
    if (option == OPTIONS_WRONG)
        return EXIT_USAGE;
    if (optind == argc)
        return options_wrong("a script is missing");
    give_common(drill);
    drill->paths = argv + optind;
    drill->count = (unsigned)(argc - optind);
    return OPTIONS_END;
}

/* --- running
 * ---------------------------------------------------------------------------------------------- */

static const char *capture_path(struct drill *drill, unsigned index)
{
    const char *path = drill->options.config.capture;
    if (path == NULL || drill->count == 1)
        return path;
    return arena_printf(&drill->arena, "%s.%u", path, index + 1);
}

static enum verdict run_one(struct drill *drill, unsigned index, FILE *trace, FILE *out)
{
    struct run_report report;
    struct run_request request = {
        .path = drill->paths[index],
        .options = drill->given,
        .capture = capture_path(drill, index),
        .trace = trace,
        .trace_level = drill->options.verbosity > 0 || trace != NULL ? 0 : 1,
        .seed = drill->options.config.seed ? drill->options.config.seed : DEFAULT_SEED,
    };
    run_script(&request, &report);
    report_result(out, index + 1, request.path, &report, drill->telling);
    enum verdict verdict = report.verdict;
    run_report_free(&report);
    return verdict;
}

static void count(struct drill *drill, enum verdict verdict)
{
    switch (verdict) {
    case VERDICT_PASS:
        drill->passed++;
        break;
    case VERDICT_FAIL:
        drill->failed++;
        break;
    case VERDICT_UNSUPPORTED:
        drill->unsupported++;
        break;
    }
}

static int run_here(struct drill *drill)
{
    FILE *trace = NULL;
    if (drill->options.trace_file != NULL) {
        trace = fopen(drill->options.trace_file, "we");
        if (trace == NULL) {
            complain("cannot write the trace %s.", drill->options.trace_file);
            return EXIT_USAGE;
        }
    }
    for (unsigned i = 0; i < drill->count; i++)
        count(drill, run_one(drill, i, trace, stdout));
    if (trace != NULL && fclose(trace) != 0)
        complain("the trace %s is incomplete.", drill->options.trace_file);
    return EXIT_OK;
}

/* What a job writes before each report. */
struct job_result {
    unsigned index;
    enum verdict verdict;
    size_t length;
};

/* Every jobs-th script, beginning with the job's own number. */
static void run_job(struct drill *drill, unsigned job, FILE *results)
{
    for (unsigned i = job; i < drill->count; i += drill->jobs) {
        struct job_result result = {.index = i};
        char *text = NULL;
        FILE *out = open_memstream(&text, &result.length);
        if (out == NULL)
            exit(EXIT_USAGE);
        result.verdict = run_one(drill, i, NULL, out);
        fclose(out);
        fwrite(&result, sizeof result, 1, results);
        fwrite(text, 1, result.length, results);
        free(text);
    }
    fflush(results);
}

/* A script's report from its job's file; the files are read in turn, as the scripts were dealt out.
 */
static void copy_result(struct drill *drill, FILE *results, unsigned index)
{
    struct job_result result;
    if (fread(&result, sizeof result, 1, results) != 1 || result.index != index) {
        printf("not ok %u - %s\n# the process that ran it has ended before its time\n", index + 1,
               drill->paths[index]);
        count(drill, VERDICT_FAIL);
        return;
    }
    for (; result.length > 0; result.length--)
        putchar(getc(results));
    count(drill, result.verdict);
}

static int run_jobs(struct drill *drill)
{
    FILE *results[JOBS_MOST];
    pid_t jobs[JOBS_MOST];
    fflush(stdout);
    for (unsigned j = 0; j < drill->jobs; j++) {
        results[j] = tmpfile();
        jobs[j] = results[j] != NULL ? fork() : -1;
        if (jobs[j] < 0) {
            complain("cannot start %u jobs.", drill->jobs);
            return EXIT_USAGE;
        }
        if (jobs[j] == 0) {
            run_job(drill, j, results[j]);
            _exit(EXIT_OK);
        }
    }
    for (unsigned j = 0; j < drill->jobs; j++) {
        waitpid(jobs[j], NULL, 0);
        rewind(results[j]);
    }
    for (unsigned i = 0; i < drill->count; i++)
        copy_result(drill, results[i % drill->jobs], i);
    for (unsigned j = 0; j < drill->jobs; j++)
        fclose(results[j]);
    return EXIT_OK;
}

int drill_main(int argc, char **argv)
{
    struct drill drill = {.jobs = 1};
    drill.given_end = &drill.given;
    message_program("tunny drill");
    int result = read_options(&drill, argc, argv);
    if (result == OPTIONS_END) {
        printf("TAP version 13\n1..%u\n", drill.count);
        if (drill.jobs > drill.count)
            drill.jobs = drill.count;
        result = drill.jobs > 1 ? run_jobs(&drill) : run_here(&drill);
        printf("# %u passed, %u failed, %u unsupported\n", drill.passed, drill.failed,
               drill.unsupported);
        if (result == EXIT_OK && drill.failed > 0)
            result = EXIT_FAILED;
    }
    arena_free(&drill.arena);
    return result;
}
