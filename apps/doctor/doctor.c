/* tunny doctor: looks at what a stack needs, says for each thing whether it works and which command
 * mends it, and whether a stack can run here at all. What has to be tried is tried in namespaces
 * that end with the trial. */
#include "doctor/doctor.h"

#include <stdio.h>
#include <string.h>

#include "common/exit_codes.h"
#include "common/message.h"
#include "common/options.h"
#include "doctor/checks.h"

static const struct option doctor_longs[] = {{0}};

static const struct command doctor_command = {
    .name = "tunny doctor",
    .usage = "tunny doctor [--tun NAME] [--json]",
    .help = "Says what works here, what does not, and the command that mends it.\n"
            "It changes nothing: what must be tried is tried in a namespace of its own.\n"
            "Exit codes: 0 a stack can run here, 1 it cannot, 2 usage.\n",
    .shorts = "",
    .longs = doctor_longs,
};

/* The ways to run a stack, the best first; "" at the end. */
struct way {
    int is_open;
    const char *name, *sentence;
};

enum { WAYS = 5 };

static void find_ways(const struct facts *facts, struct way ways[WAYS])
{
    int has_tun = facts->node_opens;
    ways[0] = (struct way){has_tun && facts->may_administer &&
                               (facts->tun_works || !facts->has_fresh),
                           "tun", "over a TUN in this namespace: tunny COMMAND"};
    ways[1] = (struct way){has_tun && facts->interface_is_ours, "own-interface",
                           "over the TUN that belongs to this user: tunny COMMAND --tun NAME"};
    ways[2] = (struct way){has_tun && facts->has_fresh && facts->tun_works, "lab",
                           "in a namespace of its own: scripts/lab"};
    ways[3] = (struct way){facts->may_administer && facts->may_capture, "packet",
                           "over AF_PACKET on an Ethernet interface: --device packet:INTERFACE"};
    ways[4] = (struct way){facts->has_fresh && facts->packet_works, "lab-veth",
                           "over AF_PACKET in a namespace of its own: scripts/lab --veth"};
}

static void examine(struct findings *findings, struct facts *facts)
{
    check_node(findings, facts);
    check_capabilities(findings, facts);
    check_user_namespaces(findings, facts);
    check_interface(findings, facts);
    check_tun(findings, facts);
    check_offload(findings, facts);
    check_packet_sockets(findings, facts);
    check_netem(findings, facts);
    check_seccomp(findings, facts);
    check_programs(findings);
    check_locked_memory(findings);
}

/* --- printing ----------------------------------------------------------------------------------
 */

static void print_text(const struct findings *findings, const struct way ways[WAYS], int can_run)
{
    static const char *const words[] = {"works", "does not work", "unknown"};
    for (unsigned i = 0; i < findings->count; i++) {
        const struct finding *finding = &findings->list[i];
        printf("%-13s  %-15s  %s\n", words[finding->verdict], finding->name, finding->detail);
        if (*finding->mend != '\0')
            printf("%-13s  %-15s  mend it: %s\n", "", "", finding->mend);
    }
    printf("\n%s\n", can_run ? "A stack can run here:" : "A stack cannot run here.");
    for (unsigned i = 0; i < WAYS; i++)
        if (ways[i].is_open)
            printf("  %s\n", ways[i].sentence);
}

static void print_json(const struct findings *findings, const struct way ways[WAYS], int can_run)
{
    static const char *const values[] = {"true", "false", "null"};
    const char *separator = "";
    printf("{\"can_run\":%s,\"ways\":[", can_run ? "true" : "false");
    for (unsigned i = 0; i < WAYS; i++) {
        if (!ways[i].is_open)
            continue;
        printf("%s\"%s\"", separator, ways[i].name);
        separator = ",";
    }
    printf("],\"checks\":[");
    for (unsigned i = 0; i < findings->count; i++) {
        const struct finding *finding = &findings->list[i];
        printf("%s{\"name\":\"%s\",\"works\":%s,\"detail\":", i > 0 ? "," : "", finding->name,
               values[finding->verdict]);
        message_json_string(stdout, finding->detail);
        printf(",\"mend\":");
        message_json_string(stdout, finding->mend);
        printf("}");
    }
    printf("]}\n");
}

int doctor_main(int argc, char **argv)
{
    static struct findings findings;
    struct options options;
    struct way ways[WAYS];
    struct facts facts = {.interface = "tunny0"};
    int can_run = 0;
    message_program(doctor_command.name);
    options_start(&options, argc, argv);
    int option = options_next(&options, &doctor_command, argc, argv);
    if (option != OPTIONS_END)
        return option == OPTIONS_ANSWERED ? EXIT_OK : EXIT_USAGE;
    if (optind != argc)
        return options_wrong("%s: there is nothing to name", argv[optind]);
    if (options.config.device != NULL && strncmp(options.config.device, "tun:", 4) == 0)
        facts.interface = options.config.device + 4;
    examine(&findings, &facts);
    find_ways(&facts, ways);
    for (unsigned i = 0; i < WAYS; i++)
        can_run |= ways[i].is_open;
    if (options.json)
        print_json(&findings, ways, can_run);
    else
        print_text(&findings, ways, can_run);
    return can_run ? EXIT_OK : EXIT_FAILED;
}
