/* Order statistics; see stats.h. */
#include "lab/stats.h"

#include <math.h>
#include <stdlib.h>

static int compare(const void *a, const void *b)
{
    double first = *(const double *)a, second = *(const double *)b;
    return (first > second) - (first < second);
}

/* Sorts, and leaves NAN out. How many are left. */
static size_t sort(double *values, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (!isnan(values[i]))
            values[kept++] = values[i];
    qsort(values, kept, sizeof *values, compare);
    return kept;
}

/* The largest k for which values k and count-1-k enclose the median with 95 % confidence, that is
 * P(Binomial(count, 1/2) <= k - 1) <= 0.025. 0 when there is none. */
static size_t interval_rank(size_t count)
{
    double term = pow(0.5, (double)count), below = 0;
    size_t k = 0;
    while (k < count / 2 && below + term <= 0.025) {
        below += term;
        term *= (double)(count - k) / (double)(k + 1);
        k++;
    }
    return k > 0 ? k - 1 : 0;
}

struct spread spread_of(double *values, size_t count)
{
    count = sort(values, count);
    if (count == 0)
        return (struct spread){0, (double)NAN, (double)NAN, (double)NAN};
    size_t rank = interval_rank(count);
    double median = count % 2 == 1 ? values[count / 2]
                                   : (values[count / 2 - 1] + values[count / 2]) / 2;
    return (struct spread){count, values[rank], median, values[count - 1 - rank]};
}

double percentile(double *values, size_t count, double percent)
{
    count = sort(values, count);
    if (count == 0)
        return (double)NAN;
    double rank = ceil(percent / 100 * (double)count);
    size_t index = rank < 1 ? 0 : (size_t)rank - 1;
    return values[index < count ? index : count - 1];
}

double jain_index(const double *values, size_t count)
{
    double sum = 0, squares = 0;
    for (size_t i = 0; i < count; i++) {
        sum += values[i];
        squares += values[i] * values[i];
    }
    return squares > 0 ? sum * sum / ((double)count * squares) : (double)NAN;
}
