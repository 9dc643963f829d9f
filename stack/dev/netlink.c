/* rtnetlink messages, see the header. */
#include "dev/netlink.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"

static size_t aligned(size_t length)
{
    return (length + 3) & ~(size_t)3;
}

/* Room for `length` bytes at the end, zeros behind them up to the next multiple of four. */
static uint8_t *extend(struct netlink_message *m, size_t length)
{
    if (m->overflow || aligned(length) > sizeof m->bytes - m->length) {
        m->overflow = true;
        return NULL;
    }
    uint8_t *room = m->bytes + m->length;
    memset(room, 0, aligned(length));
    m->length += aligned(length);
    return room;
}

static void set_header(struct netlink_message *m, struct nlmsghdr header)
{
    header.nlmsg_len = (uint32_t)m->length;
    memcpy(m->bytes, &header, sizeof header);
}

static struct nlmsghdr header_of(const struct netlink_message *m)
{
    struct nlmsghdr header;

    memcpy(&header, m->bytes, sizeof header);
    return header;
}

void netlink_begin(struct netlink_message *m, uint16_t type, uint16_t flags, const void *body,
                   size_t length)
{
    m->length = 0;
    m->overflow = false;
    extend(m, sizeof(struct nlmsghdr));
    uint8_t *room = extend(m, length);
    CHECK(room);
    memcpy(room, body, length);
    set_header(m, (struct nlmsghdr){
                      .nlmsg_type = type,
                      .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags),
                      .nlmsg_seq = 1,
                  });
}

void netlink_put(struct netlink_message *m, uint16_t type, const void *data, size_t length)
{
    struct rtattr head = {.rta_len = (unsigned short)(sizeof head + length), .rta_type = type};

    if (length > UINT16_MAX - sizeof head) {
        m->overflow = true;
        return;
    }
    uint8_t *room = extend(m, sizeof head + length);
    if (room == NULL)
        return;
    memcpy(room, &head, sizeof head);
    if (length)
        memcpy(room + sizeof head, data, length);
}

void netlink_put_u32(struct netlink_message *m, uint16_t type, uint32_t value)
{
    netlink_put(m, type, &value, sizeof value);
}

void netlink_put_u64(struct netlink_message *m, uint16_t type, uint64_t value)
{
    netlink_put(m, type, &value, sizeof value);
}

void netlink_put_string(struct netlink_message *m, uint16_t type, const char *text)
{
    netlink_put(m, type, text, strlen(text) + 1);
}

size_t netlink_nest_begin(struct netlink_message *m, uint16_t type, const void *data, size_t length)
{
    size_t mark = m->length;

    netlink_put(m, type, data, length);
    return mark;
}

void netlink_nest_end(struct netlink_message *m, size_t mark)
{
    struct rtattr head;

    if (m->overflow)
        return;
    if (m->length - mark > UINT16_MAX) {
        m->overflow = true;
        return;
    }
    memcpy(&head, m->bytes + mark, sizeof head);
    head.rta_len = (unsigned short)(m->length - mark);
    memcpy(m->bytes + mark, &head, sizeof head);
}

/* --- talking ---------------------------------------------------------------------------------- */

static void keep_words(char *words, size_t words_size, const void *text, size_t length)
{
    snprintf(words, words_size, "%.*s", (int)length, (const char *)text);
}

/* The attributes behind an answer (NETLINK_EXT_ACK): the kernel's own words. The request, or its
 * header alone, stands before them. */
static void find_words(const uint8_t *answer, size_t length, char *words, size_t words_size)
{
    struct nlmsghdr header;
    struct nlmsgerr error;
    struct nlattr attribute;

    memcpy(&header, answer, sizeof header);
    if (!(header.nlmsg_flags & NLM_F_ACK_TLVS))
        return;
    memcpy(&error, answer + NLMSG_HDRLEN, sizeof error);
    size_t at = NLMSG_HDRLEN + sizeof error;
    if (!(header.nlmsg_flags & NLM_F_CAPPED))
        at += aligned(error.msg.nlmsg_len - NLMSG_HDRLEN);
    while (at + sizeof attribute <= length) {
        memcpy(&attribute, answer + at, sizeof attribute);
        if (attribute.nla_len < sizeof attribute || attribute.nla_len > length - at)
            return;
        if (attribute.nla_type == NLMSGERR_ATTR_MSG)
            keep_words(words, words_size, answer + at + sizeof attribute,
                       attribute.nla_len - sizeof attribute);
        at += aligned(attribute.nla_len);
    }
}

static int read_answer(int descriptor, char *words, size_t words_size)
{
    _Alignas(8) uint8_t answer[8192];
    struct nlmsgerr error;
    ssize_t got;

    do
        got = recv(descriptor, answer, sizeof answer, 0);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return -errno;
    if ((size_t)got < NLMSG_HDRLEN + sizeof error)
        return -EPROTO;
    memcpy(&error, answer + NLMSG_HDRLEN, sizeof error);
    find_words(answer, (size_t)got, words, words_size);
    return error.error;
}

static int ask(int descriptor, const struct netlink_message *m, char *words, size_t words_size)
{
    int one = 1;

    /* Kernels before 4.12 have no words: an answer without them is as good. */
    setsockopt(descriptor, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof one);
    setsockopt(descriptor, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof one);
    if (send(descriptor, m->bytes, m->length, 0) < 0)
        return -errno;
    return read_answer(descriptor, words, words_size);
}

int netlink_talk(struct netlink_message *m, char *words, size_t words_size)
{
    words[0] = '\0';
    if (m->overflow)
        return -EMSGSIZE;
    set_header(m, header_of(m));
    int descriptor = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (descriptor < 0)
        return -errno;
    int rc = ask(descriptor, m, words, words_size);
    close(descriptor);
    return rc;
}
