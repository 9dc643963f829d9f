/* A folder as an HTML page; see listing.h. */
#include "serve/listing.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/numbers.h"

enum { ENTRIES_MOST = 20000 };

struct names {
    char **at;
    size_t count, room;
};

static void put_escaped(FILE *page, const char *text)
{
    for (; *text != '\0'; text++) {
        if (strchr("&<>\"'", *text) != NULL)
            fprintf(page, "&#%d;", *text);
        else
            fputc(*text, page);
    }
}

static void put_encoded(FILE *page, const char *text)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    for (; *text != '\0'; text++) {
        if (strchr(plain, *text) != NULL)
            fputc(*text, page);
        else
            fprintf(page, "%%%02X", (unsigned char)*text);
    }
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* 0; -ENOMEM. */
static int add_name(struct names *names, const char *name)
{
    if (names->count == names->room) {
        size_t room = names->room > 0 ? names->room * 2 : 64;
        char **at = realloc(names->at, room * sizeof *at);
        if (at == NULL)
            return -ENOMEM;
        names->at = at;
        names->room = room;
    }
    char *copy = strdup(name);
    if (copy == NULL)
        return -ENOMEM;
    names->at[names->count++] = copy;
    return 0;
}

static int read_names(DIR *folder, struct names *names)
{
    const struct dirent *entry;
    int result = 0;
    while (result == 0 && names->count < ENTRIES_MOST && (entry = readdir(folder)) != NULL)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            result = add_name(names, entry->d_name);
    if (names->count > 0)
        qsort(names->at, names->count, sizeof *names->at, by_name);
    return result;
}

static void put_entry(FILE *page, int folder, const char *name)
{
    struct stat status;
    char size[SIZE_TEXT] = "";
    if (fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
        return;
    const char *slash = S_ISDIR(status.st_mode) ? "/" : "";
    if (S_ISREG(status.st_mode))
        size_text((uint64_t)status.st_size, size);
    /* "./" keeps a name with a colon from being read as a scheme. */
    fprintf(page, "<tr><td><a href=\"./");
    put_encoded(page, name);
    fprintf(page, "%s\">", slash);
    put_escaped(page, name);
    fprintf(page, "%s</a><td align=\"right\">%s\n", slash, size);
}

static void put_page(FILE *page, int folder, const char *path, const struct names *names)
{
    fprintf(page, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>/");
    put_escaped(page, path);
    fprintf(page, "</title></head>\n<body><h1>/");
    put_escaped(page, path);
    fprintf(page, "</h1>\n<table>\n");
    if (*path != '\0')
        fprintf(page, "<tr><td><a href=\"../\">../</a><td>\n");
    for (size_t i = 0; i < names->count; i++)
        put_entry(page, folder, names->at[i]);
    fprintf(page, "</table>%s</body></html>\n",
            names->count == ENTRIES_MOST ? "<p>There may be more." : "");
}

int listing_make(int descriptor, const char *path, char **page, size_t *length)
{
    struct names names = {0};
    int copy = openat(descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = copy >= 0 ? fdopendir(copy) : NULL;
    if (folder == NULL) {
        int error = errno;
        if (copy >= 0)
            close(copy);
        return -error;
    }
    int result = read_names(folder, &names);
    FILE *file = result == 0 ? open_memstream(page, length) : NULL;
    if (file != NULL) {
        put_page(file, descriptor, path, &names);
        result = fclose(file) == 0 ? 0 : -ENOMEM;
    } else if (result == 0) {
        result = -ENOMEM;
    }
    for (size_t i = 0; i < names.count; i++)
        free(names.at[i]);
    free(names.at);
    closedir(folder);
    return result;
}
