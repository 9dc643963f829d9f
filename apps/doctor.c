/* tunny doctor: tries out what a stack over TUN needs (the device node, the right to make
 * interfaces, namespaces, offload, netem) in namespaces of its own that vanish with their
 * processes, and prints the command that mends what is missing. It asks the kernel and changes
 * nothing. */
#define _GNU_SOURCE
#include "doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/exit_codes.h"
#include "common/message.h"
#include "common/options.h"

/* Linux 6.2; the headers of a build may be older than the kernel that runs. */
enum { OFFLOAD_USO4 = 0x20, OFFLOAD_USO6 = 0x40, TUN_MAJOR = 10, TUN_MINOR = 200 };

static const char node[] = "/dev/net/tun";

static const struct option doctor_longs[] = {{0}};
static const struct command doctor_command = {
    .name = "tunny doctor",
    .usage = "tunny doctor [--json]",
    .help = "Says what this machine offers to a stack over TUN, and how to mend the rest.\n"
            "Exit codes: 0 a stack can run here, 1 it cannot, 2 usage.\n",
    .shorts = "",
    .longs = doctor_longs,
};

enum verdict { VERDICT_YES, VERDICT_PARTLY, VERDICT_NO };

struct finding {
    const char *what;
    enum verdict verdict;
    char detail[256];
    const char *remedy; /* a command, or "" */
};

/* What a child in a namespace of its own found out; each a negative errno, or as said. */
struct trial {
    int namespace_error; /* 0: it has one */
    int open_error, tun_error, vnet_error, offload_error, uso_error;
    int packet_error; /* AF_PACKET sockets */
    int netem;        /* exit code of tc, 127: there is none */
};

enum trial_kind { TRIAL_AS_IS, TRIAL_USER_NAMESPACE };

/* --- in the child
 * ---------------------------------------------------------------------------------------- */

static void write_file(const char *path, const char *text)
{
    int descriptor = open(path, O_WRONLY | O_CLOEXEC);
    if (descriptor < 0)
        return;
    ssize_t written = write(descriptor, text, strlen(text));
    (void)written;
    close(descriptor);
}

static int enter_namespace(enum trial_kind kind)
{
    char map[64];
    unsigned user = getuid(), group = getgid();
    if (unshare(CLONE_NEWNET | (kind == TRIAL_USER_NAMESPACE ? CLONE_NEWUSER : 0)) < 0)
        return -errno;
    if (kind == TRIAL_USER_NAMESPACE) {
        write_file("/proc/self/setgroups", "deny");
        snprintf(map, sizeof map, "0 %u 1", user);
        write_file("/proc/self/uid_map", map);
        snprintf(map, sizeof map, "0 %u 1", group);
        write_file("/proc/self/gid_map", map);
    }
    return 0;
}

/* Makes a TUN interface. Its descriptor, or a negative errno. */
static int make_tun(short flags)
{
    struct ifreq request = {.ifr_flags = (short)(IFF_TUN | IFF_NO_PI | flags)};
    int descriptor = open(node, O_RDWR | O_CLOEXEC);
    if (descriptor < 0)
        return -errno;
    if (ioctl(descriptor, TUNSETIFF, &request) < 0) {
        int error = errno;
        close(descriptor);
        return -error;
    }
    return descriptor;
}

static int set_offload(int descriptor, unsigned bits)
{
    return ioctl(descriptor, TUNSETOFFLOAD, (unsigned long)bits) < 0 ? -errno : 0;
}

static void try_tun(struct trial *trial)
{
    const unsigned tso = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6;
    int plain = make_tun(0);
    trial->tun_error = plain < 0 ? plain : 0;
    if (plain >= 0)
        close(plain);
    int vnet = make_tun(IFF_VNET_HDR);
    trial->vnet_error = trial->offload_error = trial->uso_error = vnet < 0 ? vnet : 0;
    if (vnet < 0)
        return;
    trial->offload_error = set_offload(vnet, tso);
    trial->uso_error = set_offload(vnet, tso | OFFLOAD_USO4 | OFFLOAD_USO6);
    close(vnet);
}

