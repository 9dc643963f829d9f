/* tunny down, ps and ss: commands that ask a supervisor and print what it says; see up.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/exit_codes.h"
#include "common/message.h"
#include "common/options.h"
#include "remote/control_socket.h"
#include "run/up.h"

static const struct option no_longs[] = {{0}};

static const struct command down_command = {
    .name = "tunny down",
    .usage = "tunny down NAME",
    .help =
        "Ends the stack that \"tunny up NAME\" made and waits until it is gone. Programs on it\n"
        "see their connections end.\n"
        "Exit codes: 0 it is gone, 1 there is none, 2 usage.\n",
    .shorts = "",
    .longs = no_longs,
};

static const struct command ps_command = {
    .name = "tunny ps",
    .usage = "tunny ps [NAME]",
    .help =
        "The stacks of this user (tunny up, tunny run) and the programs on them: the name, the\n"
        "process, addresses and numbers of connections; then a line for each program.\n"
        "Exit codes: 0, 1 there is none, 2 usage.\n",
    .shorts = "",
    .longs = no_longs,
};

static const struct command ss_command = {
    .name = "tunny ss",
    .usage = "tunny ss [NAME]",
    .help =
        "The connections of the stacks of this user: state, bytes received and not read, bytes\n"
        "sent and not acknowledged, both ends, whose they are (program/process/descriptor),\n"
        "and how they fare.\n"
        "Exit codes: 0, 1 there is none, 2 usage.\n",
    .shorts = "",
    .longs = no_longs,
};

static void copy_text(int descriptor)
{
    char text[4096];
    ssize_t got;
    while ((got = read(descriptor, text, sizeof text)) > 0)
        fwrite(text, 1, (size_t)got, stdout);
    close(descriptor);
}

/* 0 or a negative errno; texts are printed. */
static int ask_there(int there, enum control_verb verb)
{
    struct control_request request = {.verb = verb};
    struct control_answer answer = {0};
    int text = -1;
    int got = control_ask(there, &request, NULL, &answer, &text, 1);
    if (got > 0)
        copy_text(text);
    return got < 0 ? got : 0;
}

static int ask(const char *name, enum control_verb verb)
{
    int there = control_connect(name);
    if (there < 0)
        return there;
    int result = ask_there(there, verb);
    close(there);
    return result;
}

struct question {
    enum control_verb verb;
    unsigned answers;
};

static void ask_each(void *context, const char *name)
{
    struct question *question = context;
    question->answers += ask(name, question->verb) == 0;
}

/* The one operand, or NULL; *code < 0: go on. */
static const char *operand(const struct command *command, int argc, char **argv, int *code)
{
    struct options options;
    message_program(command->name);
    options_start(&options, argc, argv);
    int option = options_next(&options, command, argc, argv);
    *code = -1;
    if (option != OPTIONS_END)
        *code = option == OPTIONS_ANSWERED ? EXIT_OK : EXIT_USAGE;
    else if (argc - optind > 1)
        *code = options_wrong("expected at most one name");
    return *code < 0 && optind < argc ? argv[optind] : NULL;
}

static int list(const struct command *command, int argc, char **argv, enum control_verb verb,
                const char *heading)
{
    int code;
    const char *name = operand(command, argc, argv, &code);
    struct question question = {.verb = verb};
    if (code >= 0)
        return code;
    printf("%s\n", heading);
    fflush(stdout);
    if (name != NULL)
        ask_each(&question, name);
    else
        control_each(ask_each, &question);
    return question.answers > 0 ? EXIT_OK : EXIT_FAILED;
}

int ps_main(int argc, char **argv)
{
    return list(&ps_command, argc, argv, CONTROL_PROGRAMS,
                "STACK         PROCESS  PROGRAM, OR THE STACK'S ADDRESSES");
}

int ss_main(int argc, char **argv)
{
    return list(
        &ss_command, argc, argv, CONTROL_CONNECTIONS,
        "STATE        RECV-Q   SEND-Q LOCAL                      PEER                       "
        "PROGRAM");
}

/* A descriptor of the process that holds the stack at the other end, readable when it is gone. */
static int holder_of(int there)
{
    struct ucred holder;
    socklen_t size = sizeof holder;
    if (getsockopt(there, SOL_SOCKET, SO_PEERCRED, &holder, &size) < 0)
        return -errno;
    int process = (int)syscall(SYS_pidfd_open, holder.pid, 0);
    return process < 0 ? -errno : process;
}

/* Asks it to end. 0 when it is gone, or a negative errno. */
static int end_stack(const char *name)
{
    int there = control_connect(name);
    if (there < 0)
        return there;
    struct pollfd holder = {.fd = holder_of(there), .events = POLLIN};
    int result = ask_there(there, CONTROL_DOWN);
    while (result == 0 && holder.fd >= 0 && poll(&holder, 1, -1) < 0 && errno == EINTR)
        ;
    if (holder.fd >= 0)
        close(holder.fd);
    close(there);
    return result;
}

int down_main(int argc, char **argv)
{
    int code;
    const char *name = operand(&down_command, argc, argv, &code);
    if (code >= 0)
        return code;
    if (name == NULL)
        return options_wrong("a name is missing");
    int result = end_stack(name);
    if (result == 0)
        return EXIT_OK;
    complain("there is no stack %s: %s.", name, error_words(result));
    return EXIT_FAILED;
}
