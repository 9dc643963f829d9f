/* The settings' list as a table, looked up by name. See tunables.h; called when a stack is
 * configured, never on the packet path. */
#include "tcp/tunables.h"

#include <errno.h>
#include <string.h>

static const struct tunable tunables[] = {
#define TUNABLE(name, fallback, least, most, unit, sentence)                                       \
    {#name, fallback, least, most, unit, sentence, offsetof(struct tcp_tunables, name)},
#include "tcp/tunables.def"
#undef TUNABLE
};

enum { TUNABLES = sizeof tunables / sizeof tunables[0] };

static const struct tunable *find(const char *name)
{
    for (size_t i = 0; i < TUNABLES; i++)
        if (strcmp(tunables[i].name, name) == 0)
            return &tunables[i];
    return NULL;
}

static int64_t *value_in(struct tcp_tunables *values, const struct tunable *tunable)
{
    return (int64_t *)(void *)((char *)values + tunable->offset);
}

const struct tunable *tunables_all(size_t *count)
{
    *count = TUNABLES;
    return tunables;
}

void tunables_defaults(struct tcp_tunables *values)
{
    for (size_t i = 0; i < TUNABLES; i++)
        *value_in(values, &tunables[i]) = tunables[i].fallback;
}

int tunables_set(struct tcp_tunables *values, const char *name, int64_t value)
{
    const struct tunable *tunable = find(name);

    if (!tunable)
        return -ENOENT;
    if (value < tunable->least || value > tunable->most)
        return -ERANGE;
    *value_in(values, tunable) = value;
    return 0;
}

int tunables_get(const struct tcp_tunables *values, const char *name, int64_t *value)
{
    const struct tunable *tunable = find(name);

    if (!tunable)
        return -ENOENT;
    memcpy(value, (const char *)values + tunable->offset, sizeof *value);
    return 0;
}
