/* tunny_resolve(): literal addresses, then the hosts file, then the name servers, asked over the
 * stack's own UDP: a socket of its own with a random port and a random id for every question (RFC
 * 5452, 9.2), both address families at once; over TCP when the answer was cut (RFC 1123, 6.1.3.2).
 * Called by applications; knows sockets by their public calls only. */
#include <errno.h>
#include <linux/fcntl.h>

#include "dev/host_files.h"
#include "sock/resolver.h"
#include "socket.h"
#include "stack.h"

enum {
    LOOKUPS = 2,              /* AAAA and A */
    ROUNDS = 3,               /* each server is asked so often */
    FIRST_PATIENCE_MS = 1000, /* doubles each round */
    UDP_ANSWER_SIZE = 4096,
};

struct lookup {
    struct resolver_question question;
    struct resolver_addresses found;
    enum resolver_verdict verdict; /* RESOLVER_NOT_OURS: no answer yet */
    int socket;                    /* -1: none */
};

static bool is_settled(const struct lookup *lookup)
{
    return lookup->verdict != RESOLVER_NOT_OURS && lookup->verdict != RESOLVER_SERVER_FAILED;
}

static socklen_t system_name(const struct endpoint *e, struct sockaddr_storage *name)
{
    socklen_t length = sizeof *name;
    sock_name_write(e, address_is_ipv4(&e->address) ? AF_INET : AF_INET6, (struct sockaddr *)name,
                    &length);
    return length;
}

static bool has_family(const struct tunny *stack, enum resolver_type type)
{
    static const uint8_t any6[16] = {0x20, 0x01};
    struct address there = type == RESOLVER_A ? address_from_ipv4_u32(INADDR_ANY)
                                              : address_from_ipv6(any6);
    struct address own;
    return ip_choose_source(stack->ip, &there, &own);
}

/* --- one server, one round -------------------------------------------------------------------- */

static uint16_t unpredictable_id(struct tunny *stack)
{
    uint64_t words[2] = {stack->names_asked++, (uint64_t)stack_now(stack).ns};
    return (uint16_t)siphash(&stack->secret, words, sizeof words);
}

static int connect_to(struct tunny *stack, const struct endpoint *server, int type)
{
    struct sockaddr_storage name;
    socklen_t length = system_name(server, &name);
    int socket = tunny_socket(stack, name.ss_family, type, 0);
    if (socket < 0)
        return socket;
    int r = tunny_connect(stack, socket, (const struct sockaddr *)&name, length);
    if (r < 0 && r != -EINPROGRESS) {
        tunny_close(stack, socket);
        return r;
    }
    return socket;
}

static int ask(struct tunny *stack, const struct endpoint *server, struct lookup *lookup)
{
    uint16_t id = unpredictable_id(stack);
    lookup->question.id = id;
    put_be16(lookup->question.message, id);
    lookup->verdict = RESOLVER_NOT_OURS;
    int socket = connect_to(stack, server, SOCK_DGRAM | SOCK_NONBLOCK);
    if (socket < 0)
        return socket;
    ssize_t r = tunny_send(stack, socket, lookup->question.message, lookup->question.length, 0);
    if (r < 0) {
        tunny_close(stack, socket);
        return (int)r;
    }
    lookup->socket = socket;
    return 0;
}

static void hang_up(struct tunny *stack, struct lookup *lookup)
{
    if (lookup->socket >= 0)
        tunny_close(stack, lookup->socket);
    lookup->socket = -1;
}

/* RFC 1035, 4.2.2: over TCP a message has its length in front. */
static int64_t exchange_over_tcp(struct tunny *stack, int socket, const struct lookup *lookup,
                                 struct room answer)
{
    uint8_t prefix[2];
    put_be16(prefix, (uint16_t)lookup->question.length);
    int64_t r = tunny_send(stack, socket, prefix, sizeof prefix, MSG_MORE);
    if (r < 0)
        return r;
    r = tunny_send(stack, socket, lookup->question.message, lookup->question.length, 0);
    if (r < 0)
        return r;
    r = tunny_recv(stack, socket, prefix, sizeof prefix, MSG_WAITALL);
    if (r != sizeof prefix)
        return r < 0 ? r : -ECONNRESET;
    size_t length = get_be16(prefix);
    r = tunny_recv(stack, socket, answer.data, length, MSG_WAITALL);
    if (r < 0)
        return r;
    return (size_t)r == length ? r : -ECONNRESET;
}

