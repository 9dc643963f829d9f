/* The command `tunny`: finds the sub-command, whose file or folder has its name, and hands it the
 * arguments. */
#include <stdio.h>
#include <string.h>

#include "common/exit_codes.h"
#include "common/message.h"
#include "common/options.h"
#include "doctor/doctor.h"
#include "drill/drill.h"
#include "gen_sha256.h"
#include "get/get.h"
#include "lab/lab.h"
#include "link/link.h"
#include "nc/nc.h"
#include "ping.h"
#include "run/run.h"
#include "run/up.h"
#include "serve/serve.h"
#include "sim/sim.h"

struct sub_command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *sentence;
};

static const struct sub_command sub_commands[] = {
    {"get", get_main, "fetch a file over HTTP, whatever the network does"},
    {"serve", serve_main, "serve a folder's files over HTTP"},
    {"ping", ping_main, "echo requests and their round trips"},
    {"nc", nc_main, "standard input and output over TCP or UDP"},
    {"link", link_main, "a cable with faults between interfaces of the kernel"},
    {"lab", lab_main, "experiments over a grid of links, ours beside the kernel's TCP"},
    {"drill", drill_main, "run packetdrill scripts against the stack, in virtual time"},
    {"run", run_main, "any program, with this stack instead of the kernel's TCP"},
    {"up", up_main, "a stack with a name, for programs that come and go"},
    {"down", down_main, "its end"},
    {"ps", ps_main, "the stacks and their programs"},
    {"ss", ss_main, "their connections, and whose they are"},
    {"sim", sim_main, "run whole networks of such stacks in virtual time"},
    {"doctor", doctor_main, "what works on this machine, and how to mend the rest"},
    {"gen-sha256", gen_sha256_main, "the digest of what serve sends for /gen/"},
};
enum { SUB_COMMANDS = sizeof sub_commands / sizeof *sub_commands };

static void print_help(void)
{
    printf("Usage: tunny COMMAND [OPTION]... [ARGUMENT]...\n"
           "TCP/IP in user space over a TUN device, and programs that show that it works.\n\n");
    for (size_t i = 0; i < SUB_COMMANDS; i++)
        printf("  %-12s %s\n", sub_commands[i].name, sub_commands[i].sentence);
    printf("\n  tunny COMMAND --help    a command's options\n"
           "  tunny --list-settings   what --set can set, and congestion controls\n"
           "  tunny --version\n");
}

int main(int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : "";
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0) {
        print_help();
        return EXIT_OK;
    }
    if (strcmp(word, "--version") == 0) {
        printf("%s\n", tunny_version());
        return EXIT_OK;
    }
    if (strcmp(word, "--list-settings") == 0) {
        options_list_settings();
        return EXIT_OK;
    }
    for (size_t i = 0; i < SUB_COMMANDS; i++)
        if (strcmp(word, sub_commands[i].name) == 0)
            return sub_commands[i].run(argc - 1, argv + 1);
    if (*word == '\0')
        return options_wrong("a command is missing");
    return options_wrong("there is no command %s", word);
}
