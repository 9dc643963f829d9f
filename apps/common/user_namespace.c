/* See user_namespace.h. */
#include "common/user_namespace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int text_file_write(const char *path, const char *text)
{
    int descriptor = open(path, O_WRONLY | O_CLOEXEC);
    if (descriptor < 0)
        return -errno;
    int result = write(descriptor, text, strlen(text)) < 0 ? -errno : 0;
    close(descriptor);
    return result;
}

int user_namespace_map(const struct user_mapping *mapping)
{
    char map[64];
    snprintf(map, sizeof map, "%u %u 1", (unsigned)mapping->user_inside, (unsigned)mapping->user);
    int result = text_file_write("/proc/self/uid_map", map);
    /* Who is not root outside may map a group only when it cannot drop others. */
    if (result == 0)
        result = text_file_write("/proc/self/setgroups", "deny");
    snprintf(map, sizeof map, "%u %u 1", (unsigned)mapping->group_inside, (unsigned)mapping->group);
    return result < 0 ? result : text_file_write("/proc/self/gid_map", map);
}
