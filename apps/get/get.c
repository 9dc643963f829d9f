/* tunny get: options, the URLs one after the other over one connection where it lasts, and the
 * final line. */
#include "get/get.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/interrupt.h"
#include "common/message.h"
#include "common/numbers.h"
#include "common/options.h"
#include "common/stream.h"
#include "get/download.h"

enum get_option {
    GET_SHA256 = 1,
    GET_RETRY,
    GET_CONNECT_TIMEOUT,
    GET_STALL_TIMEOUT,
    GET_MAX_REDIRS,
    GET_MAX_SIZE,
    GET_FASTOPEN,
};

static const struct option get_longs[] = {
    {"output", required_argument, NULL, 'o'},
    {"remote-name", no_argument, NULL, 'O'},
    {"continue", no_argument, NULL, 'c'},
    {"quiet", no_argument, NULL, 'q'},
    {"ipv4", no_argument, NULL, '4'},
    {"ipv6", no_argument, NULL, '6'},
    {"max-time", required_argument, NULL, 'm'},
    {"sha256", required_argument, NULL, GET_SHA256},
    {"retry", required_argument, NULL, GET_RETRY},
    {"connect-timeout", required_argument, NULL, GET_CONNECT_TIMEOUT},
    {"stall-timeout", required_argument, NULL, GET_STALL_TIMEOUT},
    {"max-redirs", required_argument, NULL, GET_MAX_REDIRS},
    {"max-size", required_argument, NULL, GET_MAX_SIZE},
    {"fastopen", no_argument, NULL, GET_FASTOPEN},
    {0},
};

static const struct command get_command = {
    .name = "tunny get",
    .usage = "tunny get [OPTION]... URL...",
    .help = "Fetches http:// URLs. Writes NAME.part and renames it when it is whole.\n"
            "  -o, --output FILE     save as FILE; \"-\": standard output\n"
            "  -O, --remote-name     save under the URL's last segment (the default)\n"
            "  -c, --continue        go on with what an earlier run left\n"
            "      --sha256 HEX      check the digest; exit code 110 when it differs\n"
            "      --retry N         tries after a failure that may pass (default 3)\n"
            "      --connect-timeout S   seconds (default 30)\n"
            "      --stall-timeout S     seconds without a byte (default 60; 0: none)\n"
            "  -m, --max-time S      seconds for all of it (default: no limit)\n"
            "      --max-redirs N    redirects to follow (default 10)\n"
            "      --max-size SIZE   refuse larger files, \"10G\"\n"
            "      --fastopen        the request rides on the SYN from the second connection to\n"
            "                        a server on (RFC 7413)\n"
            "  -4, -6                only IPv4, only IPv6\n"
            "  -q, --quiet           errors only\n"
            "Exit codes as curl's: 1 not http, 3 bad URL, 6 no such host, 7 cannot connect,\n"
            "8 weird reply, 18 partial, 22 HTTP error, 23 cannot write, 28 timeout, 33 range,\n"
            "47 redirects, 52 no reply, 55 sending, 56 receiving, 63 too large, 110 digest,\n"
            "2 usage, 130 and 143 interrupted.\n",
    .shorts = "o:Ocq46m:",
    .longs = get_longs,
};

struct get {
    struct options options;
    struct download_settings settings;
    struct exchange_limits limits;
    int64_t max_time_ns;
    const char *output;
    int is_quiet;
};

static int take_seconds(const char *option, int64_t *nanoseconds)
{
    if (seconds_parse(optarg, nanoseconds) == 0)
        return EXIT_OK;
    return options_wrong("%s %s: expected seconds", option, optarg);
}

static int take_count(const char *option, unsigned *count)
{
    uint64_t number;
    if (number_parse(optarg, 1000000, &number) < 0)
        return options_wrong("%s %s: expected a whole number", option, optarg);
    *count = (unsigned)number;
    return EXIT_OK;
}

static int take_digest(struct get *get)
{
    unsigned char digest[SHA256_BYTES];
    if (sha256_parse(optarg, digest) < 0)
        return options_wrong("--sha256 %s: expected 64 hexadecimal digits", optarg);
    get->settings.digest = optarg;
    return EXIT_OK;
}

