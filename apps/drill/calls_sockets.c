/* Calls that make, name, connect and end sockets. See calls.h. Sockets of the stack are always
 * non-blocking; whether the script's are is kept here. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/ioctl.h>

#include "calls.h"

bool call_socket(struct world *world, struct attempt *attempt)
{
    const struct expr *domain_expr = argument(attempt->call, 0);
    int64_t domain = world->options.ip_version == IP_VERSION_4 ? AF_INET : AF_INET6;
    int64_t type, protocol;
    if (domain_expr == NULL ||
        (domain_expr->kind != EXPR_ELLIPSIS && !value_argument(world, attempt, 0, &domain)))
        return false;
    if (!value_argument(world, attempt, 1, &type) || !value_argument(world, attempt, 2, &protocol))
        return false;
    int plain = (int)type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC);
    int number = tunny_socket(world->stack, (int)domain, plain | SOCK_NONBLOCK, (int)protocol);
    if (number < 0)
        return call_returns(attempt, number);
    if (world->congestion != NULL && plain == SOCK_STREAM)
        tunny_setsockopt(world->stack, number, IPPROTO_TCP, TCP_CONGESTION, world->congestion,
                         (socklen_t)strlen(world->congestion));
    if (world->fast_open_key_length > 0 && plain == SOCK_STREAM)
        tunny_setsockopt(world->stack, number, IPPROTO_TCP, TCP_FASTOPEN_KEY, world->fast_open_key,
                         (socklen_t)world->fast_open_key_length);
    return call_opens(world, attempt,
                      (struct file){.kind = FILE_SOCKET,
                                    .number = number,
                                    .type = plain,
                                    .family = (int)domain,
                                    .nonblocking = type & SOCK_NONBLOCK});
}

bool call_bind(struct world *world, struct attempt *attempt)
{
    struct file *file;
    struct sockaddr_storage address;
    socklen_t length;
    if (!call_file(world, attempt, 0, &file) || file == NULL)
        return file == NULL && world->verdict == VERDICT_PASS;
    if (!value_address(world, attempt->event->line, argument(attempt->call, 1),
                       &world->options.local, &address, &length))
        return false;
    return call_returns(
        attempt, tunny_bind(world->stack, file->number, (struct sockaddr *)&address, length));
}

bool call_listen(struct world *world, struct attempt *attempt)
{
    struct file *file;
    int64_t backlog;
    if (!call_file(world, attempt, 0, &file) || file == NULL)
        return file == NULL && world->verdict == VERDICT_PASS;
    if (!value_argument(world, attempt, 1, &backlog))
        return false;
    int r = tunny_listen(world->stack, file->number, (int)backlog);
    if (r == 0) {
        file->listening = true;
        world->flows.current = NULL;
    }
    return call_returns(attempt, r);
}

static bool try_accept(struct world *world, struct attempt *attempt, int flags)
{
    struct file *file;
    if (!call_file(world, attempt, 0, &file) || file == NULL)
        return file == NULL && world->verdict == VERDICT_PASS;
    call_patience(world, attempt, file, SO_RCVTIMEO);
    int number = tunny_accept(world->stack, file->number, NULL, NULL, SOCK_NONBLOCK);
    if (number == -EAGAIN)
        return call_blocks(world, attempt, file->nonblocking);
    if (number < 0)
        return call_returns(attempt, number);
    return call_opens(world, attempt,
                      (struct file){.kind = FILE_SOCKET,
                                    .number = number,
                                    .type = SOCK_STREAM,
                                    .family = file->family,
                                    .nonblocking = flags & SOCK_NONBLOCK,
                                    .inq = file->inq});
}

bool call_accept(struct world *world, struct attempt *attempt)
{
    return try_accept(world, attempt, 0);
}

bool call_accept4(struct world *world, struct attempt *attempt)
{
    int64_t flags;
    return value_argument(world, attempt, 3, &flags) && try_accept(world, attempt, (int)flags);
}

/* The ports of a connected datagram socket: no packet will tell them. */
static void note_datagram_flow(struct world *world, const struct file *file)
{
    struct sockaddr_in6 here, there;
    socklen_t length = sizeof here;
    if (tunny_getsockname(world->stack, file->number, (struct sockaddr *)&here, &length) < 0)
        return;
    length = sizeof there;
    if (tunny_getpeername(world->stack, file->number, (struct sockaddr *)&there, &length) < 0)
        return;
    /* The port stands at the same place in both families. */
    flows_get(&world->flows, IPPROTO_UDP, ntohs(here.sin6_port), ntohs(there.sin6_port));
}

