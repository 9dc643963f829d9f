/* Secrets from the kernel: the keys behind ISNs, ports, cookies and tables (RFC 6528, RFC 6056).
 * Called when a stack is made; a simulation takes its keys from its seed instead. */
#ifndef TUNNY_DEV_SECRET_H
#define TUNNY_DEV_SECRET_H

#include "base/siphash.h"

/* Fills the key with 16 unpredictable bytes (getrandom(2)). 0 or a negative errno: then the key is
 * zeroed and must not be used. Waits, once after boot, until the kernel's generator is seeded. */
int secret_fill(struct siphash_key *key);

#endif
