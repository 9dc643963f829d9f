/* See namespace.h. */
#define _GNU_SOURCE
#include "run/namespace.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <net/route.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/user_namespace.h"

static const char link_name[] = "tunny";

/* As <linux/ipv6.h> has it, which does not go together with <netinet/in.h>. */
struct address6_request {
    struct in6_addr address;
    uint32_t prefix_length;
    int interface;
};

struct complaint {
    char *text;
    size_t size;
};

__attribute__((format(printf, 3, 4))) static int complain_in(struct complaint complaint, int error,
                                                             const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(complaint.text, complaint.size, format, arguments);
    va_end(arguments);
    if (length > 0 && (size_t)length < complaint.size)
        snprintf(complaint.text + length, complaint.size - (size_t)length, ": %s", strerror(error));
    return -error;
}

/* --- namespaces --------------------------------------------------------------------------------
 */

static int enter(struct complaint complaint)
{
    uid_t user = geteuid();
    gid_t group = getegid();
    /* In there the user is who it was. */
    struct user_mapping same = {user, user, group, group};
    if (unshare(CLONE_NEWNET | CLONE_NEWNS) == 0)
        return 0;
    if (errno != EPERM)
        return complain_in(complaint, errno, "no network namespace can be made");
    if (unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS) < 0)
        return complain_in(complaint, errno,
                           "user %u may make neither a network nor a user namespace",
                           (unsigned)user);
    int result = user_namespace_map(&same);
    if (result < 0)
        complain_in(complaint, -result, "user %u cannot be mapped", (unsigned)user);
    return result;
}

/* --- the link ----------------------------------------------------------------------------------
 */

static int open_link(struct complaint complaint)
{
    struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
    int link = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (link < 0)
        return complain_in(complaint, errno,
                           "/dev/net/tun cannot be opened for the program's own link (--no-link "
                           "does without: TCP only)");
    memcpy(request.ifr_name, link_name, sizeof link_name);
    if (ioctl(link, TUNSETIFF, &request) < 0) {
        int error = errno;
        close(link);
        return complain_in(complaint, error, "the program's own link cannot be made");
    }
    return link;
}

static int set_up(int ask, const char *name, uint32_t mtu)
{
    struct ifreq request = {.ifr_flags = 0};
    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
    if (mtu > 0) {
        request.ifr_mtu = (int)mtu;
        if (ioctl(ask, SIOCSIFMTU, &request) < 0)
            return errno;
    }
    if (ioctl(ask, SIOCGIFFLAGS, &request) < 0)
        return errno;
    request.ifr_flags = (short)(request.ifr_flags | IFF_UP);
    return ioctl(ask, SIOCSIFFLAGS, &request) < 0 ? errno : 0;
}

/* A further address has a label of its own. */
static int add_address4(int ask, unsigned index, struct in_addr address, unsigned length)
{
    struct ifreq request = {.ifr_flags = 0};
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr = address};
    if (index == 0)
        snprintf(request.ifr_name, sizeof request.ifr_name, "%s", link_name);
    else
        snprintf(request.ifr_name, sizeof request.ifr_name, "%s:%hhu", link_name,
                 (unsigned char)index);
    memcpy(&request.ifr_addr, &in, sizeof in);
    if (ioctl(ask, SIOCSIFADDR, &request) < 0)
        return errno;
    in.sin_addr.s_addr = htonl(length == 0 ? 0 : UINT32_MAX << (32 - length));
    memcpy(&request.ifr_netmask, &in, sizeof in);
    return ioctl(ask, SIOCSIFNETMASK, &request) < 0 ? errno : 0;
}

static int add_address6(int ask6, struct in6_addr address, unsigned length)
{
    struct address6_request request = {
        .address = address,
        .prefix_length = length,
        .interface = (int)if_nametoindex(link_name),
    };
    return ioctl(ask6, SIOCSIFADDR, &request) < 0 ? errno : 0;
}

