/* packetdrill's shared-object mode: one virtual host, the real descriptors that stand for its
 * sockets, and how two threads share them. Called by the entries of the interface (so_*.c).
 *
 * The thread that loaded the object is the driver: it alone moves the clock. Calls that a script
 * gives a time range come from a second thread; one that must wait sleeps on a condition until the
 * driver has done something. Then the driver in turn waits until the call has gone back to sleep or
 * is done, so that a script gives the same result every time. One mutex is around all of it. */
#ifndef TUNNY_DRILL_SO_ADAPTER_H
#define TUNNY_DRILL_SO_ADAPTER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "drill/so/packetdrill_interface.h"
#include "socket.h"

enum { SO_FILES_MOST = 1024, SO_NAME = 64, SO_VALUE = 128, SO_SETTINGS_MOST = 256 };

enum so_kind { SO_FREE, SO_SOCKET, SO_EPOLL, SO_PIPE };

struct so_watch;

/* What a descriptor stands for; its place in the table is its number. */
struct so_file {
    enum so_kind kind;
    int number; /* the stack's socket */
    int type;   /* SOCK_STREAM, SOCK_DGRAM */
    bool nonblocking;
    struct so_watch *watches; /* of an epoll */
};

/* A tunable as it stood in its file when it was last read. */
struct so_setting {
    char name[SO_NAME], value[SO_VALUE];
};

struct adapter {
    pthread_mutex_t lock;
    pthread_cond_t changed; /* the driver did something: sleeping calls look again */
    pthread_cond_t settled; /* a call went back to sleep, or is done */
    pthread_t driver;
    unsigned generation;    /* how often `changed` was told */
    unsigned sleeping;      /* calls that wait for `changed` */
    unsigned unsettled;     /* calls that the driver waits for */
    bool reads_clock;       /* a call is done, and its thread has not asked for the time yet */
    bool ending;            /* free() */
    int64_t sleep_until_ns; /* when the first sleeping call's time is up */

    struct tunny *stack;
    struct so_file files[SO_FILES_MOST];
    char *sysctls; /* the directory, or NULL */
    struct so_setting settings[SO_SETTINGS_MOST];
    unsigned settings_count;
    const char *congestion; /* of new sockets; NULL: the stack's default */
};

/* --- entering and leaving ------------------------------------------------------------------- */

struct adapter *so_enter(void *userdata);
/* Lets sleeping calls see what was done, and gives libc's result for a negative errno. */
int64_t so_leave(struct adapter *adapter, int64_t result);

/* --- the clock ------------------------------------------------------------------------------ */

/* Moves the clock; timers and sleeping calls act at their time. The driver only. */
void so_advance(struct adapter *adapter, int64_t until_ns);
/* When something happens by itself; INT64_MAX: never. */
int64_t so_next_ns(const struct adapter *adapter);
/* The calls that sleep are ended with EINTR; returns when they have left. */
void so_end_calls(struct adapter *adapter);

/* --- calls that may have to wait ------------------------------------------------------------ */

struct so_call {
    /* Tries it once: its result, a negative errno, -EAGAIN: not yet. */
    int64_t (*once)(struct adapter *adapter, struct so_call *call);
    int fd;
    bool waits; /* -EAGAIN is no result yet */
    int64_t deadline_ns;
    const void *arguments;
    int64_t done; /* bytes moved so far */
    bool awake;   /* the driver waits for this call */
};

/* Tries it until it has a result; -EAGAIN: its time was up. */
int64_t so_finish(struct adapter *adapter, struct so_call *call);
/* `timeout_ms` from now; negative: INT64_MAX. */
int64_t so_deadline(const struct adapter *adapter, int64_t timeout_ms);
/* The call lasts no longer than SO_RCVTIMEO or SO_SNDTIMEO says. */
void so_patience(struct adapter *adapter, struct so_call *call, int option);

/* --- descriptors ---------------------------------------------------------------------------- */

/* NULL: none of ours. */
struct so_file *so_file(struct adapter *adapter, int fd);
/* The socket, or NULL. */
struct so_file *so_socket(struct adapter *adapter, int fd);
/* A new descriptor for it, or -EMFILE. */
int so_open(struct adapter *adapter, struct so_file file);
/* As so_open(), for a descriptor that exists. */
int so_adopt(struct adapter *adapter, int fd, struct so_file file);
/* Frees the place; the descriptor itself stays open. 0 or a negative errno. */
int so_forget(struct adapter *adapter, int fd);

/* so_poll.c: nobody watches it any longer, and what it watched itself is given back. */
void so_poll_forget(struct adapter *adapter, int fd);

/* --- the host (so_host.c, so_sysctls.c) ----------------------------------------------------- */

/* By the words of --so_flags. NULL, and a sentence on standard error. */
struct adapter *so_host_new(const char *flags);
/* Takes over what changed in the directory of tunables. */
void so_sysctls_read(struct adapter *adapter);
/* A new socket gets the congestion control that was set. */
void so_sysctls_apply(struct adapter *adapter, const struct so_file *file);

/* --- the entries, by file ------------------------------------------------------------------- */

void so_socket_entries(struct packetdrill_interface *interface);
void so_option_entries(struct packetdrill_interface *interface);
void so_data_entries(struct packetdrill_interface *interface);
void so_pipe_entries(struct packetdrill_interface *interface);
void so_poll_entries(struct packetdrill_interface *interface);
void so_netdev_entries(struct packetdrill_interface *interface);
/* What the stack sent and the script did not ask for, on standard error. How many packets. */
unsigned so_netdev_leftovers(struct adapter *adapter);

#endif