/* Does the kernel's netem attach? */
static int try_netem(void)
{
    pid_t child = fork();
    if (child == 0) {
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (null >= 0) {
            dup2(null, STDOUT_FILENO);
            dup2(null, STDERR_FILENO);
        }
        execlp("tc", "tc", "qdisc", "add", "dev", "lo", "root", "netem", "delay", "1ms",
               (char *)NULL);
        _exit(127);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) < 0 || !WIFEXITED(status))
        return 126;
    return WEXITSTATUS(status);
}

static void try_all(enum trial_kind kind, struct trial *trial)
{
    trial->namespace_error = enter_namespace(kind);
    if (trial->namespace_error < 0)
        return;
    int descriptor = open(node, O_RDWR | O_CLOEXEC);
    trial->open_error = descriptor < 0 ? -errno : 0;
    if (descriptor >= 0)
        close(descriptor);
    try_tun(trial);
    descriptor = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    trial->packet_error = descriptor < 0 ? -errno : 0;
    trial->netem = try_netem();
}

/* Runs the trial in a child of its own. */
static struct trial run_trial(enum trial_kind kind)
{
    struct trial trial = {.namespace_error = -EIO};
    int ends[2], status;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return trial;
    pid_t child = fork();
    if (child == 0) {
        try_all(kind, &trial);
        ssize_t written = write(ends[1], &trial, sizeof trial);
        _exit(written == (ssize_t)sizeof trial ? 0 : 1);
    }
    close(ends[1]);
    if (child > 0) {
        if (read(ends[0], &trial, sizeof trial) != (ssize_t)sizeof trial)
            trial = (struct trial){.namespace_error = -EIO};
        waitpid(child, &status, 0);
    }
    close(ends[0]);
    return trial;
}

/* --- findings
 * ------------------------------------------------------------------------------------------------
 */

/* The number in a file of /proc/sys; -1: there is no such file. */
static long sysctl_value(const char *path)
{
    long value = -1;
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return -1;
    if (fscanf(file, "%ld", &value) != 1)
        value = -1;
    fclose(file);
    return value;
}