static int take_option(struct get *get, int option)
{
    switch (option) {
    case 'o':
        get->output = optarg;
        return EXIT_OK;
    case 'O':
        get->output = NULL;
        return EXIT_OK;
    case 'c':
        get->settings.resume = 1;
        return EXIT_OK;
    case 'q':
        get->is_quiet = 1;
        return EXIT_OK;
    case GET_FASTOPEN:
        get->limits.opening = STREAM_FAST;
        return EXIT_OK;
    case '4':
        get->limits.family = AF_INET;
        return EXIT_OK;
    case '6':
        get->limits.family = AF_INET6;
        return EXIT_OK;
    case 'm':
        return take_seconds("--max-time", &get->max_time_ns);
    case GET_SHA256:
        return take_digest(get);
    case GET_RETRY:
        get->settings.retries_given = 1;
        return take_count("--retry", &get->settings.retries);
    case GET_CONNECT_TIMEOUT:
        return take_seconds("--connect-timeout", &get->limits.connect_ns);
    case GET_STALL_TIMEOUT:
        return take_seconds("--stall-timeout", &get->limits.stall_ns);
    case GET_MAX_REDIRS:
        return take_count("--max-redirs", &get->settings.most_redirects);
    case GET_MAX_SIZE:
        if (size_parse(optarg, &get->limits.most_bytes) == 0)
            return EXIT_OK;
        return options_wrong("--max-size %s: expected a size such as 10G", optarg);
    default:
        return EXIT_USAGE;
    }
}

/* OPTIONS_END to go on, or OPTIONS_WRONG, OPTIONS_ANSWERED. */
static int take_options(struct get *get, int argc, char **argv)
{
    int option;
    while ((option = options_next(&get->options, &get_command, argc, argv)) >= 0)
        if (take_option(get, option) != EXIT_OK)
            return OPTIONS_WRONG;
    if (option != OPTIONS_END)
        return option;
    int urls = argc - optind;
    if (urls == 0) {
        options_wrong("a URL is missing");
        return OPTIONS_WRONG;
    }
    if (urls > 1 && (get->output != NULL || get->settings.digest != NULL)) {
        options_wrong("--output and --sha256 go with one URL");
        return OPTIONS_WRONG;
    }
    if (get->settings.resume && get->output != NULL && strcmp(get->output, "-") == 0) {
        options_wrong("--continue does not go with standard output");
        return OPTIONS_WRONG;
    }
    return OPTIONS_END;
}

/* --- results
 * ------------------------------------------------------------------------------------------- */

static double seconds_taken(const struct download *download)
{
    int64_t span = download->end_ns - download->start_ns;
    return span > 0 ? (double)span / 1e9 : 1e-9;
}

static void print_line(const struct download *download, const char *name)
{
    const struct exchange *exchange = download->exchange;
    char rate[SIZE_TEXT], tcp[FIGURES_TEXT];
    if (download->was_complete) {
        fprintf(stderr, "%s: complete already\n", name);
        return;
    }
    double seconds = seconds_taken(download);
    figures_text(&exchange->figures, tcp);
    size_text((uint64_t)((double)exchange->received / seconds), rate);
    fprintf(stderr, "%s: %llu bytes", name, (unsigned long long)download->file.size);
    if (download->resumed_from > 0)
        fprintf(stderr, " (%llu of them were there)", (unsigned long long)download->resumed_from);
    fprintf(stderr, " in %.2f s, %s/s%s%s%s\n", seconds, rate, *tcp != '\0' ? ", " : "", tcp,
            *download->digest_text != '\0' ? ", sha256 as expected" : "");
}

/* With the body on standard output, the result goes to standard error. */
static void print_json(const struct download *download, const char *url, const char *name, int code)
{
    const struct exchange *exchange = download->exchange;
    FILE *out = strcmp(name, "-") == 0 ? stderr : stdout;
    fprintf(out, "{\"url\":");
    message_json_string(out, url);
    fprintf(out, ",\"file\":");
    message_json_string(out, name);
    fprintf(out,
            ",\"exit\":%d,\"bytes\":%llu,\"received\":%llu,\"resumed_from\":%llu,\"tries\":%u,"
            "\"seconds\":%.6f",
            code, (unsigned long long)download->file.size, (unsigned long long)exchange->received,
            (unsigned long long)download->resumed_from, download->tries + 1,
            seconds_taken(download));
    if (exchange->figures.known)
        fprintf(out, ",\"rtt_us\":%u,\"cwnd\":%u,\"retransmitted\":%u", exchange->figures.rtt_us,
                exchange->figures.cwnd_segments, exchange->figures.retransmitted_segments);
    if (*download->digest_text != '\0')
        fprintf(out, ",\"sha256\":\"%s\"", download->digest_text);
    if (code != EXIT_OK) {
        fprintf(out, ",\"error\":");
        message_json_string(out, exchange->sentence);
    }
    fprintf(out, "}\n");
    fflush(out);
}

