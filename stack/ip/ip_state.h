/* The whole state of IP: what `struct ip` is inside this folder. Others see ip.h only. */
#ifndef TUNNY_IP_IP_STATE_H
#define TUNNY_IP_IP_STATE_H

#include "ip/echo_client.h"
#include "ip/fragments.h"
#include "ip/icmp_limit.h"
#include "ip/ip.h"
#include "ip/outbox.h"
#include "ip/packet_ids.h"
#include "ip/path_mtu.h"

struct ip {
    struct ip_config config;
    struct memory *memory;
    struct trace *trace;
    struct instant now;     /* the latest that anybody told */
    struct bytes unclaimed; /* see ip_unclaimed() */
    struct flow flow;       /* of the packet that is being read: the trace's subject */
    bool flow_is_good;      /* its addresses were judged, from outside, and neither is a group's */
    struct outbox outbox;
    struct path_mtu path_mtu;
    struct packet_ids ids;
    struct icmp_limit limit;
    struct echo_client echo;
    struct fragments fragments;
};

#endif
