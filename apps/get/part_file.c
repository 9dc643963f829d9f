/* NAME.part and NAME.part.info; see part_file.h. */
#include "get/part_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* POSIX guarantees that so much can be written when poll() says that a pipe is writable. */
enum { WITHOUT_BLOCKING = PIPE_BUF };

static const char info_format[] = "tunny part 1\n";

/* Whatever is not a regular file cannot be resumed or renamed onto: it is written straight away. */
static int open_stream(struct part_file *file, int descriptor)
{
    struct stat status;
    if (descriptor < 0 || fstat(descriptor, &status) < 0)
        return -errno;
    file->is_stream = 1;
    file->descriptor = descriptor;
    file->can_block = !S_ISREG(status.st_mode);
    return 0;
}

static int set_names(struct part_file *file, const char *name)
{
    size_t length = strlen(name);
    if (length + sizeof ".part.info" > PART_PATH)
        return -ENAMETOOLONG;
    memcpy(file->name, name, length + 1);
    snprintf(file->part, sizeof file->part, "%.*s.part", PART_PATH - 16, name);
    snprintf(file->info, sizeof file->info, "%.*s.part.info", PART_PATH - 16, name);
    return 0;
}

static int open_part(struct part_file *file)
{
    struct stat status;
    int descriptor = open(file->part, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666);
    if (descriptor < 0)
        return -errno;
    int result = flock(descriptor, LOCK_EX | LOCK_NB) < 0 ? -errno : 0;
    if (result == 0 && (fstat(descriptor, &status) < 0 || !S_ISREG(status.st_mode)))
        result = -EINVAL;
    if (result < 0) {
        close(descriptor);
        return result;
    }
    file->descriptor = descriptor;
    return 0;
}

int part_open(struct part_file *file, const char *name, enum part_digest digest)
{
    struct stat status;
    char real[PATH_MAX];
    *file = (struct part_file){.descriptor = -1, .digest = digest};
    sha256_start(&file->sha);
    if (strcmp(name, "-") == 0) {
        snprintf(file->part, sizeof file->part, "standard output");
        return open_stream(file, STDOUT_FILENO);
    }
    int exists = stat(name, &status) == 0;
    /* Renaming must not replace a link, but what it points to. */
    if (exists && realpath(name, real) != NULL)
        name = real;
    int result = set_names(file, name);
    if (result < 0)
        return result;
    if (exists && S_ISDIR(status.st_mode))
        return -EISDIR;
    if (!exists || S_ISREG(status.st_mode))
        return open_part(file);
    memcpy(file->part, file->name, sizeof file->part);
    return open_stream(file, open(name, O_WRONLY | O_CLOEXEC | O_NOCTTY));
}

