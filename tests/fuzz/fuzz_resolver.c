/* Any bytes as the answer of a name server, as a hosts file and as resolv.conf. The first byte
 * chooses the type that was asked for. */
#include "base/check.h"
#include "sock/resolver.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_answer(struct bytes answer, enum resolver_type type)
{
    struct resolver_question question;
    struct resolver_addresses found = {.count = 0};
    CHECK(resolver_ask("example.org", type, 0x1234, &question) == 0);
    enum resolver_verdict verdict = resolver_read(&question, answer, &found);
    CHECK((verdict == RESOLVER_FOUND) == (found.count > 0) || verdict == RESOLVER_SERVER_FAILED);
    CHECK(found.count <= RESOLVER_ADDRESSES);
    for (unsigned i = 0; i < found.count; i++)
        CHECK(type == RESOLVER_AAAA || address_is_ipv4(&found.list[i]));
}

static void read_files(struct bytes bytes)
{
    static char text[4096];
    struct endpoint servers[RESOLVER_SERVERS];
    struct resolver_addresses found = {.count = 0};
    size_t length = bytes.len < sizeof text ? bytes.len : sizeof text - 1;
    memcpy(text, bytes.data, length);
    text[length] = '\0';
    CHECK(resolver_find_host(text, "example", &found) == found.count);
    CHECK(resolver_find_servers(text, servers) <= RESOLVER_SERVERS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct bytes rest = {data + 1, size - 1};
    read_answer(rest, data[0] & 1 ? RESOLVER_AAAA : RESOLVER_A);
    read_files(rest);
    return 0;
}
