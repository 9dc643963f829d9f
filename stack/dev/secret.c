/* Secrets from getrandom(2), see secret.h. There is no fallback: a key is strong or there is none.
 */
#include "dev/secret.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <sys/types.h>

int secret_fill(struct siphash_key *key)
{
    uint8_t bytes[sizeof *key];
    size_t have = 0;
    memset(key, 0, sizeof *key);
    while (have < sizeof bytes) {
        ssize_t got = getrandom(bytes + have, sizeof bytes - have, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        have += (size_t)got;
    }
    memcpy(key, bytes, sizeof *key);
    return 0;
}
