/* Namespaces and interfaces: namespaces(7), netdevice(7); see netns.h. */
#define _GNU_SOURCE
#include "lab/netns.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <net/route.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/numbers.h"
#include "common/user_namespace.h"

enum { QUEUE_PACKETS = 10000 };

static int enter_new_user(void)
{
    struct user_mapping to_root = {.user = geteuid(), .group = getegid()};
    return unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0 ? user_namespace_map(&to_root) : -errno;
}

int netns_enter_new(void)
{
    if (unshare(CLONE_NEWNET) == 0)
        return 0;
    return errno == EPERM ? enter_new_user() : -errno;
}

int netns_current(void)
{
    int descriptor = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    return descriptor < 0 ? -errno : descriptor;
}

int netns_enter(int netns)
{
    return setns(netns, CLONE_NEWNET) == 0 ? 0 : -errno;
}

int netns_make(void)
{
    int here = netns_current();
    if (here < 0)
        return here;
    int result = unshare(CLONE_NEWNET) == 0 ? netns_current() : -errno;
    int back = netns_enter(here);
    close(here);
    return back < 0 ? back : result;
}

int netns_make_tun(const char *name)
{
    struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR};
    int descriptor = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
    if (descriptor < 0)
        return -errno;
    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
    int result = 0;
    if (ioctl(descriptor, TUNSETIFF, &request) != 0 || ioctl(descriptor, TUNSETPERSIST, 1) != 0)
        result = -errno;
    close(descriptor);
    return result;
}

/* "198.18.1.1/24" into address and mask. */
static int read_network(const char *text, struct sockaddr_in *address, struct sockaddr_in *mask)
{
    char host[INET_ADDRSTRLEN];
    uint64_t bits;
    const char *slash = strchr(text, '/');
    if (slash == NULL || slash - text >= (long)sizeof host ||
        number_parse(slash + 1, 32, &bits) < 0)
        return -EINVAL;
    memcpy(host, text, (size_t)(slash - text));
    host[slash - text] = '\0';
    *address = *mask = (struct sockaddr_in){.sin_family = AF_INET};
    mask->sin_addr.s_addr = htonl((uint32_t)(UINT64_C(0xffffffff) << (32 - bits)));
    return inet_pton(AF_INET, host, &address->sin_addr) == 1 ? 0 : -EINVAL;
}

/* Each ioctl of netdevice(7) that takes an interface up. */
static int take_up(int control, struct ifreq *request, const struct sockaddr_in *address,
                   const struct sockaddr_in *mask)
{
    memcpy(&request->ifr_addr, address, sizeof *address);
    if (ioctl(control, SIOCSIFADDR, request) != 0)
        return -errno;
    memcpy(&request->ifr_netmask, mask, sizeof *mask);
    if (ioctl(control, SIOCSIFNETMASK, request) != 0)
        return -errno;
    request->ifr_qlen = QUEUE_PACKETS;
    if (ioctl(control, SIOCSIFTXQLEN, request) != 0)
        return -errno;
    if (ioctl(control, SIOCGIFFLAGS, request) != 0)
        return -errno;
    request->ifr_flags |= IFF_UP;
    return ioctl(control, SIOCSIFFLAGS, request) == 0 ? 0 : -errno;
}

int netns_interface_up(const char *name, const char *address)
{
    struct sockaddr_in host, mask;
    struct ifreq request = {0};
    int result = read_network(address, &host, &mask);
    if (result < 0)
        return result;
    int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (control < 0)
        return -errno;
    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
    result = take_up(control, &request, &host, &mask);
    close(control);
    return result;
}

int netns_route(const char *network, const char *gateway)
{
    struct sockaddr_in target, mask, via = {.sin_family = AF_INET};
    struct rtentry route = {.rt_flags = RTF_UP | RTF_GATEWAY};
    int result = read_network(network, &target, &mask);
    if (result < 0 || inet_pton(AF_INET, gateway, &via.sin_addr) != 1)
        return -EINVAL;
    memcpy(&route.rt_dst, &target, sizeof target);
    memcpy(&route.rt_genmask, &mask, sizeof mask);
    memcpy(&route.rt_gateway, &via, sizeof via);
    int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (control < 0)
        return -errno;
    result = ioctl(control, SIOCADDRT, &route) == 0 ? 0 : -errno;
    close(control);
    return result;
}

int netns_setting(const char *path, const char *value)
{
    char full[256];
    snprintf(full, sizeof full, "/proc/sys/net/%s", path);
    return text_file_write(full, value);
}
