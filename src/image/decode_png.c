/*
 * PNG by libpng, which is given a stream made for it: only the header and the image data, so that no other chunk can cost
 * memory or time, and without checksums, which the walk in png_chunks.c has already judged as Pillow does.
 */
#include "image/decode.h"

#include "image/png_chunks.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

/* Bytes. The end of the compressed data takes a few; this many must hold more image. */
#define MAX_READ_AFTER (64 << 10)

static const char too_much_data[] = "more image data than the header announces";

struct png_job {
    const struct image_file *file;
    struct png_chunks chunks;
    struct image *image;
    lmvr_error *error;
    lmvr_status status;
    png_structp png;
    png_infop info;
    /* The stream: a beginning, the file's image data as one chunk, and an end. */
    uint8_t before[8 + 25 + 15 + 8], after[4 + 12];
    size_t before_size;
    int stage; /* 0: before, 1: data, 2: after */
    const uint8_t *piece;
    size_t piece_size;
    size_t data_at;
    /* Lines that libpng has unpacked, of all lines of all interlacing passes, and bytes that it has read after the last. */
    uint64_t lines_done, lines;
    size_t read_after;
};

static void set_error(struct png_job *job, const char *what)
{
    job->status = error_set(job->error, LMVR_ERROR_INPUT, "%s: %s", job->file->name, what);
}

/* ---- the stream ------------------------------------------------------------------------------------------------------ */

static uint8_t *put_chunk(uint8_t *to, uint32_t size, const char *type)
{
    png_save_uint_32(to, size);
    memcpy(to + 4, type, 4);
    return to + 8;
}

/* Makes signature, IHDR, a PLTE where the format requires one, and the beginning of an IDAT. */
static void make_stream(struct png_job *job)
{
    const uint8_t *header = job->chunks.header;
    uint8_t *p = job->before;
    memcpy(p, "\x89PNG\r\n\x1a\n", 8);
    p = put_chunk(p + 8, PNG_HEADER_SIZE, "IHDR");
    memcpy(p, header, PNG_HEADER_SIZE);
    p += PNG_HEADER_SIZE + 4;
    if (header[9] == PNG_COLOR_TYPE_PALETTE)
        p = put_chunk(p, 3, "PLTE") + 3 + 4; /* the colors are looked up here, not by libpng */
    uint64_t total = 0;
    size_t size, at = job->data_at = job->chunks.data;
    for (const uint8_t *piece; png_chunks_next_data(job->file, &at, &piece, &size);)
        total += size;
    p = put_chunk(p, (uint32_t)(total < PNG_UINT_31_MAX ? total : PNG_UINT_31_MAX), "IDAT");
    job->before_size = (size_t)(p - job->before);
    put_chunk(job->after + 4, 0, "IEND");
    job->piece = job->before;
    job->piece_size = job->before_size;
}

/* Moves on to the next piece of the stream; false at its end. */
static bool next_piece(struct png_job *job)
{
    if (job->stage == 0)
        job->stage = 1;
    if (job->stage == 1 && png_chunks_next_data(job->file, &job->data_at, &job->piece, &job->piece_size))
        return true;
    if (job->stage == 2)
        return false;
    job->stage = 2;
    job->piece = job->after;
    job->piece_size = sizeof job->after;
    return true;
}

static void on_read(png_structp png, png_bytep out, size_t size)
{
    struct png_job *job = png_get_io_ptr(png);
    if (job->lines > 0 && job->lines_done == job->lines && (job->read_after += size) > MAX_READ_AFTER) {
        set_error(job, too_much_data);
        png_error(png, too_much_data);
    }
    while (size > 0) {
        if (job->piece_size == 0) {
            if (!next_piece(job))
                png_error(png, "the image file is truncated");
            continue;
        }
        size_t n = size < job->piece_size ? size : job->piece_size;
        memcpy(out, job->piece, n);
        job->piece += n;
        job->piece_size -= n;
        out += n;
        size -= n;
    }
}

/* ---- libpng's callbacks ---------------------------------------------------------------------------------------------- */

/* Once all lines are unpacked, only the end of the compressed data can be wrong, and Pillow does not look at it. */
static _Noreturn void on_error(png_structp png, png_const_charp message)
{
    struct png_job *job = png_get_error_ptr(png);
    bool early = strcmp(message, "Not enough image data") == 0;
    if (job->lines == 0 || job->lines_done < job->lines)
        set_error(job, early ? "the image data end too early: a truncated file or a wrong header" : message);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp message)
{
    struct png_job *job = png_get_error_ptr(png);
    if (strstr(message, "Too much image data"))
        set_error(job, too_much_data);
}

static void on_line(png_structp png, png_row_infop row, png_bytep bytes)
{
    (void)row;
    (void)bytes;
    struct png_job *job = png_get_user_transform_ptr(png);
    job->lines_done++;
}

/* ---- pixels ---------------------------------------------------------------------------------------------------------- */

