/* Fuzzes what a client sends: the head, then what the server reads out of it: path, range,
 * conditions. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/http_fields.h"
#include "serve/byte_range.h"
#include "serve/conditional.h"
#include "serve/generate.h"
#include "serve/http_request.h"
#include "serve/safe_path.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_path(const char *target)
{
    char path[SAFE_PATH], framed[SAFE_PATH + 2];
    if (safe_path_decode(target, path) < 0)
        return;
    size_t length = strlen(path);
    if (*path == '/' || length >= SAFE_PATH)
        abort();
    framed[0] = '/';
    memcpy(framed + 1, path, length);
    framed[length + 1] = '\0';
    if (strstr(framed, "/../") != NULL || (length >= 2 && strcmp(framed + length - 2, "/..") == 0))
        abort();
}

static void check_range(const char *field, uint64_t size)
{
    uint64_t first = 0, last = 0;
    if (byte_range_parse(field, size, &first, &last) == BYTE_RANGE_PART &&
        (first > last || last >= size))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct http_request request;
    static const struct validators have = {.etag = "\"e\"", .modified = 784111777};
    uint64_t length, seed;
    const char *text = (const char *)data;
    size_t head = http_head_length(text, size, 0);
    if (head == 0)
        return 0;
    if (http_request_parse(text, head, &request) < 0) {
        if (request.refused_with < 400 || request.refused_with > 505 || request.keeps_alive)
            abort();
        return 0;
    }
    check_path(request.target);
    check_range(request.range, 10);
    check_range(request.range, 0);
    (void)condition_of(&request, &have);
    (void)condition_allows_range(&request, &have);
    (void)generate_parse(request.target, &length, &seed);
    return 0;
}
