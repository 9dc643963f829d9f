/* A Linux TUN device, see tun.h. One buffer for input, read into again and again where no landing
 * is prepared; output is gathered by writev() from where the text lies. Measured: polling before
 * each read, io_uring, readv and IFF_NAPI do not pay. Must not know what the packets mean. */
#include "dev/tun.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/check.h"
#include "dev/vnet.h"

enum {
    /* TUN_F_USO4 and TUN_F_USO6, Linux 6.2, which older kernel headers lack */
    OFFLOAD_USO = 0x20 | 0x40,
    OFFLOAD_TSO = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN,
    BUFFER_SIZE = VNET_HEADER_LENGTH + PACKET_LARGEST + 1,
    BUFFER_ALIGN =
        6, /* with the 10 bytes of the header: the IP packet starts at a multiple of 16 */
    LIES_IN_A_ROW = 16,
};

struct tun {
    struct device device; /* first: a device is its tun */
    int descriptor;
    size_t header_length; /* VNET_HEADER_LENGTH or 0 */
    char name[IFNAMSIZ];
    uint8_t buffer[BUFFER_ALIGN + BUFFER_SIZE];
};

static struct tun *tun_of(struct device *device)
{
    return (struct tun *)(void *)device;
}

/* The interface was deleted (EBADFD): gone. Anything else is told as it is. */
static int gone(int error)
{
    return error == EBADFD ? -ENODEV : -error;
}

static int tun_receive(struct device *device, struct packet *packet, struct instant now)
{
    struct tun *tun = tun_of(device);
    uint8_t *buffer = device->landing ? device->landing - tun->header_length
                                      : tun->buffer + BUFFER_ALIGN;
    (void)now;
    for (unsigned lies = 0; lies < LIES_IN_A_ROW; lies++) {
        ssize_t got = read(tun->descriptor, buffer, tun->header_length + PACKET_LARGEST + 1);
        if (got < 0)
            return errno == EINTR ? -EAGAIN : gone(errno);
        if (got == 0)
            return -ENODEV;
        struct virtio_net_hdr header = {.flags = 0};
        size_t length = (size_t)got;
        if (length >= tun->header_length) {
            memcpy(&header, buffer, tun->header_length);
            struct bytes ip = {buffer + tun->header_length, length - tun->header_length};
            if (vnet_read(&header, 0, ip, packet) == 0) {
                device->received++;
                return 0;
            }
        }
        device->lies++;
    }
    return -EAGAIN; /* the descriptor is still readable: the loop comes back */
}

static int tun_transmit(struct device *device, const struct packet *packet, struct instant now)
{
    struct tun *tun = tun_of(device);
    (void)now;
    CHECK(device->features.checksum ||
          (packet->checksum != PACKET_CHECKSUM_PARTIAL && packet->gso_size == 0));
    if (packet->gso_size == 0 && packet_length(packet) > device->features.mtu)
        return -EMSGSIZE;

    struct virtio_net_hdr header;
    struct iovec pieces[1 + PACKET_PARTS];
    int count = 0;
    if (tun->header_length) {
        header = vnet_header(packet, 0);
        pieces[count++] = (struct iovec){&header, sizeof header};
    }
    for (unsigned i = 0; i < packet->count; i++)
        pieces[count++] = (struct iovec){(void *)(uintptr_t)packet->parts[i].data,
                                         packet->parts[i].len};
    if (writev(tun->descriptor, pieces, count) >= 0) {
        device->transmitted++;
        return 0;
    }
    device->refused++;
    if (errno == EAGAIN || errno == EINTR || errno == ENOBUFS || errno == ENOMEM)
        return -EAGAIN;
    /* The interface is down: the packet is lost, as on a cable that was pulled; it may come up. */
    return errno == EIO ? 0 : gone(errno);
}

static struct instant tun_deadline(const struct device *device)
{
    (void)device;
    return INSTANT_NEVER;
}

