/* The cases that are compared, see the header. */
#include "exact/fate_cases.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/random.h"
#include "dev/netem_units.h"

static void add(struct fate_record *record, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void add(struct fate_record *record, const char *format, ...)
{
    size_t used = strlen(record->spec);
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(record->spec + used, sizeof record->spec - used, format, arguments);
    va_end(arguments);
}

static void add_seeds(struct random *random, struct fate_record *record)
{
    add(record, "seed %" PRIu64, random_u64(random));
    record->seed = random_u64(random);
}

bool fate_case_read(const char *line, struct random *random, struct fate_record *record)
{
    char time[NETEM_WORD_SIZE];
    struct duration interval;
    int used = 0;

    if (line[0] == '#' || sscanf(line, "%63s %n", time, &used) != 1 ||
        netem_read_time(time, &interval))
        return false;
    *record = (struct fate_record){.interval = interval.ns};
    add(record, "%.*s ", (int)strcspn(line + used, "\n"), line + used);
    add_seeds(random, record);
    return true;
}

static unsigned up_to(struct random *random, unsigned most)
{
    return 1 + (unsigned)random_below(random, most);
}

static void draw_loss(struct random *random, struct fate_record *record)
{
    switch (random_below(random, 4)) {
    case 0:
        add(record, "loss %u.%u%% ", up_to(random, 20), up_to(random, 9));
        break;
    case 1:
        add(record, "loss state %u%% %u%% %u%% %u%% %u%% ", up_to(random, 30), up_to(random, 60),
            up_to(random, 30), up_to(random, 60), up_to(random, 10));
        break;
    case 2:
        add(record, "loss gemodel %u%% %u%% %u%% %u.%u%% ", up_to(random, 20), up_to(random, 60),
            up_to(random, 99), up_to(random, 2), up_to(random, 9));
        break;
    default:
        add(record, "loss %u%% %u%% ", up_to(random, 40), up_to(random, 70));
        break;
    }
    if (random_one_in(random, 4))
        add(record, "ecn ");
}

static void draw_delay(struct random *random, struct fate_record *record)
{
    static const char *const tables[] = {"normal", "pareto", "paretonormal", "experimental"};

    add(record, "delay %uus ", up_to(random, 40000));
    if (random_one_in(random, 3))
        return;
    add(record, "%uus ", up_to(random, 15000));
    if (random_one_in(random, 2))
        add(record, "distribution %s ", tables[random_below(random, 4)]);
}

static void draw_rate(struct random *random, struct fate_record *record)
{
    add(record, "rate %ukbit ", 3000 + up_to(random, 10000));
    if (random_one_in(random, 2))
        return;
    add(record, "%d ", (int)up_to(random, 100) - 50);
    if (random_one_in(random, 2))
        add(record, "%u %d ", up_to(random, 100), (int)up_to(random, 20) - 10);
}

void fate_case_draw(struct random *random, struct fate_record *record)
{
    *record = (struct fate_record){.interval = 100000 + (int64_t)random_below(random, 1900000)};
    /* Slots not with delays: whether a packet is due before a slot begins would turn on the steps
     * of the kernel's clock. */
    bool slots = random_one_in(random, 6);

    if (slots)
        add(record, "slot %uus packets %u bytes %u ", up_to(random, 9000), up_to(random, 30),
            4000 + up_to(random, 40000));
    else
        draw_delay(random, record);
    if (random_one_in(random, 2))
        draw_loss(random, record);
    if (!slots && random_one_in(random, 3))
        add(record, "reorder %u%% gap %u ", up_to(random, 60), up_to(random, 6));
    if (random_one_in(random, 3))
        add(record, "duplicate %u%% ", up_to(random, 30));
    if (random_one_in(random, 3))
        add(record, "corrupt %u%% ", up_to(random, 20));
    if (!slots && random_one_in(random, 3))
        draw_rate(random, record);
    if (random_one_in(random, 3))
        add(record, "limit %u ", up_to(random, 60));
    add_seeds(random, record);
}
