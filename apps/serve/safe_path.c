/* From a target to a file below the served folder; see safe_path.h. */
#define _GNU_SOURCE
#include "serve/safe_path.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* O_NONBLOCK: opening a FIFO must not wait for its writer. */
enum { OPEN_FLAGS = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY };

static int hex_value(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F')
        return digit - 'A' + 10;
    return -1;
}

/* The byte at *at, which moves on; -EBADMSG, -EACCES. */
static int take_byte(const char **at)
{
    int byte = (unsigned char)**at;
    *at += 1;
    if (byte != '%')
        return byte;
    int high = hex_value((*at)[0]);
    int low = high >= 0 ? hex_value((*at)[1]) : -1;
    if (low < 0)
        return -EBADMSG;
    *at += 2;
    byte = high << 4 | low;
    if (byte == '/')
        return -EACCES;
    return byte == 0 ? -EBADMSG : byte;
}

/* "." and ".." do not belong into what a client sends (RFC 3986, 5.2.4: it removes them). */
static int has_dot_segment(const char *path)
{
    while (*path != '\0') {
        size_t length = strcspn(path, "/");
        if ((length == 1 && path[0] == '.') || (length == 2 && path[0] == '.' && path[1] == '.'))
            return 1;
        path += length;
        path += *path == '/';
    }
    return 0;
}

int safe_path_decode(const char *target, char path[SAFE_PATH])
{
    size_t used = 0;
    *path = '\0';
    if (*target != '/')
        return -EBADMSG;
    while (*target != '\0' && *target != '?' && *target != '#') {
        int byte = take_byte(&target);
        if (byte < 0)
            return byte;
        int slash_again = byte == '/' && (used == 0 || path[used - 1] == '/');
        if (slash_again)
            continue;
        if (used + 1 >= SAFE_PATH)
            return -EBADMSG;
        path[used++] = (char)byte;
    }
    path[used] = '\0';
    return has_dot_segment(path) ? -EACCES : 0;
}

int safe_path_walk(int root, const char *path)
{
    char name[256];
    int folder = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    while (folder >= 0 && *path != '\0') {
        size_t length = strcspn(path, "/");
        int is_folder = path[length] == '/';
        if (length >= sizeof name) {
            close(folder);
            return -ENAMETOOLONG;
        }
        memcpy(name, path, length);
        name[length] = '\0';
        path += length;
        path += is_folder;
        int next = openat(folder, name, OPEN_FLAGS | O_NOFOLLOW | (is_folder ? O_DIRECTORY : 0));
        int error = errno;
        close(folder);
        errno = error;
        folder = next;
    }
    return folder < 0 ? -errno : folder;
}

int safe_path_open(int root, const char *path)
{
    struct open_how how = {
        .flags = (unsigned)OPEN_FLAGS,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
    };
    const char *name = *path != '\0' ? path : ".";
    long descriptor = syscall(SYS_openat2, root, name, &how, sizeof how);
    if (descriptor >= 0)
        return (int)descriptor;
    /* EPERM: a sandbox's filter that does not know the call. */
    if (errno == ENOSYS || errno == EPERM)
        return safe_path_walk(root, path);
    return -errno;
}
