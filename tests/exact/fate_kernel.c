/* Recording the kernel's fates, see the header. Everything that can be read from the TUN is read
 * before the next packet is sent. In the virtual world reading the clock takes 256 ns, and a system
 * call that fails takes 1 us; nothing else takes time. So the clock is read once for all that
 * happens at one time, and nothing is called that would fail. */
#define _GNU_SOURCE /* ppoll */
#include "exact/fate_kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "dev/netem_parse.h"
#include "dev/netem_qdisc.h"

static const char device[] = "fate0";

enum { TUN_QUEUE = 20000, SEND_BYTES = 256 << 20 };

static int failed(const char *what)
{
    fprintf(stderr, "netem_exact: %s: %s\n", what, strerror(errno));
    return -1;
}

static int64_t clock_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* No packets but ours. */
static void be_quiet(void)
{
    int fd = open("/proc/sys/net/ipv6/conf/fate0/disable_ipv6", O_WRONLY | O_CLOEXEC);

    if (fd >= 0 && write(fd, "1", 1) != 1)
        failed("disable_ipv6");
    if (fd >= 0)
        close(fd);
}

static int open_tun(struct fate_kernel *k)
{
    struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};

    memcpy(request.ifr_name, device, sizeof device);
    k->tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (k->tun < 0 || ioctl(k->tun, TUNSETIFF, &request))
        return failed("/dev/net/tun");
    be_quiet();
    k->index = (int)if_nametoindex(device);
    request.ifr_qlen = TUN_QUEUE;
    if (ioctl(k->sender, SIOCSIFTXQLEN, &request))
        return failed("the queue of the TUN");
    request.ifr_flags = IFF_UP;
    if (ioctl(k->sender, SIOCSIFFLAGS, &request))
        return failed("bringing the TUN up");
    return 0;
}

int fate_kernel_open(struct fate_kernel *k)
{
    int bytes = SEND_BYTES;

    *k = (struct fate_kernel){.tun = -1};
    /* Protocol 0: it only sends. */
    k->sender = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (k->sender < 0)
        return failed("AF_PACKET");
    if (setsockopt(k->sender, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes))
        return failed("SO_SNDBUFFORCE");
    prctl(PR_SET_TIMERSLACK, 1UL);
    return open_tun(k);
}

static int64_t now_ns(const struct fate_kernel *k)
{
    return clock_ns() - k->zero_ns;
}

static void wait_until(const struct fate_kernel *k, int64_t at_ns, int64_t now)
{
    struct pollfd readable = {.fd = k->tun, .events = POLLIN};
    int64_t rest = at_ns > now ? at_ns - now : 0;
    struct timespec timeout = {rest / 1000000000, rest % 1000000000};

    ppoll(&readable, 1, &timeout, NULL);
}

/* What came out until now; returns how much. */
static unsigned note_arrivals(const struct fate_kernel *k, uint64_t seed, int64_t now, FILE *file)
{
    uint8_t packet[2 * FATE_PACKET_LARGEST];
    struct fate_seen seen;
    unsigned count = 0;
    struct pollfd readable = {.fd = k->tun, .events = POLLIN};

    while (poll(&readable, 1, 0) > 0) {
        ssize_t length = read(k->tun, packet, sizeof packet);
        if (length < 0)
            break;
        if (!fate_packet_read(seed, packet, (size_t)length, &seen))
            seen.number = 0;
        fprintf(file, "-%" PRIu32 "@%" PRId64 "%s%s%s\n", seen.number, now, seen.damaged ? "c" : "",
                seen.marked ? "e" : "", seen.unsure ? "u" : "");
        count++;
    }
    return count;
}

/* Whether the kernel says that its queue was full: then time has passed. */
static int send_one(const struct fate_kernel *k, uint64_t seed, uint32_t number, bool *full)
{
    uint8_t packet[FATE_PACKET_LARGEST];
    size_t length = fate_packet_write(seed, number, packet);
    struct sockaddr_ll to = {
        .sll_family = AF_PACKET, .sll_protocol = htobe16(ETH_P_IP), .sll_ifindex = k->index};

    *full = sendto(k->sender, packet, length, 0, (struct sockaddr *)&to, sizeof to) < 0;
    return *full && errno != ENOBUFS ? failed("sending") : 0;
}

static int send_all(struct fate_kernel *k, const struct fate_record *record, FILE *file)
{
    int64_t now = now_ns(k), at = now;
    bool full;

    for (uint32_t number = 1; number <= record->packets; number++) {
        at += fate_packet_gap(record->seed, number, record->interval);
        while (now < at) {
            wait_until(k, at, now);
            now = now_ns(k);
            note_arrivals(k, record->seed, now, file);
        }
        fprintf(file, "+%" PRId64 "\n", now);
        if (send_one(k, record->seed, number, &full))
            return -1;
        if (full)
            now = now_ns(k);
        note_arrivals(k, record->seed, now, file);
    }
    for (int64_t end = now + FATE_QUIET_S * INT64_C(1000000000); now < end;) {
        wait_until(k, end, now);
        now = now_ns(k);
        if (note_arrivals(k, record->seed, now, file) > 0)
            end = now + FATE_QUIET_S * INT64_C(1000000000);
    }
    return 0;
}

int fate_kernel_record(struct fate_kernel *k, const struct fate_record *record, FILE *file)
{
    struct netem_tables tables = {0};
    struct netem_config config;
    struct netem_notes notes = {0};
    char error[256] = "";

    int rc = netem_parse(record->spec, &tables, &config, &notes);
    if (rc == 0)
        rc = netem_qdisc_set(device, &config, error, sizeof error);
    netem_tables_free(&tables);
    if (rc) {
        fprintf(stderr, "netem_exact: %s: %s%s\n", record->spec, notes.error, error);
        return -1;
    }
    k->zero_ns = clock_ns() - 1000000000;
    fprintf(file, "case %" PRIu32 " %" PRId64 " %" PRIu64 " %s\n", record->packets,
            record->interval, record->seed, record->spec);
    rc = send_all(k, record, file);
    fprintf(file, "end\n");
    return rc;
}
