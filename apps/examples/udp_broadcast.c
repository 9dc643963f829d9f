/* A UDP datagram to everybody on the TUN's subnet. Usage: udp_broadcast [TEXT [PORT]], by default
 * to port 2425 of 255.255.255.255. The kernel's side hears it: socat -u UDP-RECV:2425,broadcast -
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "socket.h"

static int failed(const char *call, ssize_t error)
{
    fprintf(stderr, "udp_broadcast: %s: %s\n", call, strerror((int)-error));
    return 1;
}

int main(int argc, char **argv)
{
    struct tunny_config config = {0};
    struct tunny *stack;
    char error[256];
    const char *text = argc > 1 ? argv[1] : "hello, everybody";
    struct sockaddr_in everybody = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)(argc > 2 ? strtoul(argv[2], NULL, 10) : 2425)),
        .sin_addr.s_addr = htonl(INADDR_BROADCAST),
    };
    if (tunny_create(&config, &stack, error, sizeof error) < 0) {
        fprintf(stderr, "udp_broadcast: %s\n", error);
        return 1;
    }
    int socket = tunny_socket(stack, AF_INET, SOCK_DGRAM, 0);
    if (socket < 0)
        return failed("socket", socket);
    /* Without this, sending to a broadcast address is refused: it must be meant. */
    int on = 1;
    int result = tunny_setsockopt(stack, socket, SOL_SOCKET, SO_BROADCAST, &on, sizeof on);
    if (result < 0)
        return failed("setsockopt", result);
    ssize_t sent = tunny_sendto(stack, socket, text, strlen(text), 0, (struct sockaddr *)&everybody,
                                sizeof everybody);
    if (sent < 0)
        return failed("sendto", sent);
    tunny_close(stack, socket);
    tunny_drain(stack, 100);
    tunny_destroy(stack);
    return 0;
}
