/* The kernel's netem over rtnetlink, see the header. The layout is that of linux/pkt_sched.h: a
 * fixed part in the units of old kernels, and attributes that newer ones prefer to it. */
#include "dev/netem_qdisc.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

enum {
    NETEM_PRNG_SEED = 14,  /* TCA_NETEM_PRNG_SEED, which older kernel headers lack */
    TICK_SHIFT = 6,        /* the fixed part counts in 64 ns */
    GSO_SEGS_MOST = 65535, /* what interfaces begin with */
};

/* --- the request ------------------------------------------------------------------------------ */

static uint32_t ticks_of(struct duration time)
{
    uint64_t ticks = (uint64_t)time.ns >> TICK_SHIFT;

    return ticks > UINT32_MAX ? UINT32_MAX : (uint32_t)ticks;
}

static struct tc_netem_qopt fixed_part(const struct netem_config *c)
{
    return (struct tc_netem_qopt){
        .latency = ticks_of(c->delay),
        .limit = c->limit,
        .loss = c->loss_model == NETEM_LOSS_RANDOM ? c->loss.probability : 0,
        .gap = c->gap,
        .duplicate = c->duplicate.probability,
        .jitter = ticks_of(c->jitter),
    };
}

static void put_times(struct netlink_message *m, const struct netem_config *c)
{
    if (c->delay.ns)
        netlink_put_u64(m, TCA_NETEM_LATENCY64, (uint64_t)c->delay.ns);
    if (c->jitter.ns)
        netlink_put_u64(m, TCA_NETEM_JITTER64, (uint64_t)c->jitter.ns);
    if (c->table)
        netlink_put(m, TCA_NETEM_DELAY_DIST, c->table->values,
                    c->table->size * sizeof *c->table->values);
}

static void put_correlations(struct netlink_message *m, const struct netem_config *c)
{
    struct tc_netem_corr correlations = {
        .delay_corr = c->delay_correlation,
        .loss_corr = c->loss.correlation,
        .dup_corr = c->duplicate.correlation,
    };

    if (correlations.delay_corr || correlations.loss_corr || correlations.dup_corr)
        netlink_put(m, TCA_NETEM_CORR, &correlations, sizeof correlations);
}

static void put_event(struct netlink_message *m, uint16_t type, const struct netem_event *event)
{
    struct tc_netem_reorder pair = {event->probability, event->correlation};

    if (event->probability)
        netlink_put(m, type, &pair, sizeof pair);
}

static void put_loss_model(struct netlink_message *m, const struct netem_config *c)
{
    struct tc_netem_gimodel state = {.p13 = c->state.p13,
                                     .p31 = c->state.p31,
                                     .p32 = c->state.p32,
                                     .p14 = c->state.p14,
                                     .p23 = c->state.p23};
    struct tc_netem_gemodel gemodel = {c->gemodel.p, c->gemodel.r, c->gemodel.h, c->gemodel.k1};

    if (c->loss_model != NETEM_LOSS_STATE && c->loss_model != NETEM_LOSS_GEMODEL)
        return;
    size_t loss = netlink_nest_begin(m, TCA_NETEM_LOSS, NULL, 0);
    if (c->loss_model == NETEM_LOSS_STATE)
        netlink_put(m, NETEM_LOSS_GI, &state, sizeof state);
    else
        netlink_put(m, NETEM_LOSS_GE, &gemodel, sizeof gemodel);
    netlink_nest_end(m, loss);
}

static void put_rate(struct netlink_message *m, const struct netem_config *c)
{
    struct tc_netem_rate rate = {
        .rate = c->rate > UINT32_MAX ? UINT32_MAX : (uint32_t)c->rate,
        .packet_overhead = c->overhead,
        .cell_size = c->cell,
        .cell_overhead = c->cell_overhead,
    };

    if (c->rate == 0)
        return;
    if (c->rate > UINT32_MAX)
        netlink_put_u64(m, TCA_NETEM_RATE64, c->rate);
    netlink_put(m, TCA_NETEM_RATE, &rate, sizeof rate);
}

static void put_slot(struct netlink_message *m, const struct netem_slot *s)
{
    struct tc_netem_slot slot = {
        .min_delay = s->shortest.ns,
        .max_delay = s->longest.ns,
        .max_packets = (int32_t)s->packets,
        .max_bytes = (int32_t)s->bytes,
        .dist_delay = s->delay.ns,
        .dist_jitter = s->jitter.ns,
    };

    if (!s->on)
        return;
    netlink_put(m, TCA_NETEM_SLOT, &slot, sizeof slot);
    if (s->table)
        netlink_put(m, TCA_NETEM_SLOT_DIST, s->table->values,
                    s->table->size * sizeof *s->table->values);
}

static void begin(struct netlink_message *m, uint16_t type, uint16_t flags, int index)
{
    struct tcmsg body = {.tcm_family = AF_UNSPEC, .tcm_ifindex = index, .tcm_parent = TC_H_ROOT};

    netlink_begin(m, type, flags, &body, sizeof body);
}

