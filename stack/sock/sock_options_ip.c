/* The levels IPPROTO_IP and IPPROTO_IPV6: what goes into the IP header. See sock_options.h. */
#include <errno.h>

#include "sock/sock_options.h"
#include "sock/sock_tcp.h"

enum { TOS_ECN = 3, TTL_DEFAULT = 64 };

/* The two ECN bits are TCP's own (RFC 3168, 6.1); a UDP socket may set them. */
static int set_tos(struct socket *socket, int number)
{
    struct tcp_settings *settings = sock_settings(socket);
    if (number < -1 || number > 255)
        return -EINVAL;
    uint8_t tos = number < 0 ? 0 : (uint8_t)number;
    settings->tos = socket->kind == SOCKET_UDP ? tos : (uint8_t)(tos & ~TOS_ECN);
    return 0;
}

static int set_ttl(struct socket *socket, int number)
{
    if (number < -1 || number == 0 || number > 255)
        return -EINVAL;
    sock_settings(socket)->ttl = number < 0 ? TTL_DEFAULT : (uint8_t)number;
    return 0;
}

static int path_mtu(struct socket *socket, struct option_answer *answer, struct instant now)
{
    struct endpoint peer;
    int r = sock_peer_name(socket, &peer);
    if (r < 0)
        return r;
    return answer_int(answer, ip_path_mtu(socket->host->ip, &peer.address, now));
}

/* Kept and answered: TCP's packets are never fragmented by routers, whatever is asked (RFC 8201;
 * RFC 1191, 3). */
static int set_mtu_discover(struct socket *socket, int number)
{
    if (socket->kind == SOCKET_UDP)
        return -ENOPROTOOPT;
    if (number < IP_PMTUDISC_DONT || number > IP_PMTUDISC_OMIT)
        return -EINVAL;
    socket->mtu_discover = (uint8_t)number;
    return 0;
}

int set_ip_option(struct socket *socket, int option, struct option_value value)
{
    int number;
    int r = option_int_or_byte(value, &number);
    if (r < 0)
        return r;
    switch (option) {
    case IP_TOS:
        return set_tos(socket, number & 0xff);
    case IP_TTL:
        return set_ttl(socket, number);
    case IP_RECVERR:
        socket->receive_errors = number != 0;
        return 0;
    case IP_MTU_DISCOVER:
        return set_mtu_discover(socket, number);
    default:
        return -ENOPROTOOPT;
    }
}

int get_ip_option(struct socket *socket, int option, struct option_answer *answer,
                  struct instant now)
{
    const struct tcp_settings *settings = sock_settings_seen(socket);
    switch (option) {
    case IP_TOS:
        return answer_int(answer, settings->tos);
    case IP_TTL:
        return answer_int(answer, settings->ttl);
    case IP_RECVERR:
        return answer_int(answer, socket->receive_errors);
    case IP_MTU_DISCOVER:
        return answer_int(answer, socket->mtu_discover);
    case IP_MTU:
        return path_mtu(socket, answer, now);
    default:
        return -ENOPROTOOPT;
    }
}

int set_ipv6_option(struct socket *socket, int option, struct option_value value)
{
    int number;
    int r = option_int(value, &number);
    if (r < 0)
        return r;
    switch (option) {
    case IPV6_V6ONLY:
        if (socket->local.port)
            return -EINVAL;
        socket->v6only = number != 0;
        return 0;
    case IPV6_TCLASS:
        return set_tos(socket, number);
    case IPV6_UNICAST_HOPS:
        return set_ttl(socket, number);
    case IPV6_RECVERR:
        socket->receive_errors = number != 0;
        return 0;
    case IPV6_MTU_DISCOVER:
        return set_mtu_discover(socket, number);
    default:
        return -ENOPROTOOPT;
    }
}

int get_ipv6_option(struct socket *socket, int option, struct option_answer *answer,
                    struct instant now)
{
    const struct tcp_settings *settings = sock_settings_seen(socket);
    switch (option) {
    case IPV6_V6ONLY:
        return answer_int(answer, socket->v6only);
    case IPV6_TCLASS:
        return answer_int(answer, settings->tos);
    case IPV6_UNICAST_HOPS:
        return answer_int(answer, settings->ttl);
    case IPV6_RECVERR:
        return answer_int(answer, socket->receive_errors);
    case IPV6_MTU_DISCOVER:
        return answer_int(answer, socket->mtu_discover);
    case IPV6_MTU:
        return path_mtu(socket, answer, now);
    default:
        return -ENOPROTOOPT;
    }
}
