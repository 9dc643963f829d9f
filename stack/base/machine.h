/* The one question that the core asks about the machine that it is compiled for: may a loop be
 * compiled for newer processors too? x86-64 began with vectors of 16 bytes; what is chosen when the
 * program starts is the best that is there. Every other machine's compiler has its vectors at hand.
 * Called by wire/checksum.c; it must not be used for anything that a loop can say in C. */
#ifndef TUNNY_BASE_MACHINE_H
#define TUNNY_BASE_MACHINE_H

#if defined(__x86_64__) && defined(__gnu_linux__)
#define FOR_WIDE_VECTORS __attribute__((target_clones("avx2", "default")))
#else
#define FOR_WIDE_VECTORS
#endif

#endif