static int has_net_admin(void)
{
    char line[128];
    unsigned long long bits = 0;
    FILE *file = fopen("/proc/self/status", "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (sscanf(line, "CapEff: %llx", &bits) == 1)
            break;
    if (file != NULL)
        fclose(file);
    return (bits >> CAP_NET_ADMIN & 1) != 0;
}

static struct finding node_finding(void)
{
    struct finding finding = {.what = "device node", .verdict = VERDICT_NO, .remedy = ""};
    struct stat status;
    if (stat(node, &status) < 0) {
        snprintf(finding.detail, sizeof finding.detail, "%s: %s", node, error_words(errno));
        finding.remedy = "sudo modprobe tun; sudo mkdir -p /dev/net; "
                         "sudo mknod -m 666 /dev/net/tun c 10 200";
        return finding;
    }
    if (!S_ISCHR(status.st_mode) || major(status.st_rdev) != TUN_MAJOR ||
        minor(status.st_rdev) != TUN_MINOR) {
        snprintf(finding.detail, sizeof finding.detail, "%s is not character device 10, 200", node);
        finding.remedy = "sudo rm /dev/net/tun; sudo mknod -m 666 /dev/net/tun c 10 200";
        return finding;
    }
    int descriptor = open(node, O_RDWR | O_CLOEXEC);
    int error = errno;
    snprintf(finding.detail, sizeof finding.detail, "%s has mode %04o and owner %u: %s", node,
             (unsigned)(status.st_mode & 07777), (unsigned)status.st_uid,
             descriptor >= 0 ? "opens" : error_words(error));
    if (descriptor < 0)
        finding.remedy = error == EACCES || error == EPERM ? "sudo chmod 666 /dev/net/tun"
                                                           : "sudo modprobe tun";
    else
        close(descriptor);
    finding.verdict = descriptor >= 0 ? VERDICT_YES : VERDICT_NO;
    return finding;
}

static struct finding capability_finding(int has_it)
{
    struct finding finding = {.what = "CAP_NET_ADMIN", .remedy = ""};
    finding.verdict = has_it ? VERDICT_YES : VERDICT_PARTLY;
    snprintf(
        finding.detail, sizeof finding.detail, "%s",
        has_it ? "held: interfaces can be made in this network namespace"
               : "not held: interfaces can be made in namespaces of one's own only, or with sudo");
    return finding;
}

static struct finding user_namespace_finding(const struct trial *trial)
{
    struct finding finding = {.what = "user namespaces", .verdict = VERDICT_YES, .remedy = ""};
    if (trial->namespace_error == 0) {
        snprintf(finding.detail, sizeof finding.detail, "unshare -Urn works: no root is needed");
        return finding;
    }
    finding.verdict = VERDICT_PARTLY;
    snprintf(finding.detail, sizeof finding.detail, "unshare: %s",
             error_words(trial->namespace_error));
    if (sysctl_value("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == 1)
        finding.remedy = "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0";
    else if (sysctl_value("/proc/sys/kernel/unprivileged_userns_clone") == 0)
        finding.remedy = "sudo sysctl -w kernel.unprivileged_userns_clone=1";
    else if (sysctl_value("/proc/sys/user/max_user_namespaces") == 0)
        finding.remedy = "sudo sysctl -w user.max_user_namespaces=15000";
    return finding;
}

static struct finding apparmor_finding(const struct trial *user)
{
    struct finding finding = {.what = "AppArmor switch", .verdict = VERDICT_YES, .remedy = ""};
    long value = sysctl_value("/proc/sys/kernel/apparmor_restrict_unprivileged_userns");
    int hurts = value == 1 && (user->namespace_error != 0 || user->tun_error == -EPERM);
    snprintf(finding.detail, sizeof finding.detail, "apparmor_restrict_unprivileged_userns is %s%s",
             value < 0    ? "absent"
             : value == 0 ? "0"
                          : "1",
             hurts ? ": namespaces of users have no rights" : "");
    if (hurts) {
        finding.verdict = VERDICT_PARTLY;
        finding.remedy = "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0";
    }
    return finding;
}

static struct finding tun_finding(const struct trial *trial)
{
    struct finding finding = {.what = "TUN interface", .verdict = VERDICT_YES, .remedy = ""};
    if (trial->namespace_error == 0 && trial->tun_error == 0) {
        snprintf(finding.detail, sizeof finding.detail, "made one in a network namespace");
        return finding;
    }
    finding.verdict = VERDICT_NO;
    snprintf(finding.detail, sizeof finding.detail, "cannot be made: %s",
             error_words(trial->namespace_error != 0 ? trial->namespace_error : trial->tun_error));
    finding.remedy = trial->tun_error == -EACCES ? "sudo chmod 666 /dev/net/tun"
                     : trial->tun_error == -EPERM || trial->namespace_error != 0
                         ? "run it with sudo"
                         : "sudo modprobe tun";
    return finding;
}

static struct finding offload_finding(const struct trial *trial)
{
    struct finding finding = {.what = "offload", .verdict = VERDICT_PARTLY, .remedy = ""};
    if (trial->namespace_error != 0 || trial->tun_error != 0)
        snprintf(finding.detail, sizeof finding.detail, "unknown without a TUN interface");
    else if (trial->vnet_error != 0 || trial->offload_error != 0)
        snprintf(finding.detail, sizeof finding.detail,
                 "the kernel refuses it: everything works, more slowly");
    else if (trial->uso_error != 0)
        snprintf(finding.detail, sizeof finding.detail,
                 "checksums and TCP super-segments; UDP's need Linux 6.2");
    else {
        snprintf(finding.detail, sizeof finding.detail, "checksums, TCP and UDP super-segments");
        finding.verdict = VERDICT_YES;
    }
    if (trial->uso_error != 0 && trial->offload_error == 0 && trial->vnet_error == 0)
        finding.verdict = VERDICT_YES;
    return finding;
}

static struct finding packet_finding(const struct trial *trial)
{
    struct finding finding = {.what = "AF_PACKET", .verdict = VERDICT_YES, .remedy = ""};
    int error = trial->namespace_error != 0 ? trial->namespace_error : trial->packet_error;
    snprintf(finding.detail, sizeof finding.detail, "%s",
             error == 0 ? "works: --device packet:INTERFACE needs no TUN" : error_words(error));
    if (error != 0)
        finding.verdict = VERDICT_PARTLY;
    return finding;
}

static struct finding netem_finding(const struct trial *trial)
{
    struct finding finding = {.what = "netem", .verdict = VERDICT_PARTLY, .remedy = ""};
    if (trial->namespace_error != 0) {
        snprintf(finding.detail, sizeof finding.detail, "unknown without a namespace");
    } else if (trial->netem == 0) {
        finding.verdict = VERDICT_YES;
        snprintf(finding.detail, sizeof finding.detail, "tc can attach it");
    } else if (trial->netem == 127) {
        snprintf(finding.detail, sizeof finding.detail, "there is no tc; --impair works without");
        finding.remedy = "sudo apt-get install iproute2";
    } else {
        snprintf(finding.detail, sizeof finding.detail,
                 "the kernel does not have it; --impair works without");
        finding.remedy = "sudo modprobe sch_netem";
    }
    return finding;
}

/* --- the command
 * -----------------------------------------------------------------------------------------------
 */

static void print_finding(const struct finding *finding, int json)
{
    static const char *const words[] = {"ok", "partly", "MISSING"};
    const char *word = words[finding->verdict];
    if (!json) {
        printf("%-8s %-16s %s\n", word, finding->what, finding->detail);
        if (*finding->remedy != '\0')
            printf("%-8s %-16s   mend: %s\n", "", "", finding->remedy);
        return;
    }
    printf("{\"check\":\"%s\",\"result\":\"%s\",\"detail\":", finding->what,
           finding->verdict == VERDICT_NO ? "missing" : word);
    message_json_string(stdout, finding->detail);
    printf(",\"remedy\":");
    message_json_string(stdout, finding->remedy);
    printf("}\n");
}

static int works(const struct trial *trial)
{
    return trial->namespace_error == 0 && (trial->tun_error == 0 || trial->packet_error == 0);
}

static int conclude(const struct trial *as_is, const struct trial *user, int has_admin, int json)
{
    const char *sentence = "a stack cannot run here until something above is mended";
    if (has_admin && works(as_is))
        sentence = as_is->tun_error == 0 ? "a stack can run here"
                                         : "a stack can run here over --device packet:INTERFACE";
    else if (works(user))
        sentence =
            user->tun_error == 0
                ? "a stack can run here in a namespace of your own: unshare -Urn"
                : "a stack can run here over AF_PACKET in a namespace of your own: unshare -Urn";
    int can = (has_admin && works(as_is)) || works(user);
    if (json)
        printf("{\"check\":\"verdict\",\"result\":\"%s\",\"detail\":\"%s\",\"remedy\":\"\"}\n",
               can ? "ok" : "missing", sentence);
    else
        printf("\n%s.\n", sentence);
    return can ? EXIT_OK : EXIT_FAILED;
}

int doctor_main(int argc, char **argv)
{
    static struct options options;
    message_program(doctor_command.name);
    options_start(&options, argc, argv);
    int option = options_next(&options, &doctor_command, argc, argv);
    if (option != OPTIONS_END)
        return option == OPTIONS_ANSWERED ? EXIT_OK : EXIT_USAGE;
    if (argc != optind)
        return options_wrong("there is nothing to name");
    int has_admin = has_net_admin();
    struct trial as_is = run_trial(TRIAL_AS_IS), user = run_trial(TRIAL_USER_NAMESPACE);
    const struct trial *best = has_admin && as_is.namespace_error == 0 ? &as_is : &user;
    struct finding findings[] = {
        node_finding(),
        capability_finding(has_admin),
        user_namespace_finding(&user),
        apparmor_finding(&user),
        tun_finding(best),
        offload_finding(best),
        packet_finding(best),
        netem_finding(best),
    };
    for (size_t i = 0; i < sizeof findings / sizeof *findings; i++)
        print_finding(&findings[i], options.json);
    return conclude(&as_is, &user, has_admin, options.json);
}
