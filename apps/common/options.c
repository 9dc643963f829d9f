/* The options that every command shares; see options.h. */
#include "common/options.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/exit_codes.h"
#include "common/interrupt.h"
#include "common/message.h"
#include "common/numbers.h"
#include "common/stats_file.h"

enum common_option {
    COMMON_TUN = 256,
    COMMON_DEVICE,
    COMMON_ADDR,
    COMMON_GATEWAY,
    COMMON_RESOLVER,
    COMMON_PCAP,
    COMMON_IMPAIR,
    COMMON_SEED,
    COMMON_CC,
    COMMON_MTU,
    COMMON_NO_OFFLOAD,
    COMMON_BUSY_POLL,
    COMMON_MEMORY,
    COMMON_SET,
    COMMON_TRACE,
    COMMON_JSON,
    COMMON_STATS,
    COMMON_HELP,
    COMMON_VERSION,
};

static const struct option common_longs[] = {
    {"tun", required_argument, NULL, COMMON_TUN},
    {"device", required_argument, NULL, COMMON_DEVICE},
    {"addr", required_argument, NULL, COMMON_ADDR},
    {"gateway", required_argument, NULL, COMMON_GATEWAY},
    {"resolver", required_argument, NULL, COMMON_RESOLVER},
    {"pcap", required_argument, NULL, COMMON_PCAP},
    {"impair", required_argument, NULL, COMMON_IMPAIR},
    {"seed", required_argument, NULL, COMMON_SEED},
    {"cc", required_argument, NULL, COMMON_CC},
    {"mtu", required_argument, NULL, COMMON_MTU},
    {"no-offload", no_argument, NULL, COMMON_NO_OFFLOAD},
    {"busy-poll", required_argument, NULL, COMMON_BUSY_POLL},
    {"memory", required_argument, NULL, COMMON_MEMORY},
    {"set", required_argument, NULL, COMMON_SET},
    {"verbose", no_argument, NULL, 'v'},
    {"trace", required_argument, NULL, COMMON_TRACE},
    {"json", no_argument, NULL, COMMON_JSON},
    {"stats", required_argument, NULL, COMMON_STATS},
    {"help", no_argument, NULL, COMMON_HELP},
    {"version", no_argument, NULL, COMMON_VERSION},
};
enum { COMMON_COUNT = sizeof common_longs / sizeof *common_longs, OWN_MOST = 48 };

static const char common_help[] =
    "\nThe stack:\n"
    "      --tun NAME        TUN interface (default tunny0)\n"
    "      --device SPEC     tun[:NAME], or packet:INTERFACE (AF_PACKET)\n"
    "      --addr LIST       the stack's addresses, with prefix lengths\n"
    "                        (default 198.18.0.2/24,fd00:7475:6e::2/64)\n"
    "      --gateway LIST    routers, for packet devices\n"
    "      --resolver ADDR   name server, ADDRESS or ADDRESS:PORT\n"
    "      --mtu N           bytes\n"
    "      --no-offload      no super-segments; every packet as on a wire\n"
    "      --busy-poll US    for so long after a packet look for the next instead of sleeping\n"
    "                        (microseconds; a processor's time for a shorter wait)\n"
    "      --memory SIZE     the stack's memory budget (default 512M)\n"
    "      --cc NAME         congestion control\n"
    "      --set NAME=VALUE  a setting (tunny --list-settings); may be repeated\n"
    "      --impair SPEC     faults in netem's words: \"delay 20ms loss 3%\"\n"
    "      --seed N          of the faults\n"
    "      --pcap FILE       capture as pcapng; \"-\": standard output\n"
    "  -v, --verbose         trace on standard error; -vv decisions, -vvv segments\n"
    "      --trace FILE      trace every segment into FILE\n"
    "      --json            machine-readable results and trace\n"
    "      --stats FILE      counters and drops as JSON at the end; \"-\": standard output\n"
    "      --help, --version\n";

void options_start(struct options *options, int argc, char **argv)
{
    *options = (struct options){0};
    size_t used = 0;
    for (int i = 0; i < argc && used + 1 < sizeof options->command_line; i++) {
        int length = snprintf(options->command_line + used, sizeof options->command_line - used,
                              i == 0 ? "%s" : " %s", argv[i]);
        used += length > 0 ? (size_t)length : 0;
    }
    options->config.capture_note = options->command_line;
    options->config.settings = options->settings;
}

