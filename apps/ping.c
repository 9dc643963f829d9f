/* tunny ping: ICMP and ICMPv6 echo (RFC 792, RFC 4443) with the lines, figures and exit codes of
 * ping(8). */
#define _GNU_SOURCE
#include "ping.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/endpoint.h"
#include "common/exit_codes.h"
#include "common/interrupt.h"
#include "common/message.h"
#include "common/numbers.h"
#include "common/options.h"
#include "common/stream.h"

enum {
    SEQUENCES = 65536, /* that a request can have */
    DATA_MOST = 65507, /* an IPv4 datagram less both headers */
    HEADER = 8,
};

static const struct option ping_longs[] = {
    {"count", required_argument, NULL, 'c'},   {"interval", required_argument, NULL, 'i'},
    {"size", required_argument, NULL, 's'},    {"ttl", required_argument, NULL, 't'},
    {"timeout", required_argument, NULL, 'W'}, {"deadline", required_argument, NULL, 'w'},
    {"quiet", no_argument, NULL, 'q'},         {"ipv4", no_argument, NULL, '4'},
    {"ipv6", no_argument, NULL, '6'},          {0},
};

static const struct command ping_command = {
    .name = "tunny ping",
    .usage = "tunny ping [OPTION]... HOST",
    .help = "Sends echo requests and prints the replies.\n"
            "  -c, --count N      stop after N requests\n"
            "  -i, --interval S   seconds between two (default 1, at least 0.001)\n"
            "  -s, --size N       bytes of data (default 56)\n"
            "  -t, --ttl N        time to live (default 64)\n"
            "  -W, --timeout S    seconds to wait for the last replies (default 2)\n"
            "  -w, --deadline S   seconds for all of it\n"
            "  -4, -6             only IPv4, only IPv6\n"
            "  -q, --quiet        the summary only\n"
            "Exit codes: 0 a reply came, 1 none came, or fewer than --count within --deadline,\n"
            "2 usage, device, name or route.\n",
    .shorts = "c:i:s:t:W:w:q46",
    .longs = ping_longs,
};

struct ping {
    struct options options;
    struct tunny *stack;
    struct tunny_echo request;
    char target[ENDPOINT_TEXT];
    uint64_t count; /* 0: for ever */
    int64_t interval_ns, timeout_ns, deadline_ns;
    int family, is_quiet;
    uint64_t sent, received, duplicates, damaged, errors;
    int64_t start_ns, next_ns, last_sent_ns, end_ns;
    int64_t sent_ns[SEQUENCES]; /* 0: answered, or not sent */
    int64_t least_ns, most_ns;
    double sum_ms, sum_squares;
};

static int take_number(const char *option, uint64_t least, uint64_t most, uint64_t *number)
{
    if (number_parse(optarg, most, number) < 0 || *number < least)
        return options_wrong("%s %s: expected %llu to %llu", option, optarg,
                             (unsigned long long)least, (unsigned long long)most);
    return EXIT_OK;
}

static int take_seconds(const char *option, int64_t *nanoseconds)
{
    if (seconds_parse(optarg, nanoseconds) < 0 || *nanoseconds < 1000000)
        return options_wrong("%s %s: expected seconds", option, optarg);
    return EXIT_OK;
}

static int take_option(struct ping *ping, int option)
{
    uint64_t number = 0;
    int code = EXIT_OK;
    switch (option) {
    case 'c':
        return take_number("--count", 1, UINT32_MAX, &ping->count);
    case 's':
        code = take_number("--size", 0, DATA_MOST, &number);
        ping->request.length = (uint32_t)number;
        return code;
    case 't':
        code = take_number("--ttl", 1, 255, &number);
        ping->request.ttl = (uint8_t)number;
        return code;
    case 'i':
        return take_seconds("--interval", &ping->interval_ns);
    case 'W':
        return take_seconds("--timeout", &ping->timeout_ns);
    case 'w':
        return take_seconds("--deadline", &ping->deadline_ns);
    case 'q':
        ping->is_quiet = 1;
        return EXIT_OK;
    case '4':
        ping->family = AF_INET;
        return EXIT_OK;
    case '6':
        ping->family = AF_INET6;
        return EXIT_OK;
    default:
        return EXIT_USAGE;
    }
}

