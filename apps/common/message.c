/* Sentences for people; see message.h. */
#include "common/message.h"

#include <stdarg.h>
#include <string.h>

static const char *program = "tunny";

void message_program(const char *name)
{
    program = name;
}

void complain(const char *format, ...)
{
    char sentence[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    fprintf(stderr, "%s: %s\n", program, sentence);
}

const char *error_words(int error)
{
    return strerror(error < 0 ? -error : error);
}

static int is_plain(unsigned char byte)
{
    return byte >= 0x20 && byte <= 0x7e && byte != '"' && byte != '\\';
}

char *message_quote(const char *text, size_t length, char *out, size_t out_size)
{
    size_t used = 0;
    for (size_t i = 0; i < length && used + 5 <= out_size; i++) {
        unsigned char byte = (unsigned char)text[i];
        if (is_plain(byte)) {
            out[used++] = (char)byte;
        } else {
            snprintf(out + used, out_size - used, "\\x%02x", byte);
            used += 4;
        }
    }
    if (out_size > 0)
        out[used] = '\0';
    return out;
}

void message_json_string(FILE *file, const char *text)
{
    fputc('"', file);
    for (; *text != '\0'; text++) {
        unsigned char byte = (unsigned char)*text;
        if (is_plain(byte))
            fputc(byte, file);
        else
            fprintf(file, "\\u%04x", byte);
    }
    fputc('"', file);
}
