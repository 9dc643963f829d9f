/* Calls that move data. See calls.h. Data that the script leaves out (`...`) is zeros; what is read
 * is counted and not compared, as in packetdrill. */
#define _GNU_SOURCE
#include <time.h> /* linux/errqueue.h needs it */

#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "calls.h"

enum { DATA_MOST = 64 << 20 };

/* --- reading
 * -------------------------------------------------------------------------------------------- */

struct reading {
    struct file *file;
    int64_t count;
    int flags;
    int returned_flags; /* recvmsg's msg_flags */
};

/* A blocking read waits for this many bytes. */
static int64_t low_water(struct world *world, const struct reading *reading)
{
    int mark = 1;
    socklen_t length = sizeof mark;
    if (reading->flags & MSG_WAITALL)
        return reading->count;
    tunny_getsockopt(world->stack, reading->file->number, SOL_SOCKET, SO_RCVLOWAT, &mark, &length);
    return mark < reading->count ? mark : reading->count;
}

static int64_t read_once(struct world *world, const struct reading *reading, int64_t count)
{
    uint8_t *buffer = malloc(count > 0 ? (size_t)count : 1);
    if (buffer == NULL)
        return -ENOMEM;
    int64_t r = tunny_recv(world->stack, reading->file->number, buffer, (size_t)count,
                           (reading->flags & ~MSG_WAITALL) | MSG_DONTWAIT);
    free(buffer);
    return r;
}

static bool try_read(struct world *world, struct attempt *attempt, const struct reading *reading)
{
    if (reading->count < 0 || reading->count > DATA_MOST)
        return world_fails(world, attempt->event->line, "this is more than can be read at once");
    if (reading->file->kind != FILE_SOCKET)
        return call_returns(attempt, -EINVAL);
    call_patience(world, attempt, reading->file, SO_RCVTIMEO);
    int64_t r = read_once(world, reading, reading->count - attempt->done);
    if (r == -EAGAIN)
        return call_blocks(world, attempt,
                           reading->file->nonblocking || reading->flags & MSG_DONTWAIT);
    if (r < 0)
        return call_returns(attempt, attempt->done > 0 ? attempt->done : r);
    attempt->done += r;
    bool enough = r == 0 || reading->file->type == SOCK_DGRAM ||
                  reading->flags & (MSG_PEEK | MSG_OOB) ||
                  attempt->done >= low_water(world, reading);
    if (enough || reading->file->nonblocking || reading->flags & MSG_DONTWAIT)
        return call_returns(attempt, attempt->done);
    return call_blocks(world, attempt, false);
}

/* NULL where data belongs, and some of it is asked for. */
static bool data_is_null(const struct attempt *attempt, int64_t count)
{
    const struct expr *data = argument(attempt->call, 1);
    return count > 0 && data != NULL && data->kind == EXPR_WORD && strcmp(data->text, "NULL") == 0;
}

static bool find_file(struct world *world, struct attempt *attempt, struct file **file)
{
    return call_file(world, attempt, 0, file) && *file != NULL;
}

/* What a call says when find_file() said no: EBADF is a result, a verdict is not. */
static bool no_file(const struct world *world)
{
    return world->verdict == VERDICT_PASS;
}

bool call_read(struct world *world, struct attempt *attempt)
{
    struct reading reading = {0};
    if (!find_file(world, attempt, &reading.file))
        return no_file(world);
    if (!value_argument(world, attempt, 2, &reading.count))
        return false;
    if (data_is_null(attempt, reading.count))
        return call_returns(attempt, -EFAULT);
    return try_read(world, attempt, &reading);
}

/* recv(), and recvfrom() whose last two arguments are `...`. */
bool call_recv(struct world *world, struct attempt *attempt)
{
    struct reading reading = {0};
    int64_t flags;
    if (!find_file(world, attempt, &reading.file))
        return no_file(world);
    if (!value_argument(world, attempt, 2, &reading.count) ||
        !value_argument(world, attempt, 3, &flags))
        return false;
    reading.flags = (int)flags;
    if (data_is_null(attempt, reading.count))
        return call_returns(attempt, -EFAULT);
    return try_read(world, attempt, &reading);
}