bool call_connect(struct world *world, struct attempt *attempt)
{
    struct file *file;
    struct sockaddr_storage address;
    socklen_t length;
    if (!call_file(world, attempt, 0, &file) || file == NULL)
        return file == NULL && world->verdict == VERDICT_PASS;
    if (!value_address(world, attempt->event->line, argument(attempt->call, 1),
                       &world->options.remote, &address, &length))
        return false;
    call_patience(world, attempt, file, SO_SNDTIMEO);
    if (attempt->first && !file->connecting && file->type == SOCK_STREAM)
        world->flows.current = NULL;
    int r = tunny_connect(world->stack, file->number, (struct sockaddr *)&address, length);
    file->connecting = file->connecting || r == -EINPROGRESS;
    bool goes_on = r == -EINPROGRESS || r == -EALREADY;
    if (goes_on && !file->nonblocking) {
        /* Linux's answer when SO_SNDTIMEO is over. */
        if (tunny_now_ns(world->stack) >= attempt->deadline_ns)
            return call_returns(attempt, -EINPROGRESS);
        attempt->would_block = true;
        return true;
    }
    if (r == 0 && file->type == SOCK_DGRAM)
        note_datagram_flow(world, file);
    return call_returns(attempt, r);
}

bool call_shutdown(struct world *world, struct attempt *attempt)
{
    struct file *file;
    int64_t how;
    if (!call_file(world, attempt, 0, &file) || file == NULL)
        return file == NULL && world->verdict == VERDICT_PASS;
    if (!value_argument(world, attempt, 1, &how))
        return false;
    return call_returns(attempt, tunny_shutdown(world->stack, file->number, (int)how));
}

/* SO_LINGER on a blocking socket: close() lasts until everything is acknowledged or the time is up.
 */
static bool lingers(struct world *world, struct attempt *attempt, const struct file *file)
{
    struct linger linger = {0};
    socklen_t length = sizeof linger;
    int unsent = 0;
    if (file->nonblocking ||
        tunny_getsockopt(world->stack, file->number, SOL_SOCKET, SO_LINGER, &linger, &length) < 0)
        return false;
    if (!linger.l_onoff || linger.l_linger == 0)
        return false;
    if (attempt->first) {
        attempt->deadline_ns = attempt->began_ns + (int64_t)linger.l_linger * 1000000000;
        tunny_shutdown(world->stack, file->number, SHUT_WR);
    }
    tunny_ioctl(world->stack, file->number, TIOCOUTQ, &unsent);
    return unsent > 0 && tunny_now_ns(world->stack) < attempt->deadline_ns;
}

bool call_close(struct world *world, struct attempt *attempt)
{
    struct file *file;
    int64_t descriptor;
    if (!call_file(world, attempt, 0, &file) || file == NULL)
        return file == NULL && world->verdict == VERDICT_PASS;
    if (!value_argument(world, attempt, 0, &descriptor))
        return false;
    int r = 0;
    if (file->kind == FILE_SOCKET) {
        if (lingers(world, attempt, file)) {
            attempt->would_block = true;
            return true;
        }
        r = tunny_close(world->stack, file->number);
    }
    calls_forget(world, descriptor);
    *file = (struct file){.kind = FILE_FREE};
    return call_returns(attempt, r);
}

bool call_fcntl(struct world *world, struct attempt *attempt)
{
    struct file *file;
    int64_t command, flags = 0;
    if (!call_file(world, attempt, 0, &file) || file == NULL)
        return file == NULL && world->verdict == VERDICT_PASS;
    if (!value_argument(world, attempt, 1, &command))
        return false;
    switch (command) {
    case F_GETFL:
        return call_returns(attempt, O_RDWR | (file->nonblocking ? O_NONBLOCK : 0));
    case F_SETFL:
        if (!value_argument(world, attempt, 2, &flags))
            return false;
        file->nonblocking = flags & O_NONBLOCK;
        return call_returns(attempt, 0);
    case F_GETFD:
    case F_SETFD:
        return call_returns(attempt, 0);
    default:
        return world_lacks(world, attempt->event->line, "fcntl() with the command %lld",
                           (long long)command);
    }
}

bool call_ioctl(struct world *world, struct attempt *attempt)
{
    struct file *file;
    int64_t request, expected = 0;
    int value = 0;
    const struct expr *list = argument(attempt->call, 2);
    if (!call_file(world, attempt, 0, &file) || file == NULL)
        return file == NULL && world->verdict == VERDICT_PASS;
    if (!value_argument(world, attempt, 1, &request))
        return false;
    if (list != NULL && !value_in_list(world, attempt->event->line, list, &expected))
        return false;
    value = (int)expected;
    if (request == FIONBIO) {
        file->nonblocking = value != 0;
        return call_returns(attempt, 0);
    }
    int r = tunny_ioctl(world->stack, file->number, (unsigned long)request, &value);
    if (r >= 0 && list != NULL && value != expected)
        return world_fails(world, attempt->event->line,
                           "ioctl() gave the value %d, where %lld was expected\n  in: %s", value,
                           (long long)expected, attempt->event->text);
    return call_returns(attempt, r);
}
