/* Reading what users call the ends of a link, and opening them; see the header. */
#include "link_ends.h"

#include <errno.h>
#include <stdarg.h>

#include "dev/frame_socket.h"
#include "dev/interface.h"
#include "dev/network_namespace.h"
#include "dev/tun.h"

/* A TUN drops what its queue has no room for; the kernel's 500 are soon full. */
enum { ADDRESSES = 8, TUN_QUEUE = 2000 };

enum end_kind { END_ANY, END_TUN, END_PACKET };

struct end_wish {
    char namespace[LINK_NAME_SIZE]; /* "": this one */
    enum end_kind kind;
    const char *interface; /* in the name */
    struct prefix addresses[ADDRESSES];
    unsigned address_count;
};

struct opening {
    const struct tunny_link_config *config;
    struct link_ends *ends;
    char *error;
    size_t error_size;
};

__attribute__((format(printf, 3, 4))) static int complain(const struct opening *o, int rc,
                                                          const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(o->error, o->error_size, format, arguments);
    va_end(arguments);
    return rc;
}

/* --- reading ---------------------------------------------------------------------------------- */

static int read_addresses(const struct opening *o, const char *list, struct end_wish *wish)
{
    char word[LINK_NAME_SIZE];

    while (*list) {
        size_t length = strcspn(list, ",");
        snprintf(word, sizeof word, "%.*s", (int)length, list);
        if (wish->address_count == ADDRESSES)
            return complain(o, -EINVAL, "more than %d addresses for one end", ADDRESSES);
        if (!prefix_parse(word, &wish->addresses[wish->address_count++]))
            return complain(o, -EINVAL, "'%s' is no address like 198.18.0.1/24", word);
        list += length;
        list += *list == ',';
    }
    return 0;
}

/* "[NAMESPACE/][tun:|packet:]INTERFACE[=ADDRESS,...]". A namespace may itself be a path. */
static int read_end(const struct opening *o, const char *text, char name[LINK_NAME_SIZE],
                    struct end_wish *wish)
{
    size_t length = strcspn(text, "=");

    *wish = (struct end_wish){.kind = END_ANY};
    if (length >= LINK_NAME_SIZE)
        return complain(o, -EINVAL, "'%.40s...' is too long for the name of an end", text);
    memcpy(name, text, length);
    name[length] = '\0';
    char *slash = strrchr(name, '/');
    if (slash)
        memcpy(wish->namespace, name, (size_t)(slash - name));
    wish->interface = slash ? slash + 1 : name;
    if (strncmp(wish->interface, "tun:", 4) == 0) {
        wish->kind = END_TUN;
        wish->interface += 4;
    } else if (strncmp(wish->interface, "packet:", 7) == 0) {
        wish->kind = END_PACKET;
        wish->interface += 7;
    }
    if (*wish->interface == '\0' || slash == name)
        return complain(o, -EINVAL,
                        "'%s' is no end: [NAMESPACE/][tun:|packet:]INTERFACE[=ADDRESS/LENGTH,...]",
                        text);
    return text[length] == '=' ? read_addresses(o, text + length + 1, wish) : 0;
}

/* --- opening, inside the namespace ------------------------------------------------------------ */

static int open_device(const struct opening *o, const struct end_wish *wish, struct device **device)
{
    struct tun_config tun = {
        .name = wish->interface,
        .offload = o->config->offload ? TUN_OFFLOAD_IF_POSSIBLE : TUN_OFFLOAD_NEVER,
    };

    if (wish->kind == END_TUN)
        return tun_open(&tun, device, o->error, o->error_size);
    return frame_socket_open(wish->interface, o->config->offload ? FRAME_OFFLOAD : FRAME_NO_OFFLOAD,
                             device, o->error, o->error_size);
}

static int open_here(const struct opening *o, struct end_wish *wish, struct device **device)
{
    enum interface_kind kind = interface_kind(wish->interface);

    if (wish->kind == END_ANY)
        wish->kind = kind == INTERFACE_ETHERNET ? END_PACKET : END_TUN;
    int rc = open_device(o, wish, device);
    bool fresh = kind == INTERFACE_NONE && wish->kind == END_TUN;
    if (rc || (!fresh && wish->address_count == 0))
        return rc;
    struct interface_config config = {
        .name = wish->interface,
        .addresses = wish->addresses,
        .address_count = wish->address_count,
        .mtu = o->config->mtu,
        .queue = fresh ? TUN_QUEUE : 0,
    };
    rc = interface_set_up(&config, o->error, o->error_size);
    if (rc) {
        device_close(*device);
        return rc;
    }
    if (config.mtu)
        (*device)->features.mtu = config.mtu;
    return 0;
}

static int open_there(const struct opening *o, struct end_wish *wish, struct device **device)
{
    int way_back;

    if (wish->namespace[0] == '\0')
        return open_here(o, wish, device);
    int rc = network_namespace_enter(wish->namespace, &way_back, o->error, o->error_size);
    if (rc)
        return rc;
    rc = open_here(o, wish, device);
    int back = network_namespace_leave(way_back);
    if (back == 0)
        return rc;
    if (rc == 0)
        device_close(*device);
    return complain(o, back, "cannot return from the network namespace '%s': %s", wish->namespace,
                    strerror(-back));
}

/* --- all of them ------------------------------------------------------------------------------ */

static int open_end(const struct opening *o, const char *text)
{
    struct link_ends *ends = o->ends;
    struct end_wish wish;
    int rc = read_end(o, text, ends->names[ends->count], &wish);

    if (rc == 0)
        rc = open_there(o, &wish, &ends->devices[ends->count]);
    if (rc)
        return rc;
    size_t trailer = wish.kind == END_PACKET ? FRAME_TRAILER : 0;
    ends->count++;
    if (ends->count > 1 && trailer != ends->trailer)
        return complain(o, -EINVAL,
                        "'%s' carries %s and the ends before do not: all ends must be of one kind",
                        text, trailer ? "Ethernet frames" : "IP packets");
    ends->trailer = trailer;
    return 0;
}

int link_ends_open(const struct tunny_link_config *config, struct link_ends *ends, char *error,
                   size_t error_size)
{
    struct opening o = {config, ends, error, error_size};
    unsigned far = config->far_count ? config->far_count : 1;

    ends->count = 0;
    if (config->end_count < 2 || config->end_count > TUNNY_LINK_ENDS)
        return complain(&o, -EINVAL, "a link has 2 to %d ends", TUNNY_LINK_ENDS);
    if (far >= config->end_count)
        return complain(&o, -EINVAL, "%u ends on the far side leave none on the near side", far);
    for (unsigned i = 0; i < config->end_count; i++) {
        int rc = open_end(&o, config->ends[i]);
        if (rc) {
            link_ends_close(ends);
            return rc;
        }
    }
    return 0;
}

void link_ends_close(struct link_ends *ends)
{
    for (unsigned i = 0; i < ends->count; i++)
        device_close(ends->devices[i]);
    ends->count = 0;
}