void netem_qdisc_request(const struct netem_config *config, int index, struct netlink_message *m)
{
    struct tc_netem_qopt fixed = fixed_part(config);

    begin(m, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, index);
    netlink_put_string(m, TCA_KIND, "netem");
    size_t options = netlink_nest_begin(m, TCA_OPTIONS, &fixed, sizeof fixed);
    put_correlations(m, config);
    put_event(m, TCA_NETEM_REORDER, &config->reorder);
    put_event(m, TCA_NETEM_CORRUPT, &config->corrupt);
    put_loss_model(m, config);
    put_rate(m, config);
    if (config->ecn)
        netlink_put_u32(m, TCA_NETEM_ECN, 1);
    put_times(m, config);
    put_slot(m, &config->slot);
    if (config->has_seed)
        netlink_put_u64(m, NETEM_PRNG_SEED, config->seed);
    netlink_nest_end(m, options);
}

/* --- sending it ------------------------------------------------------------------------------- */

struct talk {
    const char *interface;
    int index;
    char words[256]; /* the kernel's */
    struct netlink_message message;
};

static int complain(const struct talk *t, int rc, char *error, size_t error_size)
{
    if (rc == -ENODEV)
        snprintf(error, error_size, "there is no interface '%s' here", t->interface);
    else if (rc == -ENOENT || rc == -EOPNOTSUPP)
        snprintf(error, error_size,
                 "this kernel has no netem (modprobe sch_netem, in Debian's linux-image, Fedora's "
                 "kernel-modules-extra); --impair and tunny link do the same without");
    else if (rc == -EPERM)
        snprintf(error, error_size,
                 "the qdisc of '%s' takes CAP_NET_ADMIN, or root in a user namespace that owns it",
                 t->interface);
    else
        snprintf(error, error_size, "the kernel refuses this on '%s': %s%s%s", t->interface,
                 strerror(-rc), t->words[0] ? ": " : "", t->words);
    return rc;
}

static int say(struct talk *t)
{
    return netlink_talk(&t->message, t->words, sizeof t->words);
}

/* What is at the root goes; a default that nobody put there cannot, and need not. */
static int clear_root(struct talk *t)
{
    begin(&t->message, RTM_DELQDISC, 0, t->index);
    int rc = say(t);
    return rc == -ENOENT || rc == -EINVAL ? 0 : rc;
}

/* A change in place would keep what is not named (rate, reorder, corrupt, slot ...): what is there
 * goes first. */
static int put_netem(struct talk *t, const struct netem_config *config)
{
    netem_qdisc_request(config, t->index, &t->message);
    int rc = say(t);
    if (rc != -EEXIST)
        return rc;
    rc = clear_root(t);
    if (rc)
        return rc;
    netem_qdisc_request(config, t->index, &t->message);
    return say(t);
}

static int set_segments(struct talk *t, uint32_t most)
{
    struct ifinfomsg body = {.ifi_family = AF_UNSPEC, .ifi_index = t->index};

    netlink_begin(&t->message, RTM_NEWLINK, 0, &body, sizeof body);
    netlink_put_u32(&t->message, IFLA_GSO_MAX_SEGS, most);
    return say(t);
}

static int with_interface(const char *interface, struct talk **talk, char *error, size_t error_size)
{
    struct talk *t = calloc(1, sizeof *t);

    snprintf(error, error_size, "no memory");
    if (t == NULL)
        return -ENOMEM;
    t->interface = interface;
    t->index = (int)if_nametoindex(interface);
    if (t->index == 0) {
        int rc = complain(t, -ENODEV, error, error_size);
        free(t);
        return rc;
    }
    *talk = t;
    return 0;
}

int netem_qdisc_set(const char *interface, const struct netem_config *config, char *error,
                    size_t error_size)
{
    struct talk *t;
    int rc = with_interface(interface, &t, error, error_size);

    if (rc)
        return rc;
    rc = put_netem(t, config);
    if (rc == 0)
        rc = set_segments(t, 1);
    if (rc)
        complain(t, rc, error, error_size);
    free(t);
    return rc;
}

int netem_qdisc_clear(const char *interface, char *error, size_t error_size)
{
    struct talk *t;
    int rc = with_interface(interface, &t, error, error_size);

    if (rc)
        return rc;
    rc = clear_root(t);
    if (rc == 0)
        rc = set_segments(t, GSO_SEGS_MOST);
    if (rc)
        complain(t, rc, error, error_size);
    free(t);
    return rc;
}

bool netem_qdisc_has_seed(void)
{
    struct utsname kernel;
    unsigned major, minor;

    if (uname(&kernel) != 0 || sscanf(kernel.release, "%u.%u", &major, &minor) != 2)
        return false;
    return major > 6 || (major == 6 && minor >= 6);
}
