/* IPv4 and IPv6 of one host: checks what arrives (each refusal a named drop), puts fragments
 * together, answers echo requests and makes ICMP errors within a limit, hands datagrams and ICMP
 * errors up, and writes headers for what goes down. No sockets, no devices, no clock: packets it
 * wants to send itself (echo replies, errors) wait until ip_next_packet() is asked. Called by
 * stack.c. */
#ifndef TUNNY_IP_IP_H
#define TUNNY_IP_IP_H

#include "base/memory.h"
#include "base/random.h"
#include "base/siphash.h"
#include "base/time.h"
#include "trace/trace.h"
#include "wire/address.h"
#include "wire/packet.h"

enum { IP_ADDRESSES = 16, IP_HEADERS_LONGEST = 40 };

struct ip_config {
    struct prefix addresses[IP_ADDRESSES];
    unsigned address_count;
    uint32_t mtu;              /* of the device */
    struct siphash_key secret; /* for fragment ids and tables */
    uint64_t seed;             /* for jitter of limits */
    size_t fragment_budget;    /* bytes; 0: 256 KiB */
    uint8_t ttl;               /* of what ip sends by itself; 0: 64 */
    bool loopback;             /* 127.0.0.0/8 and ::1 are this host, too; never on the wire */
};

/* What arrived for an upper layer. Borrowed from the packet (or from the reassembly buffer) until
 * the next call of ip_input() or ip_timeout(). */
struct ip_datagram {
    struct address source, destination;
    uint8_t protocol;      /* PROTOCOL_TCP, PROTOCOL_UDP */
    uint8_t ttl, tos;      /* tos: DSCP and the two ECN bits */
    bool to_group;         /* broadcast or multicast destination */
    bool checksum_trusted; /* the device vouches for the transport checksum, or completes it */
    uint16_t gso_size;     /* > 0: a super-segment with this much payload in each wire packet */
    struct bytes payload;  /* transport header and payload */
    struct bytes packet;   /* the whole packet, for ICMP errors about it */
};

/* An ICMP error about something that we sent (RFC 5927: whether to believe it is for the upper
 * layer). */
struct ip_error {
    struct flow flow;        /* of the quoted packet, ours first */
    struct address reporter; /* who sent the error */
    uint8_t protocol;
    bool ipv6;
    uint8_t type, code;
    uint32_t mtu; /* Packet Too Big, Fragmentation Needed: the next hop's MTU, bytes; 0: another
                     error. A router that did not say it stands for a plateau (RFC 1191, 7.1) */
    int errnum;   /* what a socket would report: EHOSTUNREACH, ECONNREFUSED, EMSGSIZE ... */
    bool hard;    /* protocol or port unreachable, prohibited */
    struct bytes transport; /* the quoted transport header, at least 8 bytes */
};

enum ip_verdict { IP_NOTHING, IP_DATAGRAM, IP_ERROR };

struct ip;

size_t ip_size(void);
/* 0; -EINVAL (no address, an unusable one, or an MTU below 576 / 1280), -ENOMEM. */
int ip_init(struct ip *ip, const struct ip_config *config, struct memory *memory,
            struct trace *trace);
void ip_destroy(struct ip *ip);

/* One packet from the device. IP_DATAGRAM fills *datagram, IP_ERROR fills *error, IP_NOTHING: it
 * was dropped (counted by name), kept as a fragment, or answered. Allocates only inside the
 * fragment budget; sends nothing. The packet lies in one piece. */
enum ip_verdict ip_input(struct ip *ip, const struct packet *packet, struct instant now,
                         struct ip_datagram *datagram, struct ip_error *error);
/* The same for a packet that the stack sent to itself: it never was on a wire, so that its source
 * may be ours. */
enum ip_verdict ip_input_loopback(struct ip *ip, const struct packet *packet, struct instant now,
                                  struct ip_datagram *datagram, struct ip_error *error);

/* The ICMP message that the last ip_input() read, when it may be for somebody else who uses our
 * addresses: an echo reply that nobody here waits for, an error about a datagram or an echo request
 * that may be another's. The whole packet, borrowed as *datagram is; empty: there was none. */
struct bytes ip_unclaimed(const struct ip *ip);

