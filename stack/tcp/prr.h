/* Proportional rate reduction: how much may be sent on each ACK of fast recovery, so that what is
 * in flight ends at ssthresh (RFC 9937). A leaf: numbers in, a number out. */
#ifndef TUNNY_TCP_PRR_H
#define TUNNY_TCP_PRR_H

#include <stdbool.h>
#include <stdint.h>

struct prr {
    uint64_t delivered;  /* prr_delivered, bytes since recovery began */
    uint64_t out;        /* prr_out */
    uint64_t recover_fs; /* RecoverFS */
    uint64_t due; /* was let go and has not left yet: ACKs of one turn are answered together */
};

struct prr_ack {
    uint64_t delivered; /* DeliveredData, bytes */
    uint64_t inflight, ssthresh;
    uint32_t smss;
    bool safe; /* SafeACK: SND.UNA advanced and no further loss was found */
};

/* 6.1: recovery begins; `recover_fs`: bytes in flight before the ACK that began it, `due` of them
 * not sent yet, though earlier ACKs let them go. */
void prr_begin(struct prr *prr, uint64_t recover_fs, uint64_t due);
/* 6.2: SndCnt, the bytes that may leave now; cwnd = inflight + SndCnt. */
uint64_t prr_on_ack(struct prr *prr, const struct prr_ack *ack);
void prr_on_sent(struct prr *prr, uint64_t bytes);

#endif
