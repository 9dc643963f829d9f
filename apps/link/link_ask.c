/* tunny link ctl: asks a running link by its control socket; see link_control.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/exit_codes.h"
#include "common/message.h"
#include "link/link_control.h"

/* The words with blanks between them and a newline; 0 when they do not fit. */
static size_t join(char *request, size_t size, int argc, char **argv)
{
    size_t used = 0;
    for (int i = 0; i < argc; i++) {
        int length = snprintf(request + used, size - used, "%s%s", i > 0 ? " " : "", argv[i]);
        if (length < 0 || (size_t)length + 2 > size - used)
            return 0;
        used += (size_t)length;
    }
    for (char *at = request; (at = strchr(at, '\n'));)
        *at = ' ';
    memcpy(request + used, "\n", 2);
    return used + 1;
}

static int call(const char *path)
{
    struct sockaddr_un address;
    unsigned length;
    int error = link_control_address(path, &address, &length);
    if (error < 0)
        return error;
    int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0)
        return -errno;
    if (connect(descriptor, (const struct sockaddr *)&address, length) == 0)
        return descriptor;
    error = -errno;
    close(descriptor);
    return error;
}

/* Prints the answer: EXIT_FAILED when it is an error or there is none. */
static int print_answer(int descriptor)
{
    static const char error[] = "error: ";
    char piece[4096];
    size_t total = 0;
    int wrong = 1;
    for (;;) {
        ssize_t got = read(descriptor, piece, sizeof piece);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        if (total == 0)
            wrong = got >= 7 && memcmp(piece, error, 7) == 0;
        fwrite(piece, 1, (size_t)got, wrong ? stderr : stdout);
        total += (size_t)got;
    }
    return wrong ? EXIT_FAILED : EXIT_OK;
}

int link_control_ask(int argc, char **argv)
{
    char request[CONTROL_REQUEST];
    size_t length = argc > 1 ? join(request, sizeof request, argc - 1, argv + 1) : 0;
    message_program("tunny link ctl");
    if (length == 0) {
        complain("%s", argc > 1 ? "the request is too long."
                                : "a socket and a request are needed. Try tunny link --help.");
        return EXIT_USAGE;
    }
    int descriptor = call(argv[0]);
    if (descriptor < 0) {
        complain("no link answers at %s: %s.", argv[0], error_words(descriptor));
        return EXIT_FAILED;
    }
    ssize_t sent = send(descriptor, request, length, MSG_NOSIGNAL);
    int code = sent == (ssize_t)length ? print_answer(descriptor) : EXIT_FAILED;
    close(descriptor);
    return code;
}
