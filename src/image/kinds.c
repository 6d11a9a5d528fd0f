#include "image/kinds.h"

#include <string.h>
#include <strings.h>

struct file_start {
    const uint8_t *bytes;
    size_t size;
};

static bool has(struct file_start file, size_t offset, const char *bytes, size_t size)
{
    return file.size >= offset + size && memcmp(file.bytes + offset, bytes, size) == 0;
}

/* "BM" can also begin a text, so the size of the header that follows must be a known one. */
static bool is_bmp(struct file_start file)
{
    static const uint8_t header_sizes[] = {12, 40, 52, 56, 64, 108, 124};
    if (!has(file, 0, "BM", 2) || !has(file, 15, "\0\0\0", 3))
        return false;
    return memchr(header_sizes, file.bytes[14], sizeof header_sizes) != NULL;
}

static bool is_tiff(struct file_start file)
{
    return has(file, 0, "II*\0", 4) || has(file, 0, "MM\0*", 4) || has(file, 0, "II+\0", 4) || has(file, 0, "MM\0+", 4);
}

/* A file type box (ISO/IEC 14496-12) that lists one of AVIF's brands, as its major or a compatible brand. */
static bool is_avif(struct file_start file)
{
    if (!has(file, 4, "ftyp", 4) || file.size < 16)
        return false;
    const uint8_t *b = file.bytes;
    size_t end = (size_t)b[0] << 24 | (size_t)b[1] << 16 | (size_t)b[2] << 8 | b[3];
    for (size_t at = 8; at + 4 <= end && at + 4 <= file.size; at += at == 8 ? 8 : 4) /* skip the major brand's version */
        if (has(file, at, "avif", 4) || has(file, at, "avis", 4))
            return true;
    return false;
}

enum image_kind image_kind_of(const uint8_t *bytes, size_t size)
{
    struct file_start file = {bytes, size};
    if (has(file, 0, "\xff\xd8\xff", 3))
        return IMAGE_JPEG;
    if (has(file, 0, "\x89PNG\r\n\x1a\n", 8))
        return IMAGE_PNG;
    if (has(file, 0, "RIFF", 4) && has(file, 8, "WEBP", 4))
        return IMAGE_WEBP;
    if (has(file, 0, "GIF87a", 6) || has(file, 0, "GIF89a", 6))
        return IMAGE_GIF;
    if (is_bmp(file))
        return IMAGE_BMP;
    if (is_tiff(file))
        return IMAGE_TIFF;
    return is_avif(file) ? IMAGE_AVIF : IMAGE_NONE;
}

bool image_is_named(const char *name)
{
    static const char *const endings[] = {".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif"};
    const char *ending = strrchr(name, '.');
    for (size_t i = 0; ending && i < sizeof endings / sizeof *endings; i++)
        if (strcasecmp(ending, endings[i]) == 0)
            return true;
    return false;
}
