/* Lines, fields, tokens and numbers of HTTP; see http_fields.h. */
#include "common/http_fields.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

size_t http_head_length(const char *data, size_t length, size_t from)
{
    /* The end may have begun up to three bytes before `from`. */
    size_t start = from > 3 ? from - 3 : 0;
    while (start < length) {
        const char *feed = memchr(data + start, '\n', length - start);
        if (feed == NULL)
            return 0;
        size_t next = (size_t)(feed - data) + 1;
        if (next < length && data[next] == '\n')
            return next + 1;
        if (next + 1 < length && data[next] == '\r' && data[next + 1] == '\n')
            return next + 2;
        start = next;
    }
    return 0;
}

int http_take_line(struct span *rest, struct span *line)
{
    const char *feed = rest->length > 0 ? memchr(rest->at, '\n', rest->length) : NULL;
    if (feed == NULL)
        return 0;
    size_t length = (size_t)(feed - rest->at);
    *line = (struct span){rest->at, length};
    if (length > 0 && rest->at[length - 1] == '\r')
        line->length--;
    rest->at += length + 1;
    rest->length -= length + 1;
    return 1;
}

static int is_token_byte(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') ||
           (byte != '\0' && strchr("!#$%&'*+-.^_`|~", byte) != NULL);
}

int http_is_token(struct span text)
{
    for (size_t i = 0; i < text.length; i++)
        if (!is_token_byte(text.at[i]))
            return 0;
    return text.length > 0;
}

/* RFC 9110, 5.5: CR, LF and NUL are dangerous; we refuse the other controls except tab as well. */
static int has_control(struct span text)
{
    for (size_t i = 0; i < text.length; i++) {
        unsigned char byte = (unsigned char)text.at[i];
        if ((byte < 0x20 && byte != '\t') || byte == 0x7f)
            return 1;
    }
    return 0;
}

struct span span_trim(struct span text)
{
    while (text.length > 0 && (*text.at == ' ' || *text.at == '\t')) {
        text.at++;
        text.length--;
    }
    while (text.length > 0 && (text.at[text.length - 1] == ' ' || text.at[text.length - 1] == '\t'))
        text.length--;
    return text;
}

int http_take_field(struct span *rest, struct http_field *field)
{
    struct span line;
    if (!http_take_line(rest, &line))
        return -EBADMSG;
    if (line.length == 0)
        return 0;
    const char *colon = memchr(line.at, ':', line.length);
    if (colon == NULL)
        return -EBADMSG;
    size_t name_length = (size_t)(colon - line.at);
    field->name = (struct span){line.at, name_length};
    field->value = span_trim((struct span){colon + 1, line.length - name_length - 1});
    if (!http_is_token(field->name) || has_control(field->value))
        return -EBADMSG;
    return 1;
}

int span_is(struct span text, const char *word)
{
    return text.length == strlen(word) && strncasecmp(text.at, word, text.length) == 0;
}

int span_copy(struct span text, char *out, size_t out_size)
{
    if (text.length >= out_size || (text.length > 0 && memchr(text.at, '\0', text.length))) {
        *out = '\0';
        return -EMSGSIZE;
    }
    if (text.length > 0)
        memcpy(out, text.at, text.length);
    out[text.length] = '\0';
    return 0;
}

int http_list_has(struct span list, const char *word)
{
    while (list.length > 0) {
        const char *comma = memchr(list.at, ',', list.length);
        size_t length = comma != NULL ? (size_t)(comma - list.at) : list.length;
        if (span_is(span_trim((struct span){list.at, length}), word))
            return 1;
        size_t taken = comma != NULL ? length + 1 : length;
        list.at += taken;
        list.length -= taken;
    }
    return 0;
}

int http_number(struct span text, uint64_t *number)
{
    uint64_t sum = 0;
    if (text.length == 0)
        return -EBADMSG;
    for (size_t i = 0; i < text.length; i++) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return -EBADMSG;
        uint64_t digit = (uint64_t)(text.at[i] - '0');
        if (sum > ((uint64_t)INT64_MAX - digit) / 10)
            return -EBADMSG;
        sum = sum * 10 + digit;
    }
    *number = sum;
    return 0;
}
