/* tunny gen-sha256: the digest of what `tunny serve` sends for /gen/SIZE?seed=N, without a network.
 */
#include "gen_sha256.h"

#include <stdio.h>
#include <string.h>

#include "common/exit_codes.h"
#include "common/message.h"
#include "common/numbers.h"
#include "common/options.h"
#include "common/sha256.h"
#include "serve/generate.h"

static void print_digest(uint64_t size, uint64_t seed)
{
    static unsigned char block[65536];
    unsigned char digest[SHA256_BYTES];
    char text[SHA256_TEXT];
    struct sha256 sha;
    sha256_start(&sha);
    for (uint64_t at = 0; at < size;) {
        size_t part = size - at < sizeof block ? (size_t)(size - at) : sizeof block;
        generate_bytes(seed, at, block, part);
        sha256_add(&sha, block, part);
        at += part;
    }
    sha256_end(&sha, digest);
    printf("%s\n", sha256_text(digest, text));
}

int gen_sha256_main(int argc, char **argv)
{
    uint64_t size, seed = 0;
    message_program("tunny gen-sha256");
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        printf("Usage: tunny gen-sha256 SIZE [SEED]\n"
               "Prints the SHA-256 of what \"tunny serve\" sends for /gen/SIZE?seed=SEED.\n");
        return EXIT_OK;
    }
    if (argc < 2 || argc > 3)
        return options_wrong("expected SIZE and perhaps SEED");
    if (size_parse(argv[1], &size) < 0 || size > INT64_MAX)
        return options_wrong("%s is no size", argv[1]);
    if (argc == 3 && number_parse(argv[2], UINT64_MAX, &seed) < 0)
        return options_wrong("%s is no seed", argv[2]);
    print_digest(size, seed);
    return fflush(stdout) == 0 ? EXIT_OK : EXIT_FAILED;
}