static void print_failure(const struct download *download)
{
    const struct part_file *file = &download->file;
    complain("%s.", download->exchange->sentence);
    if (file->size == 0 || file->is_stream)
        return;
    if (*file->validator != '\0' && *download->digest_text == '\0')
        complain("%llu bytes are in %s; -c goes on from there.", (unsigned long long)file->size,
                 file->part);
    else
        complain("%llu bytes are in %s.", (unsigned long long)file->size, file->part);
}

static int fetch_one(struct get *get, struct exchange *exchange, const struct url *url,
                     const char *text)
{
    static struct download download;
    char remote_name[URL_FILE_NAME];
    const char *name = get->output != NULL ? get->output : url_file_name(url, remote_name);
    int code = download_run(&download, exchange, &get->settings, url, name);
    if (code != EXIT_OK)
        print_failure(&download);
    else if (!get->is_quiet && !get->options.json)
        print_line(&download, name);
    if (get->options.json)
        print_json(&download, text, name, code);
    return code;
}

/* --- the command
 * ----------------------------------------------------------------------------------------- */

/* Says what is wrong with a URL. Its exit code. */
static int read_url(const char *text, struct url *url)
{
    const char *problem = "";
    int result = url_parse(text, url, &problem);
    if (result == 0)
        return EXIT_OK;
    if (result == -EPROTONOSUPPORT) {
        complain("%s:// is not supported, only http:// is.", url->scheme);
        return EXIT_UNSUPPORTED_SCHEME;
    }
    complain("%s is no URL: %s.", text, problem);
    return EXIT_BAD_URL;
}

/* All URLs; a failure does not keep the rest from being fetched, a signal does. The first failure's
 * code. */
static int fetch_all(struct get *get, struct tunny *stack, char **urls)
{
    int first = EXIT_OK;
    struct exchange *exchange = malloc(sizeof *exchange);
    if (exchange == NULL) {
        complain("there is no memory left.");
        return EXIT_USAGE;
    }
    if (get->max_time_ns > 0)
        get->limits.total_deadline_ns = tunny_now_ns(stack) + get->max_time_ns;
    exchange_start(exchange, stack, &get->limits);
    for (; *urls != NULL && interrupt_signal() == 0; urls++) {
        struct url url;
        int code = read_url(*urls, &url);
        if (code == EXIT_OK)
            code = fetch_one(get, exchange, &url, *urls);
        if (first == EXIT_OK)
            first = code;
    }
    exchange_close(exchange);
    free(exchange);
    return first;
}

int get_main(int argc, char **argv)
{
    struct tunny *stack = NULL;
    struct get get = {
        .settings = {.retries = 3, .most_redirects = 10},
        .limits = {.connect_ns = 30000000000, .stall_ns = 60000000000, .family = AF_UNSPEC},
    };
    message_program(get_command.name);
    options_start(&get.options, argc, argv);
    int option = take_options(&get, argc, argv);
    if (option != OPTIONS_END)
        return option == OPTIONS_ANSWERED ? EXIT_OK : EXIT_USAGE;
    get.settings.style = get.is_quiet || get.options.json ? PROGRESS_NONE : progress_style();
    /* Before a device is opened for nothing. */
    for (char **url = argv + optind; *url != NULL; url++) {
        struct url parsed;
        int code = read_url(*url, &parsed);
        if (code != EXIT_OK)
            return code;
    }
    int code = options_open_stack(&get.options, &stack);
    if (code == EXIT_OK)
        code = fetch_all(&get, stack, argv + optind);
    options_close_stack(&get.options, stack);
    return code;
}