/* Whom. EXIT_OK, or EXIT_USAGE with a sentence. */
static int resolve(struct ping *ping, const char *host)
{
    struct sockaddr_storage addresses[16];
    interrupt_mode(INTERRUPT_AT_ONCE);
    int count = tunny_resolve(ping->stack, host, 0, addresses, 16, 10000);
    interrupt_mode(INTERRUPT_PATIENT);
    for (int i = 0; i < count; i++) {
        const struct sockaddr_storage *address = &addresses[i];
        if (ping->family != AF_UNSPEC && address->ss_family != ping->family)
            continue;
        ping->request.family = address->ss_family;
        if (address->ss_family == AF_INET6)
            memcpy(ping->request.address,
                   (const char *)address + offsetof(struct sockaddr_in6, sin6_addr), 16);
        else
            memcpy(ping->request.address,
                   (const char *)address + offsetof(struct sockaddr_in, sin_addr), 4);
        endpoint_host(address, ping->target);
        return EXIT_OK;
    }
    complain("%s cannot be looked up: %s.", host,
             count < 0 ? error_words(count) : "it has no address of the wanted kind");
    return EXIT_USAGE;
}

/* --- sending and receiving
 * ---------------------------------------------------------------------------- */

/* 0; the errno of what will not pass by itself. */
static int send_request(struct ping *ping)
{
    int64_t now = tunny_now_ns(ping->stack);
    ping->request.sequence = (uint16_t)(ping->sent + 1);
    int result = tunny_echo_send(ping->stack, &ping->request);
    ping->sent++;
    ping->last_sent_ns = now;
    /* Late by more than one interval (after a stop, say): do not send the missed ones in a burst.
     */
    ping->next_ns += ping->interval_ns;
    if (ping->next_ns < now)
        ping->next_ns = now + ping->interval_ns;
    if (result == 0)
        ping->sent_ns[ping->request.sequence] = now;
    else if (result == -ENOBUFS)
        ping->errors++; /* as if the network had lost it */
    else
        return result;
    return 0;
}

static void note_round_trip(struct ping *ping, int64_t rtt_ns)
{
    double ms = (double)rtt_ns / 1e6;
    if (ping->received == 0 || rtt_ns < ping->least_ns)
        ping->least_ns = rtt_ns;
    if (rtt_ns > ping->most_ns)
        ping->most_ns = rtt_ns;
    ping->sum_ms += ms;
    ping->sum_squares += ms * ms;
    ping->received++;
}

static void print_reply(const struct ping *ping, const struct tunny_echo *reply, int64_t rtt_ns)
{
    double ms = rtt_ns < 0 ? 0 : (double)rtt_ns / 1e6;
    if (ping->is_quiet)
        return;
    if (ping->options.json) {
        printf("{\"from\":\"%s\",\"seq\":%u,\"ttl\":%u,\"bytes\":%u,\"ms\":%.3f,\"duplicate\":%s,"
               "\"damaged\":%s}\n",
               ping->target, reply->sequence, reply->ttl, reply->length, ms,
               rtt_ns < 0 ? "true" : "false", reply->damaged ? "true" : "false");
    } else {
        printf("%u bytes from %s: icmp_seq=%u ttl=%u", reply->length + HEADER, ping->target,
               reply->sequence, reply->ttl);
        if (rtt_ns >= 0)
            printf(" time=%.3f ms", ms);
        printf("%s%s\n", rtt_ns < 0 ? " (DUP!)" : "", reply->damaged ? " (DAMAGED!)" : "");
    }
    fflush(stdout);
}

