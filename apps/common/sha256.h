/* SHA-256 (FIPS 180-4). Called by the downloader and by the generator's digest; it knows bytes
 * only. */
#ifndef TUNNY_COMMON_SHA256_H
#define TUNNY_COMMON_SHA256_H

#include <stddef.h>
#include <stdint.h>

struct sha256 {
    uint32_t state[8];
    uint64_t bytes;
    unsigned char block[64];
};

enum { SHA256_BYTES = 32, SHA256_TEXT = 65 };

void sha256_start(struct sha256 *sha);
void sha256_add(struct sha256 *sha, const void *data, size_t length);
/* The digest; `sha` is used up. */
void sha256_end(struct sha256 *sha, unsigned char digest[SHA256_BYTES]);
/* 64 lower-case hexadecimal digits and NUL. Returns `text`. */
char *sha256_text(const unsigned char digest[SHA256_BYTES], char text[SHA256_TEXT]);
/* Reads 64 hexadecimal digits of either case. 0; -EINVAL. */
int sha256_parse(const char *text, unsigned char digest[SHA256_BYTES]);

#endif
