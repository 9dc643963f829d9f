/* tunny link: joins interfaces of the kernel, in this namespace or others, through the engine of
 * impairments. Reads the command line, runs the link until a signal or `stop`, prints what it did.
 */
#define _GNU_SOURCE
#include "link/link.h"

#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <string.h>
#include <sys/prctl.h>

#include "common/exit_codes.h"
#include "common/interrupt.h"
#include "common/message.h"
#include "common/numbers.h"
#include "common/options.h"
#include "link/link_control.h"
#include "link/link_qdisc.h"
#include "link/link_report.h"

enum link_option {
    LINK_FORWARD = 1,
    LINK_BACKWARD,
    LINK_IMPAIR,
    LINK_SEED,
    LINK_OFFLOAD,
    LINK_MTU,
    LINK_FAR,
    LINK_PCAP,
    LINK_LOG,
    LINK_REPLAY,
    LINK_CONTROL,
    LINK_REALTIME,
    LINK_AS_JSON,
    LINK_QUIET,
    LINK_HELP,
    LINK_VERSION,
};

static const struct option longs[] = {
    {"forward", required_argument, NULL, LINK_FORWARD},
    {"backward", required_argument, NULL, LINK_BACKWARD},
    {"impair", required_argument, NULL, LINK_IMPAIR},
    {"seed", required_argument, NULL, LINK_SEED},
    {"offload", no_argument, NULL, LINK_OFFLOAD},
    {"mtu", required_argument, NULL, LINK_MTU},
    {"far", required_argument, NULL, LINK_FAR},
    {"pcap", required_argument, NULL, LINK_PCAP},
    {"log", required_argument, NULL, LINK_LOG},
    {"replay", required_argument, NULL, LINK_REPLAY},
    {"control", required_argument, NULL, LINK_CONTROL},
    {"realtime", no_argument, NULL, LINK_REALTIME},
    {"json", no_argument, NULL, LINK_AS_JSON},
    {"quiet", no_argument, NULL, LINK_QUIET},
    {"help", no_argument, NULL, LINK_HELP},
    {"version", no_argument, NULL, LINK_VERSION},
    {0},
};

static const char help[] =
    "Usage: tunny link [OPTION]... END END...\n"
    "       tunny link ctl SOCKET show|stats|set|down|up|stop [ARGUMENT]...\n"
    "       tunny link qdisc [NAMESPACE/]INTERFACE SPEC|clear [forward|backward]\n"
    "A cable in user space between interfaces of the kernel, with faults on everybody's packets.\n"
    "END is [NAMESPACE/][tun:|packet:]INTERFACE[=ADDRESS/LENGTH,...]: a TUN, made when there is\n"
    "none of that name, or an Ethernet interface (veth) by AF_PACKET. NAMESPACE is a name of\n"
    "`ip netns` or a process id. With addresses the kernel gets these there.\n\n"
    "      --forward SPEC    from the near side to the far side, in netem's words and ours:\n"
    "                        \"delay 20ms loss 1%\"\n"
    "      --backward SPEC   from the far side to the near side\n"
    "      --impair SPEC     both: \"delay 20ms\", \"forward: ...; backward: ...; at 5s down\"\n"
    "      --seed N          of the directions that name none\n"
    "      --far N           the last N ends are the far side (default 1); the ends of a side\n"
    "                        share one queue each way and are a switch among themselves\n"
    "      --offload         super-segments, cut where there is something to decide\n"
    "      --mtu N           of interfaces that are made or get addresses\n"
    "      --pcap FILE       every packet with its verdict as pcapng; \"-\": standard output\n"
    "      --log FILE        every fate as text\n"
    "      --replay FILE     repeat the fates of such a log\n"
    "      --control SOCKET  listen there for `tunny link ctl`; @NAME: no file, this namespace\n"
    "      --realtime        before all ordinary processes (SCHED_RR): exact on a busy machine\n"
    "      --json            the summary as JSON, on standard output\n"
    "      --quiet           no summary, nothing but errors\n"
    "      --help, --version\n\n"
    "ctl: show and stats [--json]; set forward|backward|both SPEC; down and up\n"
    "     [forward|backward|both]; stop.\n"
    "qdisc: the kernel's own netem instead, where it has one, on what it sends out of INTERFACE.\n"
    "It ends by SIGINT, SIGTERM or `stop` with a summary.\n"
    "Exit codes: 0 it ran, 1 an interface is gone or a file incomplete, 2 it could not be made.\n";

