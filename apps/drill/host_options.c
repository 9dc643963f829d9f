/* What --key=value in a script and on the command line says about the host; see run.h. Keys and
 * defaults are packetdrill's; keys that mean nothing without a kernel are accepted and ignored. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"

static const char *set_version(struct host_options *options, const char *value)
{
    static const struct {
        const char *name;
        enum ip_version version;
    } versions[] = {
        {"ipv4", IP_VERSION_4}, {"ipv6", IP_VERSION_6}, {"ipv4-mapped-ipv6", IP_VERSION_4_MAPPED}};
    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++) {
        if (strcmp(versions[i].name, value) != 0)
            continue;
        options->ip_version = versions[i].version;
        bool ipv6 = options->ip_version == IP_VERSION_6;
        if (ipv6 == options->local.ipv6)
            return NULL;
        options->local.ipv6 = options->remote.ipv6 = ipv6;
        options->prefix = ipv6 ? 64 : 24;
        int family = ipv6 ? AF_INET6 : AF_INET;
        inet_pton(family, ipv6 ? "fd3d:0a0b:17d6::1" : "192.168.0.1", options->local.address);
        inet_pton(family, ipv6 ? "fd3d:fa7b:d17d::1" : "192.0.2.1", options->remote.address);
        return NULL;
    }
    return "the IP version is ipv4, ipv6 or ipv4-mapped-ipv6";
}

static const char *set_address(struct place *place, const char *value)
{
    int family = strchr(value, ':') != NULL ? AF_INET6 : AF_INET;
    if (inet_pton(family, value, place->address) != 1)
        return "this is no address";
    place->ipv6 = family == AF_INET6;
    return NULL;
}

static const char *set_port(struct place *place, const char *value)
{
    long port = strtol(value, NULL, 10);
    if (port < 1 || port > 65535)
        return "a port lies between 1 and 65535";
    place->port = (uint16_t)port;
    return NULL;
}

static const char *set_number(struct host_options *options, const char *name, const char *value)
{
    char *end;
    double number = strtod(value, &end);
    if (end == value || number < 0 || number > 1e9)
        return "this is no number, or out of its range";
    if (strcmp(name, "tolerance_usecs") == 0)
        options->tolerance_us = (int64_t)number;
    else if (strcmp(name, "tolerance_percent") == 0)
        options->tolerance_share = number / 100;
    else if (strcmp(name, "mtu") == 0)
        options->mtu = (uint32_t)number;
    else
        options->stamp_tick_us = (int64_t)number;
    return NULL;
}

const char *host_option(struct host_options *options, const struct script_option *option)
{
    static const char *const numbers[] = {"tolerance_usecs", "tolerance_percent", "mtu",
                                          "tcp_ts_tick_usecs"};
    const char *name = option->name, *value = option->value;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (strcmp(name, numbers[i]) == 0)
            return set_number(options, name, value);
    if (strcmp(name, "ip_version") == 0)
        return set_version(options, value);
    if (strcmp(name, "local_ip") == 0 || strcmp(name, "local") == 0)
        return set_address(&options->local, value);
    if (strcmp(name, "remote_ip") == 0 || strcmp(name, "remote") == 0)
        return set_address(&options->remote, value);
    if (strcmp(name, "bind_port") == 0)
        return set_port(&options->local, value);
    if (strcmp(name, "connect_port") == 0)
        return set_port(&options->remote, value);
    if (strcmp(name, "no_offload") == 0)
        options->no_offload = true;
    if (strcmp(name, "strict") == 0)
        options->strict = true;
    return NULL;
}
