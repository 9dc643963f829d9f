/* The things that the doctor looks at. Called by doctor.c in the order in which they are printed;
 * each adds its findings and says in `facts` what the later ones and the verdict need. */
#ifndef TUNNY_DOCTOR_CHECKS_H
#define TUNNY_DOCTOR_CHECKS_H

#include "doctor/finding.h"
#include "doctor/fresh_namespace.h"

struct facts {
    const char *interface; /* the TUN that the stack would take */
    int node_opens;        /* /dev/net/tun */
    int may_administer;    /* CAP_NET_ADMIN here */
    int may_capture;       /* CAP_NET_RAW here */
    int may_isolate;       /* CAP_SYS_ADMIN here: network namespaces without user namespaces */
    int user_namespaces;   /* they can be made, with rights inside */
    int interface_is_ours; /* it exists and this user owns it */
    int tun_works;         /* one was made in a fresh namespace */
    int packet_works;      /* AF_PACKET over veth in a fresh namespace */
    int has_fresh;         /* there is a place for experiments: */
    enum place fresh;
};

/* --- host_checks.c: what can be read off the machine */
void check_node(struct findings *findings, struct facts *facts);
void check_capabilities(struct findings *findings, struct facts *facts);
void check_user_namespaces(struct findings *findings, struct facts *facts);
void check_interface(struct findings *findings, struct facts *facts);
void check_programs(struct findings *findings);
void check_locked_memory(struct findings *findings);

/* --- kernel_checks.c: what must be tried */
void check_tun(struct findings *findings, struct facts *facts);
void check_offload(struct findings *findings, const struct facts *facts);
void check_packet_sockets(struct findings *findings, struct facts *facts);
void check_netem(struct findings *findings, const struct facts *facts);
void check_seccomp(struct findings *findings, const struct facts *facts);

#endif