struct settings {
    struct tunny_link_config config;
    const char *control;
    char command_line[512];
    int json, quiet, realtime;
};

/* --- the command line ------------------------------------------------------------------------- */

static int take_number(const char *option, uint64_t least, uint64_t most, uint64_t *value)
{
    if (number_parse(optarg, most, value) == 0 && *value >= least)
        return 0;
    return options_wrong("%s %s: expected %llu to %llu", option, optarg, (unsigned long long)least,
                         (unsigned long long)most);
}

/* 0: taken; else an exit code. */
static int take_figure(struct tunny_link_config *config, enum link_option option)
{
    uint64_t value = 0;
    int wrong;
    if (option == LINK_SEED)
        return take_number("--seed", 0, UINT64_MAX, &config->seed);
    if (option == LINK_MTU) {
        wrong = take_number("--mtu", 68, 65535, &value);
        config->mtu = (uint32_t)value;
    } else {
        wrong = take_number("--far", 1, TUNNY_LINK_ENDS - 1, &value);
        config->far_count = (unsigned)value;
    }
    return wrong;
}

static int take_option(struct settings *settings, enum link_option option)
{
    struct tunny_link_config *config = &settings->config;
    switch (option) {
    case LINK_FORWARD:
        config->forward = optarg;
        return 0;
    case LINK_BACKWARD:
        config->backward = optarg;
        return 0;
    case LINK_IMPAIR:
        config->impair = optarg;
        return 0;
    case LINK_SEED:
    case LINK_MTU:
    case LINK_FAR:
        return take_figure(config, option);
    case LINK_OFFLOAD:
        config->offload = 1;
        return 0;
    case LINK_PCAP:
        config->capture = optarg;
        return 0;
    case LINK_LOG:
        config->log = optarg;
        return 0;
    case LINK_REPLAY:
        config->replay = optarg;
        return 0;
    case LINK_CONTROL:
        settings->control = optarg;
        return 0;
    case LINK_REALTIME:
        settings->realtime = 1;
        return 0;
    case LINK_AS_JSON:
        settings->json = 1;
        return 0;
    case LINK_QUIET:
        settings->quiet = 1;
        return 0;
    case LINK_HELP:
    case LINK_VERSION:
        return 0;
    }
    return EXIT_USAGE;
}

static void keep_command_line(struct settings *settings, int argc, char **argv)
{
    size_t used = (size_t)snprintf(settings->command_line, sizeof settings->command_line,
                                   "%s:", tunny_version());
    for (int i = 0; i < argc && used + 1 < sizeof settings->command_line; i++) {
        int length = snprintf(settings->command_line + used, sizeof settings->command_line - used,
                              " %s", argv[i]);
        used += length > 0 ? (size_t)length : 0;
    }
    settings->config.capture_note = settings->command_line;
}

/* -1: go on; else an exit code. */
static int read_options(struct settings *settings, int argc, char **argv)
{
    keep_command_line(settings, argc, argv);
    for (;;) {
        int tried = optind;
        int option = getopt_long(argc, argv, ":", longs, NULL);
        if (option == -1)
            break;
        if (option == '?' || option == ':') {
            int index = optind > tried ? optind - 1 : optind;
            return options_wrong(option == ':' ? "option %s needs a value"
                                               : "there is no option %s",
                                 index < argc ? argv[index] : "");
        }
        if (option == LINK_HELP || option == LINK_VERSION) {
            printf("%s%s", option == LINK_HELP ? help : tunny_version(),
                   option == LINK_HELP ? "" : "\n");
            return EXIT_OK;
        }
        int wrong = take_option(settings, (enum link_option)option);
        if (wrong != 0)
            return wrong;
    }
    settings->config.ends = (const char *const *)(argv + optind);
    settings->config.end_count = (unsigned)(argc - optind);
    return -1;
}

