/* seed_client [ADDRESS PORT]: the client's steps of the lecture notes, line for line: create a
 * socket, connect, send, close. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "socket.h"

static int fail(const char *what, ssize_t error)
{
    fprintf(stderr, "seed_client: %s: %s\n", what, strerror((int)-error));
    return 1;
}

int main(int argc, char **argv)
{
    static const char text[] = "hello world!";
    struct tunny_config config = {.device = "tun:tunny0"};
    struct sockaddr_in server = {.sin_family = AF_INET};
    struct tunny *stack;
    char error[200];
    int tcp_client_socket;
    ssize_t result;

    server.sin_port = htons((uint16_t)(argc > 2 ? atoi(argv[2]) : 8080));
    if (inet_pton(AF_INET, argc > 1 ? argv[1] : "198.18.0.1", &server.sin_addr) != 1) {
        fprintf(stderr, "usage: seed_client [ADDRESS PORT]\n");
        return 2;
    }
    if (tunny_create(&config, &stack, error, sizeof error) < 0) {
        fprintf(stderr, "seed_client: %s\n", error);
        return 1;
    }
    /* create the socket: IPv4, stream */
    tcp_client_socket = tunny_socket(stack, AF_INET, SOCK_STREAM, 0);
    /* connect: this is where the three-way handshake happens */
    result = tunny_connect(stack, tcp_client_socket, (const struct sockaddr *)&server,
                           sizeof server);
    if (result < 0)
        return fail("connect", result);
    /* send */
    result = tunny_send(stack, tcp_client_socket, text, strlen(text), 0);
    if (result < 0)
        return fail("send", result);
    /* close: the four-way close happens while the stack drains */
    tunny_close(stack, tcp_client_socket);
    tunny_drain(stack, 2000);
    tunny_destroy(stack);
    return 0;
}
