/* Whole Ethernet frames over a packet socket, see frame_socket.h. */
#define _GNU_SOURCE
#include "dev/frame_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/check.h"
#include "dev/vnet.h"

enum {
    PROTOCOL_ALL = 3,     /* ETH_P_ALL */
    FRAMES_IN_A_ROW = 64, /* that mean nothing to us, before others get their turn */
    LOOK_EVERY_MS = 200,
    SOCKET_BUFFER = 16 << 20, /* bytes; the kernel's default holds three super-segments */
};

struct frame_socket {
    struct device device; /* first: a device is its frame_socket */
    int descriptor, index;
    struct instant look_at; /* the interface went down: is it gone? INSTANT_NEVER while it is up */
    /* The header comes in front, where its 14 bytes end at a multiple of 16, and goes to the end.
     */
    _Alignas(16) uint8_t buffer[16 + PACKET_LARGEST + FRAME_TRAILER];
};

static struct frame_socket *socket_of(struct device *device)
{
    return (struct frame_socket *)(void *)device;
}

/* A frame whose VLAN tag the kernel took off could not be sent on as it was. */
static bool has_vlan_tag(struct msghdr *message)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
        struct tpacket_auxdata facts;
        if (c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA)
            continue;
        memcpy(&facts, CMSG_DATA(c), sizeof facts);
        return (facts.tp_status & TP_STATUS_VLAN_VALID) != 0;
    }
    return false;
}