static int add_word(const int ask[2], unsigned *count4, const char *word)
{
    char text[INET6_ADDRSTRLEN + 1];
    struct in_addr in;
    struct in6_addr in6;
    const char *slash = strchr(word, '/');
    size_t length = slash != NULL ? (size_t)(slash - word) : strlen(word);
    if (length >= sizeof text)
        return EINVAL;
    memcpy(text, word, length);
    text[length] = '\0';
    unsigned prefix = slash != NULL ? (unsigned)strtoul(slash + 1, NULL, 10) : 128;
    if (inet_pton(AF_INET, text, &in) == 1)
        return add_address4(ask[0], (*count4)++, in, prefix > 32 ? 32 : prefix);
    if (inet_pton(AF_INET6, text, &in6) == 1)
        return ask[1] < 0 ? 0 : add_address6(ask[1], in6, prefix);
    return EINVAL;
}

static int add_addresses(const int ask[2], const char *list)
{
    char copy[1024];
    unsigned count4 = 0;
    snprintf(copy, sizeof copy, "%s", list);
    char *rest = copy, *word;
    while ((word = strsep(&rest, ", ")) != NULL) {
        int error = *word == '\0' ? 0 : add_word(ask, &count4, word);
        if (error != 0)
            return error;
    }
    return 0;
}

/* Everything goes into the link. A family without an address has no route, which is no failure. */
static void add_routes(const int ask[2])
{
    char device[IFNAMSIZ];
    struct sockaddr_in any = {.sin_family = AF_INET};
    struct rtentry route = {.rt_flags = RTF_UP, .rt_dev = device};
    memcpy(device, link_name, sizeof link_name);
    memcpy(&route.rt_dst, &any, sizeof any);
    memcpy(&route.rt_genmask, &any, sizeof any);
    ioctl(ask[0], SIOCADDRT, &route);
    struct in6_rtmsg route6 = {
        .rtmsg_metric = 1024,
        .rtmsg_flags = RTF_UP,
        .rtmsg_ifindex = (int)if_nametoindex(link_name),
    };
    if (ask[1] >= 0)
        ioctl(ask[1], SIOCADDRT, &route6);
}

static int configure(const struct namespace_config *config, const int ask[2],
                     struct complaint complaint)
{
    int error = set_up(ask[0], "lo", 0);
    if (error != 0)
        return complain_in(complaint, error, "lo cannot be brought up");
    error = set_up(ask[0], link_name, config->mtu);
    if (error == 0)
        error = add_addresses(ask, config->addresses);
    if (error != 0)
        return complain_in(complaint, error, "the program's own link cannot be configured");
    add_routes(ask);
    return 0;
}

static int make_link(const struct namespace_config *config, int *link, struct complaint complaint)
{
    /* No addresses of the kernel's own choice, and any user may send echo requests. */
    text_file_write("/proc/sys/net/ipv6/conf/default/addr_gen_mode", "1");
    text_file_write("/proc/sys/net/ipv6/conf/default/router_solicitations", "0");
    text_file_write("/proc/sys/net/ipv4/ping_group_range", "0 2147483647");
    *link = open_link(complaint);
    if (*link < 0)
        return *link;
    int ask[2] = {socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0),
                  socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    int result = configure(config, ask, complaint);
    close(ask[0]);
    if (ask[1] >= 0)
        close(ask[1]);
    return result;
}

int namespace_make(const struct namespace_config *config, int *link, char *error, size_t error_size)
{
    struct complaint complaint = {error, error_size};
    int result = enter(complaint);
    *link = -1;
    if (result == 0 && !config->has_no_link)
        result = make_link(config, link, complaint);
    if (result == 0) {
        result = namespace_set_resolver(config->resolver);
        if (result < 0)
            complain_in(complaint, -result, "/etc/resolv.conf cannot be replaced");
    }
    return result;
}