/* The sum of the lengths in [{..., 10}, {"abc", 3}]. */
static bool pieces_length(struct world *world, const struct attempt *attempt,
                          const struct expr *list, int64_t *sum)
{
    *sum = 0;
    if (list == NULL || list->kind != EXPR_LIST)
        return world_fails(world, attempt->event->line,
                           "a list of pieces is expected in this call");
    for (const struct expr *piece = list->first; piece != NULL; piece = piece->next) {
        int64_t length;
        if (piece->kind != EXPR_STRUCT || piece->first == NULL ||
            !value_number(world, attempt->event->line, piece->first->next, &length))
            return world_fails(world, attempt->event->line,
                               "a piece {..., length} is expected here");
        *sum += length;
    }
    return true;
}

bool call_readv(struct world *world, struct attempt *attempt)
{
    struct reading reading = {0};
    if (!find_file(world, attempt, &reading.file))
        return no_file(world);
    return pieces_length(world, attempt, argument(attempt->call, 1), &reading.count) &&
           try_read(world, attempt, &reading);
}

/* The one control message that there is: TCP_INQ, what is left to read. */
static bool check_control(struct world *world, struct attempt *attempt, const struct file *file,
                          const struct expr *control)
{
    const struct expr *message = control != NULL ? control->first : NULL;
    int64_t type, expected;
    int left = 0, line = attempt->event->line;
    if (message == NULL || attempt->result < 0)
        return true;
    if (!value_number(world, line, member(message, "cmsg_type"), &type))
        return false;
    if (type != TCP_INQ || message->next != NULL)
        return world_lacks(world, line, "control messages other than TCP_CM_INQ");
    if (!value_in_list(world, line, member(message, "cmsg_data"), &expected))
        return false;
    int on = 0;
    socklen_t length = sizeof on;
    tunny_getsockopt(world->stack, file->number, IPPROTO_TCP, TCP_INQ, &on, &length);
    tunny_ioctl(world->stack, file->number, FIONREAD, &left);
    /* Linux tells one byte more where only the end is left, so that it is read. */
    if (left == 0 && tunny_ready(world->stack, file->number) & POLLRDHUP)
        left = 1;
    if (on && left == expected)
        return true;
    return world_fails(world, line, "TCP_CM_INQ is %d (TCP_INQ is %s), where %lld was expected",
                       left, on ? "on" : "off", (long long)expected);
}

/* The error queue holds what became of sends with MSG_ZEROCOPY, and nothing else. */
struct queued_error {
    uint32_t first, last;
};

/* One member of {ee_errno=0, ee_origin=..., ee_info=...}; those that the script leaves out are not
 * compared. */
static bool same_member(struct world *world, const struct attempt *attempt, const struct expr *data,
                        const char *name, int64_t got)
{
    const struct expr *expr = member(data, name);
    int64_t expected;
    if (expr == NULL || expr->kind == EXPR_ELLIPSIS)
        return true;
    if (!value_number(world, attempt->event->line, expr, &expected))
        return false;
    if (expected == got)
        return true;
    return world_fails(world, attempt->event->line, "%s is %lld, where %lld was expected", name,
                       (long long)got, (long long)expected);
}

static bool compare_error(struct world *world, const struct attempt *attempt,
                          const struct queued_error *error)
{
    const struct expr *list = member(argument(attempt->call, 1), "msg_control");
    const struct expr *message = list != NULL && list->kind == EXPR_LIST ? list->first : NULL;
    const struct expr *data = message != NULL ? member(message, "cmsg_data") : NULL;
    if (message == NULL)
        return true;
    if (message->next != NULL || data == NULL || data->kind != EXPR_STRUCT)
        return world_lacks(world, attempt->event->line, "these messages of the error queue");
    return same_member(world, attempt, data, "ee_errno", 0) &&
           same_member(world, attempt, data, "ee_origin", SO_EE_ORIGIN_ZEROCOPY) &&
           same_member(world, attempt, data, "ee_type", 0) &&
           same_member(world, attempt, data, "ee_code", SO_EE_CODE_ZEROCOPY_COPIED) &&
           same_member(world, attempt, data, "ee_info", error->first) &&
           same_member(world, attempt, data, "ee_data", error->last);
}

/* recvmsg() with MSG_ERRQUEUE, which never waits. */
static bool read_error_queue(struct world *world, struct attempt *attempt, const struct file *file)
{
    struct queued_error error;
    int r = tunny_zerocopy_done(world->stack, file->number, &error.first, &error.last);
    call_returns(attempt, r);
    return r < 0 || compare_error(world, attempt, &error);
}

