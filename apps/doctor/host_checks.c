/* What the machine's files say, without changing anything; see checks.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/message.h"
#include "doctor/attempts.h"
#include "doctor/checks.h"

#define NODE "/dev/net/tun"

enum { TUN_MAJOR = 10, TUN_MINOR = 200 };

/* --- the device node ---------------------------------------------------------------------------
 */

static struct finding *find_no_node(struct findings *findings, int error)
{
    struct finding *finding = finding_add(findings, "tun-node", DOES_NOT_WORK, "%s: %s", NODE,
                                          error_words(error));
    finding_mend(finding,
                 "sh -c 'modprobe tun; mkdir -p /dev/net; test -e %s || mknod -m 666 %s c 10 200'",
                 NODE, NODE);
    return finding;
}

static void find_closed_node(struct findings *findings, const struct stat *status, int error)
{
    struct finding *finding = finding_add(
        findings, "tun-node", DOES_NOT_WORK, "%s, mode %04o, owner %u, cannot be opened: %s", NODE,
        (unsigned)(status->st_mode & 07777), (unsigned)status->st_uid, error_words(error));
    if (error == EACCES)
        finding_mend(finding, "chmod 666 %s", NODE);
    else if (error == ENODEV || error == ENXIO)
        finding_mend(finding, "modprobe tun");
    else if (error == EPERM)
        /* The device controller of a container's cgroup. */
        snprintf(finding->mend, sizeof finding->mend,
                 "docker run --device=%s --cap-add=NET_ADMIN ...", NODE);
}

void check_node(struct findings *findings, struct facts *facts)
{
    struct stat status;
    if (stat(NODE, &status) != 0) {
        find_no_node(findings, errno);
        return;
    }
    if (!S_ISCHR(status.st_mode) || major(status.st_rdev) != TUN_MAJOR ||
        minor(status.st_rdev) != TUN_MINOR) {
        struct finding *finding = finding_add(findings, "tun-node", DOES_NOT_WORK,
                                              "%s is not the character device 10, 200", NODE);
        finding_mend(finding, "sh -c 'rm -rf %s && mknod -m 666 %s c 10 200'", NODE, NODE);
        return;
    }
    int descriptor = open(NODE, O_RDWR | O_CLOEXEC);
    if (descriptor < 0) {
        find_closed_node(findings, &status, errno);
        return;
    }
    close(descriptor);
    facts->node_opens = 1;
    finding_add(findings, "tun-node", WORKS, "%s, mode %04o, owner %u, can be opened", NODE,
                (unsigned)(status.st_mode & 07777), (unsigned)status.st_uid);
}

/* --- rights ------------------------------------------------------------------------------------
 */

static unsigned long long effective_capabilities(void)
{
    char line[256];
    unsigned long long bits = 0;
    FILE *file = fopen("/proc/self/status", "re");
    if (file == NULL)
        return 0;
    while (fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, "CapEff:", 7) == 0)
            bits = strtoull(line + 7, NULL, 16);
    fclose(file);
    return bits;
}

void check_capabilities(struct findings *findings, struct facts *facts)
{
    unsigned long long bits = effective_capabilities();
    facts->may_administer = (bits >> CAP_NET_ADMIN & 1) != 0;
    facts->may_capture = (bits >> CAP_NET_RAW & 1) != 0;
    facts->may_isolate = (bits >> CAP_SYS_ADMIN & 1) != 0;
    if (facts->may_administer) {
        finding_add(findings, "capability", WORKS,
                    "CAP_NET_ADMIN is held%s: interfaces can be made in this namespace",
                    facts->may_capture ? ", CAP_NET_RAW too" : "");
        return;
    }
    char self[128] = "";
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    struct finding *finding = finding_add(
        findings, "capability", DOES_NOT_WORK,
        "CAP_NET_ADMIN is not held; a user namespace, or an interface of this user, does without");
    finding_mend(finding, "setcap cap_net_admin,cap_net_raw+ep %s", length > 0 ? self : "tunny");
}

/* The number in a file of /proc/sys; -1: there is no such file. */
static long kernel_setting(const char *path)
{
    char text[32] = "";
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return -1;
    char *read = fgets(text, sizeof text, file);
    fclose(file);
    return read != NULL ? strtol(text, NULL, 10) : -1;
}

/* The kernel's switches that forbid user namespaces or make them useless: the first that does. */
static void find_what_forbids(struct findings *findings, int error)
{
    static const struct {
        const char *path, *name;
        long forbids, allows;
    } switches[] = {
        {"/proc/sys/kernel/unprivileged_userns_clone", "kernel.unprivileged_userns_clone", 0, 1},
        {"/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
         "kernel.apparmor_restrict_unprivileged_userns", 1, 0},
        {"/proc/sys/user/max_user_namespaces", "user.max_user_namespaces", 0, 15000},
        {"/proc/sys/user/max_net_namespaces", "user.max_net_namespaces", 0, 15000},
    };
    for (size_t i = 0; i < sizeof switches / sizeof *switches; i++) {
        if (kernel_setting(switches[i].path) != switches[i].forbids)
            continue;
        struct finding *finding = finding_add(findings, "user-namespaces", DOES_NOT_WORK,
                                              "%s: %s is %ld", error_words(error), switches[i].name,
                                              switches[i].forbids);
        finding_mend(finding, "sysctl -w %s=%ld", switches[i].name, switches[i].allows);
        return;
    }
    struct finding *finding = finding_add(
        findings, "user-namespaces", DOES_NOT_WORK,
        "%s: no switch of the kernel forbids them, so a container's seccomp filter may",
        error_words(error));
    snprintf(finding->mend, sizeof finding->mend,
             "docker run --security-opt seccomp=unconfined --device=%s ...", NODE);
}