static enum resolver_verdict ask_over_tcp(struct tunny *stack, const struct endpoint *server,
                                          struct lookup *lookup, struct instant until)
{
    enum resolver_verdict verdict = RESOLVER_SERVER_FAILED;
    struct room answer = {memory_take(&stack->memory, RESOLVER_ANSWER_SIZE), RESOLVER_ANSWER_SIZE};
    if (!answer.data)
        return verdict;
    int socket = connect_to(stack, server, SOCK_STREAM | SOCK_NONBLOCK);
    if (socket >= 0) {
        tunny_fcntl(stack, socket, F_SETFL, 0);
        tunny_set_deadline(stack, socket, until.ns);
        int64_t length = exchange_over_tcp(stack, socket, lookup, answer);
        if (length >= 0)
            verdict = resolver_read(&lookup->question, (struct bytes){answer.data, (size_t)length},
                                    &lookup->found);
        tunny_close(stack, socket);
    }
    memory_give(&stack->memory, answer.data, RESOLVER_ANSWER_SIZE);
    /* Whoever cuts here, too, or answers something else, is of no use. */
    return verdict == RESOLVER_TRUNCATED || verdict == RESOLVER_NOT_OURS ? RESOLVER_SERVER_FAILED
                                                                         : verdict;
}

/* Reads what came until it is the answer; then the socket has served. */
static void hear(struct tunny *stack, const struct endpoint *server, struct lookup *lookup,
                 struct instant until)
{
    uint8_t answer[UDP_ANSWER_SIZE];
    while (lookup->verdict == RESOLVER_NOT_OURS) {
        ssize_t r = tunny_recv(stack, lookup->socket, answer, sizeof answer, 0);
        if (r == -EAGAIN)
            return;
        lookup->verdict = r < 0 ? RESOLVER_SERVER_FAILED
                                : resolver_read(&lookup->question,
                                                (struct bytes){answer, (size_t)r}, &lookup->found);
    }
    hang_up(stack, lookup);
    if (lookup->verdict == RESOLVER_TRUNCATED)
        lookup->verdict = ask_over_tcp(stack, server, lookup, until);
}

/* Waits until each lookup has an answer or `until` has come. 0 or an error that ends it all. */
static int await_answers(struct tunny *stack, const struct endpoint *server,
                         struct lookup lookups[LOOKUPS], struct instant until)
{
    for (;;) {
        struct pollfd waiting[LOOKUPS];
        unsigned open = 0;
        for (unsigned i = 0; i < LOOKUPS; i++) {
            waiting[i] = (struct pollfd){.fd = lookups[i].socket, .events = POLLIN};
            open += lookups[i].socket >= 0;
        }
        int64_t left_ms = duration_to_ms(instant_since(until, stack_now(stack)));
        if (open == 0 || left_ms <= 0)
            return 0;
        int r = tunny_poll(stack, waiting, LOOKUPS, (int)left_ms);
        if (r < 0)
            return r;
        for (unsigned i = 0; i < LOOKUPS; i++) {
            if (waiting[i].revents)
                hear(stack, server, &lookups[i], until);
        }
    }
}

static int ask_server(struct tunny *stack, const struct endpoint *server,
                      struct lookup lookups[LOOKUPS], struct instant until)
{
    int r = 0;
    for (unsigned i = 0; i < LOOKUPS && r == 0; i++) {
        if (lookups[i].question.length && !is_settled(&lookups[i]))
            r = ask(stack, server, &lookups[i]);
    }
    if (r == 0)
        r = await_answers(stack, server, lookups, until);
    for (unsigned i = 0; i < LOOKUPS; i++)
        hang_up(stack, &lookups[i]);
    return r;
}

