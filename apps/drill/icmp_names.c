/* See icmp_names.h. RFC 792, RFC 1122 (3.2.2.1), RFC 1812 (5.2.7.1), RFC 4443. */
#include "icmp_names.h"

#include <stddef.h>
#include <string.h>

struct named_type {
    bool ipv6;
    uint8_t type;
    const char *name;
};

struct named_code {
    bool ipv6;
    uint8_t type, code;
    const char *name;
};

static const struct named_type types[] = {
    {false, 0, "echo_reply"},         {false, 3, "unreachable"},      {false, 4, "source_quench"},
    {false, 5, "redirect"},           {false, 8, "echo_request"},     {false, 11, "time_exceeded"},
    {false, 12, "parameter_problem"}, {true, 1, "unreachable"},       {true, 2, "packet_too_big"},
    {true, 3, "time_exceeded"},       {true, 4, "parameter_problem"}, {true, 128, "echo_request"},
    {true, 129, "echo_reply"},
};

static const struct named_code codes[] = {
    {false, 3, 0, "net_unreachable"},
    {false, 3, 1, "host_unreachable"},
    {false, 3, 2, "protocol_unreachable"},
    {false, 3, 3, "port_unreachable"},
    {false, 3, 4, "frag_needed"},
    {false, 3, 5, "source_route_failed"},
    {false, 3, 6, "net_unknown"},
    {false, 3, 7, "host_unknown"},
    {false, 3, 8, "source_host_isolated"},
    {false, 3, 9, "net_prohibited"},
    {false, 3, 10, "host_prohibited"},
    {false, 3, 11, "net_unreachable_for_tos"},
    {false, 3, 12, "host_unreachable_for_tos"},
    {false, 3, 13, "packet_filtered"},
    {false, 3, 14, "precedence_violation"},
    {false, 3, 15, "precedence_cutoff"},
    {false, 11, 0, "exceed_ttl"},
    {false, 11, 1, "frag_time_exceeded"},
    {true, 1, 0, "no_route"},
    {true, 1, 1, "admin_prohibited"},
    {true, 1, 2, "not_neighbour"},
    {true, 1, 3, "addr_unreachable"},
    {true, 1, 4, "port_unreachable"},
    {true, 1, 5, "policy_failed"},
    {true, 1, 6, "reject_route"},
    {true, 3, 0, "exceed_hop_limit"},
    {true, 3, 1, "frag_time_exceeded"},
    {true, 4, 0, "erroneous_header"},
    {true, 4, 1, "unknown_next_header"},
    {true, 4, 2, "unknown_option"},
};

enum { TYPES = sizeof types / sizeof *types, CODES = sizeof codes / sizeof *codes };

int icmp_type_of(bool ipv6, const char *name)
{
    for (size_t i = 0; i < TYPES; i++)
        if (types[i].ipv6 == ipv6 && strcmp(types[i].name, name) == 0)
            return types[i].type;
    return -1;
}

int icmp_code_of(bool ipv6, uint8_t type, const char *name)
{
    for (size_t i = 0; i < CODES; i++)
        if (codes[i].ipv6 == ipv6 && codes[i].type == type && strcmp(codes[i].name, name) == 0)
            return codes[i].code;
    return -1;
}

const char *icmp_type_name(bool ipv6, uint8_t type)
{
    for (size_t i = 0; i < TYPES; i++)
        if (types[i].ipv6 == ipv6 && types[i].type == type)
            return types[i].name;
    return NULL;
}

const char *icmp_code_name(bool ipv6, uint8_t type, uint8_t code)
{
    for (size_t i = 0; i < CODES; i++)
        if (codes[i].ipv6 == ipv6 && codes[i].type == type && codes[i].code == code)
            return codes[i].name;
    return NULL;
}

bool icmp_is_echo(bool ipv6, uint8_t type)
{
    return ipv6 ? type == 128 || type == 129 : type == 8 || type == 0;
}
