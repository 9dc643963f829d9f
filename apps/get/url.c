/* URLs; see url.h. */
#include "get/url.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static int refuse(const char **problem, const char *sentence)
{
    *problem = sentence;
    return -EINVAL;
}

static int is_letter(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

static int is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static char lower(char byte)
{
    return byte >= 'A' && byte <= 'Z' ? (char)(byte - 'A' + 'a') : byte;
}

/* Bytes of the scheme before ":", 0: there is none (RFC 3986, 3.1). */
static size_t scheme_length(const char *text)
{
    size_t length = 0;
    if (!is_letter(*text))
        return 0;
    while (is_letter(text[length]) || is_digit(text[length]) ||
           (text[length] != '\0' && strchr("+-.", text[length]) != NULL))
        length++;
    return text[length] == ':' ? length : 0;
}

static int take_scheme(const char *text, size_t length, struct url *url, const char **problem)
{
    if (length >= sizeof url->scheme)
        return refuse(problem, "the scheme is too long");
    for (size_t i = 0; i < length; i++)
        url->scheme[i] = lower(text[i]);
    url->scheme[length] = '\0';
    return strcmp(url->scheme, "http") == 0 ? 0 : -EPROTONOSUPPORT;
}

/* RFC 3986, 3.2.3. An empty port is the default. */
static int take_port(const char *text, size_t length, struct url *url, const char **problem)
{
    unsigned port = 0;
    for (size_t i = 0; i < length; i++) {
        if (!is_digit(text[i]))
            return refuse(problem, "the port is not a number");
        port = port * 10 + (unsigned)(text[i] - '0');
        if (port > 65535)
            return refuse(problem, "the port is above 65535");
    }
    if (length > 0 && port == 0)
        return refuse(problem, "port 0 cannot be connected to");
    url->port = length > 0 ? (uint16_t)port : 80;
    return 0;
}

static int take_name(const char *text, size_t length, struct url *url, const char **problem)
{
    if (length == 0)
        return refuse(problem, "there is no host in it");
    if (length >= sizeof url->host)
        return refuse(problem, "the host's name is too long");
    for (size_t i = 0; i < length; i++) {
        if (!is_letter(text[i]) && !is_digit(text[i]) && strchr("-._", text[i]) == NULL)
            return refuse(problem, "the host's name has a character that names cannot have");
        url->host[i] = lower(text[i]);
    }
    url->host[length] = '\0';
    url->is_ipv6 = 0;
    return 0;
}

/* "[v6]" and what follows. *taken: bytes up to and with "]". */
static int take_ipv6(const char *text, size_t length, struct url *url, size_t *taken,
                     const char **problem)
{
    struct in6_addr address;
    const char *bracket = memchr(text, ']', length);
    size_t inside = bracket != NULL ? (size_t)(bracket - text) - 1 : 0;
    if (bracket == NULL || inside >= INET6_ADDRSTRLEN)
        return refuse(problem, "the IPv6 address in brackets is not closed");
    memcpy(url->host, text + 1, inside);
    url->host[inside] = '\0';
    if (inet_pton(AF_INET6, url->host, &address) != 1)
        return refuse(problem, "the IPv6 address in brackets is wrong");
    url->is_ipv6 = 1;
    *taken = inside + 2;
    return 0;
}

static int take_authority(const char *text, size_t length, struct url *url, const char **problem)
{
    if (memchr(text, '@', length) != NULL)
        return refuse(problem, "names and passwords in URLs are not supported");
    if (length > 0 && *text == '[') {
        size_t taken;
        int result = take_ipv6(text, length, url, &taken, problem);
        if (result < 0)
            return result;
        if (taken == length)
            return take_port("", 0, url, problem);
        if (text[taken] != ':')
            return refuse(problem, "something other than a port follows the IPv6 address");
        return take_port(text + taken + 1, length - taken - 1, url, problem);
    }
    const char *colon = memchr(text, ':', length);
    size_t name = colon != NULL ? (size_t)(colon - text) : length;
    int result = take_name(text, name, url, problem);
    if (result < 0)
        return result;
    return colon != NULL ? take_port(colon + 1, length - name - 1, url, problem)
                         : take_port("", 0, url, problem);
}

enum spaces { SPACES_REFUSED, SPACES_ENCODED };

/* Appends `text` up to its fragment to the target, encoding what a request line cannot carry. */
static int append_target(struct url *url, const char *text, enum spaces spaces,
                         const char **problem)
{
    size_t used = strlen(url->target);
    for (; *text != '\0' && *text != '#'; text++) {
        unsigned char byte = (unsigned char)*text;
        int encode = byte > 0x7e || (byte == ' ' && spaces == SPACES_ENCODED);
        if (!encode && byte <= ' ')
            return refuse(problem, "there is a space or control character in it");
        if (used + 4 > sizeof url->target)
            return refuse(problem, "it is longer than 4000 bytes");
        if (encode)
            snprintf(url->target + used, 4, "%%%02X", byte);
        else
            snprintf(url->target + used, 2, "%c", byte);
        used += encode ? 3 : 1;
    }
    return 0;
}

/* RFC 3986, 5.2.4, on the path in place; the query stays. */
static void remove_dot_segments(char *target)
{
    size_t path_end = strcspn(target, "?");
    char query[URL_TARGET];
    memcpy(query, target + path_end, strlen(target + path_end) + 1);
    target[path_end] = '\0';
    char *in = target, *out = target;
    while (*in != '\0') {
        size_t length = 1 + strcspn(in + 1, "/");
        int last = in[length] == '\0';
        if (length == 2 && in[1] == '.') {
            if (last)
                *out++ = '/';
        } else if (length == 3 && in[1] == '.' && in[2] == '.') {
            while (out > target && *--out != '/')
                ;
            if (last)
                *out++ = '/';
        } else {
            memmove(out, in, length);
            out += length;
        }
        in += length;
    }
    if (out == target)
        *out++ = '/';
    memcpy(out, query, strlen(query) + 1);
}

/* Everything from "//" on. */
static int take_hierarchy(const char *text, enum spaces spaces, struct url *url,
                          const char **problem)
{
    size_t length = strcspn(text, "/?#");
    int result = take_authority(text, length, url, problem);
    if (result < 0)
        return result;
    text += length;
    snprintf(url->target, sizeof url->target, "%s", *text == '/' ? "" : "/");
    result = append_target(url, text, spaces, problem);
    if (result == 0)
        remove_dot_segments(url->target);
    return result;
}

int url_parse(const char *text, struct url *url, const char **problem)
{
    *url = (struct url){.scheme = "http"};
    const char *separator = strstr(text, "://");
    size_t scheme = scheme_length(text);
    if (separator != NULL && scheme > 0 && separator == text + scheme) {
        int result = take_scheme(text, scheme, url, problem);
        if (result < 0)
            return result;
        text = separator + 3;
    }
    return take_hierarchy(text, SPACES_REFUSED, url, problem);
}

/* RFC 3986, 5.2.3: the reference replaces what follows the base path's last "/". */
static int merge(const struct url *base, const char *reference, struct url *url,
                 const char **problem)
{
    size_t path = strcspn(base->target, "?");
    if (*reference == '/') {
        path = 0;
    } else if (*reference == '\0' || *reference == '#') {
        path = strlen(base->target);
    } else if (*reference != '?') {
        while (path > 1 && base->target[path - 1] != '/')
            path--;
    }
    memcpy(url->target, base->target, path);
    url->target[path] = '\0';
    int result = append_target(url, reference, SPACES_ENCODED, problem);
    if (result == 0)
        remove_dot_segments(url->target);
    return result;
}

int url_resolve(const struct url *base, const char *reference, struct url *url,
                const char **problem)
{
    size_t scheme = scheme_length(reference);
    *url = *base;
    if (scheme > 0) {
        int result = take_scheme(reference, scheme, url, problem);
        if (result < 0)
            return result;
        reference += scheme + 1;
        if (strncmp(reference, "//", 2) != 0)
            return refuse(problem, "no \"//\" follows the scheme");
    }
    if (strncmp(reference, "//", 2) == 0)
        return take_hierarchy(reference + 2, SPACES_ENCODED, url, problem);
    return merge(base, reference, url, problem);
}

char *url_authority(const struct url *url, char out[URL_AUTHORITY])
{
    char port[8] = "";
    if (url->port != 80)
        snprintf(port, sizeof port, ":%u", url->port);
    if (url->is_ipv6)
        snprintf(out, URL_AUTHORITY, "[%s]%s", url->host, port);
    else
        snprintf(out, URL_AUTHORITY, "%s%s", url->host, port);
    return out;
}

int url_same_server(const struct url *a, const struct url *b)
{
    return a->port == b->port && strcmp(a->host, b->host) == 0;
}

/* The byte that "%XY" stands for; -1: it is none. */
static int decoded(const char *text)
{
    static const char digits[] = "0123456789abcdef";
    const char *high = text[1] != '\0' ? strchr(digits, lower(text[1])) : NULL;
    const char *low = high != NULL && text[2] != '\0' ? strchr(digits, lower(text[2])) : NULL;
    return low != NULL ? (int)((high - digits) * 16 + (low - digits)) : -1;
}

char *url_file_name(const struct url *url, char out[URL_FILE_NAME])
{
    size_t end = strcspn(url->target, "?"), start = end, used = 0;
    while (start > 0 && url->target[start - 1] != '/')
        start--;
    /* Room for ".part.info" within the 255 bytes that file systems allow. */
    for (size_t i = start; i < end && used < URL_FILE_NAME - 16; i++) {
        int byte = url->target[i] == '%' ? decoded(url->target + i) : -1;
        if (byte >= 0)
            i += 2;
        else
            byte = url->target[i];
        int unfit = byte < 0x20 || byte == 0x7f || byte == '/' || (byte == '.' && used == 0);
        out[used++] = unfit ? '_' : (char)byte;
    }
    out[used] = '\0';
    if (used == 0)
        snprintf(out, URL_FILE_NAME, "index.html");
    return out;
}