/* --- running ---------------------------------------------------------------------------------- */

static void announce(const struct settings *settings, const struct tunny_link *link)
{
    if (settings->quiet)
        return;
    link_report_warnings(stderr, link);
    link_show(stderr, link, LINK_TEXT);
    fprintf(stderr, "ready\n");
}

/* Until a signal, `stop` or a failure. */
static int run(struct tunny_link *link, struct link_control *control)
{
    int descriptors[2 + CONTROL_CLIENTS];
    char error[256];
    while (interrupt_signal() == 0 && !control->stop) {
        unsigned count = link_control_descriptors(control, descriptors);
        descriptors[count++] = interrupt_descriptor();
        if (tunny_link_run(link, descriptors, count, error, sizeof error) < 0) {
            complain("%s.", error);
            return EXIT_FAILED;
        }
        link_control_serve(control, link);
    }
    return EXIT_OK;
}

static int end(const struct settings *settings, struct tunny_link *link, int code)
{
    if (settings->json)
        link_report(stdout, link, LINK_JSON);
    else if (!settings->quiet)
        link_report(stderr, link, LINK_TEXT);
    if (tunny_link_destroy(link) < 0) {
        complain("the capture or the log could not be written to its end.");
        return EXIT_FAILED;
    }
    return code;
}

/* Packets leave on time. 0, or a negative errno. */
static int be_punctual(const struct settings *settings)
{
    struct sched_param lowest = {.sched_priority = 1};
    /* The kernel may let a sleeper sleep 50 us longer to save a wake-up. */
    prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
    if (settings->realtime && sched_setscheduler(0, SCHED_RR, &lowest) < 0)
        return -errno;
    return 0;
}

static int open_and_run(const struct settings *settings)
{
    static struct link_control control;
    struct tunny_link *link;
    char error[512];
    int result = interrupt_setup();
    if (result < 0) {
        complain("cannot catch signals: %s.", error_words(result));
        return EXIT_USAGE;
    }
    result = be_punctual(settings);
    if (result < 0) {
        complain("--realtime takes CAP_SYS_NICE: %s.", error_words(result));
        return EXIT_USAGE;
    }
    result = tunny_link_create(&settings->config, &link, error, sizeof error);
    if (result < 0) {
        complain("%s.", error);
        return EXIT_USAGE;
    }
    result = link_control_open(&control, settings->control);
    if (result < 0) {
        complain("the control socket %s cannot be made: %s.", settings->control,
                 error_words(result));
        tunny_link_destroy(link);
        return EXIT_USAGE;
    }
    announce(settings, link);
    int code = run(link, &control);
    link_control_close(&control);
    return end(settings, link, code);
}

int link_main(int argc, char **argv)
{
    struct settings settings = {.json = 0};
    if (argc > 1 && strcmp(argv[1], "qdisc") == 0)
        return link_qdisc(argc - 2, argv + 2);
    if (argc > 1 && strcmp(argv[1], "ctl") == 0) {
        if (argc > 2)
            return link_control_ask(argc - 2, argv + 2);
        message_program("tunny link ctl");
        return options_wrong("a socket and a request are needed");
    }
    message_program("tunny link");
    int code = read_options(&settings, argc, argv);
    if (code >= 0)
        return code;
    if (settings.config.end_count < 2)
        return options_wrong("two ends at least are needed");
    if (settings.config.impair != NULL &&
        (settings.config.forward != NULL || settings.config.backward != NULL))
        return options_wrong("--impair is for both directions, beside --forward or --backward it "
                             "has no meaning");
    if (settings.json && settings.config.capture != NULL &&
        strcmp(settings.config.capture, "-") == 0)
        return options_wrong("--json and --pcap - cannot share standard output");
    return open_and_run(&settings);
}
