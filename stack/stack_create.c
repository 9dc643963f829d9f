/* Makes a stack out of its parts and takes it apart again (tunny.h): devices around the device, the
 * budget, ip, tcp, udp and sockets over it. Called by applications and, with a device and clock of
 * their own, by simulations and tests. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

#include "base/check.h"
#include "dev/capture.h"
#include "dev/clock.h"
#include "dev/impair.h"
#include "dev/packet_socket.h"
#include "dev/secret.h"
#include "dev/tun.h"
#include "stack.h"
#include "tcp/cc.h"

#define DEFAULT_ADDRESSES "198.18.0.2/24,fd00:7475:6e::2/64"
#define DEFAULT_DEVICE    "tun:tunny0"
#define DEFAULT_MEMORY    (UINT64_C(512) << 20)

enum { RESOLVER_PORT = 53, WORD_SIZE = 128 };

/* A sentence for the user, and the error to go with it. */
struct complaint {
    char *text;
    size_t size;
};

static int complain(struct complaint complaint, int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int complain(struct complaint complaint, int error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(complaint.text, complaint.size, format, arguments);
    va_end(arguments);
    return error;
}

/* --- reading the configuration ---------------------------------------------------------------- */

/* The next word of a list that commas separate; false at its end. Words that are too long are cut,
 * and then mean nothing to whoever reads them. */
static bool next_word(const char **list, char word[WORD_SIZE])
{
    while (**list == ',' || **list == ' ')
        (*list)++;
    size_t length = strcspn(*list, ", ");
    snprintf(word, WORD_SIZE, "%.*s", (int)(length < WORD_SIZE ? length : WORD_SIZE - 1), *list);
    *list += length;
    return length > 0;
}

static int read_addresses(const char *list, struct ip_config *config, struct complaint complaint)
{
    char word[WORD_SIZE];
    while (next_word(&list, word)) {
        if (config->address_count == IP_ADDRESSES)
            return complain(complaint, -EINVAL, "more than %d addresses", IP_ADDRESSES);
        if (!prefix_parse(word, &config->addresses[config->address_count]))
            return complain(complaint, -EINVAL, "\"%s\" is no address with a prefix length", word);
        config->address_count++;
    }
    return 0;
}

static int read_gateways(const char *list, struct packet_socket_config *config,
                         struct complaint complaint)
{
    char word[WORD_SIZE];
    while (list && next_word(&list, word)) {
        struct address address;
        if (!address_parse(word, &address))
            return complain(complaint, -EINVAL, "\"%s\" is no address of a gateway", word);
        if (address_is_ipv4(&address))
            config->gateway4 = address;
        else
            config->gateway6 = address;
    }
    return 0;
}

static int read_resolver(const char *text, struct endpoint *resolver, struct complaint complaint)
{
    if (!text)
        return 0;
    if (endpoint_parse(text, resolver))
        return 0;
    if (!address_parse(text, &resolver->address))
        return complain(complaint, -EINVAL, "\"%s\" is no address of a name server", text);
    resolver->port = RESOLVER_PORT;
    return 0;
}

static int apply_setting(struct tunny *stack, const char *setting, struct complaint complaint)
{
    char name[WORD_SIZE], *end;
    size_t length = strcspn(setting, "=");
    if (length >= sizeof name || setting[length] != '=')
        return complain(complaint, -EINVAL, "\"%s\" is no setting of the form name=value", setting);
    memcpy(name, setting, length);
    name[length] = '\0';
    errno = 0;
    long long value = strtoll(setting + length + 1, &end, 0);
    if (errno || end == setting + length + 1 || *end != '\0')
        return complain(complaint, -EINVAL, "the value of \"%s\" is no whole number", setting);
    int r = tunables_set(tcp_tunables(stack->tcp), name, value);
    if (r == -ENOENT)
        return complain(complaint, r, "there is no setting \"%s\"", name);
    if (r == -ERANGE)
        return complain(complaint, r, "%lld is outside the bounds of \"%s\"", value, name);
    return r;
}

static int apply_settings(struct tunny *stack, const struct tunny_config *config,
                          struct complaint complaint)
{
    for (const char *const *setting = config->settings; setting && *setting; setting++) {
        int r = apply_setting(stack, *setting, complaint);
        if (r < 0)
            return r;
    }
    if (!config->congestion)
        return 0;
    stack->sockets.cc = cc_find(config->congestion);
    if (!stack->sockets.cc)
        return complain(complaint, -EINVAL, "there is no congestion control \"%s\"",
                        config->congestion);
    return 0;
}

/* --- devices ---------------------------------------------------------------------------------- */

static int wrap_impair(struct tunny *stack, const struct tunny_config *config,
                       struct complaint complaint)
{
    if (!config->impair)
        return 0;
    struct impair_config impair = {.specification = config->impair, .seed = stack->seed};
    int r = impair_open(&impair, stack->device, &stack->trace, &stack->impair, complaint.text,
                        complaint.size);
    if (r == 0)
        stack->device = stack->impair;
    return r;
}

/* The capture is the outermost device: it shows each packet as the stack sent it or saw it, so that
 * what the trace says stands beside the right one, however long an impaired link holds packets
 * back. */
static int wrap_capture(struct tunny *stack, const struct tunny_config *config,
                        struct complaint complaint)
{
    if (!config->capture)
        return 0;
    char comment[1024];
    snprintf(comment, sizeof comment, "%s; seed %llu; impairment: %s%s%s", tunny_version(),
             (unsigned long long)stack->seed, config->impair ? config->impair : "none",
             config->capture_note ? "; " : "", config->capture_note ? config->capture_note : "");
    struct capture_config capture = {
        .path = config->capture,
        .comment = comment,
        .epoch_ns = stack->clock.epoch_ns,
    };
    int r = capture_open(&capture, stack->device, &stack->trace, &stack->capture, complaint.text,
                         complaint.size);
    if (r == 0)
        stack->device = stack->capture;
    return r;
}

/* --- the layers ------------------------------------------------------------------------------- */

/* A layer's struct, whose size only the layer knows. */
static void *take_layer(struct tunny *stack, size_t size)
{
    void *layer = memory_take(&stack->memory, size);
    if (layer)
        memset(layer, 0, size);
    return layer;
}

/* Each layer's key is one of its own: what leaks from one says nothing about the others. */
static struct siphash_key derive(const struct siphash_key *secret, const char *purpose)
{
    char texts[2][WORD_SIZE];
    snprintf(texts[0], WORD_SIZE, "%s 0", purpose);
    snprintf(texts[1], WORD_SIZE, "%s 1", purpose);
    return (struct siphash_key){siphash(secret, texts[0], strlen(texts[0])),
                                siphash(secret, texts[1], strlen(texts[1]))};
}

static uint32_t mtu_of(const struct tunny *stack, const struct tunny_config *config)
{
    uint32_t mtu = stack->device->features.mtu;
    return config->mtu && config->mtu < mtu ? config->mtu : mtu;
}

static int init_ip(struct tunny *stack, const struct tunny_config *config,
                   struct complaint complaint)
{
    struct ip_config ip = {
        .mtu = mtu_of(stack, config),
        .secret = derive(&stack->secret, "ip"),
        .seed = stack->seed,
        .loopback = config->loopback != 0,
    };
    int r = read_addresses(config->addresses ? config->addresses : DEFAULT_ADDRESSES, &ip,
                           complaint);
    if (r < 0)
        return r;
    struct ip *layer = take_layer(stack, ip_size());
    if (!layer)
        return complain(complaint, -ENOMEM, "the memory budget is too small");
    r = ip_init(layer, &ip, &stack->memory, &stack->trace);
    if (r < 0) {
        memory_give(&stack->memory, layer, ip_size());
        return complain(complaint, r,
                        r == -EINVAL ? "an address cannot be used, or the MTU of %u is too small"
                                     : "the memory budget is too small (MTU %u)",
                        ip.mtu);
    }
    stack->ip = layer;
    return 0;
}

static int init_tcp(struct tunny *stack, const struct tunny_config *config)
{
    const struct device_features *features = &stack->device->features;
    struct tcp_config tcp = {
        .memory = &stack->memory,
        .trace = &stack->trace,
        .secret = derive(&stack->secret, "tcp"),
        .mtu = mtu_of(stack, config),
        .largest4 = config->no_offload ? 0 : features->largest_tcp4,
        .largest6 = config->no_offload ? 0 : features->largest_tcp6,
    };
    struct tcp *layer = take_layer(stack, tcp_size());
    if (!layer)
        return -ENOMEM;
    int r = tcp_init(layer, &tcp);
    if (r < 0)
        memory_give(&stack->memory, layer, tcp_size());
    else
        stack->tcp = layer;
    return r;
}

static int init_udp(struct tunny *stack)
{
    struct siphash_key key = derive(&stack->secret, "udp");
    struct udp *layer = take_layer(stack, udp_size());
    if (!layer)
        return -ENOMEM;
    int r = udp_init(layer, &stack->memory, &stack->trace, &key);
    if (r < 0)
        memory_give(&stack->memory, layer, udp_size());
    else
        stack->udp = layer;
    return r;
}

static int init_layers(struct tunny *stack, const struct tunny_config *config,
                       struct complaint complaint)
{
    int r = init_ip(stack, config, complaint);
    if (r < 0)
        return r;
    stack->output.flat = take_layer(stack, PACKET_LARGEST);
    stack->landing.elsewhere = take_layer(stack, PACKET_LARGEST);
    r = stack->output.flat && stack->landing.elsewhere ? init_tcp(stack, config) : -ENOMEM;
    if (r == 0)
        r = init_udp(stack);
    if (r < 0)
        return complain(complaint, r, "the memory budget is too small");
    sockets_init(&stack->sockets, &stack->memory, stack->tcp, stack->udp, stack->ip);
    return 0;
}

/* --- making ----------------------------------------------------------------------------------- */

static int assemble(struct tunny *stack, const struct tunny_config *config,
                    struct complaint complaint)
{
    uint64_t memory = config->memory ? config->memory : DEFAULT_MEMORY;
    int r = memory_init(&stack->memory, memory);
    if (r < 0)
        return complain(complaint, r, "no address space for a memory budget of %llu bytes",
                        (unsigned long long)memory);
    loopback_init(&stack->loopback, &stack->memory);
    loopback_init(&stack->guest.in, &stack->memory);
    loopback_init(&stack->guest.out, &stack->memory);
    r = wrap_impair(stack, config, complaint);
    if (r == 0)
        r = wrap_capture(stack, config, complaint);
    if (r == 0)
        r = init_layers(stack, config, complaint);
    if (r == 0)
        r = apply_settings(stack, config, complaint);
    if (r == 0)
        r = read_resolver(config->resolver, &stack->resolver, complaint);
    return r;
}

int stack_create_over(const struct tunny_config *config, struct device *device,
                      const struct stack_clock *clock, const struct siphash_key *secret,
                      struct tunny **stack, char *error, size_t error_size)
{
    struct complaint complaint = {error, error_size};
    struct tunny *made = calloc(1, sizeof *made);
    if (!made) {
        device_close(device);
        return complain(complaint, -ENOMEM, "out of memory");
    }
    made->device = made->wire = device;
    made->clock = *clock;
    made->secret = *secret;
    made->seed = config->seed ? config->seed : siphash(secret, "seed", 4);
    made->trace.now = stack_now(made);
    if (config->trace) {
        line_sink_init(&made->lines, config->trace, config->trace_json ? LINE_JSON : LINE_TEXT,
                       (enum event_level)config->trace_level);
        trace_subscribe(&made->trace, &made->lines.sink);
    }
    int r = assemble(made, config, complaint);
    if (r < 0) {
        tunny_destroy(made);
        return r;
    }
    *stack = made;
    return 0;
}

/* --- over a real device ----------------------------------------------------------------------- */

static struct instant real_now(void *context)
{
    (void)context;
    return clock_now();
}

static int real_wait(void *context, const int *descriptors, unsigned count, struct instant until)
{
    (void)context;
    return clock_wait(descriptors, count, until);
}

static bool real_readable(void *context, int descriptor)
{
    (void)context;
    return clock_readable(descriptor);
}

static int open_tun(const char *name, const struct tunny_config *config, struct device **device,
                    struct complaint complaint)
{
    struct tun_config tun = {
        .name = name,
        .offload = config->no_offload ? TUN_OFFLOAD_NEVER : TUN_OFFLOAD_IF_POSSIBLE,
        .queues = 1,
    };
    return tun_open(&tun, device, complaint.text, complaint.size);
}

static int open_packet(const char *interface, const struct tunny_config *config,
                       struct device **device, struct complaint complaint)
{
    struct ip_config addresses = {.address_count = 0};
    int r = read_addresses(config->addresses ? config->addresses : DEFAULT_ADDRESSES, &addresses,
                           complaint);
    if (r < 0)
        return r;
    struct packet_socket_config packet = {
        .interface = interface,
        .addresses = addresses.addresses,
        .address_count = addresses.address_count,
        .offload = !config->no_offload,
    };
    r = read_gateways(config->gateways, &packet, complaint);
    if (r < 0)
        return r;
    return packet_socket_open(&packet, device, complaint.text, complaint.size);
}

/* "tun", "tun:NAME", "packet:INTERFACE". */
static int open_device(const struct tunny_config *config, struct device **device,
                       char interface[32], struct complaint complaint)
{
    const char *wanted = config->device ? config->device : DEFAULT_DEVICE;
    const char *name = strchr(wanted, ':');
    size_t kind = name ? (size_t)(name - wanted) : strlen(wanted);
    name = name ? name + 1 : "tunny0";
    int r;
    if (kind == 3 && strncmp(wanted, "tun", kind) == 0)
        r = open_tun(name, config, device, complaint);
    else if (kind == 6 && strncmp(wanted, "packet", kind) == 0 && wanted[kind] == ':')
        r = open_packet(name, config, device, complaint);
    else
        return complain(complaint, -EINVAL,
                        "\"%s\" is no device: tun, tun:NAME or packet:INTERFACE", wanted);
    if (r == 0)
        snprintf(interface, 32, "%s", kind == 3 ? tun_name(*device) : name);
    return r;
}

int tunny_create(const struct tunny_config *config, struct tunny **stack, char *error,
                 size_t error_size)
{
    struct complaint complaint = {error, error_size};
    struct stack_clock clock = {
        .now = real_now,
        .wait = real_wait,
        .readable = real_readable,
        .epoch_ns = clock_epoch_ns(),
    };
    struct siphash_key secret;
    struct device *device;
    char interface[32];
    int r = secret_fill(&secret);
    if (r < 0)
        return complain(complaint, r, "the kernel gives no random numbers");
    r = open_device(config, &device, interface, complaint);
    if (r < 0)
        return r;
    r = stack_create_over(config, device, &clock, &secret, stack, error, error_size);
    if (r == 0)
        memcpy((*stack)->interface, interface, sizeof interface);
    return r;
}

/* --- taking apart ----------------------------------------------------------------------------- */

/* Resets for what is still open; what the device does not take now is lost with the stack. */
static void say_goodbye(struct tunny *stack)
{
    sockets_destroy(&stack->sockets, stack_now(stack));
    stack_flush(stack);
}

static void give_layer(struct tunny *stack, void *layer, size_t size)
{
    if (layer)
        memory_give(&stack->memory, layer, size);
}

static void destroy_layers(struct tunny *stack)
{
    if (stack->tcp)
        tcp_destroy(stack->tcp);
    if (stack->udp)
        udp_destroy(stack->udp);
    if (stack->ip)
        ip_destroy(stack->ip);
    give_layer(stack, stack->tcp, tcp_size());
    give_layer(stack, stack->udp, udp_size());
    give_layer(stack, stack->ip, ip_size());
    give_layer(stack, stack->output.flat, PACKET_LARGEST);
    give_layer(stack, stack->landing.elsewhere, PACKET_LARGEST);
    loopback_destroy(&stack->loopback);
    loopback_destroy(&stack->guest.in);
    loopback_destroy(&stack->guest.out);
    /* Whoever still holds something has lost it. */
    CHECK(stack->memory.used == 0);
    memory_destroy(&stack->memory);
}

void tunny_destroy(struct tunny *stack)
{
    if (!stack)
        return;
    if (stack->sockets.memory)
        say_goodbye(stack);
    device_close(stack->device);
    if (stack->memory.region)
        destroy_layers(stack);
    free(stack);
}
