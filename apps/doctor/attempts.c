/* See attempts.h: TUN (tuntap.txt of the kernel), packet(7), rtnetlink(7), seccomp(2). */
#define _GNU_SOURCE
#include "doctor/attempts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/if.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/seccomp.h>
#include <linux/veth.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    LOOPBACK = 1, /* the index of lo in a fresh namespace */
    OFFLOAD_TCP = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6,
    OFFLOAD_UDP = 0x20 | 0x40, /* TUN_F_USO4, TUN_F_USO6: younger than some headers */
};

int attempt_administration(void)
{
    struct ifreq request = {.ifr_flags = IFF_UP};
    int ask = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (ask < 0)
        return errno;
    memcpy(request.ifr_name, "lo", sizeof "lo");
    int error = ioctl(ask, SIOCSIFFLAGS, &request) == 0 ? 0 : errno;
    close(ask);
    return error;
}

/* --- TUN ---------------------------------------------------------------------------------------
 */

/* A TUN with these flags, and these offloads unless they are 0. It ends with its descriptor. */
static int tun(short flags, unsigned long offload)
{
    struct ifreq request = {.ifr_flags = (short)(IFF_TUN | IFF_NO_PI | flags)};
    int size = 10; /* struct virtio_net_hdr */
    int descriptor = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
    if (descriptor < 0)
        return errno;
    int is_good = ioctl(descriptor, TUNSETIFF, &request) == 0;
    if (is_good && offload != 0)
        is_good = ioctl(descriptor, TUNSETVNETHDRSZ, &size) == 0 &&
                  ioctl(descriptor, TUNSETOFFLOAD, offload) == 0;
    int error = is_good ? 0 : errno;
    close(descriptor);
    return error;
}

int attempt_tun(void)
{
    return tun(0, 0);
}

int attempt_tcp_offload(void)
{
    return tun(IFF_VNET_HDR, OFFLOAD_TCP);
}

int attempt_udp_offload(void)
{
    return tun(IFF_VNET_HDR, OFFLOAD_TCP | OFFLOAD_UDP);
}

int attempt_packet_socket(void)
{
    struct sockaddr_ll here = {
        .sll_family = AF_PACKET,
        .sll_protocol = (uint16_t)((ETH_P_ALL >> 8) | (ETH_P_ALL & 0xff) << 8),
        .sll_ifindex = LOOPBACK,
    };
    int packets = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    if (packets < 0)
        return errno;
    int error = bind(packets, (const struct sockaddr *)&here, sizeof here) == 0 ? 0 : errno;
    close(packets);
    return error;
}

/* --- rtnetlink ---------------------------------------------------------------------------------
 */

/* One request under construction: a header, a fixed part, attributes. */
struct request {
    struct nlmsghdr header;
    char body[512];
};

static void append(struct request *request, const void *data, size_t length)
{
    memcpy((char *)request + request->header.nlmsg_len, data, length);
    request->header.nlmsg_len += (uint32_t)NLMSG_ALIGN(length);
}

/* Appends an attribute; with no data one that others are to be nested in. Returns its place. */
static uint32_t append_attribute(struct request *request, unsigned short type, const void *data,
                                 size_t length)
{
    struct rtattr attribute = {.rta_type = type, .rta_len = (unsigned short)RTA_LENGTH(length)};
    uint32_t place = request->header.nlmsg_len;
    append(request, &attribute, sizeof attribute);
    if (length > 0)
        append(request, data, length);
    return place;
}

/* Ends a nested attribute at what was appended last. */
static void end_nested(struct request *request, uint32_t place)
{
    unsigned short length = (unsigned short)(request->header.nlmsg_len - place);
    memcpy((char *)request + place + offsetof(struct rtattr, rta_len), &length, sizeof length);
}

/* Sends the request and reads the kernel's acknowledgement. */
static int ask_kernel(const struct request *request)
{
    struct {
        struct nlmsghdr header;
        struct nlmsgerr error;
        char rest[1024]; /* the request is quoted */
    } answer;
    int netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (netlink < 0)
        return errno;
    int error = 0;
    if (send(netlink, request, request->header.nlmsg_len, 0) < 0 ||
        recv(netlink, &answer, sizeof answer, 0) < 0)
        error = errno;
    else
        error = answer.header.nlmsg_type == NLMSG_ERROR ? -answer.error.error : EPROTO;
    close(netlink);
    return error;
}

static struct request request_to_create(unsigned short type)
{
    return (struct request){
        .header = {
            .nlmsg_len = NLMSG_HDRLEN,
            .nlmsg_type = type,
            .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL,
        }};
}

int attempt_veth(void)
{
    static const char kind[] = "veth";
    struct request request = request_to_create(RTM_NEWLINK);
    struct ifinfomsg link = {.ifi_family = AF_UNSPEC};
    append(&request, &link, sizeof link);
    uint32_t info = append_attribute(&request, IFLA_LINKINFO, NULL, 0);
    append_attribute(&request, IFLA_INFO_KIND, kind, sizeof kind);
    end_nested(&request, info);
    return ask_kernel(&request);
}

int attempt_netem(void)
{
    static const char kind[] = "netem";
    struct request request = request_to_create(RTM_NEWQDISC);
    struct tcmsg discipline = {.tcm_ifindex = LOOPBACK, .tcm_parent = TC_H_ROOT};
    struct tc_netem_qopt settings = {.limit = 1000};
    append(&request, &discipline, sizeof discipline);
    append_attribute(&request, TCA_KIND, kind, sizeof kind);
    append_attribute(&request, TCA_OPTIONS, &settings, sizeof settings);
    return ask_kernel(&request);
}

/* --- seccomp -----------------------------------------------------------------------------------
 */

/* Descriptors into a caller together with its answer (Linux 5.14), and out of it (5.6). Nobody
 * waits for this answer, which is what a kernel says that knows the flag. */
static int tries_what_run_needs(int listener)
{
    struct seccomp_notif_addfd gift = {
        .flags = SECCOMP_ADDFD_FLAG_SEND,
        .srcfd = (uint32_t)listener,
    };
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &gift) == 0 || errno != ENOENT)
        return EINVAL;
    return syscall(SYS_pidfd_getfd, -1, 0, 0) < 0 && errno == EBADF ? 0 : ENOSYS;
}

int attempt_seccomp_notification(void)
{
    struct sock_filter allow_all[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    struct sock_fprog filter = {.len = 1, .filter = allow_all};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return errno;
    long listener = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
                            &filter);
    if (listener < 0)
        return errno;
    int error = tries_what_run_needs((int)listener);
    close((int)listener);
    return error;
}
