/* A program's TCP socket, as the supervisor knows it: A, an AF_UNIX stream in the program; S, the
 * other end of it, which is ours; T, a socket of the stack. A becomes connection or listener in the
 * course of its life and is never replaced; no reference to it is held, so that its end is seen.
 * Here are the table of channels and their names; what happens to them is in calls*.c and pipe.c.
 * Everything is used under the bridge's lock. */
#ifndef TUNNY_RUN_CHANNEL_H
#define TUNNY_RUN_CHANNEL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

struct bridge;
struct session;

enum channel_state {
    CHANNEL_FRESH,      /* socket(), perhaps bind() */
    CHANNEL_LISTENING,  /* A is an AF_UNIX listener */
    CHANNEL_CONNECTING, /* T's handshake is under way */
    CHANNEL_OPEN,       /* A and S are a pair, T is connected */
    CHANNEL_ENDING,     /* the program has closed A; what it wrote is still on its way into T */
    CHANNEL_DEAD,       /* failed, reset or over: only answers are left */
};

/* One system call that waits for its answer, or has it. */
struct call {
    struct session *session;
    uint64_t id;
    pid_t task;
    int number;
    uint64_t instruction;
    uint64_t arguments[6];
    int duplicate;       /* of the descriptor in arguments[0]; -1: none. Gone after the handler */
    int64_t deadline_ns; /* of a call that is held; 0: none */
    char note[80];       /* what it is about, for --verbose */
    struct call *next;   /* among those that are held */
};

/* An answer that could not be delivered because a signal came first: the call that is restarted
 * gets it. */
struct kept_answer {
    bool valid;
    bool was_sent; /* and yet may be lost: see notify_answer() */
    int64_t when_ns;
    pid_t task;
    int number;
    uint64_t instruction;
    int64_t result;
};

enum { CHANNEL_OPTIONS = 12 };

/* An option that the stack does not know: what was set is what is read. */
struct remembered_option {
    int level, option;
    int value;
};

struct channel {
    uint64_t id, cookie; /* cookie: SO_COOKIE of A; 0: not known yet */
    enum channel_state state;
    int family;
    int socket; /* T; -1: none any more */
    int pipe;   /* S; -1: none */
    bool named; /* A has a name of its own, which says whether it still exists */

    size_t stuffed;                   /* bytes that keep A from being writable while T connects */
    int send_buffer;                  /* A's SO_SNDBUF before that */
    bool failure_told;                /* connect() has said why it failed */
    bool told;                        /* the program knows that it is connected */
    bool readable, writable, hung_up; /* S, edges that have not been used up */
    bool has_end;                     /* S has told of an end, which is behind the text */
    bool peer_ended;                  /* the peer's FIN has been passed on to A */
    bool program_ended;               /* the program's FIN has been passed on to T */
    bool both_shut; /* the program has shut down both directions, but may not have closed */
    int error;      /* what SO_ERROR will say */
    int backlog;    /* of a listener */
    bool is_full;   /* a listener: A's queue is, and T accepts as few as it can */
    unsigned seen;  /* by which pipe_find_all() */
    pid_t holder;   /* where A was seen last */
    int descriptor; /* there */
    socklen_t peer_length;
    struct sockaddr_storage peer;  /* whom connect() named */
    struct sockaddr_storage local; /* of T, once T is gone */
    socklen_t local_length;
    struct kept_answer kept;
    struct call *held; /* the oldest first */
    struct remembered_option options[CHANNEL_OPTIONS];
    unsigned option_count;

    bool is_dirty;
    struct channel *next_dirty;
    struct channel *next_by_id, *next_by_cookie;
    struct channel *previous, *next; /* among all */
    struct channel *previous_listener, *next_listener;
};

enum { CHANNEL_BUCKETS = 1 << 14, CHANNEL_DEAD_MOST = 4096 };

struct channels {
    uint64_t next_id;
    uint64_t nonce; /* in names, so that nobody else has the same by chance */
    struct channel *by_id[CHANNEL_BUCKETS], *by_cookie[CHANNEL_BUCKETS];
    int probe; /* an AF_UNIX socket without a name, to try names with; -1: none */
    struct channel **by_socket;
    unsigned sockets; /* room in by_socket */
    struct channel *first, *last;
    struct channel *listeners; /* those that are LISTENING */
    struct channel *dirty, *last_dirty;
    unsigned dirty_count;
    unsigned count, dead; /* dead: without a name */
};

/* A new one, FRESH, without A, S and T; NULL: no memory. */
struct channel *channel_new(struct channels *channels, int family);
/* Closes S and T and forgets the channel. Calls that it holds must have been answered. */
void channel_free(struct bridge *bridge, struct channel *channel);

/* From FRESH to LISTENING, and back. */
void channel_begin_listening(struct channels *channels, struct channel *channel);
void channel_end_listening(struct channels *channels, struct channel *channel);

/* T of the channel; -ENOMEM. */
int channel_set_socket(struct channels *channels, struct channel *channel, int socket);
void channel_set_cookie(struct channels *channels, struct channel *channel, uint64_t cookie);
/* A is another one now, not seen yet. */
void channel_forget_cookie(struct channels *channels, struct channel *channel);
void channel_mark_dirty(struct channels *channels, struct channel *channel);
/* The next one that has something to do, or NULL. */
struct channel *channel_next_dirty(struct channels *channels);

struct channel *channel_by_id(const struct channels *channels, uint64_t id);
struct channel *channel_by_cookie(const struct channels *channels, uint64_t cookie);
struct channel *channel_by_socket(const struct channels *channels, int socket);
/* The channel whose A this duplicate of any descriptor is, or NULL. A cookie is given to one socket
 * only (Linux 5.10). */
struct channel *channel_of(struct channels *channels, int duplicate);

/* The abstract name of A ('A') or S ('S'). Its length. */
socklen_t channel_name(const struct channels *channels, char end, uint64_t id,
                       struct sockaddr_un *name);
/* A named A still exists. */
bool channel_is_alive(struct channels *channels, const struct channel *channel);

#endif
