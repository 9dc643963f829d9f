/* A TCP client in the order that every textbook has: make a socket, connect, send, close. Usage:
 * seed_client [IPV4 [PORT]], by default 198.18.0.1 (the kernel's side of the TUN) and 8080. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "socket.h"

static int failed(const char *call, ssize_t error)
{
    fprintf(stderr, "seed_client: %s: %s\n", call, strerror((int)-error));
    return 1;
}

int main(int argc, char **argv)
{
    struct tunny_config config = {0};
    struct tunny *stack;
    char error[256];
    const char *host = argc > 1 ? argv[1] : "198.18.0.1";
    struct sockaddr_in server = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)(argc > 2 ? strtoul(argv[2], NULL, 10) : 8080)),
    };
    if (inet_pton(AF_INET, host, &server.sin_addr) != 1) {
        fprintf(stderr, "seed_client: %s is no IPv4 address\n", host);
        return 2;
    }
    if (tunny_create(&config, &stack, error, sizeof error) < 0) {
        fprintf(stderr, "seed_client: %s\n", error);
        return 1;
    }

    /* 1. Create a TCP socket. */
    int client = tunny_socket(stack, AF_INET, SOCK_STREAM, 0);
    if (client < 0)
        return failed("socket", client);
    /* 2. Connect: the three-way handshake happens here. */
    int connected = tunny_connect(stack, client, (struct sockaddr *)&server, sizeof server);
    if (connected < 0)
        return failed("connect", connected);
    /* 3. Send. */
    static const char text[] = "hello world!";
    ssize_t sent = tunny_send(stack, client, text, sizeof text - 1, 0);
    if (sent < 0)
        return failed("send", sent);
    /* 4. Close: the four-way goodbye starts here, and the stack runs until it is said. */
    tunny_close(stack, client);
    tunny_drain(stack, 5000);

    tunny_destroy(stack);
    return 0;
}
