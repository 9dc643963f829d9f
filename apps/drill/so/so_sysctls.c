/* Tunables from a directory of files that are named like the sysctls. The `sysctl` commands of a
 * script are stubs that write there, so it is read again before calls that may depend on it; what
 * did not change is left alone. See adapter.h. */
#include <dirent.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drill/so/adapter.h"

/* A name of the directory with "_default" behind it. */
enum { SO_NAME_FULL = 272 };

/* --- setting -------------------------------------------------------------------------------- */

static void set_number(struct adapter *adapter, const char *name, const char *text)
{
    char *end;
    long long value = strtoll(text, &end, 0);
    int r = end == text ? -EINVAL : tunny_set(adapter->stack, name, value);
    if (r == -ENOENT)
        fprintf(stderr, "tunny: there is no setting %s: ignored\n", name);
    else if (r < 0)
        fprintf(stderr, "tunny: %s cannot be \"%s\": ignored\n", name, text);
}

/* "least default most" is two tunables here. */
static void set_memory(struct adapter *adapter, const char *name, const char *text)
{
    char full[SO_NAME_FULL], usual[24], most[24];
    if (sscanf(text, "%*s %23s %23s", usual, most) != 2) {
        fprintf(stderr, "tunny: %s needs three numbers: ignored\n", name);
        return;
    }
    snprintf(full, sizeof full, "%s_max", name);
    set_number(adapter, full, most);
    snprintf(full, sizeof full, "%s_default", name);
    set_number(adapter, full, usual);
}

static void set_congestion(struct adapter *adapter, const char *value)
{
    for (unsigned i = 0; tunny_congestion(i) != NULL; i++) {
        if (strcmp(tunny_congestion(i), value) == 0) {
            adapter->congestion = tunny_congestion(i);
            return;
        }
    }
    fprintf(stderr, "tunny: there is no congestion control \"%s\": ignored\n", value);
}

static void set(struct adapter *adapter, const char *name, const char *value)
{
    if (strcmp(name, "tcp_rmem") == 0 || strcmp(name, "tcp_wmem") == 0)
        set_memory(adapter, name, value);
    else if (strcmp(name, "tcp_congestion_control") == 0)
        set_congestion(adapter, value);
    else
        set_number(adapter, name, value);
}

/* --- reading -------------------------------------------------------------------------------- */

/* The tunable as it was read last; a new one has no value. NULL: there is no room. */
static struct so_setting *setting(struct adapter *adapter, const char *name)
{
    for (unsigned i = 0; i < adapter->settings_count; i++)
        if (strcmp(adapter->settings[i].name, name) == 0)
            return &adapter->settings[i];
    if (adapter->settings_count == SO_SETTINGS_MOST || strlen(name) >= SO_NAME)
        return NULL;
    struct so_setting *fresh = &adapter->settings[adapter->settings_count++];
    strcpy(fresh->name, name);
    return fresh;
}

/* The first line. False: there is none. */
static bool read_value(const char *directory, const char *name, char value[SO_VALUE])
{
    char path[4096];
    int length = snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = length > 0 && (size_t)length < sizeof path ? fopen(path, "re") : NULL;
    if (file == NULL)
        return false;
    bool read = fgets(value, SO_VALUE, file) != NULL;
    fclose(file);
    if (read)
        value[strcspn(value, "\n")] = '\0';
    return read && value[0] != '\0';
}

/* net.ipv4.tcp_sack is tcp_sack. */
static const char *last_part(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot != NULL ? dot + 1 : name;
}

static void take_file(struct adapter *adapter, const char *name)
{
    char value[SO_VALUE];
    if (!read_value(adapter->sysctls, name, value))
        return;
    struct so_setting *known = setting(adapter, name);
    if (known == NULL || strcmp(known->value, value) == 0)
        return;
    strcpy(known->value, value);
    set(adapter, last_part(name), value);
}

void so_sysctls_read(struct adapter *adapter)
{
    DIR *directory = adapter->sysctls != NULL ? opendir(adapter->sysctls) : NULL;
    if (directory == NULL)
        return;
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;)
        if (entry->d_name[0] != '.')
            take_file(adapter, entry->d_name);
    closedir(directory);
}

void so_sysctls_apply(struct adapter *adapter, const struct so_file *file)
{
    if (adapter->congestion != NULL && file->type == SOCK_STREAM)
        tunny_setsockopt(adapter->stack, file->number, IPPROTO_TCP, TCP_CONGESTION,
                         adapter->congestion, (socklen_t)strlen(adapter->congestion));
}
