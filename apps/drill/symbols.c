/* See symbols.h. Values are the system's own; Linux's extensions that the C library does not know
 * are given by number. */
#include "symbols.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

struct symbol {
    const char *name;
    int64_t value;
};

#define SYMBOL(name)                                                                               \
    {                                                                                              \
#name, name                                                                                \
    }

static const struct symbol errnos[] = {
    SYMBOL(EPERM),           SYMBOL(ENOENT),          SYMBOL(EINTR),        SYMBOL(EIO),
    SYMBOL(EBADF),           SYMBOL(EAGAIN),          SYMBOL(ENOMEM),       SYMBOL(EACCES),
    SYMBOL(EFAULT),          SYMBOL(EBUSY),           SYMBOL(EEXIST),       SYMBOL(ENODEV),
    SYMBOL(EINVAL),          SYMBOL(EMFILE),          SYMBOL(EPIPE),        SYMBOL(ENOTTY),
    SYMBOL(ERANGE),          SYMBOL(EDEADLK),         SYMBOL(EPROTO),       SYMBOL(ENOTSOCK),
    SYMBOL(EDESTADDRREQ),    SYMBOL(EMSGSIZE),        SYMBOL(EPROTOTYPE),   SYMBOL(ENOPROTOOPT),
    SYMBOL(EPROTONOSUPPORT), SYMBOL(EOPNOTSUPP),      SYMBOL(EAFNOSUPPORT), SYMBOL(EADDRINUSE),
    SYMBOL(EADDRNOTAVAIL),   SYMBOL(ENETDOWN),        SYMBOL(ENETUNREACH),  SYMBOL(ENETRESET),
    SYMBOL(ECONNABORTED),    SYMBOL(ECONNRESET),      SYMBOL(ENOBUFS),      SYMBOL(EISCONN),
    SYMBOL(ENOTCONN),        SYMBOL(ESHUTDOWN),       SYMBOL(ETIMEDOUT),    SYMBOL(ECONNREFUSED),
    SYMBOL(EHOSTDOWN),       SYMBOL(EHOSTUNREACH),    SYMBOL(EALREADY),     SYMBOL(EINPROGRESS),
    {"EWOULDBLOCK", EAGAIN}, {"ENOTSUP", EOPNOTSUPP},
};

