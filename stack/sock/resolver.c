/* DNS messages, hosts and resolv.conf as a stub resolver reads them, see resolver.h. */
#include "sock/resolver.h"

#include <ctype.h>
#include <errno.h>
#include <strings.h>

enum {
    HEADER_LENGTH = 12,
    LABEL_LONGEST = 63,
    CLASS_IN = 1,
    TYPE_CNAME = 5,
    FLAG_ANSWER = 0x8000,
    FLAG_OPCODE = 0x7800,
    FLAG_TRUNCATED = 0x0200,
    FLAG_RECURSION_DESIRED = 0x0100,
    RCODE_MASK = 0x000f,
    RCODE_NO_NAME = 3,
    POINTER = 0xc0,
    DNS_PORT = 53,
};

/* --- the question ----------------------------------------------------------------------------- */

static bool may_stand_in_label(char c)
{
    return isalnum((unsigned char)c) || c == '-' || c == '_';
}

static bool add_label(struct builder *b, const char *label, size_t length)
{
    if (length == 0 || length > LABEL_LONGEST)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (!may_stand_in_label(label[i]))
            return false;
    }
    builder_u8(b, (uint8_t)length);
    builder_copy(b, label, length);
    return true;
}

/* "www.example.org" or "www.example.org." as labels (RFC 1035, 3.1). */
static bool add_name(struct builder *b, const char *name)
{
    size_t start = builder_length(b);
    do {
        size_t length = strcspn(name, ".");
        if (!add_label(b, name, length))
            return false;
        name += length + (name[length] == '.');
    } while (*name);
    builder_u8(b, 0);
    return !b->failed && builder_length(b) - start <= RESOLVER_NAME_LONGEST;
}

int resolver_ask(const char *name, enum resolver_type type, uint16_t id,
                 struct resolver_question *question)
{
    struct builder b = builder_over(question->message, sizeof question->message);
    builder_u16(&b, id);
    builder_u16(&b, FLAG_RECURSION_DESIRED);
    builder_u16(&b, 1); /* question */
    builder_u16(&b, 0); /* answers, authorities, additional records */
    builder_u16(&b, 0);
    builder_u16(&b, 0);
    if (!add_name(&b, name))
        return -EINVAL;
    builder_u16(&b, (uint16_t)type);
    builder_u16(&b, CLASS_IN);
    if (b.failed)
        return -EINVAL;
    question->id = id;
    question->type = type;
    question->length = builder_length(&b);
    return 0;
}

/* --- names in messages ------------------------------------------------------------------------ */

/* Labels as in RFC 1035, 3.1, without compression, in small letters; the root's is counted. */
struct dns_name {
    size_t length;
    uint8_t labels[RESOLVER_NAME_LONGEST];
};

static bool append_label(struct dns_name *name, struct bytes label)
{
    if (name->length + 1 + label.len > sizeof name->labels)
        return false;
    name->labels[name->length++] = (uint8_t)label.len;
    for (size_t i = 0; i < label.len; i++)
        name->labels[name->length++] = (uint8_t)tolower(label.data[i]);
    return true;
}

/* RFC 1035, 4.1.4. A pointer must lead to before where this name (or the part reached by the last
 * pointer) began, and only so many are followed: there is no loop. */
static bool read_name(struct bytes message, struct cursor *c, struct dns_name *name)
{
    struct cursor at = *c;
    size_t start = (size_t)(c->at - message.data);
    unsigned jumps = 0;
    name->length = 0;
    for (;;) {
        uint8_t length = cursor_u8(&at);
        if ((length & POINTER) == POINTER) {
            size_t target = (size_t)(length & ~POINTER) << 8 | cursor_u8(&at);
            if (jumps == 0)
                *c = at;
            if (at.failed || target >= start || ++jumps > RESOLVER_JUMPS)
                return false;
            start = target;
            at = cursor_over(message);
            cursor_take(&at, target);
            continue;
        }
        struct bytes label = cursor_take(&at, length);
        if (at.failed || length > LABEL_LONGEST || !append_label(name, label))
            return false;
        if (length == 0)
            break;
    }
    if (jumps == 0)
        *c = at;
    return true;
}

static bool name_equal(const struct dns_name *a, const struct dns_name *b)
{
    return a->length == b->length && memcmp(a->labels, b->labels, a->length) == 0;
}

/* --- the answer ------------------------------------------------------------------------------- */

struct record {
    struct dns_name owner;
    uint16_t type;
    uint16_t class;
    struct bytes data;
    struct cursor data_at; /* the same inside the message, for names in it */
};

static bool read_record(struct bytes message, struct cursor *c, struct record *record)
{
    if (!read_name(message, c, &record->owner))
        return false;
    record->type = cursor_u16(c);
    record->class = cursor_u16(c);
    cursor_u32(c); /* how long it may be remembered: it is not */
    uint16_t length = cursor_u16(c);
    record->data_at = *c;
    record->data = cursor_take(c, length);
    return !c->failed;
}

static void add_address(const struct record *record, enum resolver_type type,
                        struct resolver_addresses *found)
{
    size_t length = type == RESOLVER_A ? 4 : 16;
    if (record->data.len != length || found->count == RESOLVER_ADDRESSES)
        return;
    found->list[found->count++] = type == RESOLVER_A ? address_from_ipv4(record->data.data)
                                                     : address_from_ipv6(record->data.data);
}

