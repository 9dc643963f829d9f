/* The virtual host that --so_flags describes, and the interface's first and last call. Words of the
 * flags, separated by commas: sysctls=DIRECTORY (a file for each tunable, named like the sysctl),
 * local4=ADDRESS/LENGTH, local6=ADDRESS/LENGTH, mtu=BYTES, seed=NUMBER, capture=FILE,
 * impair=SPECIFICATION (as for --impair: faults of the link, and the way to see that wrong packets
 * are found), no_offload. Called by packetdrill. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drill/so/adapter.h"

enum { FLAGS_MOST = 1024, ADDRESSES_MOST = 160, MEMORY = 256 << 20 };

/* The clock begins here: packetdrill takes a time of 0 at a packet for "none was noted", and the
 * contract leaves the beginning open. */
enum { BEGIN_NS = 1000000000 };

struct host_flags {
    char text[FLAGS_MOST]; /* what the pointers point into */
    const char *local4, *local6, *sysctls, *capture, *mtu, *seed, *impair;
    int no_offload;
};

/* --- flags ---------------------------------------------------------------------------------- */

static bool take_flag(struct host_flags *flags, char *word)
{
    const struct {
        const char *name;
        const char **value;
    } known[] = {
        {"local4", &flags->local4},   {"local6", &flags->local6}, {"sysctls", &flags->sysctls},
        {"capture", &flags->capture}, {"mtu", &flags->mtu},       {"seed", &flags->seed},
        {"impair", &flags->impair},
    };
    char *equals = strchr(word, '=');
    if (equals == NULL) {
        flags->no_offload = strcmp(word, "no_offload") == 0;
        return flags->no_offload;
    }
    *equals = '\0';
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(known[i].name, word) == 0) {
            *known[i].value = equals + 1;
            return true;
        }
    }
    return false;
}

static bool read_flags(struct host_flags *flags, const char *text)
{
    char *rest = flags->text;
    *flags = (struct host_flags){.local4 = "192.168.0.1/24", .local6 = "fd3d:0a0b:17d6::1/64"};
    if (text == NULL)
        return true;
    if (strlen(text) >= sizeof flags->text) {
        fprintf(stderr, "tunny: the flags are too long\n");
        return false;
    }
    strcpy(flags->text, text);
    for (char *word; (word = strsep(&rest, ",")) != NULL;) {
        if (*word != '\0' && !take_flag(flags, word)) {
            fprintf(stderr, "tunny: there is no flag \"%s\"\n", word);
            return false;
        }
    }
    return true;
}

/* --- the host ------------------------------------------------------------------------------- */

static bool make_stack(struct adapter *adapter, const struct host_flags *flags)
{
    char addresses[ADDRESSES_MOST], error[256];
    snprintf(addresses, sizeof addresses, "%s,%s", flags->local4, flags->local6);
    struct tunny_config config = {
        .addresses = addresses,
        .mtu = flags->mtu != NULL ? (uint32_t)strtoul(flags->mtu, NULL, 10) : 0,
        .no_offload = flags->no_offload,
        .capture = flags->capture,
        .impair = flags->impair,
        .seed = flags->seed != NULL ? strtoull(flags->seed, NULL, 0) : 1,
        .memory = MEMORY,
        .resolver = "127.0.0.1",
    };
    if (tunny_create_virtual(&config, &adapter->stack, error, sizeof error) == 0)
        return true;
    fprintf(stderr, "tunny: the host cannot be made: %s\n", error);
    return false;
}

struct adapter *so_host_new(const char *text)
{
    struct host_flags flags;
    struct adapter *adapter = calloc(1, sizeof *adapter);
    if (adapter == NULL) {
        fprintf(stderr, "tunny: there is no memory for a host\n");
        return NULL;
    }
    if (!read_flags(&flags, text) || !make_stack(adapter, &flags)) {
        free(adapter);
        return NULL;
    }
    adapter->sysctls = flags.sysctls != NULL ? strdup(flags.sysctls) : NULL;
    tunny_virtual_advance(adapter->stack, BEGIN_NS);
    adapter->driver = pthread_self();
    adapter->sleep_until_ns = INT64_MAX;
    pthread_mutex_init(&adapter->lock, NULL);
    pthread_cond_init(&adapter->changed, NULL);
    pthread_cond_init(&adapter->settled, NULL);
    return adapter;
}

/* Descriptors that are still open belong to the caller, who closes them with libc's close(). */
static void entry_free(void *userdata)
{
    struct adapter *adapter = so_enter(userdata);
    so_end_calls(adapter);
    so_netdev_leftovers(adapter);
    for (int fd = 0; fd < SO_FILES_MOST; fd++)
        if (adapter->files[fd].kind != SO_FREE)
            so_forget(adapter, fd);
    tunny_destroy(adapter->stack);
    pthread_mutex_unlock(&adapter->lock);
    pthread_cond_destroy(&adapter->changed);
    pthread_cond_destroy(&adapter->settled);
    pthread_mutex_destroy(&adapter->lock);
    free(adapter->sysctls);
    free(adapter);
}

void packetdrill_interface_init(const char *flags, struct packetdrill_interface *interface)
{
    struct adapter *adapter = so_host_new(flags);
    if (adapter == NULL)
        exit(EXIT_FAILURE);
    *interface = (struct packetdrill_interface){.userdata = adapter, .free = entry_free};
    so_socket_entries(interface);
    so_option_entries(interface);
    so_data_entries(interface);
    so_pipe_entries(interface);
    so_poll_entries(interface);
    so_netdev_entries(interface);
}
