/* What a stack asks of the kernel, each as something to try in a fresh namespace: 0 when it works,
 * else a positive errno. Called through try_in() only, for they change the namespace that they are
 * in. */
#ifndef TUNNY_DOCTOR_ATTEMPTS_H
#define TUNNY_DOCTOR_ATTEMPTS_H

/* A network namespace whose loopback may be brought up: what AppArmor refuses in a user namespace
 * that it let be made. */
int attempt_administration(void);
/* A TUN interface. */
int attempt_tun(void);
/* The same with IFF_VNET_HDR and checksum and TCP segmentation offload. */
int attempt_tcp_offload(void);
/* The same with UDP segmentation too (Linux 6.2). */
int attempt_udp_offload(void);
/* AF_PACKET on loopback. */
int attempt_packet_socket(void);
/* A pair of virtual Ethernet interfaces. */
int attempt_veth(void);
/* netem as loopback's queueing discipline. */
int attempt_netem(void);
/* A seccomp filter that reports system calls to a listener (seccomp_unotify(2)). */
int attempt_seccomp_notification(void);

#endif