int options_wrong(const char *format, ...)
{
    char sentence[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    complain("%s. Try --help.", sentence);
    return EXIT_USAGE;
}

static int wrong(const char *option, const char *expected)
{
    options_wrong("%s %s: expected %s", option, optarg, expected);
    return OPTIONS_WRONG;
}

static int take_tun(struct options *options)
{
    int length = snprintf(options->device, sizeof options->device, "tun:%s", optarg);
    if (*optarg == '\0' || length >= (int)sizeof options->device)
        return wrong("--tun", "an interface name");
    options->config.device = options->device;
    return 0;
}

static int add_setting(struct options *options, const char *setting)
{
    if (options->settings_count == OPTIONS_SETTINGS) {
        options_wrong("--set was given more than %d times", OPTIONS_SETTINGS);
        return OPTIONS_WRONG;
    }
    options->settings[options->settings_count++] = setting;
    return 0;
}

static int take_setting(struct options *options)
{
    const char *sign = strchr(optarg, '=');
    if (sign == NULL || sign == optarg || sign[1] == '\0')
        return wrong("--set", "NAME=VALUE");
    return add_setting(options, optarg);
}

static int take_busy_poll(struct options *options)
{
    enum { LONGEST_US = 1000000 };
    uint64_t us = 0;
    if (number_parse(optarg, LONGEST_US, &us) < 0)
        return wrong("--busy-poll", "0 to 1000000 microseconds");
    snprintf(options->busy_poll, sizeof options->busy_poll, "busy_poll=%u", (unsigned)us);
    return add_setting(options, options->busy_poll);
}

static int take_cc(struct options *options)
{
    for (unsigned i = 0; tunny_congestion(i) != NULL; i++) {
        if (strcmp(tunny_congestion(i), optarg) == 0) {
            options->config.congestion = optarg;
            return 0;
        }
    }
    return wrong("--cc", "one of those that tunny --list-settings names");
}

static int take_number(struct options *options, enum common_option option)
{
    uint64_t number = 0;
    if (option == COMMON_MTU) {
        if (number_parse(optarg, 65535, &number) < 0 || number < 68)
            return wrong("--mtu", "68 to 65535 bytes");
        options->config.mtu = (uint32_t)number;
    } else if (option == COMMON_SEED) {
        if (number_parse(optarg, UINT64_MAX, &number) < 0)
            return wrong("--seed", "a whole number below 2^64");
        options->config.seed = number;
    } else {
        if (size_parse(optarg, &number) < 0 || number == 0)
            return wrong("--memory", "a size such as 64M");
        options->config.memory = number;
    }
    return 0;
}

static int answer(enum common_option option, const struct command *command)
{
    if (option == COMMON_VERSION)
        printf("%s\n", tunny_version());
    else
        printf("Usage: %s\n%s%s", command->usage, command->help, common_help);
    return OPTIONS_ANSWERED;
}

/* 0: taken. */
static int take_common(struct options *options, const struct command *command,
                       enum common_option option)
{
    struct tunny_config *config = &options->config;
    switch (option) {
    case COMMON_TUN:
        return take_tun(options);
    case COMMON_DEVICE:
        config->device = optarg;
        return 0;
    case COMMON_ADDR:
        config->addresses = optarg;
        return 0;
    case COMMON_GATEWAY:
        config->gateways = optarg;
        return 0;
    case COMMON_RESOLVER:
        config->resolver = optarg;
        return 0;
    case COMMON_PCAP:
        config->capture = optarg;
        return 0;
    case COMMON_IMPAIR:
        config->impair = optarg;
        return 0;
    case COMMON_SEED:
    case COMMON_MTU:
    case COMMON_MEMORY:
        return take_number(options, option);
    case COMMON_CC:
        return take_cc(options);
    case COMMON_BUSY_POLL:
        return take_busy_poll(options);
    case COMMON_NO_OFFLOAD:
        config->no_offload = 1;
        return 0;
    case COMMON_SET:
        return take_setting(options);
    case COMMON_TRACE:
        options->trace_file = optarg;
        return 0;
    case COMMON_JSON:
        options->json = 1;
        return 0;
    case COMMON_STATS:
        options->stats_file = optarg;
        return 0;
    case COMMON_HELP:
    case COMMON_VERSION:
        return answer(option, command);
    }
    return OPTIONS_WRONG;
}

int options_next(struct options *options, const struct command *command, int argc, char **argv)
{
    struct option longs[COMMON_COUNT + OWN_MOST + 1] = {0};
    size_t own = 0;
    for (; own < OWN_MOST && command->longs[own].name != NULL; own++)
        longs[own] = command->longs[own];
    memcpy(longs + own, common_longs, sizeof common_longs);
    char shorts[64];
    /* "+" has to come first: what follows the first operand is not ours. */
    bool stops = command->shorts[0] == '+';
    snprintf(shorts, sizeof shorts, "%s:v%s", stops ? "+" : "", command->shorts + stops);
    for (;;) {
        int tried = optind;
        int option = getopt_long(argc, argv, shorts, longs, NULL);
        if (option == 'v') {
            options->verbosity++;
        } else if (option == '?' || option == ':') {
            int index = optind > tried ? optind - 1 : optind;
            options_wrong(option == ':' ? "option %s needs a value" : "there is no option %s",
                          index < argc ? argv[index] : "");
            return OPTIONS_WRONG;
        } else if (option < COMMON_TUN) {
            return option;
        } else {
            int result = take_common(options, command, (enum common_option)option);
            if (result != 0)
                return result;
        }
    }
}

/* Levels as in struct tunny_config: -v lives, -vv decisions, -vvv every segment; a file gets all.
 */
static int open_trace(struct options *options)
{
    if (options->trace_file != NULL) {
        options->config.trace = fopen(options->trace_file, "we");
        if (options->config.trace == NULL) {
            complain("cannot write the trace %s: %s.", options->trace_file, error_words(errno));
            return EXIT_USAGE;
        }
    } else if (options->verbosity > 0) {
        options->config.trace = stderr;
        options->config.trace_level = options->verbosity < 3 ? 3 - options->verbosity : 0;
    }
    options->config.trace_json = options->json;
    return EXIT_OK;
}

static void close_trace(struct options *options)
{
    if (options->config.trace == NULL || options->config.trace == stderr)
        return;
    if (fclose(options->config.trace) != 0)
        complain("the trace %s is incomplete: %s.", options->trace_file, error_words(errno));
    options->config.trace = NULL;
}

int options_open_stack(struct options *options, struct tunny **stack)
{
    char error[256] = "";
    int result = interrupt_setup();
    if (result < 0) {
        complain("cannot catch signals: %s.", error_words(result));
        return EXIT_USAGE;
    }
    if (open_trace(options) != EXIT_OK)
        return EXIT_USAGE;
    result = tunny_create(&options->config, stack, error, sizeof error);
    if (result < 0) {
        close_trace(options);
        complain("%s", *error != '\0' ? error : error_words(result));
        if (result == -EPERM || result == -EACCES || result == -ENOENT || result == -ENODEV)
            complain("\"tunny doctor\" shows what is missing and the command that mends it.");
        return EXIT_USAGE;
    }
    options->start_ns = tunny_now_ns(*stack);
    if (options->config.impair != NULL)
        fprintf(stderr, "seed %llu\n", (unsigned long long)tunny_seed(*stack));
    return EXIT_OK;
}

void options_close_stack(struct options *options, struct tunny *stack)
{
    if (stack != NULL) {
        tunny_drain(stack, interrupt_signal() == 0 ? 2000 : 200);
        int result = 0;
        if (options->stats_file != NULL)
            result = stats_write(options->stats_file, stack, options->start_ns);
        if (result < 0)
            complain("cannot write %s: %s.", options->stats_file, error_words(result));
        tunny_destroy(stack);
    }
    close_trace(options);
}

void options_list_settings(void)
{
    struct tunny_tunable tunable;
    printf("%-28s %12s  %-12s %s\n", "SETTING", "DEFAULT", "UNIT", "MEANING");
    for (unsigned i = 0; tunny_tunable(i, &tunable); i++)
        printf("%-28s %12lld  %-12s %s (%lld to %lld)\n", tunable.name, (long long)tunable.fallback,
               tunable.unit, tunable.sentence, (long long)tunable.least, (long long)tunable.most);
    printf("\nCongestion control (--cc), the first is the default:");
    for (unsigned i = 0; tunny_congestion(i) != NULL; i++)
        printf(" %s", tunny_congestion(i));
    printf("\n");
}
