/* tunny nc: options, and what they ask for: connecting, listening or scanning, then copying. */
#define _GNU_SOURCE
#include "nc/nc.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/exit_codes.h"
#include "common/interrupt.h"
#include "common/message.h"
#include "common/numbers.h"
#include "common/options.h"
#include "nc/nc_copy.h"
#include "nc/nc_join.h"
#include "nc/nc_peer.h"

static const struct option nc_longs[] = {
    {"listen", no_argument, NULL, 'l'},     {"keep", no_argument, NULL, 'k'},
    {"udp", no_argument, NULL, 'u'},        {"broadcast", no_argument, NULL, 'b'},
    {"shutdown", no_argument, NULL, 'N'},   {"scan", no_argument, NULL, 'z'},
    {"wait", required_argument, NULL, 'w'}, {"source-port", required_argument, NULL, 'p'},
    {"join", required_argument, NULL, 'j'}, {"ipv4", no_argument, NULL, '4'},
    {"ipv6", no_argument, NULL, '6'},       {0},
};

static const struct command nc_command = {
    .name = "tunny nc",
    .usage =
        "tunny nc [OPTION]... HOST PORT | -l [OPTION]... PORT | -z [OPTION]... HOST PORT[-PORT]",
    .help = "Copies standard input to a connection and the connection to standard output.\n"
            "  -l, --listen          wait for a connection on PORT\n"
            "  -k, --keep            with -l: then for the next one, and so on\n"
            "  -u, --udp             datagrams; it ends when standard input has ended and\n"
            "                        nothing came for --wait seconds (default 1)\n"
            "  -N, --shutdown        close our side at the end of standard input\n"
            "  -z, --scan            print which ports are open, send nothing\n"
            "  -w, --wait S          seconds for the connection and of silence (default: no\n"
            "                        limit; 2 with -z)\n"
            "  -b, --broadcast       allow broadcast addresses\n"
            "  -p, --source-port N\n"
            "  -j, --join NAME       by the stack that \"tunny up NAME\" made, through shared\n"
            "                        memory: TCP, and HOST is an address\n"
            "  -4, -6                only IPv4, only IPv6\n"
            "  -v                    say what happens; -vv traces as others do with -v\n"
            "Exit codes: 0 both sides ended (UDP: silence; -z: a port is open), 1 no connection,\n"
            "it broke or was silent for --wait seconds (-z: none is open), 2 usage or device, 130\n"
            "and 143 interrupted.\n",
    .shorts = "lkubNzw:p:j:46",
    .longs = nc_longs,
};

enum { SCAN_WAIT_S = 2, DATAGRAM_WAIT_S = 1 };
#define SECOND_NS INT64_C(1000000000)

struct nc {
    struct options options;
    struct nc_settings settings;
    struct nc_copy copy;
    int listens, keeps, scans;
    const char *joins; /* the stack of that name; NULL: one of our own */
    unsigned first_port, last_port;
};

static int take_option(struct nc *nc, int option)
{
    uint64_t number;
    switch (option) {
    case 'l':
        nc->listens = 1;
        return EXIT_OK;
    case 'k':
        nc->keeps = 1;
        return EXIT_OK;
    case 'u':
        nc->settings.is_udp = 1;
        return EXIT_OK;
    case 'b':
        nc->settings.broadcasts = 1;
        return EXIT_OK;
    case 'N':
        nc->copy.half_closes = 1;
        return EXIT_OK;
    case 'z':
        nc->scans = 1;
        return EXIT_OK;
    case '4':
        nc->settings.family = AF_INET;
        return EXIT_OK;
    case '6':
        nc->settings.family = AF_INET6;
        return EXIT_OK;
    case 'p':
        if (number_parse(optarg, 65535, &number) < 0 || number == 0)
            return options_wrong("--source-port %s: expected 1 to 65535", optarg);
        nc->settings.source_port = (unsigned)number;
        return EXIT_OK;
    case 'j':
        nc->joins = optarg;
        return EXIT_OK;
    case 'w':
        if (seconds_parse(optarg, &nc->settings.wait_ns) == 0 && nc->settings.wait_ns > 0)
            return EXIT_OK;
        return options_wrong("--wait %s: expected seconds", optarg);
    default:
        return EXIT_USAGE;
    }
}

/* PORT, or PORT-PORT for a scan. */
static int read_ports(struct nc *nc, const char *text)
{
    uint64_t first, last;
    char start[8] = "";
    const char *dash = nc->scans ? strchr(text, '-') : NULL;
    size_t length = dash != NULL ? (size_t)(dash - text) : strlen(text);
    if (length < sizeof start)
        memcpy(start, text, length);
    if (number_parse(start, 65535, &first) < 0 || first == 0 ||
        number_parse(dash != NULL ? dash + 1 : start, 65535, &last) < 0 || last < first)
        return options_wrong("%s is no port", text);
    nc->first_port = (unsigned)first;
    nc->last_port = (unsigned)last;
    return EXIT_OK;
}

