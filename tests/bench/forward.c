/* The least that a cable between two TUNs can do: read here, write there, nothing else. What `tunny
 * link` is measured against.
 *
 *   forward [-o] PROCESS PROCESS     tun0 in the network namespaces of two processes; -o: offload
 *
 * Says "ready", ends by a signal. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { BUFFER = 10 + 65536, READS = 8, OFFLOAD = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 };

static int fail(const char *what)
{
    fprintf(stderr, "forward: %s: %s\n", what, strerror(errno));
    return -1;
}

static int open_tun(const char *process, int offload)
{
    char path[64];
    struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};

    snprintf(path, sizeof path, "/proc/%.20s/ns/net", process);
    int there = open(path, O_RDONLY | O_CLOEXEC);
    if (there < 0 || setns(there, CLONE_NEWNET) != 0)
        return fail(path);
    close(there);
    int tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (offload)
        request.ifr_flags |= IFF_VNET_HDR;
    strcpy(request.ifr_name, "tun0");
    if (tun < 0 || ioctl(tun, TUNSETIFF, &request) != 0)
        return fail("tun0");
    if (offload && ioctl(tun, TUNSETOFFLOAD, OFFLOAD) != 0)
        return fail("offload");
    return tun;
}

/* Everything that is there, at most READS at a time; -1: a TUN is gone. */
static int carry(int from, int to)
{
    static char buffer[BUFFER];

    for (int i = 0; i < READS; i++) {
        ssize_t got = read(from, buffer, sizeof buffer);
        if (got < 0)
            return errno == EAGAIN ? i : -1;
        if (write(to, buffer, (size_t)got) < 0 && errno != EIO)
            return -1;
    }
    return READS;
}

int main(int argc, char **argv)
{
    int offload = argc > 1 && strcmp(argv[1], "-o") == 0;

    if (argc != 3 + offload) {
        fprintf(stderr, "usage: forward [-o] PROCESS PROCESS\n");
        return 2;
    }
    int a = open_tun(argv[1 + offload], offload), b = open_tun(argv[2 + offload], offload);
    if (a < 0 || b < 0)
        return 1;
    printf("ready\n");
    fflush(stdout);
    for (;;) {
        struct pollfd both[2] = {{a, POLLIN, 0}, {b, POLLIN, 0}};
        int there = carry(a, b), back = carry(b, a);
        if (there < 0 || back < 0)
            return 1;
        if (there == 0 && back == 0)
            poll(both, 2, -1);
    }
}
