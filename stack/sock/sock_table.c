/* The table of sockets: numbers from 0, the lowest free one first (as POSIX wants it of
 * descriptors); it grows inside the memory budget. Also what is asked about all sockets at once:
 * who has changed, what is to be sent. */
#include <errno.h>

#include "base/check.h"
#include "sock/sock.h"
#include "sock/sock_table.h"
#include "sock/sock_tcp.h"

enum { TABLE_FIRST = 512 }; /* one smallest block of pointers */

void sockets_init(struct sockets *sockets, struct memory *memory, struct tcp *tcp, struct udp *udp,
                  struct ip *ip)
{
    *sockets = (struct sockets){.memory = memory, .tcp = tcp, .udp = udp, .ip = ip};
    pool_init(&sockets->pool, memory, sizeof(struct socket));
    pool_init(&sockets->zerocopy_pool, memory, sizeof(struct zerocopy));
    pool_init(&sockets->keys_pool, memory, sizeof(struct fast_open_keys));
    outgoing_init(&sockets->outgoing, memory);
    list_init(&sockets->changed);
}

void sockets_destroy(struct sockets *sockets, struct instant now)
{
    for (uint32_t i = 0; i < sockets->capacity; i++) {
        struct socket *socket = sockets->table[i];
        if (socket) {
            sock_tcp_disconnect(socket, now);
            sock_close(socket, now);
        }
    }
    outgoing_destroy(&sockets->outgoing);
    memory_give(sockets->memory, sockets->table, sockets->capacity * sizeof *sockets->table);
    sockets->table = NULL;
    sockets->capacity = 0;
    pool_destroy(&sockets->pool);
    pool_destroy(&sockets->zerocopy_pool);
    pool_destroy(&sockets->keys_pool);
}

static int grow(struct sockets *sockets)
{
    uint32_t capacity = sockets->capacity ? 2 * sockets->capacity : TABLE_FIRST;
    if (capacity > SOCKETS_MOST)
        return -EMFILE;
    struct socket **table = memory_take(sockets->memory, capacity * sizeof(struct socket *));
    if (!table)
        return -ENOBUFS;
    memset(table, 0, capacity * sizeof(struct socket *));
    if (sockets->capacity)
        memcpy(table, sockets->table, sockets->capacity * sizeof(struct socket *));
    memory_give(sockets->memory, sockets->table, sockets->capacity * sizeof *sockets->table);
    sockets->table = table;
    sockets->capacity = capacity;
    return 0;
}

int sock_table_add(struct sockets *sockets, struct socket **added)
{
    if (sockets->count == sockets->capacity) {
        int r = grow(sockets);
        if (r < 0)
            return r;
    }
    struct socket *socket = pool_take(&sockets->pool);
    if (!socket)
        return -ENOBUFS;
    uint32_t number = sockets->lowest;
    while (number < sockets->capacity && sockets->table[number])
        number++;
    CHECK(number < sockets->capacity);
    sockets->table[number] = socket;
    sockets->lowest = number + 1;
    sockets->count++;
    socket->host = sockets;
    socket->number = (int)number;
    socket->deadline = INSTANT_NEVER;
    *added = socket;
    return 0;
}

void sock_table_remove(struct socket *socket)
{
    struct sockets *sockets = socket->host;
    uint32_t number = (uint32_t)socket->number;
    CHECK(sockets->table[number] == socket);
    sockets->table[number] = NULL;
    sockets->count--;
    if (number < sockets->lowest)
        sockets->lowest = number;
    list_remove(&socket->changed);
    pool_give(&sockets->zerocopy_pool, socket->zerocopy);
    pool_give(&sockets->keys_pool, socket->fast_open_keys);
    pool_give(&sockets->pool, socket);
}

struct socket *sockets_find(const struct sockets *sockets, int number)
{
    if (number < 0 || (uint32_t)number >= sockets->capacity)
        return NULL;
    return sockets->table[number];
}

void sockets_mark_changed(struct socket *socket)
{
    if (!list_contains_node(&socket->changed))
        list_append(&socket->host->changed, &socket->changed);
}

struct socket *sockets_next_changed(struct sockets *sockets)
{
    struct list *first = list_first(&sockets->changed);
    if (first) {
        list_remove(first);
        return LIST_ENTRY(first, struct socket, changed);
    }
    struct socket *socket = tcp_next_changed(sockets->tcp);
    if (socket)
        return socket;
    struct udp_socket *udp = udp_next_changed(sockets->udp);
    return udp ? udp_user(udp) : NULL;
}

struct outgoing_datagram *sockets_next_datagram(const struct sockets *sockets)
{
    return outgoing_first(&sockets->outgoing);
}

void sockets_datagram_sent(struct sockets *sockets, struct outgoing_datagram *datagram)
{
    struct socket *owner = datagram->owner;
    if (owner) {
        CHECK(owner->outgoing >= datagram->block);
        owner->outgoing -= datagram->block;
        if (owner->wants_room) {
            owner->wants_room = false;
            sockets_mark_changed(owner);
        }
    }
    outgoing_drop(&sockets->outgoing, datagram);
}

bool sockets_sends(const struct sockets *sockets, const struct flow *flow)
{
    for (uint32_t i = 0; i < sockets->capacity; i++) {
        const struct socket *socket = sockets->table[i];
        if (!socket || socket->kind != SOCKET_UDP)
            continue;
        const struct endpoint *remote = udp_remote(socket->udp);
        bool its_peer = remote->port == 0 ||
                        (remote->port == flow->remote.port &&
                         address_equal(&remote->address, &flow->remote.address));
        if (its_peer && udp_local(socket->udp)->port == flow->local.port)
            return true;
    }
    return false;
}
