/* rtnetlink requests for one interface, see the header. */
#include "dev/interface.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dev/netlink.h"

struct setting_up {
    const struct interface_config *config;
    int index;
    struct netlink_message message;
    char words[256]; /* the kernel's */
    char *error;
    size_t error_size;
};

enum interface_kind interface_kind(const char *name)
{
    struct ifreq request = {.ifr_ifindex = 0};
    enum interface_kind kind = INTERFACE_NONE;
    int ask = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (ask < 0)
        return kind;
    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
    if (ioctl(ask, SIOCGIFHWADDR, &request) == 0)
        kind = request.ifr_hwaddr.sa_family == ARPHRD_ETHER ? INTERFACE_ETHERNET : INTERFACE_OTHER;
    close(ask);
    return kind;
}

static int complain(struct setting_up *s, int rc, const char *what)
{
    snprintf(s->error, s->error_size, "cannot set %s of the interface '%s': %s%s%s", what,
             s->config->name, strerror(-rc), s->words[0] ? ": " : "", s->words);
    return rc;
}

static int talk(struct setting_up *s)
{
    return netlink_talk(&s->message, s->words, sizeof s->words);
}

static void begin_link(struct setting_up *s, unsigned flags)
{
    struct ifinfomsg body = {
        .ifi_family = AF_UNSPEC, .ifi_index = s->index, .ifi_flags = flags, .ifi_change = flags};

    netlink_begin(&s->message, RTM_NEWLINK, 0, &body, sizeof body);
}

/* No link-local address: what nobody asked for would send packets too. A kernel without IPv6
 * refuses, and has none. */
static void calm_ipv6(struct setting_up *s)
{
    uint8_t none = IN6_ADDR_GEN_MODE_NONE;

    begin_link(s, 0);
    size_t families = netlink_nest_begin(&s->message, IFLA_AF_SPEC, NULL, 0);
    size_t ipv6 = netlink_nest_begin(&s->message, AF_INET6, NULL, 0);
    netlink_put(&s->message, IFLA_INET6_ADDR_GEN_MODE, &none, sizeof none);
    netlink_nest_end(&s->message, ipv6);
    netlink_nest_end(&s->message, families);
    talk(s);
}

static int set_sizes(struct setting_up *s)
{
    begin_link(s, 0);
    if (s->config->mtu)
        netlink_put_u32(&s->message, IFLA_MTU, s->config->mtu);
    if (s->config->queue)
        netlink_put_u32(&s->message, IFLA_TXQLEN, s->config->queue);
    int rc = talk(s);
    return rc ? complain(s, rc, "the MTU and the queue") : 0;
}

static int add_address(struct setting_up *s, const struct prefix *prefix)
{
    bool ipv4 = address_is_ipv4(&prefix->address);
    struct ifaddrmsg body = {
        .ifa_family = ipv4 ? AF_INET : AF_INET6,
        .ifa_prefixlen = prefix->length,
        .ifa_flags = ipv4 ? 0 : IFA_F_NODAD,
        .ifa_index = (unsigned)s->index,
    };
    const uint8_t *bytes = ipv4 ? address_ipv4_bytes(&prefix->address) : prefix->address.bytes;

    netlink_begin(&s->message, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, &body, sizeof body);
    netlink_put(&s->message, IFA_LOCAL, bytes, ipv4 ? 4 : 16);
    netlink_put(&s->message, IFA_ADDRESS, bytes, ipv4 ? 4 : 16);
    int rc = talk(s);
    return rc ? complain(s, rc, "an address") : 0;
}

static int set_flag_up(struct setting_up *s)
{
    begin_link(s, IFF_UP);
    int rc = talk(s);
    return rc ? complain(s, rc, "the state") : 0;
}

int interface_set_up(const struct interface_config *config, char *error, size_t error_size)
{
    struct setting_up s = {.config = config, .error = error, .error_size = error_size};

    s.index = (int)if_nametoindex(config->name);
    if (s.index == 0)
        return complain(&s, -ENODEV, "anything");
    calm_ipv6(&s);
    int rc = config->mtu || config->queue ? set_sizes(&s) : 0;
    for (unsigned i = 0; rc == 0 && i < config->address_count; i++)
        rc = add_address(&s, &config->addresses[i]);
    return rc ? rc : set_flag_up(&s);
}
