/* Fuzzes URLs and references: the first line is what a user typed, the rest what a server sent as
 * Location. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "get/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is accepted must be fit for a request line and a Host field. */
static void check(const struct url *url)
{
    char authority[URL_AUTHORITY], name[URL_FILE_NAME];
    if (*url->target != '/' || *url->host == '\0' || url->port == 0)
        abort();
    for (const char *at = url->target; *at != '\0'; at++)
        if (*at <= ' ' || *at > '~')
            abort();
    if (strpbrk(url_authority(url, authority), " /\r\n@") != NULL)
        abort();
    url_file_name(url, name);
    if (*name == '\0' || *name == '.' || strchr(name, '/') != NULL)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct url base, url;
    const char *problem = NULL;
    char *text = malloc(size + 1);
    if (text == NULL)
        return 0;
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    char *reference = strchr(text, '\n');
    if (reference != NULL)
        *reference++ = '\0';
    if (url_parse(text, &base, &problem) == 0) {
        check(&base);
        if (reference != NULL && url_resolve(&base, reference, &url, &problem) == 0)
            check(&url);
    }
    free(text);
    return 0;
}
