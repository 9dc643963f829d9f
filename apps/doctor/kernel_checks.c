/* What has to be tried, each in a fresh namespace; see checks.h and attempts.h. */
#include <errno.h>

#include "common/message.h"
#include "doctor/attempts.h"
#include "doctor/checks.h"

static const char no_place[] = "cannot be tried: no network namespace may be made here";

/* 0: it works; else why not. */
static int failure(struct experiment experiment)
{
    return experiment.entered != 0 ? experiment.entered : experiment.error;
}

void check_tun(struct findings *findings, struct facts *facts)
{
    if (!facts->has_fresh) {
        finding_add(findings, "tun", UNKNOWN, "%s", no_place);
        return;
    }
    int error = failure(try_in(facts->fresh, attempt_tun));
    facts->tun_works = error == 0;
    if (error == 0) {
        finding_add(findings, "tun", WORKS, "an interface was made in a namespace of its own");
        return;
    }
    struct finding *finding = finding_add(findings, "tun", DOES_NOT_WORK,
                                          "no interface can be made: %s", error_words(error));
    if (error == EACCES)
        finding_mend(finding, "chmod 666 /dev/net/tun");
    else if (error == ENODEV || error == ENXIO || error == ENOENT)
        finding_mend(finding, "modprobe tun");
}

void check_offload(struct findings *findings, const struct facts *facts)
{
    if (!facts->tun_works) {
        finding_add(findings, "offload", UNKNOWN, "cannot be tried without a TUN");
        return;
    }
    int tcp = failure(try_in(facts->fresh, attempt_tcp_offload));
    int udp = failure(try_in(facts->fresh, attempt_udp_offload));
    if (tcp != 0)
        finding_add(findings, "offload", DOES_NOT_WORK,
                    "%s: the stack runs without, more slowly; a newer kernel has it",
                    error_words(tcp));
    else if (udp != 0)
        finding_add(findings, "offload", WORKS,
                    "checksums and TCP super-segments; UDP's (Linux 6.2 has them) do without");
    else
        finding_add(findings, "offload", WORKS, "checksums, TCP and UDP super-segments");
}

static void find_no_packets(struct findings *findings, int error)
{
    struct finding *finding = finding_add(findings, "packet-sockets", DOES_NOT_WORK,
                                          "AF_PACKET: %s", error_words(error));
    if (error == EAFNOSUPPORT)
        finding_mend(finding, "modprobe af_packet");
}

void check_packet_sockets(struct findings *findings, struct facts *facts)
{
    if (!facts->has_fresh) {
        finding_add(findings, "packet-sockets", UNKNOWN, "%s", no_place);
        return;
    }
    int error = failure(try_in(facts->fresh, attempt_packet_socket));
    if (error != 0) {
        find_no_packets(findings, error);
        return;
    }
    int veth = failure(try_in(facts->fresh, attempt_veth));
    facts->packet_works = veth == 0;
    struct finding *finding = finding_add(
        findings, "packet-sockets", veth == 0 ? WORKS : DOES_NOT_WORK,
        veth == 0 ? "AF_PACKET and veth: --device packet:INTERFACE needs no TUN"
                  : "AF_PACKET works, but there are no veth interfaces to use it on: %s",
        error_words(veth));
    if (veth != 0)
        finding_mend(finding, "modprobe veth");
}

/* It is a luxury: --impair does the same within the stack, tunny link between any two. */
void check_netem(struct findings *findings, const struct facts *facts)
{
    if (!facts->has_fresh) {
        finding_add(findings, "netem", UNKNOWN, "%s", no_place);
        return;
    }
    int error = failure(try_in(facts->fresh, attempt_netem));
    if (error == 0) {
        finding_add(findings, "netem", WORKS, "the kernel has it");
        return;
    }
    struct finding *finding = finding_add(
        findings, "netem", DOES_NOT_WORK,
        "the kernel has none (%s); --impair and tunny link need none", error_words(error));
    if (error == ENOENT)
        finding_mend(finding, "modprobe sch_netem");
}

static const char *why_no_seccomp(int error)
{
    switch (error) {
    case EBUSY:
        return "a filter with a listener is in force already";
    case EINVAL:
        return "Linux 5.14 or later has what is needed";
    default:
        return "a container's filter may forbid it";
    }
}

/* What "tunny run" needs besides a place for the program. */
void check_seccomp(struct findings *findings, const struct facts *facts)
{
    int error = failure(try_in(PLACE_HERE, attempt_seccomp_notification));
    if (error != 0)
        finding_add(findings, "seccomp-notify", DOES_NOT_WORK,
                    "%s: %s; all but tunny run works without", error_words(error),
                    why_no_seccomp(error));
    else if (!facts->has_fresh)
        finding_add(findings, "seccomp-notify", DOES_NOT_WORK,
                    "the calls of a program can be answered, but tunny run has no place for it: "
                    "neither network nor user namespaces may be made here");
    else
        finding_add(findings, "seccomp-notify", WORKS,
                    "the calls of any program can be answered: tunny run%s",
                    facts->tun_works ? "" : " (with --no-link, since there is no TUN)");
}
