/*
 * BMP, without a library: 1, 4, 8, 16, 24 and 32 bits per pixel, run-length encoding of 4 and 8 bits, and the channel masks
 * that Pillow knows. The layout is that of Windows' BITMAPINFOHEADER and its relatives, interpreted as by Pillow's
 * BmpImagePlugin.
 */
#include "image/decode.h"

#include "image/color.h"

#include <string.h>

#define FILE_HEADER_SIZE 14
#define CORE_HEADER_SIZE 12 /* OS/2's first header: 16-bit sizes, no compression, palette entries of 3 bytes */

enum compression { RAW, RLE8, RLE4, BITFIELDS };

/* The places of a pixel's channels: byte offsets or, in pixels of two bytes, the lowest bits. */
struct channels {
    uint32_t bits;
    uint32_t masks[4]; /* red, green, blue, alpha */
    int8_t red, green, blue;
};

struct bmp {
    const struct image_file *file;
    struct image *image;
    uint32_t width, height, bits, compression;
    bool top_down;
    size_t at; /* how far the headers have been read; afterwards the offset of the pixels */
    struct palette palette;
    const struct channels *channels; /* for 16, 24 and 32 bits per pixel */
};

static lmvr_status broken(const struct bmp *b, const char *what, lmvr_error *error)
{
    return error_set(error, LMVR_ERROR_INPUT, "%s: %s", b->file->name, what);
}

static lmvr_status truncated(const struct bmp *b, lmvr_error *error)
{
    return broken(b, "the image file is truncated", error);
}

static uint32_t u16(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

static uint32_t u32(const uint8_t *p)
{
    return u16(p) | u16(p + 2) << 16;
}

/* ---- headers --------------------------------------------------------------------------------------------------------- */

/* All layouts that Pillow knows. In pixels of two bytes, each channel has five or six bits. */
static const struct channels layouts[] = {
    {32, {0xff0000, 0xff00, 0xff, 0}, 2, 1, 0},
    {32, {0xff000000, 0xff0000, 0xff00, 0}, 3, 2, 1},
    {32, {0xff000000, 0xff00, 0xff, 0}, 3, 1, 0},
    {32, {0xff000000, 0xff0000, 0xff00, 0xff}, 3, 2, 1},
    {32, {0xff, 0xff00, 0xff0000, 0xff000000}, 0, 1, 2},
    {32, {0xff0000, 0xff00, 0xff, 0xff000000}, 2, 1, 0},
    {32, {0xff000000, 0xff00, 0xff, 0xff0000}, 3, 1, 0},
    {32, {0, 0, 0, 0}, 2, 1, 0},
    {24, {0xff0000, 0xff00, 0xff, 0}, 2, 1, 0},
    {16, {0x7c00, 0x3e0, 0x1f, 0}, 10, 5, 0},
    {16, {0xf800, 0x7e0, 0x1f, 0}, 11, 5, 0},
};

/* The layout with these masks, or the default one for so many bits if `masks` is NULL. Alpha only matters with 32 bits. */
static const struct channels *find_channels(uint32_t bits, const uint32_t masks[4])
{
    for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++)
        if (layouts[i].bits == bits && (!masks || memcmp(layouts[i].masks, masks, (bits == 32 ? 4 : 3) * sizeof *masks) == 0))
            return &layouts[i];
    return NULL;
}

/* The masks are at the end of the header, or after a header that is too short for them. */
static lmvr_status read_masks(struct bmp *b, const uint8_t *header, uint32_t header_size, lmvr_error *error)
{
    uint32_t masks[4] = {0};
    const uint8_t *from = header + 40;
    if (header_size < 52) {
        if (b->file->size - b->at < 12)
            return truncated(b, error);
        from = b->file->bytes + b->at;
        b->at += 12;
    }
    for (int i = 0; i < (header_size < 56 ? 3 : 4); i++)
        masks[i] = u32(from + 4 * i);
    b->channels = find_channels(b->bits, masks);
    if (!b->channels)
        return broken(b, "a BMP file with unsupported channel masks", error);
    return LMVR_OK;
}

