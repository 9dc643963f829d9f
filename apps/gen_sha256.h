/* tunny gen-sha256: the digest of a generated body. */
#ifndef TUNNY_APPS_GEN_SHA256_H
#define TUNNY_APPS_GEN_SHA256_H

/* Arguments from "gen-sha256" on. The exit code. */
int gen_sha256_main(int argc, char **argv);

#endif
