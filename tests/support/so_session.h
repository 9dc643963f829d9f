/* A session through packetdrill's shared-object interface, as packetdrill drives it: the object is
 * loaded, packets are built and read by the drill's own builder and reader. Used by the tests of
 * libtunny-packetdrill.so. */
#ifndef TUNNY_TESTS_SO_SESSION_H
#define TUNNY_TESTS_SO_SESSION_H

#include "drill/packet_bytes.h"
#include "drill/so/packetdrill_interface.h"

enum { SO_LOCAL_PORT = 8080, SO_REMOTE_PORT = 40000, SO_REMOTE_ISS = 1000, SO_PATH_MOST = 4096 };

extern struct packetdrill_interface so_host;
extern struct seen_packet so_seen; /* what left last */
extern uint32_t so_local_seq;      /* what the stack sends next */
/* The two ends; IPv4 unless so_use_ipv6() was called. */
extern struct place so_here, so_there;

/* Loads the object, which lies in the build directory, two folders above this program;
 * TUNNY_PACKETDRILL_SO names another. False, and a sentence on standard error. */
bool so_session_ready(const char *program);

void so_begin_with(const char *flags);
int so_begin(void **state);
int so_end(void **state);
void so_use_ipv6(void);

/* A TCP segment arrives from so_there with the text length `length`. */
void so_arrives(uint16_t flags, uint32_t seq, uint32_t length);
/* Any packet arrives. */
void so_arrives_spec(const struct packet_spec *spec);
/* The next packet is a TCP segment like this. When it left, in microseconds. */
int64_t so_leaves(uint16_t flags, uint32_t length);
/* The next packet, without a fault. When it left. */
int64_t so_leaves_any(void);
int64_t so_now_us(void);

/* The address of so_here or so_there for a call. */
struct so_address {
    struct sockaddr_storage storage;
    struct sockaddr *at;
    socklen_t length;
};
void so_address_of(const struct place *place, struct so_address *address);

/* What the object writes to standard error from now on goes to a file ... */
void so_listen_to_stderr(void);
/* ... of which this is all; standard error is itself again. Valid until the next call. */
const char *so_said_to_stderr(void);

#endif
