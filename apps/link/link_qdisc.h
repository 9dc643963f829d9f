/* tunny link qdisc: a specification for the kernel's own netem. */
#ifndef TUNNY_LINK_LINK_QDISC_H
#define TUNNY_LINK_LINK_QDISC_H

/* `argv`: [NAMESPACE/]INTERFACE, a specification or "clear", and perhaps which direction of the
 * specification. An exit code. */
int link_qdisc(int argc, char **argv);

#endif
