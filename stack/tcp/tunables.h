/* The settings of a host's TCP, made from tunables.def. Read by tcp/; set by name from outside. */
#ifndef TUNNY_TCP_TUNABLES_H
#define TUNNY_TCP_TUNABLES_H

#include <stddef.h>
#include <stdint.h>

struct tcp_tunables {
#define TUNABLE(name, fallback, least, most, unit, sentence) int64_t name;
#include "tcp/tunables.def"
#undef TUNABLE
};

/* What the list says of one setting. */
struct tunable {
    const char *name;
    int64_t fallback, least, most;
    const char *unit, *sentence;
    size_t offset; /* in struct tcp_tunables */
};

/* All of them; *count. */
const struct tunable *tunables_all(size_t *count);
void tunables_defaults(struct tcp_tunables *tunables);

/* 0; -ENOENT: no such name; -ERANGE: outside its bounds (nothing set). */
int tunables_set(struct tcp_tunables *tunables, const char *name, int64_t value);
int tunables_get(const struct tcp_tunables *tunables, const char *name, int64_t *value);

#endif