void check_user_namespaces(struct findings *findings, struct facts *facts)
{
    struct experiment made = try_in(PLACE_USER_NAMESPACE, attempt_administration);
    long apparmor = kernel_setting("/proc/sys/kernel/apparmor_restrict_unprivileged_userns");
    facts->user_namespaces = made.entered == 0 && made.error == 0;
    facts->fresh = facts->may_isolate ? PLACE_NETWORK_NAMESPACE : PLACE_USER_NAMESPACE;
    facts->has_fresh = facts->may_isolate || facts->user_namespaces;
    if (facts->user_namespaces)
        finding_add(findings, "user-namespaces", WORKS,
                    "they can be made, with a network of their own%s",
                    apparmor == 1 ? " (kernel.apparmor_restrict_unprivileged_userns is 1, but does "
                                    "not concern this program)"
                                  : "");
    else
        find_what_forbids(findings, made.entered != 0 ? made.entered : made.error);
}

/* --- the interface -----------------------------------------------------------------------------
 */

static long interface_number(const char *interface, const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "/sys/class/net/%.15s/%s", interface, name);
    return kernel_setting(path);
}

/* An interface made beforehand for this user needs no capability. One that is not there is no
 * fault: the stack makes it. */
void check_interface(struct findings *findings, struct facts *facts)
{
    char path[64];
    snprintf(path, sizeof path, "/sys/class/net/%.15s/tun_flags", facts->interface);
    if (access(path, F_OK) != 0) {
        snprintf(path, sizeof path, "/sys/class/net/%.15s", facts->interface);
        if (access(path, F_OK) == 0) {
            struct finding *finding = finding_add(findings, "interface", DOES_NOT_WORK,
                                                  "%s exists but is no TUN", facts->interface);
            finding_mend(finding, "ip link delete %s", facts->interface);
            return;
        }
        struct finding *finding = finding_add(
            findings, "interface", facts->may_administer ? WORKS : DOES_NOT_WORK,
            facts->may_administer ? "%s does not exist: the stack makes it"
                                  : "%s does not exist and may not be made by this user",
            facts->interface);
        if (!facts->may_administer)
            finding_mend(finding, "ip tuntap add dev %s mode tun user %u", facts->interface,
                         (unsigned)geteuid());
        return;
    }
    long owner = interface_number(facts->interface, "owner");
    facts->interface_is_ours = owner == (long)geteuid();
    int may_use = facts->interface_is_ours || facts->may_administer;
    struct finding *finding = finding_add(findings, "interface", may_use ? WORKS : DOES_NOT_WORK,
                                          "%s is a TUN that this user may %suse", facts->interface,
                                          may_use ? "" : "not ");
    if (!may_use)
        finding_mend(finding,
                     "sh -c 'ip tuntap del dev %s mode tun; ip tuntap add dev %s mode tun user %u'",
                     facts->interface, facts->interface, (unsigned)geteuid());
}

/* --- programs and limits -----------------------------------------------------------------------
 */

/* Whether a program is in PATH. */
static int has_program(const char *name)
{
    char path[256];
    const char *at = getenv("PATH");
    while (at != NULL && *at != '\0') {
        size_t length = strcspn(at, ":");
        snprintf(path, sizeof path, "%.*s/%s", (int)(length < 200 ? length : 200), at, name);
        if (access(path, X_OK) == 0)
            return 1;
        at += length + (at[length] == ':');
    }
    return 0;
}

void check_programs(struct findings *findings)
{
    static const struct {
        const char *name, *package, *use;
    } programs[] = {
        {"ip", "iproute2", "sets up interfaces"},
        {"tc", "iproute2", "sets up netem"},
        {"unshare", "util-linux", "makes the lab's namespaces"},
    };
    for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
        int is_here = has_program(programs[i].name);
        struct finding *finding = finding_add(findings, programs[i].name,
                                              is_here ? WORKS : DOES_NOT_WORK, "the command%s: %s",
                                              is_here ? "" : " is missing", programs[i].use);
        if (!is_here)
            finding_mend_by_package(finding, programs[i].package);
    }
}

void check_locked_memory(struct findings *findings)
{
    struct rlimit limit = {0};
    if (getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
        finding_add(findings, "locked-memory", WORKS, "none is needed (the limit is %llu KiB)",
                    (unsigned long long)limit.rlim_cur / 1024);
    else
        finding_add(findings, "locked-memory", WORKS, "none is needed (there is no limit)");
}
