/* A TCP server in the order that every textbook has: make a socket, bind, listen, accept, receive,
 * close both. Usage: seed_server [PORT], by default 8081. It takes one client, prints what came
 * first, and ends. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "socket.h"

static int failed(const char *call, ssize_t error)
{
    fprintf(stderr, "seed_server: %s: %s\n", call, strerror((int)-error));
    return 1;
}

int main(int argc, char **argv)
{
    struct tunny_config config = {0};
    struct tunny *stack;
    char error[256];
    struct sockaddr_in here = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)(argc > 1 ? strtoul(argv[1], NULL, 10) : 8081)),
    };
    if (tunny_create(&config, &stack, error, sizeof error) < 0) {
        fprintf(stderr, "seed_server: %s\n", error);
        return 1;
    }

    /* 1. Create a TCP socket. */
    int server = tunny_socket(stack, AF_INET, SOCK_STREAM, 0);
    if (server < 0)
        return failed("socket", server);
    /* 2. Bind the port, on all addresses of the stack. */
    int result = tunny_bind(stack, server, (struct sockaddr *)&here, sizeof here);
    if (result < 0)
        return failed("bind", result);
    /* 3. Listen: from now on the socket is passive. */
    result = tunny_listen(stack, server, 128);
    if (result < 0)
        return failed("listen", result);
    /* 4. Accept a client's connection, which has a socket of its own. */
    int client = tunny_accept(stack, server, NULL, NULL, 0);
    if (client < 0)
        return failed("accept", client);
    /* 5. Receive what the client sends. */
    char data[1024];
    ssize_t length = tunny_recv(stack, client, data, sizeof data, 0);
    if (length < 0)
        return failed("recv", length);
    printf("%.*s\n", (int)length, data);
    /* 6. Close the client's socket. */
    tunny_close(stack, client);
    /* 7. Close the server's: nobody is accepted any more. */
    tunny_close(stack, server);

    tunny_drain(stack, 5000);
    tunny_destroy(stack);
    return 0;
}
