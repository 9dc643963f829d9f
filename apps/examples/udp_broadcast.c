/* udp_broadcast [TEXT]: sends one datagram to everybody on the TUN's subnet (198.18.0.255, port
 * 2425), as the lecture notes say that UDP can and TCP cannot. The kernel's side hears it with a
 * socket bound to that port. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "socket.h"

int main(int argc, char **argv)
{
    const char *text = argc > 1 ? argv[1] : "I am here";
    struct tunny_config config = {.device = "tun:tunny0"};
    struct sockaddr_in everybody = {.sin_family = AF_INET, .sin_port = htons(2425)};
    struct tunny *stack;
    char error[200];
    int sender, yes = 1;
    ssize_t sent;

    if (tunny_create(&config, &stack, error, sizeof error) < 0) {
        fprintf(stderr, "udp_broadcast: %s\n", error);
        return 1;
    }
    inet_pton(AF_INET, "198.18.0.255", &everybody.sin_addr);
    sender = tunny_socket(stack, AF_INET, SOCK_DGRAM, 0);
    tunny_setsockopt(stack, sender, SOL_SOCKET, SO_BROADCAST, &yes, sizeof yes);
    sent = tunny_sendto(stack, sender, text, strlen(text), 0, (const struct sockaddr *)&everybody,
                        sizeof everybody);
    if (sent < 0)
        fprintf(stderr, "udp_broadcast: %s\n", strerror((int)-sent));
    tunny_close(stack, sender);
    tunny_destroy(stack);
    return sent < 0;
}