/* The validator that an earlier run wrote; "" when there is none to trust. */
static void read_info(struct part_file *file)
{
    char text[PART_VALIDATOR + 32];
    int descriptor = open(file->info, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (descriptor < 0)
        return;
    ssize_t length = read(descriptor, text, sizeof text - 1);
    close(descriptor);
    size_t first = sizeof info_format - 1;
    if (length <= (ssize_t)first || memcmp(text, info_format, first) != 0)
        return;
    text[length] = '\0';
    char *end = strchr(text + first, '\n');
    if (end == NULL || end - (text + first) >= PART_VALIDATOR)
        return;
    *end = '\0';
    snprintf(file->validator, sizeof file->validator, "%.*s", PART_VALIDATOR - 1, text + first);
}

static int write_info(const struct part_file *file)
{
    if (*file->validator == '\0')
        return unlink(file->info) < 0 && errno != ENOENT ? -errno : 0;
    FILE *info = fopen(file->info, "we");
    if (info == NULL)
        return -errno;
    fprintf(info, "%s%s\n", info_format, file->validator);
    return fclose(info) == 0 ? 0 : -errno;
}

/* Digests the first `size` bytes. 0; -EIO when there are fewer. */
static int digest_file(struct part_file *file, int descriptor, uint64_t size)
{
    char block[65536];
    uint64_t at = 0;
    sha256_start(&file->sha);
    while (at < size) {
        size_t part = size - at < sizeof block ? (size_t)(size - at) : sizeof block;
        ssize_t got = pread(descriptor, block, part, (off_t)at);
        if (got <= 0)
            return got < 0 ? -errno : -EIO;
        sha256_add(&file->sha, block, (size_t)got);
        at += (uint64_t)got;
    }
    return 0;
}

/* Goes on behind the first `size` bytes. */
static int take_up(struct part_file *file, uint64_t size)
{
    if (file->digest == PART_WITH_DIGEST) {
        int result = digest_file(file, file->descriptor, size);
        if (result < 0)
            return result;
    }
    if (lseek(file->descriptor, (off_t)size, SEEK_SET) < 0)
        return -errno;
    file->size = size;
    return 0;
}

int part_digest_whole(struct part_file *file)
{
    int descriptor = open(file->name, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return -errno;
    int result = digest_file(file, descriptor, file->whole_size);
    close(descriptor);
    return result;
}

int part_resume(struct part_file *file)
{
    struct stat status;
    if (file->is_stream)
        return 0;
    if (fstat(file->descriptor, &status) < 0)
        return -errno;
    read_info(file);
    if (status.st_size > 0 && *file->validator != '\0')
        return take_up(file, (uint64_t)status.st_size);
    if (stat(file->name, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0) {
        file->has_whole = 1;
        file->whole_size = (uint64_t)status.st_size;
        file->whole_time = status.st_mtim.tv_sec;
    }
    return 0;
}

int part_adopt_whole(struct part_file *file)
{
    if (rename(file->name, file->part) < 0)
        return -errno;
    int descriptor = open(file->part, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (descriptor < 0)
        return -errno;
    close(file->descriptor);
    file->descriptor = descriptor;
    file->has_whole = 0;
    if (flock(descriptor, LOCK_EX | LOCK_NB) < 0)
        return -errno;
    int result = take_up(file, file->whole_size);
    return result < 0 ? result : write_info(file);
}

int part_restart(struct part_file *file, const char *validator)
{
    snprintf(file->validator, sizeof file->validator, "%s", validator);
    file->has_whole = 0;
    if (file->is_stream)
        return file->size == 0 ? 0 : -ESPIPE;
    if (ftruncate(file->descriptor, 0) < 0)
        return -errno;
    int result = take_up(file, 0);
    return result < 0 ? result : write_info(file);
}

static int may_write_now(const struct part_file *file)
{
    struct pollfd one = {.fd = file->descriptor, .events = POLLOUT};
    return !file->can_block || poll(&one, 1, 0) > 0;
}

ssize_t part_write(struct part_file *file, const void *data, size_t length)
{
    ssize_t written;
    if (!may_write_now(file))
        return 0;
    if (file->can_block && length > WITHOUT_BLOCKING)
        length = WITHOUT_BLOCKING;
    do
        written = write(file->descriptor, data, length);
    while (written < 0 && errno == EINTR);
    if (written < 0)
        return errno == EAGAIN ? 0 : -errno;
    if (file->digest == PART_WITH_DIGEST)
        sha256_add(&file->sha, data, (size_t)written);
    file->size += (uint64_t)written;
    return written;
}

/* So that the new name survives a power failure, too. File systems that cannot are forgiven. */
static void sync_folder(const char *name)
{
    char folder[PART_PATH];
    const char *slash = strrchr(name, '/');
    size_t length = slash != NULL ? (size_t)(slash - name) : 0;
    memcpy(folder, name, length);
    folder[length] = '\0';
    const char *path = slash == NULL ? "." : length == 0 ? "/" : folder;
    int descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0)
        return;
    (void)fsync(descriptor);
    close(descriptor);
}

int part_finish(struct part_file *file, time_t modified)
{
    if (file->is_stream)
        return 0;
    struct timespec times[2] = {{.tv_nsec = UTIME_NOW}, {.tv_sec = modified}};
    if (modified != 0)
        (void)futimens(file->descriptor, times);
    if (fsync(file->descriptor) < 0 && errno != EINVAL && errno != EROFS)
        return -errno;
    if (rename(file->part, file->name) < 0)
        return -errno;
    (void)unlink(file->info);
    close(file->descriptor);
    file->descriptor = -1;
    sync_folder(file->name);
    return 0;
}

void part_distrust(struct part_file *file)
{
    if (!file->is_stream)
        (void)unlink(file->info);
}

void part_close(struct part_file *file)
{
    if (file->descriptor < 0 || file->descriptor == STDOUT_FILENO)
        return;
    if (file->size == 0 && !file->is_stream) {
        (void)unlink(file->part);
        (void)unlink(file->info);
    }
    close(file->descriptor);
    file->descriptor = -1;
}