/* Expands the palette indices in the first third of the row to colors; indices without a color are black, as in Pillow. */
static void expand_palette(const struct png_chunks *chunks, uint8_t *row, int width)
{
    for (int x = width - 1; x >= 0; x--) {
        size_t index = row[x];
        if (index < chunks->palette_colors)
            memcpy(row + 3 * (size_t)x, chunks->palette + 3 * index, 3);
        else
            memset(row + 3 * (size_t)x, 0, 3);
    }
}

/* Clips the big-endian 16-bit gray in the first two thirds of the row at 255, as Pillow converts its mode I;16. */
static void clip_gray_16(uint8_t *row, int width)
{
    for (int x = width - 1; x >= 0; x--) {
        uint8_t value = row[2 * (size_t)x] ? 255 : row[2 * (size_t)x + 1];
        memset(row + 3 * (size_t)x, value, 3);
    }
}

/* Has libpng convert samples to 8-bit RGB, except those that are converted here: indices and 16-bit gray. */
static void choose_transforms(png_structp png, int color_type, int depth)
{
    png_set_packing(png);
    if (color_type == PNG_COLOR_TYPE_GRAY && depth < 8)
        png_set_expand_gray_1_2_4_to_8(png);
    if (color_type != PNG_COLOR_TYPE_GRAY && depth == 16)
        png_set_strip_16(png);
    if (color_type & PNG_COLOR_MASK_ALPHA)
        png_set_strip_alpha(png);
    if ((color_type == PNG_COLOR_TYPE_GRAY && depth < 16) || color_type == PNG_COLOR_TYPE_GRAY_ALPHA)
        png_set_gray_to_rgb(png);
    png_set_check_for_invalid_index(png, 0);
}

/* Lines in the file: if interlaced, those of up to seven smaller pictures. */
static uint64_t count_lines(uint32_t width, uint32_t height, bool interlaced)
{
    if (!interlaced)
        return height;
    uint64_t lines = 0;
    for (int pass = 0; pass < PNG_INTERLACE_ADAM7_PASSES; pass++)
        if (PNG_PASS_COLS(width, pass) > 0)
            lines += PNG_PASS_ROWS(height, pass);
    return lines;
}

static uint8_t *row_of(const struct image *image, int y)
{
    return image->rgb + (size_t)y * image->width * 3;
}

/* Everything during which libpng may longjmp. */
static void read_pixels(struct png_job *job)
{
    png_structp png = job->png;
    png_set_read_fn(png, job, on_read);
    png_set_crc_action(png, PNG_CRC_QUIET_USE, PNG_CRC_QUIET_USE);
    png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX); /* image_create() has the limit */
    png_set_read_user_transform_fn(png, on_line);
    png_set_user_transform_info(png, job, 0, 0);
    png_read_info(png, job->info);
    uint32_t width, height;
    int depth, color_type, interlacing;
    png_get_IHDR(png, job->info, &width, &height, &depth, &color_type, &interlacing, NULL, NULL);
    choose_transforms(png, color_type, depth);
    int passes = png_set_interlace_handling(png);
    png_read_update_info(png, job->info);
    job->lines = count_lines(width, height, interlacing != PNG_INTERLACE_NONE);
    for (int pass = 0; pass < passes; pass++)
        for (int y = 0; y < job->image->height; y++)
            png_read_row(png, row_of(job->image, y), NULL);
}

static void expand(const struct png_job *job)
{
    const uint8_t *header = job->chunks.header;
    bool palette = header[9] == PNG_COLOR_TYPE_PALETTE, gray_16 = header[9] == PNG_COLOR_TYPE_GRAY && header[8] == 16;
    for (int y = 0; y < job->image->height; y++)
        if (palette)
            expand_palette(&job->chunks, row_of(job->image, y), job->image->width);
        else if (gray_16)
            clip_gray_16(row_of(job->image, y), job->image->width);
}

static void decode(struct png_job *job)
{
    job->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, job, on_error, on_warning);
    job->info = job->png ? png_create_info_struct(job->png) : NULL;
    if (!job->info) {
        job->status = error_no_memory(job->error, job->file->name);
    } else if (setjmp(png_jmpbuf(job->png)) == 0) {
        read_pixels(job);
    }
    png_destroy_read_struct(&job->png, &job->info, NULL);
    if (job->status == LMVR_OK)
        expand(job);
}

lmvr_status decode_png(const struct image_file *file, struct image *image, struct image_metadata *metadata, lmvr_error *error)
{
    struct png_job *job = calloc(1, sizeof *job);
    if (!job)
        return error_no_memory(error, file->name);
    job->file = file;
    job->image = image;
    job->error = error;
    job->status = png_chunks_read(file, &job->chunks, metadata, error);
    if (job->status == LMVR_OK) {
        const uint8_t *header = job->chunks.header;
        job->status = image_create(file, png_get_uint_32(header), png_get_uint_32(header + 4), image, error);
    }
    if (job->status == LMVR_OK) {
        make_stream(job);
        decode(job);
    }
    lmvr_status status = job->status;
    free(job);
    if (status != LMVR_OK)
        image_finish(image);
    return status;
}
