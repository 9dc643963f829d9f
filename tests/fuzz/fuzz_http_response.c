/* Fuzzes what a server sends: the head, then the body whole and byte by byte, which must give the
 * same text. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/http_fields.h"
#include "get/body.h"
#include "get/http_response.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
    uint64_t text, sum;
    int is_complete, is_malformed;
};

/* Feeds the body in stretches of at most `step` bytes. */
static struct outcome receive(enum body_kind kind, uint64_t length, const char *data, size_t size,
                              size_t step)
{
    struct outcome outcome = {0};
    struct body body;
    size_t at = 0;
    body_start(&body, kind, length);
    while (at < size && !body_is_complete(&body)) {
        size_t end = size - at < step ? size : at + step;
        ssize_t framing = body_framing(&body, data + at, end - at);
        if (framing < 0) {
            outcome.is_malformed = 1;
            return outcome;
        }
        at += (size_t)framing;
        size_t text = body_text(&body, end - at);
        for (size_t i = 0; i < text; i++)
            outcome.sum = outcome.sum * 31 + (uint8_t)data[at + i];
        body_took(&body, text);
        outcome.text += text;
        at += text;
    }
    outcome.is_complete = body_is_complete(&body);
    return outcome;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct http_response response;
    const char *text = (const char *)data;
    size_t head = http_head_length(text, size, 0);
    if (head == 0)
        return 0;
    if (http_response_parse(text, head, &response) < 0) {
        if (response.problem == NULL)
            abort();
        return 0;
    }
    enum body_kind kind = response.is_chunked   ? BODY_CHUNKED
                          : response.has_length ? BODY_BY_LENGTH
                                                : BODY_UNTIL_CLOSE;
    struct outcome whole = receive(kind, response.length, text + head, size - head, size);
    struct outcome bytes = receive(kind, response.length, text + head, size - head, 1);
    if (whole.text != bytes.text || whole.sum != bytes.sum ||
        whole.is_complete != bytes.is_complete || whole.is_malformed != bytes.is_malformed)
        abort();
    return 0;
}