/* What a router or the host itself said: RFC 792 and RFC 1812, 5.2.7.1; RFC 4443, 3. */
static const char *words_of_error(const struct tunny_echo *reply)
{
    static const char *const unreachable4[] = {
        "Destination Net Unreachable",
        "Destination Host Unreachable",
        "Destination Protocol Unreachable",
        "Destination Port Unreachable",
        "Fragmentation needed",
        "Source Route Failed",
        "Destination Net Unknown",
        "Destination Host Unknown",
        "Source Host Isolated",
        "Destination Net Prohibited",
        "Destination Host Prohibited",
        "Destination Net Unreachable for this Type of Service",
        "Destination Host Unreachable for this Type of Service",
        "Packet filtered",
        "Precedence Violation",
        "Precedence Cutoff",
    };
    static const char *const unreachable6[] = {
        "No route",
        "Administratively prohibited",
        "Beyond the scope of the source address",
        "Address unreachable",
        "Port unreachable",
        "Source address failed the policy",
        "Reject route to the destination",
    };
    enum { UNREACHABLE4 = 3, EXCEEDED4 = 11, UNREACHABLE6 = 1, EXCEEDED6 = 3 };
    int is_ipv4 = reply->family == AF_INET;
    unsigned code = reply->icmp_code;
    if (is_ipv4 && reply->icmp_type == UNREACHABLE4 &&
        code < sizeof unreachable4 / sizeof *unreachable4)
        return unreachable4[code];
    if (!is_ipv4 && reply->icmp_type == UNREACHABLE6 &&
        code < sizeof unreachable6 / sizeof *unreachable6)
        return unreachable6[code];
    if (reply->icmp_type == (is_ipv4 ? EXCEEDED4 : EXCEEDED6))
        return code == 0 ? "Time to live exceeded" : "Fragment reassembly time exceeded";
    return reply->error == EMSGSIZE ? "Packet too big" : "Parameter problem";
}

static void print_error(const struct ping *ping, const struct tunny_echo *reply)
{
    char reporter[INET6_ADDRSTRLEN] = "?";
    const char *words = words_of_error(reply);
    if (ping->is_quiet)
        return;
    inet_ntop(reply->family, reply->reporter, reporter, sizeof reporter);
    if (ping->options.json)
        printf("{\"from\":\"%s\",\"seq\":%u,\"error\":\"%s\",\"type\":%u,\"code\":%u}\n", reporter,
               reply->sequence, words, reply->icmp_type, reply->icmp_code);
    else
        printf("From %s icmp_seq=%u %s\n", reporter, reply->sequence, words);
    fflush(stdout);
}

static void on_reply(struct ping *ping, const struct tunny_echo *reply, int64_t now)
{
    int64_t *sent = &ping->sent_ns[reply->sequence];
    if (reply->id != ping->request.id)
        return;
    int64_t rtt = *sent != 0 ? now - *sent : -1;
    *sent = 0;
    if (reply->error != 0) {
        ping->errors += rtt >= 0;
        print_error(ping, reply);
        return;
    }
    if (rtt < 0)
        ping->duplicates++;
    else
        note_round_trip(ping, rtt);
    ping->damaged += reply->damaged != 0;
    print_reply(ping, reply, rtt);
}

/* When to look again; the past: it is over. */
static int64_t next_event(const struct ping *ping)
{
    int all_sent = ping->count > 0 && ping->sent >= ping->count;
    int all_answered = ping->received + ping->errors >= ping->sent;
    int64_t next = ping->next_ns;
    if (all_sent)
        next = all_answered ? 0 : ping->last_sent_ns + ping->timeout_ns;
    return ping->end_ns != 0 && ping->end_ns < next ? ping->end_ns : next;
}

/* Until all is sent and answered, a signal or the deadline. 0, or what will not pass by itself: no
 * source address, no route, the device's failure. */
static int run(struct ping *ping)
{
    int result = 0;
    ping->start_ns = tunny_now_ns(ping->stack);
    ping->next_ns = ping->start_ns;
    ping->end_ns = ping->deadline_ns != 0 ? ping->start_ns + ping->deadline_ns : 0;
    while (result == 0) {
        struct tunny_echo reply;
        int64_t now = tunny_now_ns(ping->stack);
        while (tunny_echo_receive(ping->stack, &reply) == 0)
            on_reply(ping, &reply, now);
        int64_t next = next_event(ping);
        if (next > now) {
            result = turn(ping->stack, milliseconds_until(ping->stack, next), -1, 0);
            continue;
        }
        if ((ping->count > 0 && ping->sent >= ping->count) ||
            (ping->end_ns != 0 && now >= ping->end_ns))
            break;
        result = send_request(ping);
        if (result == 0)
            result = turn(ping->stack, 0, -1, 0);
    }
    return result == -EINTR ? 0 : result;
}