bool call_recvmsg(struct world *world, struct attempt *attempt)
{
    struct reading reading = {0};
    const struct expr *message = argument(attempt->call, 1);
    int64_t flags;
    if (!find_file(world, attempt, &reading.file))
        return no_file(world);
    if (message == NULL || message->kind != EXPR_STRUCT)
        return world_fails(world, attempt->event->line, "a message {...} is expected in this call");
    if (!pieces_length(world, attempt, member(message, "msg_iov"), &reading.count) ||
        !value_argument(world, attempt, 2, &flags))
        return false;
    reading.flags = (int)flags;
    if (flags & MSG_ERRQUEUE && reading.file->kind == FILE_SOCKET)
        return read_error_queue(world, attempt, reading.file);
    if (!try_read(world, attempt, &reading))
        return false;
    return attempt->would_block ||
           check_control(world, attempt, reading.file, member(message, "msg_control"));
}

/* --- writing
 * -------------------------------------------------------------------------------------------- */

struct writing {
    struct file *file;
    const char *text; /* NULL: zeros */
    bool null;        /* the script gives NULL */
    size_t text_length;
    int64_t count;
    int flags;
    struct sockaddr_storage address;
    socklen_t address_length; /* 0: none */
};

static int64_t write_once(struct world *world, const struct writing *writing, int64_t from)
{
    size_t length = (size_t)(writing->count - from);
    uint8_t *buffer = calloc(length > 0 ? length : 1, 1);
    if (buffer == NULL)
        return -ENOMEM;
    if (writing->text != NULL && (size_t)from < writing->text_length) {
        size_t left = writing->text_length - (size_t)from;
        memcpy(buffer, writing->text + from, left < length ? left : length);
    }
    const struct sockaddr *address = writing->address_length
                                         ? (const struct sockaddr *)&writing->address
                                         : NULL;
    int64_t r = tunny_sendto(world->stack, writing->file->number, buffer, length,
                             writing->flags | MSG_DONTWAIT, address, writing->address_length);
    free(buffer);
    return r;
}

static bool try_write(struct world *world, struct attempt *attempt, const struct writing *writing);

/* MSG_FASTOPEN: what rides on the SYN; a blocking call goes on when the handshake is complete. */
static bool open_with_data(struct world *world, struct attempt *attempt,
                           const struct writing *writing, bool nonblocking)
{
    int64_t r = write_once(world, writing, 0);
    if (r >= 0 || r == -EINPROGRESS)
        world->flows.current = NULL;
    if (nonblocking || (r < 0 && r != -EINPROGRESS))
        return call_returns(attempt, r);
    attempt->done = r > 0 ? r : 0;
    return call_blocks(world, attempt, false);
}

static bool await_open(struct world *world, struct attempt *attempt, const struct writing *writing)
{
    int r = tunny_connect(world->stack, writing->file->number,
                          (const struct sockaddr *)&writing->address, writing->address_length);
    if (r == -EINPROGRESS || r == -EALREADY)
        return call_blocks(world, attempt, false);
    if (r < 0 && r != -EISCONN)
        return call_returns(attempt, r);
    if (attempt->done >= writing->count)
        return call_returns(attempt, attempt->done);
    struct writing rest = *writing;
    rest.flags &= ~MSG_FASTOPEN;
    return try_write(world, attempt, &rest);
}

static bool try_write(struct world *world, struct attempt *attempt, const struct writing *writing)
{
    bool nonblocking = writing->file->nonblocking || writing->flags & MSG_DONTWAIT;
    if (writing->count < 0 || writing->count > DATA_MOST)
        return world_fails(world, attempt->event->line, "this is more than can be written at once");
    if (writing->file->kind != FILE_SOCKET)
        return call_returns(attempt, -EINVAL);
    if (writing->null && writing->count > 0)
        return call_returns(attempt, -EFAULT);
    call_patience(world, attempt, writing->file, SO_SNDTIMEO);
    if (writing->flags & MSG_FASTOPEN)
        return attempt->first ? open_with_data(world, attempt, writing, nonblocking)
                              : await_open(world, attempt, writing);
    /* Who waits for room is woken when a third of the buffer is free, as poll() has it. */
    if (attempt->done > 0 &&
        !(tunny_ready(world->stack, writing->file->number) & (POLLOUT | POLLERR | POLLHUP)))
        return call_blocks(world, attempt, false);
    int64_t r = write_once(world, writing, attempt->done);
    if (r == -EAGAIN)
        return call_blocks(world, attempt, nonblocking);
    if (r < 0)
        return call_returns(attempt, attempt->done > 0 ? attempt->done : r);
    attempt->done += r;
    if (attempt->done >= writing->count || nonblocking)
        return call_returns(attempt, attempt->done);
    return call_blocks(world, attempt, false);
}

