/* tunny serve: options, the folder, the log, the loop. */
#define _GNU_SOURCE
#include "serve/serve.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/exit_codes.h"
#include "common/interrupt.h"
#include "common/message.h"
#include "common/numbers.h"
#include "common/options.h"
#include "serve/server.h"

enum serve_option {
    SERVE_IDLE = 1,
    SERVE_STALL,
    SERVE_MOST,
    SERVE_BACKLOG,
    SERVE_LOG,
    SERVE_NO_GEN,
    SERVE_FASTOPEN,
};

enum { FAST_OPENS = 256, FASTOPEN_SERVER = 2 };

static const struct option serve_longs[] = {
    {"port", required_argument, NULL, 'p'},
    {"quiet", no_argument, NULL, 'q'},
    {"idle-timeout", required_argument, NULL, SERVE_IDLE},
    {"stall-timeout", required_argument, NULL, SERVE_STALL},
    {"max-connections", required_argument, NULL, SERVE_MOST},
    {"backlog", required_argument, NULL, SERVE_BACKLOG},
    {"log", required_argument, NULL, SERVE_LOG},
    {"no-gen", no_argument, NULL, SERVE_NO_GEN},
    {"fastopen", no_argument, NULL, SERVE_FASTOPEN},
    {0},
};

static const struct command serve_command = {
    .name = "tunny serve",
    .usage = "tunny serve [OPTION]... DIR",
    .help = "Serves the files below DIR over HTTP until it is interrupted; nothing outside\n"
            "DIR. /gen/SIZE?seed=N is a body of known content (tunny gen-sha256 SIZE N).\n"
            "  -p, --port N              (default 80)\n"
            "      --idle-timeout S      seconds for a request to come (default 30)\n"
            "      --stall-timeout S     seconds without a byte taken (default 60)\n"
            "      --max-connections N   more wait (default 1024)\n"
            "      --backlog N           how many may wait (default 1024)\n"
            "      --fastopen            take requests that ride on a SYN (RFC 7413)\n"
            "      --log FILE            access log (default standard output)\n"
            "      --no-gen              no /gen/\n"
            "  -q, --quiet               no access log\n"
            "Exit codes: 2 usage, DIR or device; 1 the network failed; 130, 143 interrupted.\n",
    .shorts = "p:q",
    .longs = serve_longs,
};

struct serve {
    struct options options;
    struct server server;
    unsigned port, backlog;
    const char *log_name;
    int is_quiet;
};

static int take_count(const char *option, unsigned most, unsigned *count)
{
    uint64_t number;
    if (number_parse(optarg, most, &number) < 0 || number == 0)
        return options_wrong("%s %s: expected 1 to %u", option, optarg, most);
    *count = (unsigned)number;
    return EXIT_OK;
}

static int take_seconds(const char *option, int64_t *nanoseconds)
{
    if (seconds_parse(optarg, nanoseconds) < 0 || *nanoseconds == 0)
        return options_wrong("%s %s: expected seconds", option, optarg);
    return EXIT_OK;
}

static int take_option(struct serve *serve, int option)
{
    struct client_settings *settings = &serve->server.settings;
    switch (option) {
    case 'p':
        return take_count("--port", 65535, &serve->port);
    case 'q':
        serve->is_quiet = 1;
        return EXIT_OK;
    case SERVE_IDLE:
        return take_seconds("--idle-timeout", &settings->idle_ns);
    case SERVE_STALL:
        return take_seconds("--stall-timeout", &settings->stall_ns);
    case SERVE_MOST:
        return take_count("--max-connections", 1000000, &serve->server.most_clients);
    case SERVE_BACKLOG:
        return take_count("--backlog", 65535, &serve->backlog);
    case SERVE_FASTOPEN:
        serve->server.fast_opens = FAST_OPENS;
        return EXIT_OK;
    case SERVE_LOG:
        serve->log_name = optarg;
        return EXIT_OK;
    case SERVE_NO_GEN:
        settings->site.generator = SITE_WITHOUT_GENERATOR;
        return EXIT_OK;
    default:
        return EXIT_USAGE;
    }
}

/* OPTIONS_END to go on. */
static int take_options(struct serve *serve, int argc, char **argv)
{
    int option;
    while ((option = options_next(&serve->options, &serve_command, argc, argv)) >= 0)
        if (take_option(serve, option) != EXIT_OK)
            return OPTIONS_WRONG;
    if (option == OPTIONS_END && argc - optind != 1) {
        options_wrong("expected one folder");
        return OPTIONS_WRONG;
    }
    return option;
}

static int open_log(struct serve *serve)
{
    struct access_log *log = &serve->server.settings.log;
    log->is_json = serve->options.json;
    log->file = serve->is_quiet ? NULL : stdout;
    if (serve->log_name != NULL && !serve->is_quiet)
        log->file = fopen(serve->log_name, "ae");
    if (log->file == NULL && !serve->is_quiet) {
        complain("cannot write the log %s: %s.", serve->log_name, error_words(errno));
        return EXIT_USAGE;
    }
    if (log->file != NULL)
        setvbuf(log->file, NULL, _IOLBF, BUFSIZ);
    return EXIT_OK;
}

/* The host must allow what the listener asks for. */
static void allow_fast_open(struct tunny *stack)
{
    int64_t bits = 0;
    tunny_get(stack, "tcp_fastopen", &bits);
    tunny_set(stack, "tcp_fastopen", bits | FASTOPEN_SERVER);
}

static int run(struct serve *serve, const char *folder)
{
    struct server *server = &serve->server;
    int code = options_open_stack(&serve->options, &server->stack);
    if (code != EXIT_OK)
        return code;
    if (server->fast_opens > 0)
        allow_fast_open(server->stack);
    int result = server_listen(server, (unsigned short)serve->port, (int)serve->backlog);
    if (result < 0) {
        complain("cannot listen on port %u: %s.", serve->port, error_words(result));
        code = EXIT_FAILED;
    } else {
        fprintf(stderr, "serving %s on port %u of %s\n", folder, serve->port,
                tunny_interface(server->stack));
        result = server_run(server);
        code = result == -EINTR ? EXIT_SIGNAL + interrupt_signal() : EXIT_FAILED;
        if (result != -EINTR)
            complain("the device failed: %s.", error_words(result));
    }
    server_end(server);
    options_close_stack(&serve->options, server->stack);
    return code;
}

int serve_main(int argc, char **argv)
{
    struct serve serve = {
        .server = {.most_clients = 1024,
                   .settings = {.idle_ns = 30000000000, .stall_ns = 60000000000}},
        .port = 80,
        .backlog = 1024,
    };
    message_program(serve_command.name);
    options_start(&serve.options, argc, argv);
    int option = take_options(&serve, argc, argv);
    if (option != OPTIONS_END)
        return option == OPTIONS_ANSWERED ? EXIT_OK : EXIT_USAGE;
    const char *folder = argv[optind];
    struct site *site = &serve.server.settings.site;
    site->root = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (site->root < 0) {
        complain("cannot open the folder %s: %s.", folder, error_words(errno));
        return EXIT_USAGE;
    }
    int code = open_log(&serve);
    if (code == EXIT_OK)
        code = run(&serve, folder);
    close(site->root);
    if (serve.log_name != NULL && serve.server.settings.log.file != NULL)
        fclose(serve.server.settings.log.file);
    return code;
}