static const struct symbol constants[] = {
    SYMBOL(AF_INET),
    SYMBOL(AF_INET6),
    SYMBOL(AF_UNSPEC),
    {"PF_INET", AF_INET},
    {"PF_INET6", AF_INET6},
    SYMBOL(SOCK_STREAM),
    SYMBOL(SOCK_DGRAM),
    SYMBOL(SOCK_RAW),
    SYMBOL(SOCK_NONBLOCK),
    SYMBOL(SOCK_CLOEXEC),
    SYMBOL(IPPROTO_IP),
    SYMBOL(IPPROTO_IPV6),
    SYMBOL(IPPROTO_TCP),
    SYMBOL(IPPROTO_UDP),
    SYMBOL(IPPROTO_ICMP),
    SYMBOL(IPPROTO_ICMPV6),
    SYMBOL(IPPROTO_RAW),
    SYMBOL(SOL_SOCKET),
    {"SOL_IP", IPPROTO_IP},
    {"CMSG_LEVEL_IP", IPPROTO_IP},
    {"CMSG_TYPE_RECVERR", IP_RECVERR},
    {"SO_EE_ORIGIN_ZEROCOPY", 5},
    {"SO_EE_CODE_ZEROCOPY_COPIED", 1},
    {"SOL_IPV6", IPPROTO_IPV6},
    {"SOL_TCP", IPPROTO_TCP},
    {"SOL_UDP", IPPROTO_UDP},
    SYMBOL(SO_ACCEPTCONN),
    SYMBOL(SO_BINDTODEVICE),
    SYMBOL(SO_BROADCAST),
    SYMBOL(SO_BUSY_POLL),
    SYMBOL(SO_DEBUG),
    SYMBOL(SO_DOMAIN),
    SYMBOL(SO_DONTROUTE),
    SYMBOL(SO_ERROR),
    SYMBOL(SO_INCOMING_CPU),
    SYMBOL(SO_KEEPALIVE),
    SYMBOL(SO_LINGER),
    SYMBOL(SO_MARK),
    SYMBOL(SO_MAX_PACING_RATE),
    SYMBOL(SO_OOBINLINE),
    SYMBOL(SO_PRIORITY),
    SYMBOL(SO_PROTOCOL),
    SYMBOL(SO_RCVBUF),
    SYMBOL(SO_RCVBUFFORCE),
    SYMBOL(SO_RCVLOWAT),
    SYMBOL(SO_RCVTIMEO),
    SYMBOL(SO_REUSEADDR),
    SYMBOL(SO_REUSEPORT),
    SYMBOL(SO_SNDBUF),
    SYMBOL(SO_SNDBUFFORCE),
    SYMBOL(SO_SNDLOWAT),
    SYMBOL(SO_SNDTIMEO),
    SYMBOL(SO_TIMESTAMP),
    SYMBOL(SO_TIMESTAMPING),
    SYMBOL(SO_TXTIME),
    SYMBOL(SO_TYPE),
    SYMBOL(SO_ZEROCOPY),
    SYMBOL(IP_MTU_DISCOVER),
    SYMBOL(IP_PMTUDISC_WANT),
    SYMBOL(IP_PMTUDISC_DONT),
    SYMBOL(IP_PMTUDISC_DO),
    SYMBOL(IP_PMTUDISC_PROBE),
    SYMBOL(IP_MTU),
    SYMBOL(IP_MTU_DISCOVER),
    SYMBOL(IP_PMTUDISC_DONT),
    SYMBOL(IP_PMTUDISC_WANT),
    SYMBOL(IP_PMTUDISC_DO),
    SYMBOL(IP_PMTUDISC_PROBE),
    SYMBOL(IP_RECVERR),
    SYMBOL(IP_RECVTOS),
    SYMBOL(IP_TOS),
    SYMBOL(IP_TTL),
    SYMBOL(IPV6_MTU),
    SYMBOL(IPV6_MTU_DISCOVER),
    SYMBOL(IPV6_RECVERR),
    SYMBOL(IPV6_TCLASS),
    SYMBOL(IPV6_UNICAST_HOPS),
    SYMBOL(IPV6_V6ONLY),
    {"IPV6_HOPLIMIT", IPV6_UNICAST_HOPS},
    SYMBOL(TCP_CONGESTION),
    SYMBOL(TCP_COOKIE_TRANSACTIONS),
    SYMBOL(TCP_CORK),
    SYMBOL(TCP_DEFER_ACCEPT),
    SYMBOL(TCP_FASTOPEN),
    SYMBOL(TCP_FASTOPEN_CONNECT),
    SYMBOL(TCP_FASTOPEN_KEY),
    SYMBOL(TCP_FASTOPEN_NO_COOKIE),
    SYMBOL(TCP_INFO),
    SYMBOL(TCP_INQ),
    {"TCP_CM_INQ", TCP_INQ},
    SYMBOL(TCP_KEEPCNT),
    SYMBOL(TCP_KEEPIDLE),
    SYMBOL(TCP_KEEPINTVL),
    SYMBOL(TCP_LINGER2),
    SYMBOL(TCP_MAXSEG),
    SYMBOL(TCP_MD5SIG),
    SYMBOL(TCP_NODELAY),
    SYMBOL(TCP_NOTSENT_LOWAT),
    SYMBOL(TCP_QUICKACK),
    SYMBOL(TCP_REPAIR),
    SYMBOL(TCP_SAVE_SYN),
    SYMBOL(TCP_SAVED_SYN),
    SYMBOL(TCP_SYNCNT),
    SYMBOL(TCP_THIN_DUPACK),
    SYMBOL(TCP_THIN_LINEAR_TIMEOUTS),
    SYMBOL(TCP_TIMESTAMP),
    SYMBOL(TCP_TX_DELAY),
    SYMBOL(TCP_USER_TIMEOUT),
    SYMBOL(TCP_WINDOW_CLAMP),
    SYMBOL(TCP_ZEROCOPY_RECEIVE),
    SYMBOL(MSG_CTRUNC),
    SYMBOL(MSG_DONTROUTE),
    SYMBOL(MSG_DONTWAIT),
    SYMBOL(MSG_EOR),
    SYMBOL(MSG_ERRQUEUE),
    SYMBOL(MSG_FASTOPEN),
    SYMBOL(MSG_MORE),
    SYMBOL(MSG_NOSIGNAL),
    SYMBOL(MSG_OOB),
    SYMBOL(MSG_PEEK),
    SYMBOL(MSG_TRUNC),
    SYMBOL(MSG_WAITALL),
    SYMBOL(MSG_ZEROCOPY),
    SYMBOL(SHUT_RD),
    SYMBOL(SHUT_WR),
    SYMBOL(SHUT_RDWR),
    SYMBOL(F_GETFL),
    SYMBOL(F_SETFL),
    SYMBOL(F_GETFD),
    SYMBOL(F_SETFD),
    SYMBOL(FD_CLOEXEC),
    SYMBOL(O_RDONLY),
    SYMBOL(O_RDWR),
    SYMBOL(O_WRONLY),
    SYMBOL(O_NONBLOCK),
    SYMBOL(FIONREAD),
    SYMBOL(FIONBIO),
    {"SIOCINQ", FIONREAD},
    {"SIOCOUTQ", TIOCOUTQ},
    {"SIOCOUTQNSD", 0x894b},
    {"SIOCATMARK", 0x8905},
    {"FIONWRITE", TIOCOUTQ},
    SYMBOL(POLLERR),
    SYMBOL(POLLHUP),
    SYMBOL(POLLIN),
    SYMBOL(POLLNVAL),
    SYMBOL(POLLOUT),
    SYMBOL(POLLPRI),
    {"POLLRDHUP", 0x2000},
    {"POLLRDNORM", 0x40},
    {"POLLRDBAND", 0x80},
    {"POLLWRNORM", 0x100},
    {"POLLWRBAND", 0x200},
    SYMBOL(EPOLL_CTL_ADD),
    SYMBOL(EPOLL_CTL_DEL),
    SYMBOL(EPOLL_CTL_MOD),
    SYMBOL(EPOLLERR),
    {"EPOLLEXCLUSIVE", 1 << 28},
    {"EPOLLET", (int64_t)EPOLLET},
    SYMBOL(EPOLLHUP),
    SYMBOL(EPOLLIN),
    SYMBOL(EPOLLMSG),
    SYMBOL(EPOLLONESHOT),
    SYMBOL(EPOLLOUT),
    SYMBOL(EPOLLPRI),
    SYMBOL(EPOLLRDBAND),
    SYMBOL(EPOLLRDHUP),
    SYMBOL(EPOLLRDNORM),
    SYMBOL(EPOLLWRBAND),
    SYMBOL(EPOLLWRNORM),
    {"EPOLL_CLOEXEC", EPOLL_CLOEXEC},
};

static bool find(const struct symbol *symbols, size_t count, const char *name, int64_t *value)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(symbols[i].name, name) == 0) {
            *value = symbols[i].value;
            return true;
        }
    }
    return false;
}

bool symbol_value(const char *name, int64_t *value)
{
    return find(constants, sizeof constants / sizeof *constants, name, value) ||
           find(errnos, sizeof errnos / sizeof *errnos, name, value);
}

const char *symbol_errno(int error)
{
    for (size_t i = 0; i < sizeof errnos / sizeof *errnos; i++)
        if (errnos[i].value == error)
            return errnos[i].name;
    return NULL;
}