/* --- the command
 * ----------------------------------------------------------------------------------------- */

/* Newton's method: the one root that this program needs is no reason for a library. */
static double square_root(double value)
{
    double root = value > 1 ? value : 1;
    for (int i = 0; i < 64 && value > 0; i++)
        root = (root + value / root) / 2;
    return value > 0 ? root : 0;
}

static void print_round_trips(const struct ping *ping)
{
    double count = ping->received > 0 ? (double)ping->received : 1;
    double average = ping->sum_ms / count;
    double deviation = square_root(ping->sum_squares / count - average * average);
    double least = (double)ping->least_ns / 1e6, most = (double)ping->most_ns / 1e6;
    if (ping->options.json)
        printf(",\"min_ms\":%.3f,\"avg_ms\":%.3f,\"max_ms\":%.3f,\"mdev_ms\":%.3f", least, average,
               most, deviation);
    else
        printf("rtt min/avg/max/mdev = %.3f/%.3f/%.3f/%.3f ms\n", least, average, most, deviation);
}

static void print_count(uint64_t count, const char *of_what)
{
    if (count > 0)
        printf(", +%llu %s", (unsigned long long)count, of_what);
}

static void print_summary(const struct ping *ping)
{
    double lost = ping->sent > ping->received
                      ? 100.0 * (double)(ping->sent - ping->received) / (double)ping->sent
                      : 0;
    double seconds = (double)(tunny_now_ns(ping->stack) - ping->start_ns) / 1e9;
    if (ping->options.json) {
        printf("{\"target\":\"%s\",\"sent\":%llu,\"received\":%llu,\"duplicates\":%llu,"
               "\"damaged\":%llu,\"errors\":%llu,\"lost_percent\":%.4g,\"seconds\":%.3f",
               ping->target, (unsigned long long)ping->sent, (unsigned long long)ping->received,
               (unsigned long long)ping->duplicates, (unsigned long long)ping->damaged,
               (unsigned long long)ping->errors, lost, seconds);
        if (ping->received > 0)
            print_round_trips(ping);
        printf("}\n");
        return;
    }
    printf("\n--- %s ping statistics ---\n%llu packets transmitted, %llu received", ping->target,
           (unsigned long long)ping->sent, (unsigned long long)ping->received);
    print_count(ping->duplicates, "duplicates");
    print_count(ping->damaged, "damaged");
    print_count(ping->errors, "errors");
    printf(", %.4g%% packet loss, time %.0fms\n", lost, seconds * 1e3);
    if (ping->received > 0)
        print_round_trips(ping);
}

static int with_stack(struct ping *ping, const char *host)
{
    int code = resolve(ping, host);
    if (code != EXIT_OK)
        return code;
    if (!ping->is_quiet && !ping->options.json)
        printf("PING %s (%s) %u bytes of data.\n", host, ping->target, ping->request.length);
    fflush(stdout);
    int result = run(ping);
    print_summary(ping);
    if (result < 0) {
        complain("%s: %s.", ping->target, error_words(result));
        return EXIT_USAGE;
    }
    int is_short = ping->deadline_ns != 0 && ping->received < ping->count;
    return ping->received > 0 && !is_short ? EXIT_OK : EXIT_FAILED;
}

int ping_main(int argc, char **argv)
{
    static struct ping ping;
    int option;
    ping = (struct ping){.interval_ns = 1000000000, .timeout_ns = 2000000000};
    ping.request = (struct tunny_echo){.ttl = 64, .length = 56, .id = (uint16_t)getpid()};
    message_program(ping_command.name);
    options_start(&ping.options, argc, argv);
    while ((option = options_next(&ping.options, &ping_command, argc, argv)) >= 0)
        if (take_option(&ping, option) != EXIT_OK)
            return EXIT_USAGE;
    if (option != OPTIONS_END)
        return option == OPTIONS_ANSWERED ? EXIT_OK : EXIT_USAGE;
    if (argc - optind != 1)
        return options_wrong("expected one host");
    int code = options_open_stack(&ping.options, &ping.stack);
    if (code == EXIT_OK)
        code = with_stack(&ping, argv[optind]);
    options_close_stack(&ping.options, ping.stack);
    return code;
}