/* The data and its length from the second and third argument. */
static bool data_arguments(struct world *world, struct attempt *attempt, struct writing *writing)
{
    const struct expr *data = argument(attempt->call, 1);
    if (!value_argument(world, attempt, 2, &writing->count))
        return false;
    if (data->kind == EXPR_STRING) {
        writing->text = data->text;
        writing->text_length = data->length;
    } else if (data->kind == EXPR_WORD && strcmp(data->text, "NULL") == 0) {
        writing->null = true;
    } else if (data->kind != EXPR_ELLIPSIS) {
        return world_fails(world, attempt->event->line, "a string or ... is expected in this call");
    }
    return true;
}

bool call_write(struct world *world, struct attempt *attempt)
{
    struct writing writing = {0};
    if (!find_file(world, attempt, &writing.file))
        return no_file(world);
    return data_arguments(world, attempt, &writing) && try_write(world, attempt, &writing);
}

static bool flags_argument(struct world *world, struct attempt *attempt, unsigned n,
                           struct writing *writing)
{
    int64_t flags;
    if (!value_argument(world, attempt, n, &flags))
        return false;
    writing->flags = (int)flags;
    return true;
}

bool call_send(struct world *world, struct attempt *attempt)
{
    struct writing writing = {0};
    if (!find_file(world, attempt, &writing.file))
        return no_file(world);
    return data_arguments(world, attempt, &writing) &&
           flags_argument(world, attempt, 3, &writing) && try_write(world, attempt, &writing);
}

/* On a stream, and on a connected datagram socket, `...` is no address; else it is the remote
 * place. */
static bool destination(struct world *world, struct attempt *attempt, const struct expr *address,
                        struct writing *writing)
{
    struct sockaddr_storage peer;
    socklen_t length = sizeof peer;
    bool connected = tunny_getpeername(world->stack, writing->file->number,
                                       (struct sockaddr *)&peer, &length) == 0;
    bool opens = writing->file->type == SOCK_STREAM && writing->flags & MSG_FASTOPEN;
    if (address == NULL || address->kind == EXPR_INTEGER ||
        (address->kind == EXPR_ELLIPSIS && !opens &&
         (connected || writing->file->type == SOCK_STREAM)))
        return true;
    return value_address(world, attempt->event->line, address, &world->options.remote,
                         &writing->address, &writing->address_length);
}

bool call_sendto(struct world *world, struct attempt *attempt)
{
    struct writing writing = {0};
    if (!find_file(world, attempt, &writing.file))
        return no_file(world);
    return data_arguments(world, attempt, &writing) &&
           flags_argument(world, attempt, 3, &writing) &&
           destination(world, attempt, argument(attempt->call, 4), &writing) &&
           try_write(world, attempt, &writing);
}

bool call_writev(struct world *world, struct attempt *attempt)
{
    struct writing writing = {0};
    if (!find_file(world, attempt, &writing.file))
        return no_file(world);
    return pieces_length(world, attempt, argument(attempt->call, 1), &writing.count) &&
           try_write(world, attempt, &writing);
}

bool call_sendmsg(struct world *world, struct attempt *attempt)
{
    struct writing writing = {0};
    const struct expr *message = argument(attempt->call, 1);
    if (!find_file(world, attempt, &writing.file))
        return no_file(world);
    if (message == NULL || message->kind != EXPR_STRUCT)
        return world_fails(world, attempt->event->line, "a message {...} is expected in this call");
    const struct expr *control = member(message, "msg_control");
    if (control != NULL && control->first != NULL)
        return world_lacks(world, attempt->event->line, "control messages of sendmsg()");
    const struct expr *name = member(message, "msg_name");
    return pieces_length(world, attempt, member(message, "msg_iov"), &writing.count) &&
           flags_argument(world, attempt, 2, &writing) &&
           destination(world, attempt, name, &writing) && try_write(world, attempt, &writing);
}
