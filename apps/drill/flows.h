/* The conversations of a script, and how its numbers and the stack's belong together: a script says
 * 0 where the stack chose an initial sequence number, and 100 where it chose a timestamp. Called by
 * the interpreter.
 */
#ifndef TUNNY_DRILL_FLOWS_H
#define TUNNY_DRILL_FLOWS_H

#include "packet_bytes.h"

enum { FLOW_STAMPS = 64 };

struct flow {
    uint8_t protocol;
    uint16_t local_port, remote_port;
    bool active;         /* the stack sent the first SYN */
    uint32_t remote_isn; /* what is added to the script's numbers of the peer: of its SYN-ACK */
    bool iss_known;
    uint32_t script_iss, live_iss; /* the stack's SYN as the script wrote it, and as it was */
    bool reset;                    /* an RST went by: the next SYN is another conversation's */
    unsigned stamps;               /* how many timestamps of the stack were seen */
    struct {
        uint32_t script, live;
    } stamp[FLOW_STAMPS]; /* a ring */
    struct flow *next;
};

struct flows {
    struct arena *arena;
    struct flow *all;
    struct flow *current; /* of packets that do not name ports; NULL: the next SYN's */
    uint16_t next_remote_port;
};

void flows_init(struct flows *flows, struct arena *arena);
struct flow *flows_find(const struct flows *flows, uint8_t protocol, uint16_t local_port,
                        uint16_t remote_port);
/* The same, or a new one; it becomes the current one. remote_port 0: a port nobody used yet. */
struct flow *flows_get(struct flows *flows, uint8_t protocol, uint16_t local_port,
                       uint16_t remote_port);

/* A packet of the script becomes one for the stack: acknowledgement, SACK and echoed timestamp. */
void flow_to_live(struct flow *flow, struct packet_spec *spec);
/* A packet of the stack becomes one of the script. `expected`, or NULL, says what the numbers are
 * that are seen for the first time: the SYN's and each timestamp. */
void flow_to_script(struct flow *flow, struct packet_spec *seen,
                    const struct packet_spec *expected);
/* The stack's sequence number for one of the script's, and back. */
uint32_t flow_live_seq(const struct flow *flow, uint32_t script);

#endif
