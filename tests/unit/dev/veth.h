/* A veth pair and addresses on it, by rtnetlink(7), for tests in a network namespace of their own.
 */
#ifndef TUNNY_TESTS_UNIT_DEV_VETH_H
#define TUNNY_TESTS_UNIT_DEV_VETH_H

#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <stdint.h>

#include "namespace.h"

struct netlink_request {
    struct nlmsghdr header;
    uint8_t body[512];
};

static inline void *netlink_put(struct netlink_request *r, const void *data, size_t len)
{
    uint8_t *at = (uint8_t *)r + r->header.nlmsg_len;
    if (data)
        memcpy(at, data, len);
    else
        memset(at, 0, len);
    r->header.nlmsg_len += (uint32_t)NLMSG_ALIGN(len);
    return at;
}

/* An attribute; one that holds others is begun without data and ended. */
static inline struct rtattr *netlink_attribute(struct netlink_request *r, unsigned short type,
                                               const void *data, size_t len)
{
    struct rtattr head = {.rta_type = type, .rta_len = (unsigned short)RTA_LENGTH(len)};
    void *at = netlink_put(r, &head, sizeof head);
    if (len)
        netlink_put(r, data, len);
    return at;
}

static inline void netlink_end(struct netlink_request *r, struct rtattr *attribute)
{
    attribute->rta_len = (unsigned short)((uint8_t *)r + r->header.nlmsg_len -
                                          (uint8_t *)attribute);
}

static inline struct netlink_request netlink_begin(uint16_t type, uint16_t flags)
{
    return (struct netlink_request){
        .header = {.nlmsg_len = NLMSG_HDRLEN,
                   .nlmsg_type = type,
                   .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags)}};
}

/* Whether the kernel did it. */
static inline bool netlink_do(struct netlink_request *r)
{
    struct netlink_request answer;
    int s = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    bool sent = s >= 0 && send(s, r, r->header.nlmsg_len, 0) > 0;
    ssize_t got = sent ? recv(s, &answer, sizeof answer, 0) : -1;
    close(s);
    int error = -1;
    if (got >= (ssize_t)(NLMSG_HDRLEN + sizeof error) && answer.header.nlmsg_type == NLMSG_ERROR)
        memcpy(&error, answer.body, sizeof error);
    return error == 0;
}

static inline bool veth_create(const char *name, const char *peer)
{
    struct netlink_request r = netlink_begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
    netlink_put(&r, NULL, sizeof(struct ifinfomsg));
    netlink_attribute(&r, IFLA_IFNAME, name, strlen(name) + 1);
    struct rtattr *info = netlink_attribute(&r, IFLA_LINKINFO, NULL, 0);
    netlink_attribute(&r, IFLA_INFO_KIND, "veth", 5);
    struct rtattr *data = netlink_attribute(&r, IFLA_INFO_DATA, NULL, 0);
    struct rtattr *other = netlink_attribute(&r, VETH_INFO_PEER, NULL, 0);
    netlink_put(&r, NULL, sizeof(struct ifinfomsg));
    netlink_attribute(&r, IFLA_IFNAME, peer, strlen(peer) + 1);
    netlink_end(&r, other);
    netlink_end(&r, data);
    netlink_end(&r, info);
    return netlink_do(&r);
}

static inline bool veth_delete(const char *name)
{
    struct netlink_request r = netlink_begin(RTM_DELLINK, 0);
    netlink_put(&r, NULL, sizeof(struct ifinfomsg));
    netlink_attribute(&r, IFLA_IFNAME, name, strlen(name) + 1);
    return netlink_do(&r);
}

/* An IPv6 address in a /64 that may be used at once: nobody is asked whether it is free. */
static inline bool interface_add_ipv6(const char *name, const char *address)
{
    struct in6_addr in;
    struct ifaddrmsg message = {.ifa_family = AF_INET6,
                                .ifa_prefixlen = 64,
                                .ifa_flags = IFA_F_NODAD,
                                .ifa_index = if_nametoindex(name)};
    inet_pton(AF_INET6, address, &in);
    struct netlink_request r = netlink_begin(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);
    netlink_put(&r, &message, sizeof message);
    netlink_attribute(&r, IFA_LOCAL, &in, sizeof in);
    netlink_attribute(&r, IFA_ADDRESS, &in, sizeof in);
    return netlink_do(&r);
}

#endif
