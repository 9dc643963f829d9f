/* The file that is being fetched: NAME.part until it is whole, then fsync and rename. Beside it
 * NAME.part.info keeps the server's validator (ETag or Last-Modified), so that an interrupted or
 * killed transfer goes on only if the file on the server is still the same. Called by the download;
 * it knows nothing of HTTP beyond that string. */
#ifndef TUNNY_GET_PART_FILE_H
#define TUNNY_GET_PART_FILE_H

#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "common/sha256.h"

enum { PART_PATH = 4096, PART_VALIDATOR = 256 };

enum part_digest { PART_WITHOUT_DIGEST, PART_WITH_DIGEST };

struct part_file {
    char name[PART_PATH], part[PART_PATH], info[PART_PATH];
    int descriptor;
    int is_stream;                  /* standard output, a device, a pipe: no resuming */
    int can_block;                  /* a pipe or terminal: ask before writing */
    uint64_t size;                  /* bytes that are in it */
    char validator[PART_VALIDATOR]; /* of what is in it; "" unknown */
    enum part_digest digest;
    struct sha256 sha; /* of what is in it, with PART_WITH_DIGEST */
    /* A file of the final name that may be complete already (after part_resume()). */
    int has_whole;
    uint64_t whole_size;
    time_t whole_time;
};

/* Opens NAME.part without changing it ("-": standard output) and locks it. 0; -EWOULDBLOCK: another
 * process writes it; -EISDIR, -EACCES, -ENAMETOOLONG ... */
int part_open(struct part_file *file, const char *name, enum part_digest digest);
/* Takes up what an earlier run left: size and validator, or knowledge of the whole file. 0, or a
 * read error. */
int part_resume(struct part_file *file);
/* Digests the whole file. 0, or a negative errno. */
int part_digest_whole(struct part_file *file);
/* Makes the whole file the part again, because the server has more of it. 0, or a negative errno.
 */
int part_adopt_whole(struct part_file *file);
/* Empties it and remembers the validator of what will come. 0, or a negative errno. */
int part_restart(struct part_file *file, const char *validator);
/* Appends. Bytes written (perhaps less); 0: not without blocking; -ENOSPC, -EDQUOT, -EFBIG, -EIO,
 * -EPIPE ... */
ssize_t part_write(struct part_file *file, const void *data, size_t length);
/* fsync, the server's time (0: none), rename, fsync of the folder. 0, or a negative errno. */
int part_finish(struct part_file *file, time_t modified);
/* Makes a later run start anew, because what is in it is wrong. */
void part_distrust(struct part_file *file);
/* Closes; what is in it stays for a later run. An empty one is removed. */
void part_close(struct part_file *file);

#endif