static lmvr_status check_compression(const struct bmp *b, lmvr_error *error)
{
    static const uint8_t depths[] = {1, 4, 8, 16, 24, 32};
    if (b->bits > 32 || !memchr(depths, (int)b->bits, sizeof depths))
        return error_set(error, LMVR_ERROR_INPUT, "%s: a BMP file of %u bits per pixel", b->file->name, b->bits);
    if (b->compression > BITFIELDS)
        return error_set(error, LMVR_ERROR_INPUT, "%s: a BMP file with unsupported compression %u", b->file->name,
                         b->compression);
    bool runs = b->compression == RLE8 || b->compression == RLE4;
    if ((runs && b->bits > 8) || (b->compression == BITFIELDS && b->bits < 16))
        return error_set(error, LMVR_ERROR_INPUT,
                         "%s: a BMP file of %u bits per pixel with compression %u, which do not go together", b->file->name,
                         b->bits, b->compression);
    return LMVR_OK;
}

/* Reads the palette at b->at, whose end may be missing. */
static lmvr_status read_palette(struct bmp *b, uint32_t colors, uint32_t stride, lmvr_error *error)
{
    if (colors > 256)
        return broken(b, "a palette of more than 256 colors", error);
    size_t there = (b->file->size - b->at) / stride, count = colors < there ? colors : there;
    palette_read(&b->palette, b->file->bytes + b->at, count, stride, 2);
    b->at += count * stride;
    return LMVR_OK;
}

static lmvr_status read_headers(struct bmp *b, lmvr_error *error)
{
    const uint8_t *header = b->file->bytes + FILE_HEADER_SIZE;
    size_t pixels_at = u32(b->file->bytes + 10), header_size = u32(header);
    b->at = FILE_HEADER_SIZE + header_size;
    if (b->file->size < b->at)
        return truncated(b, error);
    bool core = header_size == CORE_HEADER_SIZE;
    b->top_down = !core && header[11] == 0xff;
    b->width = core ? u16(header + 4) : u32(header + 4);
    b->height = core ? u16(header + 6) : b->top_down ? -u32(header + 8) : u32(header + 8);
    b->bits = u16(header + (core ? 10 : 14));
    b->compression = core ? RAW : u32(header + 16);
    uint32_t colors = core ? 0 : u32(header + 32);
    TRY(check_compression(b, error));
    if (b->compression == BITFIELDS)
        TRY(read_masks(b, header, (uint32_t)header_size, error));
    else if (b->bits > 8)
        b->channels = find_channels(b->bits, NULL);
    else {
        size_t stride = core ? 3 : 4;
        colors = colors ? colors : 1U << b->bits;
        if (pixels_at == FILE_HEADER_SIZE + header_size) /* an offset that ignores the palette */
            pixels_at += stride * colors;
        TRY(read_palette(b, colors, (uint32_t)stride, error));
    }
    b->at = pixels_at ? pixels_at : b->at;
    return LMVR_OK;
}

/* ---- pixels ---------------------------------------------------------------------------------------------------------- */

/* The image row that is stored as row `y`. */
static uint8_t *row_of(const struct bmp *b, uint32_t y)
{
    return b->image->rgb + (size_t)(b->top_down ? y : b->height - 1 - y) * b->width * 3;
}

static void read_indices(const struct bmp *b, const uint8_t *in, uint8_t *rgb)
{
    uint32_t per_byte = 8 / b->bits, mask = (1U << b->bits) - 1;
    for (uint32_t x = 0; x < b->width; x++) {
        uint8_t index = (uint8_t)(in[x / per_byte] >> (8 - b->bits - x % per_byte * b->bits) & mask);
        palette_look_up(&b->palette, &index, 1, rgb + (size_t)3 * x);
    }
}

static void read_two_bytes(const struct bmp *b, const uint8_t *in, uint8_t *rgb)
{
    const struct channels *c = b->channels;
    uint32_t green = c->masks[1] >> c->green; /* 31 or 63 */
    for (uint32_t x = 0; x < b->width; x++, in += 2, rgb += 3) {
        uint32_t pixel = u16(in);
        rgb[0] = (uint8_t)((pixel >> c->red & 31) * 255 / 31);
        rgb[1] = (uint8_t)((pixel >> c->green & green) * 255 / green);
        rgb[2] = (uint8_t)((pixel & 31) * 255 / 31);
    }
}

static void read_row(const struct bmp *b, const uint8_t *in, uint8_t *rgb)
{
    if (b->bits <= 8) {
        read_indices(b, in, rgb);
        return;
    }
    if (b->bits == 16) {
        read_two_bytes(b, in, rgb);
        return;
    }
    for (uint32_t x = 0; x < b->width; x++, in += b->bits / 8, rgb += 3) {
        rgb[0] = in[b->channels->red];
        rgb[1] = in[b->channels->green];
        rgb[2] = in[b->channels->blue];
    }
}