static int check_options(struct nc *nc, int argc, char **argv)
{
    if (nc->keeps && !nc->listens)
        return options_wrong("--keep goes with --listen");
    if (nc->scans && nc->listens)
        return options_wrong("--scan does not go with --listen");
    if (nc->joins != NULL && (nc->settings.is_udp || nc->scans))
        return options_wrong("--join is for connections: neither --udp nor --scan go with it");
    if (argc - optind != (nc->listens ? 1 : 2))
        return options_wrong("expected %s", nc->listens ? "a port" : "a host and a port");
    if (nc->listens && nc->settings.source_port != 0)
        return options_wrong("--source-port does not go with --listen");
    /* The first -v is ours: the rest asks for the trace. */
    nc->settings.says = nc->options.verbosity > 0;
    nc->options.verbosity -= nc->settings.says;
    return read_ports(nc, argv[argc - 1]);
}

/* --- what is asked for -------------------------------------------------------------------------
 */

/* Copies over a socket and closes it. The exit code. */
static int copy_over(struct nc *nc, int socket)
{
    struct nc_copy *copy = &nc->copy;
    copy->sockets[0] = socket;
    copy->sockets[1] = -1;
    copy->sends = 1;
    int result = nc_copy_run(copy);
    tunny_close(copy->stack, socket);
    if (result == -ETIMEDOUT && copy->is_udp)
        result = 0;
    return result < 0 ? nc_failed("the connection", result) : EXIT_OK;
}

/* Datagrams of all senders, until a signal or --wait. */
static int gather(struct nc *nc, const struct nc_listener *listener)
{
    memcpy(nc->copy.sockets, listener->sockets, sizeof nc->copy.sockets);
    nc->copy.wait_ns = nc->settings.wait_ns;
    int result = nc_copy_run(&nc->copy);
    return result == -ETIMEDOUT ? EXIT_OK : nc_failed("listening", result);
}

static int listen_and_copy(struct nc *nc)
{
    struct nc_listener listener;
    struct tunny *stack = nc->copy.stack;
    int code = nc_listen(stack, &nc->settings, nc->first_port, &listener);
    if (code != EXIT_OK)
        return code;
    if (nc->settings.is_udp && nc->keeps) {
        code = gather(nc, &listener);
        nc_listener_close(stack, &listener);
        return code;
    }
    do {
        int socket = nc_next_peer(stack, &nc->settings, &listener);
        if (socket < 0) {
            code = nc_failed("listening", socket);
            break;
        }
        if (!nc->keeps)
            nc_listener_close(stack, &listener);
        code = copy_over(nc, socket);
    } while (nc->keeps && interrupt_signal() == 0);
    nc_listener_close(stack, &listener);
    return code;
}

static int run(struct nc *nc, const char *host)
{
    struct tunny *stack = nc->copy.stack;
    struct nc_settings *settings = &nc->settings;
    int socket;
    if (nc->scans) {
        if (settings->wait_ns == 0)
            settings->wait_ns = SCAN_WAIT_S * SECOND_NS;
        return nc_scan(stack, settings, host, nc->first_port, nc->last_port);
    }
    nc->copy.is_udp = settings->is_udp;
    nc->copy.input_is_open = 1;
    nc->copy.ends_with_peer = nc->keeps || (nc->listens && isatty(STDIN_FILENO));
    nc->copy.wait_ns = settings->wait_ns;
    if (settings->is_udp && settings->wait_ns == 0)
        nc->copy.wait_ns = DATAGRAM_WAIT_S * SECOND_NS;
    if (nc->listens)
        return listen_and_copy(nc);
    int code = nc_connect(stack, settings, host, nc->first_port, &socket);
    return code == EXIT_OK ? copy_over(nc, socket) : code;
}

static int run_joined(struct nc *nc, const char *host)
{
    struct nc_joining joining = {
        .settings = &nc->settings,
        .stack = nc->joins,
        .host = nc->listens ? NULL : host,
        .port = nc->first_port,
        .half_closes = nc->copy.half_closes,
        .ends_with_peer = nc->keeps || (nc->listens && isatty(STDIN_FILENO)),
        .keeps = nc->keeps,
    };
    return nc_join(&joining);
}

int nc_main(int argc, char **argv)
{
    static struct nc nc;
    int option;
    message_program(nc_command.name);
    options_start(&nc.options, argc, argv);
    while ((option = options_next(&nc.options, &nc_command, argc, argv)) >= 0)
        if (take_option(&nc, option) != EXIT_OK)
            return EXIT_USAGE;
    if (option != OPTIONS_END)
        return option == OPTIONS_ANSWERED ? EXIT_OK : EXIT_USAGE;
    if (check_options(&nc, argc, argv) != EXIT_OK)
        return EXIT_USAGE;
    if (nc.joins != NULL)
        return run_joined(&nc, argv[optind]);
    int code = options_open_stack(&nc.options, &nc.copy.stack);
    if (code == EXIT_OK)
        code = run(&nc, argv[optind]);
    options_close_stack(&nc.options, nc.copy.stack);
    return code;
}
