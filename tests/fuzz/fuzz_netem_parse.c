/* Any text as the specification of an impaired link: it is refused with a sentence, or its
 * canonical text reads back as exactly the same. Names of files are kept from it, so that it opens
 * none. */
#include "base/check.h"
#include "dev/impair_spec.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct impair_specification specification;

enum { TEXT_SIZE = 2 * IMPAIR_TEXT_SIZE };

static void write_and_read_back(void)
{
    static char first[TEXT_SIZE], second[TEXT_SIZE];
    struct netem_notes notes = {0};

    impair_specification_seed(&specification, 1);
    CHECK(impair_specification_text(&specification, first, sizeof first) < sizeof first);
    impair_specification_free(&specification);
    CHECK(impair_specification_parse(first, &specification, &notes) == 0);
    impair_specification_seed(&specification, 2);
    impair_specification_text(&specification, second, sizeof second);
    CHECK(strcmp(first, second) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[4096];
    struct netem_notes notes = {0};

    if (size >= sizeof text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '/' || text[i] == '.')
            text[i] = ',';
    }
    int rc = impair_specification_parse(text, &specification, &notes);
    CHECK(rc == 0 || notes.error[0] != '\0');
    if (rc == 0)
        write_and_read_back();
    impair_specification_free(&specification);
    return 0;
}