/* What the records say of one name: its addresses, or another name for it. */
enum said { SAID_NOTHING, SAID_ADDRESSES, SAID_ALIAS, SAID_NONSENSE };

static enum said look_up(struct bytes message, struct cursor records, unsigned count,
                         enum resolver_type type, struct dns_name *name,
                         struct resolver_addresses *found)
{
    enum said said = SAID_NOTHING;
    struct dns_name alias;
    for (unsigned i = 0; i < count; i++) {
        struct record record;
        if (!read_record(message, &records, &record))
            return SAID_NONSENSE;
        if (record.class != CLASS_IN || !name_equal(&record.owner, name))
            continue;
        if (record.type == (uint16_t)type) {
            add_address(&record, type, found);
            said = SAID_ADDRESSES;
        } else if (record.type == TYPE_CNAME && said == SAID_NOTHING) {
            if (!read_name(message, &record.data_at, &alias))
                return SAID_NONSENSE;
            said = SAID_ALIAS;
        }
    }
    if (said == SAID_ALIAS)
        *name = alias;
    return said;
}

static enum resolver_verdict read_answers(const struct resolver_question *question,
                                          struct bytes message, struct cursor records,
                                          unsigned count, struct dns_name *name,
                                          struct resolver_addresses *found)
{
    unsigned before = found->count;
    for (unsigned aliases = 0; aliases <= RESOLVER_ALIASES; aliases++) {
        switch (look_up(message, records, count, question->type, name, found)) {
        case SAID_ADDRESSES:
            return found->count > before ? RESOLVER_FOUND : RESOLVER_SERVER_FAILED;
        case SAID_NOTHING:
            return RESOLVER_NO_ADDRESS;
        case SAID_NONSENSE:
            return RESOLVER_SERVER_FAILED;
        case SAID_ALIAS:
            break;
        }
    }
    return RESOLVER_SERVER_FAILED;
}

/* RFC 5452, 9.1: id and question must be those that were asked. The name's letters may come back in
 * another case. */
static bool is_ours(const struct resolver_question *question, struct bytes message,
                    struct cursor *c, struct dns_name *name)
{
    struct bytes asked = {question->message, question->length};
    struct cursor own = cursor_over(bytes_part(asked, HEADER_LENGTH, asked.len));
    struct dns_name own_name;
    if (!read_name(asked, &own, &own_name) || !read_name(message, c, name))
        return false;
    uint16_t type = cursor_u16(c), class = cursor_u16(c);
    return !c->failed && name_equal(&own_name, name) && type == (uint16_t)question->type &&
           class == CLASS_IN;
}

enum resolver_verdict resolver_read(const struct resolver_question *question, struct bytes answer,
                                    struct resolver_addresses *found)
{
    struct cursor c = cursor_over(answer);
    uint16_t id = cursor_u16(&c), flags = cursor_u16(&c), questions = cursor_u16(&c);
    uint16_t answers = cursor_u16(&c);
    cursor_u32(&c); /* authorities and additional records: not needed */
    struct dns_name name;
    if (c.failed || id != question->id || !(flags & FLAG_ANSWER) || flags & FLAG_OPCODE ||
        questions != 1 || !is_ours(question, answer, &c, &name))
        return RESOLVER_NOT_OURS;
    if (flags & FLAG_TRUNCATED)
        return RESOLVER_TRUNCATED;
    if ((flags & RCODE_MASK) == RCODE_NO_NAME)
        return RESOLVER_NO_NAME;
    if (flags & RCODE_MASK)
        return RESOLVER_SERVER_FAILED;
    return read_answers(question, answer, c, answers, &name, found);
}

/* --- hosts and resolv.conf -------------------------------------------------------------------- */

#define BLANKS " \t\r"

/* The next word before the end of the line or a comment; false: none. */
static bool next_word(const char **at, char *word, size_t size)
{
    *at += strspn(*at, BLANKS);
    size_t length = strcspn(*at, BLANKS "\n#;");
    if (length == 0 || length >= size)
        return false;
    memcpy(word, *at, length);
    word[length] = '\0';
    *at += length;
    return true;
}

static const char *next_line(const char *at)
{
    at += strcspn(at, "\n");
    return *at ? at + 1 : at;
}

unsigned resolver_find_host(const char *hosts, const char *name, struct resolver_addresses *found)
{
    unsigned before = found->count;
    size_t length = strlen(name);
    if (length > 0 && name[length - 1] == '.')
        length--;
    for (; *hosts; hosts = next_line(hosts)) {
        char word[RESOLVER_NAME_LONGEST + 1];
        struct address address;
        if (!next_word(&hosts, word, sizeof word) || !address_parse(word, &address))
            continue;
        while (found->count < RESOLVER_ADDRESSES && next_word(&hosts, word, sizeof word)) {
            if (strlen(word) == length && strncasecmp(word, name, length) == 0) {
                found->list[found->count++] = address;
                break;
            }
        }
    }
    return found->count - before;
}

unsigned resolver_find_servers(const char *text, struct endpoint servers[RESOLVER_SERVERS])
{
    unsigned count = 0;
    for (; *text && count < RESOLVER_SERVERS; text = next_line(text)) {
        char word[RESOLVER_NAME_LONGEST + 1];
        if (!next_word(&text, word, sizeof word) || strcmp(word, "nameserver") != 0)
            continue;
        if (next_word(&text, word, sizeof word) && address_parse(word, &servers[count].address))
            servers[count++].port = DNS_PORT;
    }
    return count;
}
