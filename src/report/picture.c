/* What a picture file is, and how large, as far as its first bytes tell: PNG's IHDR, JPEG's frame header. */
#include "report/document.h"

#include <string.h>

static int read_two(const unsigned char *b)
{
    return b[0] << 8 | b[1];
}

static void set_size(struct picture *picture, int width, int height)
{
    if (width <= 0 || height <= 0)
        return;
    picture->width = width;
    picture->height = height;
}

static void inspect_png(struct picture *picture, const unsigned char *b, size_t size)
{
    if (size < 24 || memcmp(b + 12, "IHDR", 4) != 0)
        return;
    bool small = read_two(b + 16) == 0 && read_two(b + 20) == 0; /* sides beyond 65,535 are not for a page */
    if (small)
        set_size(picture, read_two(b + 18), read_two(b + 22));
}

/* SOF0 to SOF15, without DHT, JPG and DAC, which lie between them. */
static bool is_frame(unsigned char marker)
{
    return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
}

/* From segment to segment: FF, marker, length (its two bytes are part of it). */
static void inspect_jpeg(struct picture *picture, const unsigned char *b, size_t size)
{
    size_t at = 2;
    while (at + 9 <= size && b[at] == 0xFF) {
        unsigned char marker = b[at + 1];
        if (marker == 0xFF) {
            at++;
            continue;
        }
        if (is_frame(marker)) {
            set_size(picture, read_two(b + at + 7), read_two(b + at + 5));
            return;
        }
        at += 2 + (size_t)read_two(b + at + 2);
    }
}

void report_picture_inspect(struct picture *picture, const void *bytes, size_t size)
{
    picture->type = PICTURE_NONE;
    if (bytes && size >= 8 && memcmp(bytes, "\x89PNG\r\n\x1A\n", 8) == 0) {
        picture->type = PICTURE_PNG;
        inspect_png(picture, bytes, size);
    } else if (bytes && size >= 3 && memcmp(bytes, "\xFF\xD8\xFF", 3) == 0) {
        picture->type = PICTURE_JPEG;
        inspect_jpeg(picture, bytes, size);
    }
}

const char *report_picture_suffix(const struct picture *picture)
{
    return picture->type == PICTURE_PNG ? "png" : "jpg";
}