/* Rows are padded to four bytes; the last one's padding may be missing. */
static lmvr_status read_raw(const struct bmp *b, lmvr_error *error)
{
    size_t line = ((size_t)b->width * b->bits + 7) / 8, stride = (line + 3) / 4 * 4;
    if (b->at > b->file->size || b->file->size - b->at < stride * (b->height - 1) + line)
        return truncated(b, error);
    for (uint32_t y = 0; y < b->height; y++)
        read_row(b, b->file->bytes + b->at + stride * y, row_of(b, y));
    return LMVR_OK;
}

/* ---- run-length encoding --------------------------------------------------------------------------------------------- */

/* A picture being written pixel by pixel, in the order of stored rows. */
struct runs {
    const struct bmp *bmp;
    const uint8_t *in, *end;
    uint32_t x, y; /* of the next pixel */
    size_t column; /* by the file's runs: nothing is written past the row's end */
};

static bool is_full(const struct runs *r)
{
    return r->y == r->bmp->height;
}

static void put(struct runs *r, uint8_t index)
{
    if (is_full(r))
        return;
    palette_look_up(&r->bmp->palette, &index, 1, row_of(r->bmp, r->y) + 3 * (size_t)r->x);
    if (++r->x == r->bmp->width) {
        r->x = 0;
        r->y++;
    }
}

static void skip(struct runs *r, size_t count)
{
    for (size_t i = 0; i < count && !is_full(r); i++)
        put(r, 0);
}

/* Index number i of those packed at `in`, one or two per byte. */
static uint8_t index_at(const struct runs *r, const uint8_t *in, size_t i)
{
    if (r->bmp->compression == RLE8)
        return in[i];
    return i % 2 ? in[i / 2] & 15 : in[i / 2] >> 4;
}

static void put_run(struct runs *r, uint8_t count, uint8_t value)
{
    size_t left = r->column < r->bmp->width ? r->bmp->width - r->column : 0;
    for (size_t i = 0; i < count && i < left; i++)
        put(r, r->bmp->compression == RLE8 ? value : index_at(r, &value, i % 2));
    r->column += count < left ? count : left;
}

/* Literal indices, padded to 16 bits in the file; false if they are truncated. */
static bool put_indices(struct runs *r, uint8_t count)
{
    size_t left = (size_t)(r->bmp->height - r->y) * r->bmp->width - r->x, used = count < left ? count : left;
    size_t bytes = r->bmp->compression == RLE8 ? used : (used + 1) / 2;
    if ((size_t)(r->end - r->in) < bytes)
        return false;
    for (size_t i = 0; i < used; i++)
        put(r, index_at(r, r->in, i));
    r->in += bytes;
    r->in += (r->in - r->bmp->file->bytes) % 2 && r->in < r->end;
    r->column += count;
    return true;
}

/* Executes the command after a zero byte; false at the end of the picture or the file. */
static bool obey(struct runs *r, uint8_t command)
{
    switch (command) {
    case 0: /* end of row, unless it has just begun */
        skip(r, r->x > 0 ? r->bmp->width - r->x : 0);
        r->column = 0;
        return true;
    case 1:
        return false;
    case 2: /* skip so many columns and rows */
        if (r->end - r->in < 2)
            return false;
        skip(r, r->in[0] + (size_t)r->in[1] * r->bmp->width);
        r->column = r->x;
        r->in += 2;
        return true;
    default:
        return put_indices(r, command);
    }
}

static lmvr_status read_runs(const struct bmp *b, lmvr_error *error)
{
    if (b->at > b->file->size)
        return truncated(b, error);
    struct runs r = {.bmp = b, .in = b->file->bytes + b->at, .end = b->file->bytes + b->file->size};
    bool more = true;
    while (more && !is_full(&r) && r.end - r.in >= 2) {
        uint8_t count = r.in[0], value = r.in[1];
        r.in += 2;
        if (count)
            put_run(&r, count, value);
        else
            more = obey(&r, value);
    }
    return is_full(&r) ? LMVR_OK : broken(b, "the image data end too early: a truncated file or a wrong header", error);
}

lmvr_status decode_bmp(const struct image_file *file, struct image *image, struct image_metadata *metadata, lmvr_error *error)
{
    (void)metadata; /* there is none in a BMP */
    struct bmp b = {.file = file, .image = image};
    TRY(read_headers(&b, error));
    TRY(image_create(file, b.width, b.height, image, error));
    lmvr_status status = b.compression == RLE8 || b.compression == RLE4 ? read_runs(&b, error) : read_raw(&b, error);
    if (status != LMVR_OK)
        image_finish(image);
    return status;
}
