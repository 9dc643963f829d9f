/* Replays files through a fuzz target without a fuzzer: every file of every folder that the command
 * line names, or a file itself. For builds without clang; it must not know which target it is
 * linked with. */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LARGEST = 1 << 20, PATH_SPACE = 4096 };

/* 1 when the file was read whole and run, 0 (with a word of why) when not. */
static int replay_file(const char *path)
{
    static uint8_t content[LARGEST];
    FILE *file = fopen(path, "rb");
    if (!file) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return 0;
    }
    size_t size = fread(content, 1, sizeof content, file);
    int is_whole = !ferror(file) && size < sizeof content;
    fclose(file);
    if (!is_whole) {
        fprintf(stderr, "%s: cannot be read whole\n", path);
        return 0;
    }
    /* In a block of its own size, so that a sanitizer sees one byte too many. */
    uint8_t *exact = malloc(size ? size : 1);
    if (!exact)
        abort();
    memcpy(exact, content, size);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    return 1;
}

/* How many files were run; -1 when one could not be. */
static int replay_folder(const char *path)
{
    DIR *folder = opendir(path);
    const struct dirent *entry;
    char file[PATH_SPACE];
    int count = 0;
    if (!folder)
        return replay_file(path) ? 1 : -1;
    while (count >= 0 && (entry = readdir(folder))) {
        if (entry->d_name[0] == '.')
            continue;
        int length = snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
        if (length >= (int)sizeof file || !replay_file(file))
            count = -1;
        else
            count++;
    }
    closedir(folder);
    return count;
}

int main(int argc, char **argv)
{
    int count = 0;
    for (int i = 1; i < argc; i++) {
        int replayed = replay_folder(argv[i]);
        if (replayed < 0)
            return 1;
        count += replayed;
    }
    printf("%d inputs replayed\n", count);
    return count > 0 ? 0 : 1;
}
