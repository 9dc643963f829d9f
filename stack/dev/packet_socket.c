/* IP packets over a packet socket on an Ethernet interface, see packet_socket.h and packet(7).
 * Ethernet headers are put on and taken off here; whose address goes into them neighbour.c decides.
 * Must not know what is in an IP packet. */
#define _GNU_SOURCE
#include "dev/packet_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/check.h"
#include "dev/neighbour.h"
#include "dev/vnet.h"

enum {
    PROTOCOL_ALL = 3, /* ETH_P_ALL: ARP, IPv4 and IPv6 come through one socket */
    FRAME_SIZE = VNET_HEADER_LENGTH + ETHERNET_HEADER + PACKET_LARGEST,
    FRAME_ALIGN = 8, /* with 10 + 14 bytes of headers: the IP packet starts at a multiple of 16 */
    FRAMES_IN_A_ROW = 64,
    SOCKET_BUFFER = 4 << 20, /* bytes; the kernel's default holds three super-segments */
};

struct packet_socket {
    struct device device; /* first: a device is its packet_socket */
    int descriptor;
    struct ethernet_address ethernet;
    struct neighbours *neighbours;
    uint8_t frame[FRAME_ALIGN + FRAME_SIZE];
};

static struct packet_socket *socket_of(struct device *device)
{
    return (struct packet_socket *)(void *)device;
}

/* --- frames ----------------------------------------------------------------------------------- */

/* 0; -EAGAIN: no room, nothing taken; or what send said. */
static int send_frame(struct packet_socket *s, uint8_t ethernet_header[ETHERNET_HEADER],
                      const struct packet *packet)
{
    struct virtio_net_hdr facts = vnet_header(packet, ETHERNET_HEADER);
    struct iovec pieces[2 + PACKET_PARTS] = {{&facts, sizeof facts},
                                             {ethernet_header, ETHERNET_HEADER}};
    int count = 2;
    for (unsigned i = 0; i < packet->count; i++)
        pieces[count++] = (struct iovec){(void *)(uintptr_t)packet->parts[i].data,
                                         packet->parts[i].len};
    if (writev(s->descriptor, pieces, count) >= 0)
        return 0;
    if (errno == EAGAIN || errno == EINTR || errno == ENOBUFS || errno == ENOMEM)
        return -EAGAIN;
    /* The interface is down: the packet is lost, as on a cable that was pulled; it may come up. */
    return errno == ENETDOWN ? 0 : -errno;
}

/* What the table of neighbours has to say or has kept. What finds no room is lost, as on any link:
 * questions are repeated, packets retransmitted. */
static void send_what_neighbours_owe(struct packet_socket *s, struct instant now)
{
    uint8_t header[ETHERNET_HEADER];
    struct packet packet;
    while (neighbour_next(s->neighbours, now, header, &packet))
        if (send_frame(s, header, &packet) != 0)
            s->device.refused++;
}

/* Frames that the kernel took a VLAN's tag off belong to another network. */
static bool has_vlan_tag(struct msghdr *message)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c))
        if (c->cmsg_level == SOL_PACKET && c->cmsg_type == PACKET_AUXDATA) {
            struct tpacket_auxdata facts;
            memcpy(&facts, CMSG_DATA(c), sizeof facts);
            return (facts.tp_status & TP_STATUS_VLAN_VALID) != 0;
        }
    return false;
}

/* The next frame that is for this host, without its virtio header, which is *facts. Bytes, 0 for a
 * frame to be ignored, or a negative errno. */
