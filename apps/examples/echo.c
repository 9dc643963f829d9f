/* A TCP echo server on port 7 of the stack: the whole life of a program on Tunny. Each visitor gets
 * back what was sent. Try it: sudo build/release/examples/echo, and in another terminal: nc
 * 198.18.0.2 7 */
#include <stdio.h>
#include <string.h>

#include "socket.h"

static void echo(struct tunny *stack, int visitor)
{
    char text[4096];
    ssize_t length;
    while ((length = tunny_recv(stack, visitor, text, sizeof text, 0)) > 0)
        if (tunny_send(stack, visitor, text, (size_t)length, 0) != length)
            break;
    tunny_close(stack, visitor);
}

static int failed(const char *call, int error)
{
    fprintf(stderr, "echo: %s: %s\n", call, strerror(-error));
    return 1;
}

int main(void)
{
    struct tunny_config config = {0}; /* tunny0 and 198.18.0.2, fd00:7475:6e::2 */
    struct sockaddr_in6 port_7 = {.sin6_family = AF_INET6, .sin6_port = htons(7)};
    struct tunny *stack;
    char error[256];
    if (tunny_create(&config, &stack, error, sizeof error) < 0) {
        fprintf(stderr, "echo: %s\n", error);
        return 1;
    }
    /* An IPv6 socket serves IPv4, too, as everywhere. */
    int listener = tunny_socket(stack, AF_INET6, SOCK_STREAM, 0);
    int result = tunny_bind(stack, listener, (struct sockaddr *)&port_7, sizeof port_7);
    if (result < 0)
        return failed("bind", result);
    result = tunny_listen(stack, listener, 16);
    if (result < 0)
        return failed("listen", result);
    for (;;) {
        int visitor = tunny_accept(stack, listener, NULL, NULL, 0);
        if (visitor < 0)
            return failed("accept", visitor);
        echo(stack, visitor);
    }
}
