/* Reads small text files of the host, see host_files.h. */
#include "dev/host_files.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void cut_last_line(char *text)
{
    char *end = strrchr(text, '\n');
    if (end)
        end[1] = '\0';
}

int host_file_read(const char *path, char *text, size_t size)
{
    text[0] = '\0';
    FILE *file = fopen(path, "re");
    if (!file)
        return -errno;
    size_t length = fread(text, 1, size - 1, file);
    text[length] = '\0';
    int failed = ferror(file);
    if (length == size - 1)
        cut_last_line(text);
    fclose(file);
    if (failed) {
        text[0] = '\0';
        return -EIO;
    }
    return (int)strlen(text);
}