static int tun_descriptor(const struct device *device)
{
    return ((const struct tun *)(const void *)device)->descriptor;
}

static void tun_close(struct device *device)
{
    struct tun *tun = tun_of(device);
    if (tun->descriptor >= 0)
        close(tun->descriptor);
    free(tun);
}

static const struct device_ops tun_ops = {
    .receive = tun_receive,
    .transmit = tun_transmit,
    .deadline = tun_deadline,
    .descriptor = tun_descriptor,
    .close = tun_close,
};

const char *tun_name(const struct device *device)
{
    CHECK(device->ops == &tun_ops);
    return ((const struct tun *)(const void *)device)->name;
}

/* --- opening, and what to say when it fails --------------------------------------------------- */

struct complaint {
    char *text;
    size_t size;
};

static int complain(const struct complaint *c, int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int complain(const struct complaint *c, int error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(c->text, c->size, format, arguments);
    va_end(arguments);
    return -error;
}

static int complain_of_node(const struct complaint *c, int error)
{
    switch (error) {
    case EACCES:
    case EPERM:
        return complain(c, error,
                        "user %u may not open /dev/net/tun: run `chmod 666 /dev/net/tun` as root "
                        "(the kernel still asks for CAP_NET_ADMIN or the interface's owner), or "
                        "use --device packet:IF on a veth interface",
                        (unsigned)geteuid());
    case ENOENT:
        return complain(c, error,
                        "there is no /dev/net/tun: run `mkdir -p /dev/net && mknod /dev/net/tun c "
                        "10 200` as root, or use --device packet:IF");
    case ENODEV:
    case ENXIO:
        return complain(c, error,
                        "the kernel has no TUN driver: run `modprobe tun` as root, or use "
                        "--device packet:IF");
    default:
        return complain(c, error, "cannot open /dev/net/tun: %s", strerror(error));
    }
}

static int complain_of_interface(const struct complaint *c, int error, const char *name)
{
    switch (error) {
    case EPERM:
        return complain(c, error,
                        "user %u may not use the interface '%s': have root run `ip tuntap add dev "
                        "%s mode tun user %u`, run with CAP_NET_ADMIN or inside a user namespace "
                        "(`unshare -rn`), or use --device packet:IF",
                        (unsigned)geteuid(), name, *name ? name : "NAME", (unsigned)geteuid());
    case EBUSY:
        return complain(c, error,
                        "the interface '%s' has a user already: end that program (`ip tuntap show "
                        "--json` or `lsof /dev/net/tun` finds it) or choose another name",
                        name);
    case EINVAL:
        return complain(c, error,
                        "'%s' cannot be a TUN interface: it exists as another kind, as TAP or with "
                        "another number of queues; choose another name or run `ip link delete %s`",
                        name, name);
    default:
        return complain(c, error, "cannot attach to the interface '%s': %s", name, strerror(error));
    }
}

/* Attaches to the interface; sets the name, and whether packets carry a header. */
static int attach(struct tun *tun, const struct tun_config *config, const struct complaint *c)
{
    unsigned offered = 0;
    struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
    if (ioctl(tun->descriptor, TUNGETFEATURES, &offered) == 0 && (offered & IFF_VNET_HDR) &&
        config->offload == TUN_OFFLOAD_IF_POSSIBLE) {
        request.ifr_flags |= IFF_VNET_HDR;
        tun->header_length = VNET_HEADER_LENGTH;
    }
    if (config->queues > 1)
        request.ifr_flags |= IFF_MULTI_QUEUE;
    memcpy(request.ifr_name, config->name, strlen(config->name) + 1);
    if (ioctl(tun->descriptor, TUNSETIFF, &request) != 0)
        return complain_of_interface(c, errno, config->name);
    memcpy(tun->name, request.ifr_name, sizeof tun->name);
    tun->name[sizeof tun->name - 1] = '\0';
    return 0;
}

/* What the kernel may hand us whole it also takes whole; it says so by accepting the flags. Also
 * undone explicitly: a persistent interface keeps what its previous user asked for. */
static int choose_offload(struct tun *tun, const struct complaint *c)
{
    struct device_features *features = &tun->device.features;
    if (tun->header_length) {
        int size = VNET_HEADER_LENGTH;
        if (ioctl(tun->descriptor, TUNSETVNETHDRSZ, &size) != 0)
            return complain(c, errno, "cannot set the offload header of '%s': %s", tun->name,
                            strerror(errno));
        bool udp = ioctl(tun->descriptor, TUNSETOFFLOAD, OFFLOAD_TSO | OFFLOAD_USO) == 0;
        if (udp || ioctl(tun->descriptor, TUNSETOFFLOAD, OFFLOAD_TSO) == 0) {
            features->largest_tcp4 = features->largest_tcp6 = PACKET_LARGEST;
            features->largest_udp = udp ? PACKET_LARGEST : 0;
            features->checksum = true;
            return 0;
        }
    }
    if (ioctl(tun->descriptor, TUNSETOFFLOAD, 0) != 0)
        return complain(c, errno, "cannot turn the offloads of '%s' off: %s", tun->name,
                        strerror(errno));
    return 0;
}

static int read_mtu(struct tun *tun, const struct complaint *c)
{
    struct ifreq request = {.ifr_mtu = 0};
    int ask = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (ask < 0)
        return complain(c, errno, "cannot ask for the MTU of '%s': %s", tun->name, strerror(errno));
    memcpy(request.ifr_name, tun->name, sizeof request.ifr_name);
    int error = ioctl(ask, SIOCGIFMTU, &request) == 0 ? 0 : errno;
    close(ask);
    if (error)
        return complain(c, error, "cannot read the MTU of '%s': %s", tun->name, strerror(error));
    tun->device.features.mtu = (uint32_t)request.ifr_mtu;
    return 0;
}

/* Until a worker of the kernel has noticed that the interface has a user again, the kernel drops
 * what it would send to it: the answer to our first packet would be lost. That takes less than a
 * millisecond, on a busy machine up to a second; an interface that is down is not waited for. */
static void wait_for_carrier(const struct tun *tun)
{
    enum { LOOKS = 1000 }; /* a millisecond apart */
    struct ifreq request = {.ifr_flags = 0};
    int ask = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (ask < 0)
        return;
    memcpy(request.ifr_name, tun->name, sizeof request.ifr_name);
    for (unsigned i = 0; i < LOOKS; i++) {
        if (ioctl(ask, SIOCGIFFLAGS, &request) != 0 || !(request.ifr_flags & IFF_UP) ||
            (request.ifr_flags & IFF_RUNNING))
            break;
        poll(NULL, 0, 1);
    }
    close(ask);
}

static int tun_set_up(struct tun *tun, const struct tun_config *config, const struct complaint *c)
{
    tun->descriptor = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (tun->descriptor < 0)
        return complain_of_node(c, errno);
    int error = attach(tun, config, c);
    if (!error)
        error = choose_offload(tun, c);
    if (!error)
        error = read_mtu(tun, c);
    if (!error)
        wait_for_carrier(tun);
    return error;
}

int tun_open(const struct tun_config *config, struct device **device, char *error,
             size_t error_size)
{
    struct complaint c = {error, error_size};
    if (strlen(config->name) >= IFNAMSIZ)
        return complain(&c, EINVAL, "the interface name '%s' has more than 15 characters",
                        config->name);
    struct tun *tun = calloc(1, sizeof *tun);
    if (!tun)
        return complain(&c, ENOMEM, "no memory for a TUN device");
    tun->device.ops = &tun_ops;
    tun->device.lands = true;
    int result = tun_set_up(tun, config, &c);
    if (result != 0) {
        tun_close(&tun->device);
        return result;
    }
    *device = &tun->device;
    return 0;
}
