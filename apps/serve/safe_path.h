/* From a request's target to a file below the served folder, and to none outside: not by "..", not
 * by encoded slashes, not by links. Called by the server's answers. */
#ifndef TUNNY_SERVE_SAFE_PATH_H
#define TUNNY_SERVE_SAFE_PATH_H

#include <stddef.h>

enum { SAFE_PATH = 4096 };

/* Decodes the path of a target ("/a%20b?query") into a path without leading slash ("" is the folder
 * itself); a slash at the end stays. 0; -EBADMSG: not a path, a wrong %XY, NUL; -EACCES: an encoded
 * slash, "." or ".." as a segment. */
int safe_path_decode(const char *target, char path[SAFE_PATH]);

/* Opens what such a path names below `root` for reading. With openat2() links inside the folder are
 * followed; on kernels without it, none is. A descriptor; -ENOENT, -EACCES, -EXDEV or -ELOOP
 * (outside), -EMFILE ... */
int safe_path_open(int root, const char *path);
/* The way without openat2(): one folder after the other, no links. */
int safe_path_walk(int root, const char *path);

#endif
