/* seed_server [PORT]: the server's steps of the lecture notes, line for line: create a socket,
 * bind, listen(128), accept, recv(1024), close the client's socket, close the listening socket. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "socket.h"

static int fail(const char *what, ssize_t error)
{
    fprintf(stderr, "seed_server: %s: %s\n", what, strerror((int)-error));
    return 1;
}

int main(int argc, char **argv)
{
    struct tunny_config config = {.device = "tun:tunny0"};
    struct sockaddr_in here = {.sin_family = AF_INET}, ip_port;
    socklen_t length = sizeof ip_port;
    struct tunny *stack;
    char error[200], recv_data[1024], address[INET_ADDRSTRLEN];
    int tcp_server_socket, new_client_socket;
    ssize_t result;

    here.sin_port = htons((uint16_t)(argc > 1 ? atoi(argv[1]) : 8081));
    if (tunny_create(&config, &stack, error, sizeof error) < 0) {
        fprintf(stderr, "seed_server: %s\n", error);
        return 1;
    }
    /* create the socket */
    tcp_server_socket = tunny_socket(stack, AF_INET, SOCK_STREAM, 0);
    /* bind the port, on every address */
    result = tunny_bind(stack, tcp_server_socket, (const struct sockaddr *)&here, sizeof here);
    if (result < 0)
        return fail("bind", result);
    /* listen: the socket becomes passive */
    result = tunny_listen(stack, tcp_server_socket, 128);
    if (result < 0)
        return fail("listen", result);
    /* accept a client's connection */
    new_client_socket = tunny_accept(stack, tcp_server_socket, (struct sockaddr *)&ip_port, &length,
                                     0);
    if (new_client_socket < 0)
        return fail("accept", new_client_socket);
    inet_ntop(AF_INET, &ip_port.sin_addr, address, sizeof address);
    /* receive what it sends */
    result = tunny_recv(stack, new_client_socket, recv_data, sizeof recv_data, 0);
    if (result < 0)
        return fail("recv", result);
    printf("%s:%u sent: %.*s\n", address, ntohs(ip_port.sin_port), (int)result, recv_data);
    /* close the client's socket, then the listening one */
    tunny_close(stack, new_client_socket);
    tunny_close(stack, tcp_server_socket);
    tunny_drain(stack, 2000);
    tunny_destroy(stack);
    return 0;
}
