/* The three kinds of block of a pcapng file that we write, see pcapng.h. Everything is in the byte
 * order of the machine, as the format wants it: the magic number tells the reader which that is. */
#include "dev/pcapng.h"

enum {
    BLOCK_SECTION = 0x0a0d0d0a,
    BLOCK_INTERFACE = 1,
    BLOCK_PACKET = 6,
    BYTE_ORDER_MAGIC = 0x1a2b3c4d,
    LINKTYPE_RAW = 101,
    OPTION_END = 0,
    OPTION_COMMENT = 1,
    OPTION_USER_APPLICATION = 4, /* in a section */
    OPTION_TIME_RESOLUTION = 9,  /* in an interface */
    OPTION_FLAGS = 2,            /* in a packet */
    OPTION_LARGEST = 65535,
    NANOSECONDS = 9, /* if_tsresol: a power of ten */
};

/* A block's length stands at both its ends, around the body. */
enum { BLOCK_FRAME = 12, SECTION_BODY = 16, INTERFACE_BODY = 8, PACKET_BODY = 20, OPTION_HEAD = 4 };

static uint32_t padded(uint32_t length)
{
    return (length + 3U) & ~3U;
}

static void put_u32(FILE *file, uint32_t value)
{
    fwrite(&value, sizeof value, 1, file);
}

static void put_u16(FILE *file, uint16_t value)
{
    fwrite(&value, sizeof value, 1, file);
}

static void put_padded(FILE *file, const void *data, uint32_t length)
{
    static const uint8_t zeros[3];
    if (length)
        fwrite(data, 1, length, file);
    fwrite(zeros, 1, padded(length) - length, file);
}

static void put_option(FILE *file, uint16_t code, const void *data, uint32_t length)
{
    put_u16(file, code);
    put_u16(file, (uint16_t)length);
    put_padded(file, data, length);
}

static uint32_t text_length(const char *text)
{
    return (uint32_t)strnlen(text, OPTION_LARGEST);
}

static void put_text(FILE *file, uint16_t code, const char *text)
{
    put_option(file, code, text, text_length(text));
}

static uint32_t option_size(uint32_t length)
{
    return OPTION_HEAD + padded(length);
}

static void put_section(FILE *file, const char *comment)
{
    static const char application[] = "tunny";
    uint32_t size = BLOCK_FRAME + SECTION_BODY + option_size(sizeof application - 1) + OPTION_HEAD;
    if (comment)
        size += option_size(text_length(comment));
    put_u32(file, BLOCK_SECTION);
    put_u32(file, size);
    put_u32(file, BYTE_ORDER_MAGIC);
    put_u16(file, 1); /* version 1.0 */
    put_u16(file, 0);
    put_u32(file, UINT32_MAX); /* the section's length: not told */
    put_u32(file, UINT32_MAX);
    if (comment)
        put_text(file, OPTION_COMMENT, comment);
    put_text(file, OPTION_USER_APPLICATION, application);
    put_option(file, OPTION_END, NULL, 0);
    put_u32(file, size);
}

static void put_interface(FILE *file, uint32_t snap_length)
{
    static const uint8_t resolution = NANOSECONDS;
    uint32_t size = BLOCK_FRAME + INTERFACE_BODY + option_size(1) + OPTION_HEAD;
    put_u32(file, BLOCK_INTERFACE);
    put_u32(file, size);
    put_u16(file, LINKTYPE_RAW);
    put_u16(file, 0);
    put_u32(file, snap_length);
    put_option(file, OPTION_TIME_RESOLUTION, &resolution, 1);
    put_option(file, OPTION_END, NULL, 0);
    put_u32(file, size);
}

void pcapng_begin(FILE *file, const char *comment, uint32_t snap_length)
{
    put_section(file, comment);
    put_interface(file, snap_length);
}

void pcapng_write(FILE *file, const struct pcapng_packet *packet)
{
    uint64_t time = (uint64_t)packet->time_ns;
    uint32_t kept = (uint32_t)packet->data.len;
    uint32_t flags = packet->direction;
    uint32_t size = BLOCK_FRAME + PACKET_BODY + padded(kept) + option_size(4) + OPTION_HEAD;
    for (unsigned i = 0; i < packet->comment_count; i++)
        size += option_size(text_length(packet->comments[i]));

    put_u32(file, BLOCK_PACKET);
    put_u32(file, size);
    put_u32(file, 0); /* the one interface */
    put_u32(file, (uint32_t)(time >> 32));
    put_u32(file, (uint32_t)time);
    put_u32(file, kept);
    put_u32(file, packet->length);
    put_padded(file, packet->data.data, kept);
    put_option(file, OPTION_FLAGS, &flags, 4);
    for (unsigned i = 0; i < packet->comment_count; i++)
        put_text(file, OPTION_COMMENT, packet->comments[i]);
    put_option(file, OPTION_END, NULL, 0);
    put_u32(file, size);
}