/* --- all servers ------------------------------------------------------------------------------ */

static bool all_settled(const struct lookup lookups[LOOKUPS])
{
    for (unsigned i = 0; i < LOOKUPS; i++) {
        if (lookups[i].question.length && !is_settled(&lookups[i]))
            return false;
    }
    return true;
}

/* 0: go by the verdicts. A server that cannot be reached at all is passed over. */
static int ask_servers(struct tunny *stack, const struct endpoint *servers, unsigned count,
                       struct lookup lookups[LOOKUPS], struct instant until)
{
    int r = count ? 0 : -ENETUNREACH;
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct duration patience = duration_ms(FIRST_PATIENCE_MS << round);
        for (unsigned i = 0; i < count && !all_settled(lookups); i++) {
            struct instant now = stack_now(stack);
            if (instant_reached(until, now))
                return 0;
            r = ask_server(stack, &servers[i], lookups,
                           instant_min(until, instant_add(now, patience)));
            if (r == -EINTR)
                return r;
        }
    }
    return all_settled(lookups) ? 0 : r;
}

static unsigned find_servers(const struct tunny *stack, struct endpoint servers[RESOLVER_SERVERS])
{
    char text[HOST_FILE_SIZE];
    if (stack->resolver.port) {
        servers[0] = stack->resolver;
        return 1;
    }
    host_file_read("/etc/resolv.conf", text, sizeof text);
    return resolver_find_servers(text, servers);
}

static void add_all(struct resolver_addresses *found, const struct resolver_addresses *more)
{
    for (unsigned i = 0; i < more->count && found->count < RESOLVER_ADDRESSES; i++)
        found->list[found->count++] = more->list[i];
}

static int ask_the_net(struct tunny *stack, const char *name, struct instant until,
                       struct resolver_addresses *found)
{
    static const enum resolver_type types[LOOKUPS] = {RESOLVER_AAAA, RESOLVER_A};
    struct endpoint servers[RESOLVER_SERVERS];
    struct lookup lookups[LOOKUPS];
    bool said_no = false;
    memset(lookups, 0, sizeof lookups);
    for (unsigned i = 0; i < LOOKUPS; i++) {
        lookups[i].socket = -1;
        lookups[i].verdict = RESOLVER_NOT_OURS;
        if (has_family(stack, types[i]) &&
            resolver_ask(name, types[i], 0, &lookups[i].question) < 0)
            return -EINVAL;
    }
    int r = ask_servers(stack, servers, find_servers(stack, servers), lookups, until);
    for (unsigned i = 0; i < LOOKUPS; i++) {
        add_all(found, &lookups[i].found);
        said_no = said_no || lookups[i].verdict == RESOLVER_NO_NAME ||
                  lookups[i].verdict == RESOLVER_NO_ADDRESS;
    }
    if (found->count)
        return 0;
    if (r < 0)
        return r;
    return said_no ? -ENOENT : -ETIMEDOUT;
}

static int find(struct tunny *stack, const char *name, int timeout_ms,
                struct resolver_addresses *found)
{
    char hosts[HOST_FILE_SIZE];
    if (address_parse(name, &found->list[0])) {
        found->count = 1;
        return 0;
    }
    host_file_read("/etc/hosts", hosts, sizeof hosts);
    if (resolver_find_host(hosts, name, found))
        return 0;
    struct instant until = instant_add(stack_now(stack), duration_ms(timeout_ms));
    return ask_the_net(stack, name, until, found);
}

int tunny_resolve(struct tunny *stack, const char *name, uint16_t port,
                  struct sockaddr_storage *addresses, unsigned most, int timeout_ms)
{
    struct resolver_addresses found = {.count = 0};
    int r = find(stack, name, timeout_ms, &found);
    if (r < 0)
        return r;
    unsigned count = found.count < most ? found.count : most;
    for (unsigned i = 0; i < count; i++) {
        struct endpoint e = {found.list[i], port};
        addresses[i] = (struct sockaddr_storage){0};
        system_name(&e, &addresses[i]);
    }
    return (int)count;
}
