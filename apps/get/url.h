/* URLs as the downloader understands them: RFC 3986, http only. Called with what the user typed and
 * with Location fields that a peer sent, so everything is checked; it knows nothing of the network.
 */
#ifndef TUNNY_GET_URL_H
#define TUNNY_GET_URL_H

#include <stdint.h>

enum { URL_HOST = 256, URL_TARGET = 4096 };

struct url {
    char scheme[16];         /* lower case */
    char host[URL_HOST];     /* a name or an address, IPv6 without brackets */
    uint16_t port;           /* host order */
    int is_ipv6;             /* the host stood in brackets */
    char target[URL_TARGET]; /* path and query as they go into the request, "/" at least */
};

/* Reads a URL; without "SCHEME://" in front it is taken as http. The fragment is cut off; bytes
 * above 126 are percent-encoded. 0; -EPROTONOSUPPORT: well formed so far but not http (`scheme` is
 * set, e.g. https); -EINVAL with a sentence in *problem. */
int url_parse(const char *text, struct url *url, const char **problem);

/* Reads a reference (RFC 3986, 5.2) against `base`: a Location field. As url_parse(); spaces are
 * encoded. */
int url_resolve(const struct url *base, const char *reference, struct url *url,
                const char **problem);

enum { URL_AUTHORITY = URL_HOST + 16 };
/* "host" or "[v6]", with ":port" unless it is 80: the Host field. Returns `out`. */
char *url_authority(const struct url *url, char out[URL_AUTHORITY]);

/* The same host and port, so that a connection can be used again. */
int url_same_server(const struct url *a, const struct url *b);

enum { URL_FILE_NAME = 256 };
/* The name to save under: the path's last segment, decoded; "/" and control characters become "_",
 * as does a leading dot; "index.html" when there is none. Returns `out`. */
char *url_file_name(const struct url *url, char out[URL_FILE_NAME]);

#endif
