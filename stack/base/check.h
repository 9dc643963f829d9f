/* Checks that hold in every build. A failed CHECK is a mistake of ours, never of the peer or the
 * user: it prints where and what, then aborts. Everybody may call it; it knows nothing. */
#ifndef TUNNY_BASE_CHECK_H
#define TUNNY_BASE_CHECK_H

#define CHECK(condition)                                                                           \
    ((condition) ? (void)0 : check_failed(#condition, __FILE__, __LINE__, __func__))

/* For the end of a switch that lists every case. */
#define UNREACHABLE() check_failed("unreachable", __FILE__, __LINE__, __func__)

/* Prints one line on standard error and aborts; never returns. */
_Noreturn void check_failed(const char *condition, const char *file, int line,
                            const char *function);

#endif