/* The next frame: bytes without its virtio header, 0 for one to be ignored, or a negative errno. */
static ssize_t read_frame(struct frame_socket *s, struct virtio_net_hdr *facts)
{
    union {
        struct cmsghdr align;
        uint8_t bytes[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
    } control;
    struct iovec pieces[2] = {{facts, sizeof *facts},
                              {s->buffer + 16 - FRAME_TRAILER, FRAME_TRAILER + PACKET_LARGEST}};
    struct msghdr message = {.msg_iov = pieces,
                             .msg_iovlen = 2,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
    ssize_t got = recvmsg(s->descriptor, &message, 0);

    if (got < 0 && errno == ENETDOWN)
        s->look_at = INSTANT_ZERO;
    if (got < 0)
        return errno == EINTR || errno == ENETDOWN ? -EAGAIN : -errno;
    if ((message.msg_flags & MSG_TRUNC) || has_vlan_tag(&message) ||
        got <= (ssize_t)(sizeof *facts + FRAME_TRAILER))
        return 0;
    return got - (ssize_t)sizeof *facts;
}

/* Ethernet pads short packets to 46 bytes: what stands behind the IP packet goes. */
static size_t unpadded(const uint8_t *ip, size_t length, uint16_t type)
{
    size_t told = length;

    if (type == 0x0800 && length >= 20)
        told = get_be16(ip + 2);
    else if (type == 0x86dd && length >= 40)
        told = 40 + (size_t)get_be16(ip + 4);
    return told >= 20 && told < length && length <= 46 ? told : length;
}

/* The kernel tells a socket that its interface is down, but not that it is gone for good. -ENODEV
 * when it is. */
static int look_after(struct frame_socket *s, struct instant now)
{
    struct ifreq request = {.ifr_ifindex = s->index};

    if (!instant_reached(s->look_at, now))
        return 0;
    if (ioctl(s->descriptor, SIOCGIFNAME, &request) != 0)
        return -ENODEV;
    bool up = ioctl(s->descriptor, SIOCGIFFLAGS, &request) == 0 && (request.ifr_flags & IFF_UP);
    s->look_at = up ? INSTANT_NEVER : instant_add(now, duration_ms(LOOK_EVERY_MS));
    return 0;
}

static int frame_receive(struct device *device, struct packet *packet, struct instant now)
{
    struct frame_socket *s = socket_of(device);
    const uint8_t *head = s->buffer + 16 - FRAME_TRAILER;

    if (look_after(s, now))
        return -ENODEV;
    for (unsigned i = 0; i < FRAMES_IN_A_ROW; i++) {
        struct virtio_net_hdr facts = {.flags = 0};
        ssize_t got = read_frame(s, &facts);
        if (got < 0)
            return (int)got;
        if (got == 0)
            continue;
        size_t length = unpadded(s->buffer + 16, (size_t)got - FRAME_TRAILER, get_be16(head + 12));
        if (vnet_read(&facts, FRAME_TRAILER, (struct bytes){s->buffer + 16, length}, packet)) {
            device->lies++;
            continue;
        }
        memcpy(s->buffer + 16 + length, head, FRAME_TRAILER);
        packet->parts[0].len += FRAME_TRAILER;
        device->received++;
        return 0;
    }
    return -EAGAIN; /* the descriptor is still readable: the loop comes back */
}

static int frame_transmit(struct device *device, const struct packet *packet, struct instant now)
{
    struct frame_socket *s = socket_of(device);
    struct bytes whole = packet->parts[0];
    (void)now;

    CHECK(packet->count == 1 && whole.len > FRAME_TRAILER);
    size_t length = whole.len - FRAME_TRAILER;
    if (packet->gso_size == 0 && length > device->features.mtu)
        return -EMSGSIZE;
    struct virtio_net_hdr facts = vnet_header(packet, FRAME_TRAILER);
    struct iovec pieces[3] = {{&facts, sizeof facts},
                              {(void *)(uintptr_t)(whole.data + length), FRAME_TRAILER},
                              {(void *)(uintptr_t)whole.data, length}};
    if (writev(s->descriptor, pieces, 3) >= 0) {
        device->transmitted++;
        return 0;
    }
    if (errno == EAGAIN || errno == EINTR || errno == ENOBUFS || errno == ENOMEM) {
        device->refused++;
        return -EAGAIN;
    }
    /* The interface is down, or a damaged header makes no sense to the kernel: the frame is lost,
     * as on a cable that was pulled. */
    return errno == ENETDOWN || errno == EINVAL ? 0 : -errno;
}

static struct instant frame_deadline(const struct device *device)
{
    return ((const struct frame_socket *)(const void *)device)->look_at;
}

static int frame_descriptor(const struct device *device)
{
    return ((const struct frame_socket *)(const void *)device)->descriptor;
}

static void frame_close(struct device *device)
{
    struct frame_socket *s = socket_of(device);

    if (s->descriptor >= 0)
        close(s->descriptor);
    free(s);
}

static const struct device_ops frame_ops = {
    .receive = frame_receive,
    .transmit = frame_transmit,
    .deadline = frame_deadline,
    .descriptor = frame_descriptor,
    .close = frame_close,
};

/* --- opening ---------------------------------------------------------------------------------- */

static int ask(struct frame_socket *s, const char *name, unsigned long what, struct ifreq *request)
{
    snprintf(request->ifr_name, sizeof request->ifr_name, "%s", name);
    return ioctl(s->descriptor, what, request) == 0 ? 0 : -errno;
}

static int set_option(struct frame_socket *s, int level, int option, int value)
{
    return setsockopt(s->descriptor, level, option, &value, sizeof value) == 0 ? 0 : -errno;
}

static int set_options(struct frame_socket *s)
{
    int rc = set_option(s, SOL_PACKET, PACKET_VNET_HDR, 1);

    if (rc == 0)
        rc = set_option(s, SOL_PACKET, PACKET_AUXDATA, 1);
    if (rc == 0)
        rc = set_option(s, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1);
    /* Larger buffers are a wish; who may not exceed the system's limit gets that. */
    if (set_option(s, SOL_SOCKET, SO_RCVBUFFORCE, SOCKET_BUFFER) != 0)
        set_option(s, SOL_SOCKET, SO_RCVBUF, SOCKET_BUFFER);
    if (set_option(s, SOL_SOCKET, SO_SNDBUFFORCE, SOCKET_BUFFER) != 0)
        set_option(s, SOL_SOCKET, SO_SNDBUF, SOCKET_BUFFER);
    return rc;
}

/* Bound, and given the frames that are for others too. */
static int bind_to(struct frame_socket *s)
{
    struct sockaddr_ll to = {
        .sll_family = AF_PACKET, .sll_protocol = htons(PROTOCOL_ALL), .sll_ifindex = s->index};
    struct packet_mreq all = {.mr_ifindex = s->index, .mr_type = PACKET_MR_PROMISC};

    if (setsockopt(s->descriptor, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof all) != 0 ||
        bind(s->descriptor, (struct sockaddr *)&to, sizeof to) != 0)
        return -errno;
    return 0;
}

static int set_up(struct frame_socket *s, const char *name)
{
    struct ifreq request = {.ifr_ifindex = 0};
    int rc;

    /* Protocol 0: nothing arrives before the socket is bound to its interface. */
    s->descriptor = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s->descriptor < 0)
        return -errno;
    rc = ask(s, name, SIOCGIFHWADDR, &request);
    if (rc == 0 && request.ifr_hwaddr.sa_family != ARPHRD_ETHER)
        rc = -EINVAL;
    if (rc == 0)
        rc = ask(s, name, SIOCGIFMTU, &request);
    if (rc)
        return rc;
    s->device.features.mtu = (uint32_t)request.ifr_mtu;
    rc = ask(s, name, SIOCGIFINDEX, &request);
    s->index = request.ifr_ifindex;
    if (rc == 0)
        rc = set_options(s);
    return rc ? rc : bind_to(s);
}

static int complain(int rc, const char *interface, char *error, size_t error_size)
{
    if (rc == -EPERM || rc == -EACCES)
        snprintf(error, error_size,
                 "user %u may not open packet sockets: run with CAP_NET_RAW or inside a user "
                 "namespace that owns the interface",
                 (unsigned)geteuid());
    else if (rc == -ENODEV)
        snprintf(error, error_size, "there is no interface '%s' here", interface);
    else if (rc == -EINVAL)
        snprintf(error, error_size, "'%s' is no Ethernet interface", interface);
    else
        snprintf(error, error_size, "cannot use the interface '%s': %s", interface, strerror(-rc));
    return rc;
}

int frame_socket_open(const char *interface, enum frame_offload offload, struct device **device,
                      char *error, size_t error_size)
{
    struct frame_socket *s = calloc(1, sizeof *s);

    if (s == NULL)
        return complain(-ENOMEM, interface, error, error_size);
    s->device.ops = &frame_ops;
    s->look_at = INSTANT_NEVER;
    int rc = set_up(s, interface);
    if (rc) {
        frame_close(&s->device);
        return complain(rc, interface, error, error_size);
    }
    if (offload == FRAME_OFFLOAD) {
        s->device.features.largest_tcp4 = s->device.features.largest_tcp6 = PACKET_LARGEST;
        s->device.features.largest_udp = PACKET_LARGEST;
        s->device.features.checksum = true;
    }
    *device = &s->device;
    return 0;
}
