/* A resolver file that works inside; see namespace.h. A name server on a loopback address is on the
 * host's loopback, which is another one; daemons that are asked over UNIX sockets would resolve
 * names by the host's network behind the program's back. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run/namespace.h"

static const char system_file[] = "/etc/resolv.conf";

/* An address that is the same host from everywhere. */
static bool is_reachable(const char *server)
{
    struct in_addr in;
    struct in6_addr in6;
    if (inet_pton(AF_INET, server, &in) == 1)
        return (ntohl(in.s_addr) >> 24) != 127;
    return inet_pton(AF_INET6, server, &in6) == 1 && memcmp(&in6, &in6addr_loopback, sizeof in6);
}

/* The file names a server that can be reached. */
static bool is_useful(const char *path)
{
    char line[512], server[128];
    bool useful = false;
    FILE *file = fopen(path, "re");
    while (file != NULL && !useful && fgets(line, sizeof line, file) != NULL)
        useful = sscanf(line, " nameserver %127s", server) == 1 && is_reachable(server);
    if (file != NULL)
        fclose(file);
    return useful;
}

/* "198.18.0.1:5353" without its port, which the file has no words for. */
static void write_server(FILE *file, const char *resolver)
{
    char address[INET6_ADDRSTRLEN + 16];
    struct in6_addr in6;
    snprintf(address, sizeof address, "%s", *resolver == '[' ? resolver + 1 : resolver);
    char *end = *resolver == '[' ? strchr(address, ']') : strrchr(address, ':');
    if (end != NULL && (*resolver == '[' || inet_pton(AF_INET6, address, &in6) != 1))
        *end = '\0';
    fprintf(file, "nameserver %s\n", address);
}

/* Puts a file of one server over the system's; only its mount remains. */
static int cover(const char *resolver)
{
    char path[] = "/tmp/tunny-resolv.XXXXXX";
    int descriptor = mkostemp(path, O_CLOEXEC);
    if (descriptor < 0)
        return -errno;
    FILE *file = fdopen(descriptor, "w");
    write_server(file, resolver);
    fchmod(descriptor, 0644);
    fclose(file);
    int error = mount(path, system_file, NULL, MS_BIND, NULL) < 0 ? errno : 0;
    unlink(path);
    return -error;
}

int namespace_set_resolver(const char *resolver)
{
    static const char *const sockets[] = {"/run/systemd/resolve/io.systemd.Resolve",
                                          "/run/nscd/socket", "/var/run/nscd/socket"};
    static const char upstream[] = "/run/systemd/resolve/resolv.conf";
    if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return -errno;
    for (size_t i = 0; i < sizeof sockets / sizeof *sockets; i++)
        mount("/dev/null", sockets[i], NULL, MS_BIND, NULL);
    if (access(system_file, F_OK) < 0)
        return 0;
    if (resolver != NULL)
        return cover(resolver);
    if (!is_useful(system_file) && is_useful(upstream) &&
        mount(upstream, system_file, NULL, MS_BIND, NULL) < 0)
        return -errno;
    return 0;
}
