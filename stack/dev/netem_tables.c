/* Distribution tables, computed or read, see the header. */
#include "dev/netem_tables.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COMPUTED_SIZE = 4096 };

static int16_t clip(double value)
{
    return (int16_t)(value > INT16_MAX ? INT16_MAX : value < INT16_MIN ? INT16_MIN : value);
}

/* The quantile (4 step + 1/2) / 16384 of the standard normal distribution in table units: the
 * largest point below it on the grid of 0.00005 sigma on which the published table was tabulated.
 */
static double normal_quantile(unsigned step)
{
    int below = 0, above = 401000; /* grid points from -10 sigma on */

    while (above - below > 1) {
        int middle = (below + above) / 2;
        double x = -10.0 + middle * .00005;
        if (16384 * (.5 + .5 * erf(x / sqrt(2.0))) < 4 * step + .5)
            below = middle;
        else
            above = middle;
    }
    return rint((-10.0 + below * .00005) * NETEM_TABLE_SCALE);
}

/* Pareto with a = 3 has the quantile (1 - u)^(-1/3) and the mean 3/2; scaled by 4/3. */
static double pareto_quantile(unsigned step)
{
    double u = (double)step / COMPUTED_SIZE;
    double quantile = (1.0 / pow(1.0 - u, 1.0 / 3.0) - 1.5) * (4.0 / 3.0) * NETEM_TABLE_SCALE;

    return rint(quantile > INT16_MAX ? INT16_MAX : quantile);
}

/* A quarter of the one and three quarters of the other. */
static double paretonormal_quantile(unsigned step)
{
    return trunc(.25 * normal_quantile(step) + .75 * pareto_quantile(step));
}

/* The middles of equal parts of [-1, 1). */
static double uniform_quantile(unsigned step)
{
    return (2.0 * step + 1 - COMPUTED_SIZE) * NETEM_TABLE_SCALE / COMPUTED_SIZE;
}

static void compute(struct netem_table *table, double (*quantile)(unsigned step))
{
    table->size = COMPUTED_SIZE;
    for (unsigned i = 0; i < COMPUTED_SIZE; i++)
        table->values[i] = clip(quantile(i));
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
        double (*quantile)(unsigned step);
    } computed[] = {
        {"normal", normal_quantile},
        {"pareto", pareto_quantile},
        {"paretonormal", paretonormal_quantile},
        {"uniform", uniform_quantile},
    };

    for (size_t i = 0; i < sizeof computed / sizeof *computed; i++) {
        if (strcmp(name, computed[i].name) == 0) {
            compute(table, computed[i].quantile);
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
