/* The host's files that say where names are: /etc/hosts and /etc/resolv.conf. Reads, does not
 * understand. Called by the stack's resolver calls. */
#ifndef TUNNY_DEV_HOST_FILES_H
#define TUNNY_DEV_HOST_FILES_H

#include <stddef.h>

enum { HOST_FILE_SIZE = 64 * 1024 };

/* The file's text, terminated, cut behind the last whole line that fits: its length, or a negative
 * errno (-ENOENT ...) with an empty text. Does not block on ordinary files. size >= 1. */
int host_file_read(const char *path, char *text, size_t size);

#endif
