/* See so_session.h. */
#include "support/so_session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <dlfcn.h>
#include <netinet/in.h>

struct packetdrill_interface so_host;
struct seen_packet so_seen;
uint32_t so_local_seq;
struct place so_here, so_there;

static void *handle;
static FILE *said;
static int real_stderr = -1;

/* --- the object ----------------------------------------------------------------------------- */

bool so_session_ready(const char *program)
{
    char object[SO_PATH_MOST];
    const char *named = getenv("TUNNY_PACKETDRILL_SO");
    const char *slash = strrchr(program, '/');
    int folder = slash != NULL ? (int)(slash - program) : 1;
    if (named != NULL)
        snprintf(object, sizeof object, "%s", named);
    else
        snprintf(object, sizeof object, "%.*s/../../libtunny-packetdrill.so", folder,
                 slash != NULL ? program : ".");
    handle = dlopen(object, RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL)
        fprintf(stderr, "%s\n", dlerror());
    return handle != NULL;
}

void so_begin_with(const char *flags)
{
    void (*init)(const char *, struct packetdrill_interface *);
    void *symbol = dlsym(handle, "packetdrill_interface_init");
    assert_non_null(symbol);
    memcpy(&init, &symbol, sizeof init);
    so_here = (struct place){.address = {192, 168, 0, 1}, .port = SO_LOCAL_PORT};
    so_there = (struct place){.address = {192, 0, 2, 1}, .port = SO_REMOTE_PORT};
    so_local_seq = 0;
    init(flags, &so_host);
}

int so_begin(void **state)
{
    (void)state;
    so_begin_with(NULL);
    return 0;
}

int so_end(void **state)
{
    (void)state;
    so_host.free(so_host.userdata);
    return 0;
}

void so_use_ipv6(void)
{
    so_here = (struct place){.ipv6 = true,
                             .address = {0xfd, 0x3d, 0x0a, 0x0b, 0x17, 0xd6, [15] = 1},
                             .port = SO_LOCAL_PORT};
    so_there = (struct place){.ipv6 = true,
                              .address = {0xfd, 0x3d, 0xfa, 0x7b, 0xd1, 0x7d, [15] = 1},
                              .port = SO_REMOTE_PORT};
}

void so_address_of(const struct place *place, struct so_address *address)
{
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(place->port)};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(place->port)};
    memcpy(&four.sin_addr, place->address, 4);
    memcpy(&six.sin6_addr, place->address, 16);
    memset(address, 0, sizeof *address);
    address->at = (struct sockaddr *)&address->storage;
    address->length = place->ipv6 ? sizeof six : sizeof four;
    if (place->ipv6)
        memcpy(&address->storage, &six, sizeof six);
    else
        memcpy(&address->storage, &four, sizeof four);
}

/* --- packets -------------------------------------------------------------------------------- */

void so_arrives_spec(const struct packet_spec *spec)
{
    static uint8_t bytes[PACKET_BYTES_MOST];
    size_t size = packet_build(spec, &so_there, &so_here, bytes);
    assert_true(size > 0);
    assert_int_equal(so_host.netdev_send(so_host.userdata, bytes, size), 0);
}

void so_arrives(uint16_t flags, uint32_t seq, uint32_t length)
{
    struct packet_spec spec = {.direction = INBOUND,
                               .kind = PACKET_TCP,
                               .ttl = -1,
                               .flow_label = -1,
                               .flags = flags,
                               .seq = seq,
                               .ack = flags & FLAG_ACK ? so_local_seq : 0,
                               .length = length,
                               .window = 30000,
                               .icmp_mtu = -1};
    so_arrives_spec(&spec);
}

int64_t so_leaves_any(void)
{
    static uint8_t bytes[PACKET_BYTES_MOST];
    size_t size = sizeof bytes;
    long long time_us = -1;
    assert_int_equal(so_host.netdev_receive(so_host.userdata, bytes, &size, &time_us), 0);
    assert_true(size > 0);
    packet_read(bytes, size, &so_seen);
    assert_null(so_seen.fault);
    return time_us;
}

int64_t so_leaves(uint16_t flags, uint32_t length)
{
    int64_t time_us = so_leaves_any();
    assert_int_equal(so_seen.spec.kind, PACKET_TCP);
    assert_int_equal(so_seen.spec.flags, flags);
    assert_int_equal(so_seen.spec.length, length);
    so_local_seq = so_seen.spec.seq + length + (flags & (FLAG_SYN | FLAG_FIN) ? 1 : 0);
    return time_us;
}

int64_t so_now_us(void)
{
    struct timeval now;
    assert_int_equal(so_host.gettimeofday(so_host.userdata, &now, NULL), 0);
    return now.tv_sec * 1000000 + now.tv_usec;
}

/* --- standard error ------------------------------------------------------------------------- */

void so_listen_to_stderr(void)
{
    fflush(stderr);
    said = tmpfile();
    assert_non_null(said);
    real_stderr = dup(STDERR_FILENO);
    assert_true(dup2(fileno(said), STDERR_FILENO) >= 0);
}

const char *so_said_to_stderr(void)
{
    static char text[4096];
    fflush(stderr);
    assert_true(dup2(real_stderr, STDERR_FILENO) >= 0);
    close(real_stderr);
    rewind(said);
    text[fread(text, 1, sizeof text - 1, said)] = '\0';
    fclose(said);
    return text;
}