/* The upper layer has no use for this datagram: owe the ICMP error (port or protocol unreachable),
 * unless one of the rules forbids it (RFC 1122, 3.2.2; RFC 4443, 2.4(e)) or the limit is reached.
 * The caller counts the drop. */
enum ip_refusal { IP_REFUSE_PORT, IP_REFUSE_PROTOCOL };
void ip_refuse(struct ip *ip, const struct ip_datagram *datagram, enum ip_refusal why,
               struct instant now);

/* The next packet that ip itself owes (echo reply, ICMP error): true and *packet, borrowed until
 * the next call of this function (so that it may be looped back). Call it until it says false: that
 * is when its room is free again. */
bool ip_next_packet(struct ip *ip, struct packet *packet, struct instant now);
/* false: ip_next_packet() need not be asked: it has none, and no room to free. */
bool ip_may_have_packets(const struct ip *ip);

/* When ip_timeout() has something to do (fragments expire), and doing it. */
struct instant ip_deadline(const struct ip *ip);
void ip_timeout(struct ip *ip, struct instant now);

/* What to write into the header of a packet from above. */
struct ip_send {
    struct address source, destination;
    uint8_t protocol, ttl, tos;
    bool may_fragment;   /* false: DF. TCP never lets it be fragmented */
    uint32_t flow_label; /* IPv6, 20 bits */
};

/* Writes the IP header for `length` bytes of transport header and payload; returns its length (20
 * or 40). The packet must fit the MTU or be a super-segment. A ttl of 0 means the default. */
size_t ip_build_header(struct ip *ip, const struct ip_send *send, size_t length,
                       uint8_t header[IP_HEADERS_LONGEST]);

/* For datagrams larger than the path's MTU (UDP, large echoes): writes fragment `index` of the
 * datagram {header, text} into `out`; returns its length, 0 when there is none left (or `size` is
 * too small: the path's MTU is enough). A datagram that fits the path is "fragment" 0, without any
 * fragment header. With may_fragment false nothing stops an IPv4 datagram from being cut here, only
 * on the way. All fragments of a datagram carry `id`, got once from ip_fragment_id(). */
uint32_t ip_fragment_id(struct ip *ip, const struct ip_send *send);
size_t ip_build_fragment(struct ip *ip, const struct ip_send *send, uint32_t id,
                         struct bytes datagram, unsigned index, uint8_t *out, size_t size);

/* The path's MTU towards an address, bytes; remembered per destination in a bounded table for 10
 * minutes (RFC 1191, 6.3), never above the device's, never below 576 (IPv4; RFC 5927 floor) or
 * 1280. */
uint32_t ip_path_mtu(struct ip *ip, const struct address *destination, struct instant now);
/* A believed Packet Too Big: lowers the estimate (never raises it); mtu 0 steps down the plateaus
 * of RFC 1191, 7.1 from `last_length`. Returns the new estimate. */
uint32_t ip_reduce_path_mtu(struct ip *ip, const struct address *destination, uint32_t mtu,
                            uint32_t last_length, struct instant now);

/* Our address to use towards `destination` (RFC 6724 in small: same family, longest common prefix);
 * false: none of that family. */
bool ip_choose_source(const struct ip *ip, const struct address *destination,
                      struct address *source);
bool ip_is_ours(const struct ip *ip, const struct address *a);
/* 255.255.255.255 or the directed broadcast of one of our subnets. */
bool ip_is_broadcast(const struct ip *ip, const struct address *a);

/* Pings: owes an echo request / hands replies up. The reply that matches the last id asked for is
 * kept for ip_take_echo_reply(). */
int ip_send_echo(struct ip *ip, const struct address *destination, uint16_t id, uint16_t sequence,
                 struct bytes data, uint8_t ttl, struct instant now);
struct ip_echo_reply {
    struct address source;
    uint16_t id, sequence;
    uint8_t ttl;
    size_t length;     /* of the data */
    bool data_equal;   /* set by the caller's comparison of `data` */
    struct bytes data; /* borrowed until the next ip_input() */
};
/* Replies and errors to our echoes, oldest first, from a small queue; false: none. */
bool ip_take_echo_reply(struct ip *ip, struct ip_echo_reply *reply, struct ip_error *error,
                        bool *is_error);

#endif
