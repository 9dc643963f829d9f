/* Distribution tables, computed or read, see the header. */
#include "dev/netem_tables.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COMPUTED_SIZE = 4096 };

static int16_t clip(double value)
{
    return (int16_t)(value > INT16_MAX ? INT16_MAX : value < INT16_MIN ? INT16_MIN : value);
}

static double nearest(double value)
{
    return (double)(int64_t)(value < 0 ? value - .5 : value + .5);
}

/* The quantiles (4 i + 1/2) / 16384 of the standard normal distribution in table units: each the
 * last point before it on the grid of 0.00005 sigma on which the published table was tabulated. The
 * distribution function is summed up along that grid, so that no mathematics library is needed. */
static void normal_quantiles(double quantiles[COMPUTED_SIZE])
{
    static const double h = .00005;
    double density = 7.694598626706420e-23, sum = 7.619853024160527e-24; /* at -10 sigma */
    unsigned i = 0;

    for (int grid = 1; i < COMPUTED_SIZE; grid++) {
        double x = -10.0 + (grid - 1) * h;
        /* Taylor's formula with the derivatives -x, x^2 - 1 and -x^3 + 3x of the density. */
        sum += h * density * (1 + h / 2 * (-x + h / 3 * (x * x - 1 + h / 4 * (3 * x - x * x * x))));
        double e = -h * (x + h / 2);
        density *= 1 + e * (1 + e / 2 * (1 + e / 3 * (1 + e / 4)));
        for (; i < COMPUTED_SIZE && 16384 * sum >= 4 * i + .5; i++)
            quantiles[i] = nearest(x * NETEM_TABLE_SCALE);
    }
}

/* By Newton's method; `a` in 1 .. 4096. */
static double cube_root(double a)
{
    double root = 16;

    for (int i = 0; i < 40; i++)
        root -= (root - a / (root * root)) / 3;
    return root;
}

/* Pareto with a = 3 has the quantile (1 - u)^(-1/3) and the mean 3/2; scaled by 4/3. */
static double pareto_quantile(unsigned step)
{
    double root = cube_root((double)COMPUTED_SIZE / (COMPUTED_SIZE - step));
    double quantile = (root - 1.5) * (4.0 / 3.0) * NETEM_TABLE_SCALE;

    return nearest(quantile > INT16_MAX ? INT16_MAX : quantile);
}

static void compute_normal(int16_t values[COMPUTED_SIZE])
{
    double normal[COMPUTED_SIZE];

    normal_quantiles(normal);
    for (unsigned i = 0; i < COMPUTED_SIZE; i++)
        values[i] = clip(normal[i]);
}

static void compute_pareto(int16_t values[COMPUTED_SIZE])
{
    for (unsigned i = 0; i < COMPUTED_SIZE; i++)
        values[i] = clip(pareto_quantile(i));
}

/* A quarter of the one and three quarters of the other, towards zero. */
static void compute_paretonormal(int16_t values[COMPUTED_SIZE])
{
    double normal[COMPUTED_SIZE];

    normal_quantiles(normal);
    for (unsigned i = 0; i < COMPUTED_SIZE; i++)
        values[i] = clip(.25 * normal[i] + .75 * pareto_quantile(i));
}

/* The middles of equal parts of [-1, 1). */
static void compute_uniform(int16_t values[COMPUTED_SIZE])
{
    for (int i = 0; i < COMPUTED_SIZE; i++)
        values[i] = (int16_t)((2 * i + 1 - COMPUTED_SIZE) * NETEM_TABLE_SCALE / COMPUTED_SIZE);
}

/* The numbers of one line; a `#` ends it. */
static int read_line(struct netem_table *table, const char *line)
{
    for (;;) {
        char *end;
        long value = strtol(line, &end, 10);
        if (end == line)
            break;
        if (table->size == NETEM_TABLE_LARGEST || value < INT16_MIN || value > INT16_MAX)
            return -EINVAL;
        table->values[table->size++] = (int16_t)value;
        line = end;
    }
    line += strspn(line, " \t\r\n");
    return *line == '\0' || *line == '#' ? 0 : -EINVAL;
}

static int read_file(struct netem_table *table, const char *path)
{
    char line[1024];
    FILE *file = fopen(path, "re");
    int rc = 0;

    if (file == NULL)
        return -ENOENT;
    while (rc == 0 && fgets(line, sizeof line, file))
        rc = read_line(table, line);
    fclose(file);
    return rc || table->size > 0 ? rc : -EINVAL;
}

/* iproute2's own directory: where Debian, Fedora and a build from source put it. */
static int read_system_file(struct netem_table *table, const char *name)
{
    static const char *const directories[] = {
        "/usr/lib/x86_64-linux-gnu/tc",
        "/usr/lib/aarch64-linux-gnu/tc",
        "/usr/lib64/tc",
        "/usr/lib/tc",
        "/usr/share/tc",
    };
    char path[NETEM_TABLE_NAME_SIZE + 512];
    const char *chosen = getenv("TC_LIB_DIR");

    if (chosen) {
        snprintf(path, sizeof path, "%s/%s.dist", chosen, name);
        return read_file(table, path);
    }
    for (size_t i = 0; i < sizeof directories / sizeof *directories; i++) {
        snprintf(path, sizeof path, "%s/%s.dist", directories[i], name);
        int rc = read_file(table, path);
        if (rc != -ENOENT)
            return rc;
    }
    return -ENOENT;
}

static int fill(struct netem_table *table, const char *name)
{
    static const struct {
        const char *name;
        void (*compute)(int16_t values[COMPUTED_SIZE]);
    } computed[] = {
        {"normal", compute_normal},
        {"pareto", compute_pareto},
        {"paretonormal", compute_paretonormal},
        {"uniform", compute_uniform},
    };

    for (size_t i = 0; i < sizeof computed / sizeof *computed; i++) {
        if (strcmp(name, computed[i].name) == 0) {
            table->size = COMPUTED_SIZE;
            computed[i].compute(table->values);
            return 0;
        }
    }
    return strchr(name, '/') ? read_file(table, name) : read_system_file(table, name);
}

int netem_tables_find(struct netem_tables *tables, const char *name,
                      const struct netem_table **table)
{
    for (const struct netem_table *known = tables->first; known; known = known->next) {
        if (strcmp(known->name, name) == 0) {
            *table = known;
            return 0;
        }
    }
    struct netem_table *made = calloc(1, sizeof *made);
    if (made == NULL)
        return -ENOMEM;
    snprintf(made->name, sizeof made->name, "%s", name);
    int rc = fill(made, name);
    if (rc) {
        free(made);
        return rc;
    }
    made->next = tables->first;
    tables->first = made;
    *table = made;
    return 0;
}

void netem_tables_free(struct netem_tables *tables)
{
    while (tables->first) {
        struct netem_table *first = tables->first;
        tables->first = first->next;
        free(first);
    }
}
