/* echo: a TCP echo server in fifty lines. Run it in the lab, then `nc 198.18.0.2 7` on the kernel's
 * side: scripts/lab sh -c 'build/release/examples/echo & sleep 1; echo hello | nc -N 198.18.0.2 7'
 */
#include <stdio.h>
#include <string.h>

#include "socket.h"

/* One client: whatever arrives goes back, until it closes. */
static void echo(struct tunny *stack, int client)
{
    char data[4096];
    ssize_t n;

    while ((n = tunny_recv(stack, client, data, sizeof data, 0)) > 0)
        if (tunny_send(stack, client, data, (size_t)n, 0) < 0)
            break;
    tunny_close(stack, client);
}

int main(void)
{
    struct tunny_config config = {.device = "tun:tunny0"};
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(7)};
    struct tunny *stack;
    char error[200];
    int listener, client;

    if (tunny_create(&config, &stack, error, sizeof error) < 0) {
        fprintf(stderr, "echo: %s\n", error);
        return 1;
    }
    listener = tunny_socket(stack, AF_INET, SOCK_STREAM, 0);
    if (tunny_bind(stack, listener, (const struct sockaddr *)&here, sizeof here) < 0 ||
        tunny_listen(stack, listener, 16) < 0) {
        fprintf(stderr, "echo: port 7 cannot be used\n");
        return 1;
    }
    while ((client = tunny_accept(stack, listener, NULL, NULL, 0)) >= 0)
        echo(stack, client);
    fprintf(stderr, "echo: %s\n", strerror(-client));
    tunny_destroy(stack);
    return 1;
}