static ssize_t read_frame(struct packet_socket *s, struct virtio_net_hdr *facts)
{
    struct sockaddr_ll from;
    union {
        struct cmsghdr align;
        uint8_t bytes[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
    } control;
    struct iovec pieces[2] = {{facts, sizeof *facts}, {s->frame + FRAME_ALIGN, FRAME_SIZE}};
    struct msghdr message = {.msg_name = &from,
                             .msg_namelen = sizeof from,
                             .msg_iov = pieces,
                             .msg_iovlen = 2,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
    ssize_t got = recvmsg(s->descriptor, &message, 0);
    if (got < 0)
        return errno == EINTR || errno == ENETDOWN ? -EAGAIN : -errno;
    bool ours = from.sll_pkttype == PACKET_HOST || from.sll_pkttype == PACKET_BROADCAST ||
                from.sll_pkttype == PACKET_MULTICAST;
    if (!ours || (message.msg_flags & MSG_TRUNC) || has_vlan_tag(&message) ||
        got < (ssize_t)(sizeof *facts + ETHERNET_HEADER))
        return 0;
    return got - (ssize_t)sizeof *facts;
}

static bool carries_ip(struct bytes frame)
{
    uint16_t type = get_be16(frame.data + 12);
    return type == ETHERNET_IPV4 || type == ETHERNET_IPV6;
}

static int packet_socket_receive(struct device *device, struct packet *packet, struct instant now)
{
    struct packet_socket *s = socket_of(device);
    send_what_neighbours_owe(s, now);
    for (unsigned i = 0; i < FRAMES_IN_A_ROW; i++) {
        struct virtio_net_hdr facts = {.flags = 0};
        ssize_t length = read_frame(s, &facts);
        if (length < 0)
            return (int)length;
        if (length == 0)
            continue;
        struct bytes frame = {s->frame + FRAME_ALIGN, (size_t)length};
        if (neighbour_frame_arrived(s->neighbours, frame, now)) {
            send_what_neighbours_owe(s, now);
            continue;
        }
        if (!carries_ip(frame))
            continue;
        struct bytes ip = bytes_part(frame, ETHERNET_HEADER, frame.len);
        if (vnet_read(&facts, ETHERNET_HEADER, ip, packet) == 0) {
            device->received++;
            return 0;
        }
        device->lies++;
    }
    return -EAGAIN; /* the descriptor is still readable: the loop comes back */
}

static int packet_socket_transmit(struct device *device, const struct packet *packet,
                                  struct instant now)
{
    struct packet_socket *s = socket_of(device);
    struct ethernet_address to;
    uint8_t header[ETHERNET_HEADER];
    CHECK(device->features.checksum ||
          (packet->checksum != PACKET_CHECKSUM_PARTIAL && packet->gso_size == 0));
    if (packet->gso_size == 0 && packet_length(packet) > device->features.mtu)
        return -EMSGSIZE;

    int result = neighbour_resolve(s->neighbours, packet, now, &to);
    if (result == 0) {
        uint16_t type = packet->parts[0].data[0] >> 4 == 4 ? ETHERNET_IPV4 : ETHERNET_IPV6;
        ethernet_build_header(header, &to, &s->ethernet, type);
        result = send_frame(s, header, packet);
    } else if (result == -EINPROGRESS || result == -ENETUNREACH) {
        result = 0; /* kept; or lost, as what a router without a route would do with it */
    }
    send_what_neighbours_owe(s, now);
    if (result == 0)
        device->transmitted++;
    else if (result == -EAGAIN)
        device->refused++;
    return result;
}

static struct instant packet_socket_deadline(const struct device *device)
{
    return neighbour_deadline(((const struct packet_socket *)(const void *)device)->neighbours);
}

static int packet_socket_descriptor(const struct device *device)
{
    return ((const struct packet_socket *)(const void *)device)->descriptor;
}

static void packet_socket_close(struct device *device)
{
    struct packet_socket *s = socket_of(device);
    if (s->descriptor >= 0)
        close(s->descriptor);
    neighbours_free(s->neighbours);
    free(s);
}

static const struct device_ops packet_socket_ops = {
    .receive = packet_socket_receive,
    .transmit = packet_socket_transmit,
    .deadline = packet_socket_deadline,
    .descriptor = packet_socket_descriptor,
    .close = packet_socket_close,
};

/* --- opening, and what to say when it fails --------------------------------------------------- */

struct opening {
    const struct packet_socket_config *config;
    struct packet_socket *s;
    int index; /* of the interface */
    char *text;
    size_t text_size;
};

static int complain(const struct opening *o, int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int complain(const struct opening *o, int error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(o->text, o->text_size, format, arguments);
    va_end(arguments);
    return -error;
}

static int open_socket(const struct opening *o)
{
    /* Protocol 0: nothing arrives before the socket is bound to its interface. */
    o->s->descriptor = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (o->s->descriptor >= 0)
        return 0;
    if (errno == EPERM || errno == EACCES)
        return complain(o, errno,
                        "user %u may not open packet sockets: run with CAP_NET_RAW or inside a "
                        "user namespace that owns the interface (`unshare -rn`)",
                        (unsigned)geteuid());
    return complain(o, errno, "cannot open a packet socket: %s", strerror(errno));
}

static int ask(const struct opening *o, unsigned long what, struct ifreq *request)
{
    memcpy(request->ifr_name, o->config->interface, strlen(o->config->interface) + 1);
    return ioctl(o->s->descriptor, what, request) == 0 ? 0 : -errno;
}

static int read_interface(struct opening *o)
{
    const char *name = o->config->interface;
    struct ifreq request = {.ifr_ifindex = 0};
    if (strlen(name) >= IFNAMSIZ)
        return complain(o, EINVAL, "the interface name '%s' has more than 15 characters", name);
    int error = ask(o, SIOCGIFINDEX, &request);
    if (error)
        return complain(o, -error,
                        "there is no interface '%s' here (`ip link` lists them; `ip link add %s "
                        "type veth peer name OTHER` makes one): %s",
                        name, name, strerror(-error));
    o->index = request.ifr_ifindex;

    error = ask(o, SIOCGIFHWADDR, &request);
    if (error || request.ifr_hwaddr.sa_family != ARPHRD_ETHER)
        return complain(o, error ? -error : EINVAL,
                        "'%s' is no Ethernet interface: name one end of a veth pair, say", name);
    memcpy(o->s->ethernet.bytes, request.ifr_hwaddr.sa_data, ETHERNET_ADDRESS);

    error = ask(o, SIOCGIFMTU, &request);
    if (error)
        return complain(o, -error, "cannot read the MTU of '%s': %s", name, strerror(-error));
    o->s->device.features.mtu = (uint32_t)request.ifr_mtu;
    return 0;
}

static int set_option(const struct opening *o, int level, int option, int value)
{
    return setsockopt(o->s->descriptor, level, option, &value, sizeof value) == 0 ? 0 : -errno;
}

/* Needed whether or not we send super-segments: the other end of a veth pair sends them, and leaves
 * checksums undone. */
static int set_options(const struct opening *o)
{
    struct device_features *features = &o->s->device.features;
    int error = set_option(o, SOL_PACKET, PACKET_VNET_HDR, 1);
    if (!error)
        error = set_option(o, SOL_PACKET, PACKET_AUXDATA, 1);
    if (!error)
        error = set_option(o, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1);
    if (error)
        return complain(o, -error, "this kernel's packet sockets lack what is needed: %s",
                        strerror(-error));
    /* Larger buffers are a wish; who may not exceed the system's limit gets that. */
    if (set_option(o, SOL_SOCKET, SO_RCVBUFFORCE, SOCKET_BUFFER) != 0)
        set_option(o, SOL_SOCKET, SO_RCVBUF, SOCKET_BUFFER);
    if (set_option(o, SOL_SOCKET, SO_SNDBUFFORCE, SOCKET_BUFFER) != 0)
        set_option(o, SOL_SOCKET, SO_SNDBUF, SOCKET_BUFFER);
    if (o->config->offload) {
        features->largest_tcp4 = features->largest_tcp6 = PACKET_LARGEST;
        features->checksum = true;
    }
    return 0;
}

/* RFC 4861, 7.2.1: questions for our IPv6 addresses come to their solicited-node groups. */
static int join_groups(const struct opening *o)
{
    for (unsigned i = 0; i < o->config->address_count; i++) {
        const struct address *address = &o->config->addresses[i].address;
        struct packet_mreq request = {
            .mr_ifindex = o->index, .mr_type = PACKET_MR_MULTICAST, .mr_alen = ETHERNET_ADDRESS};
        if (address_is_ipv4(address))
            continue;
        struct address group = address_solicited_node(address);
        struct ethernet_address ethernet = ethernet_of_group(&group);
        memcpy(request.mr_address, ethernet.bytes, ETHERNET_ADDRESS);
        if (setsockopt(o->s->descriptor, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &request,
                       sizeof request) != 0)
            return complain(o, errno, "'%s' does not take multicast addresses: %s",
                            o->config->interface, strerror(errno));
    }
    return 0;
}

static int bind_socket(const struct opening *o)
{
    struct sockaddr_ll to = {
        .sll_family = AF_PACKET, .sll_protocol = htons(PROTOCOL_ALL), .sll_ifindex = o->index};
    if (bind(o->s->descriptor, (struct sockaddr *)&to, sizeof to) != 0)
        return complain(o, errno, "cannot use the interface '%s': %s", o->config->interface,
                        strerror(errno));
    return 0;
}

static int make_neighbours(const struct opening *o)
{
    struct neighbour_config config = {.ethernet = o->s->ethernet,
                                      .addresses = o->config->addresses,
                                      .address_count = o->config->address_count,
                                      .gateway4 = o->config->gateway4,
                                      .gateway6 = o->config->gateway6};
    if (config.address_count > NEIGHBOUR_ADDRESSES)
        return complain(o, EINVAL, "at most %d addresses on one interface, not %u",
                        NEIGHBOUR_ADDRESSES, config.address_count);
    o->s->neighbours = neighbours_new(&config);
    return o->s->neighbours ? 0 : complain(o, ENOMEM, "no memory for a packet device");
}

static int set_up(struct opening *o)
{
    int error = open_socket(o);
    if (!error)
        error = read_interface(o);
    if (!error)
        error = set_options(o);
    if (!error)
        error = join_groups(o);
    if (!error)
        error = make_neighbours(o);
    if (!error)
        error = bind_socket(o);
    return error;
}

int packet_socket_open(const struct packet_socket_config *config, struct device **device,
                       char *error, size_t error_size)
{
    struct packet_socket *s = calloc(1, sizeof *s);
    struct opening opening = {.config = config, .s = s, .text = error, .text_size = error_size};
    if (!s)
        return complain(&opening, ENOMEM, "no memory for a packet device");
    s->device.ops = &packet_socket_ops;
    s->descriptor = -1;
    int result = set_up(&opening);
    if (result != 0) {
        packet_socket_close(&s->device);
        return result;
    }
    *device = &s->device;
    return 0;
}
