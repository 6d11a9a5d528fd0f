/*
 * TIFF by libtiff: the first picture of the file. libtiff decodes strips and tiles, but samples are converted to RGB here, as
 * libtiff's own conversion differs from Pillow's.
 */
#include "image/decode.h"

#include "image/tiff_samples.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tiff_job {
    const struct image_file *file;
    struct image *image;
    lmvr_error *error;
    uint64_t at;         /* offset of the next byte to read */
    char complaint[256]; /* libtiff's first error */
    TIFF *tiff;
    struct tiff_samples samples;
    uint32_t block_width, block_height; /* of a strip or a tile */
    size_t block_size, stride;          /* in bytes, of one plane */
    bool tiled;
};

static lmvr_status broken(const struct tiff_job *job, const char *what)
{
    return error_set(job->error, LMVR_ERROR_INPUT, "%s: %s", job->file->name, what);
}

static lmvr_status damaged(const struct tiff_job *job)
{
    return error_set(job->error, LMVR_ERROR_INPUT, "%s: the TIFF file is truncated or damaged%s%s", job->file->name,
                     *job->complaint ? ": " : "", job->complaint);
}

/* ---- libtiff's callbacks --------------------------------------------------------------------------------------------- */

static tmsize_t on_read(thandle_t handle, void *out, tmsize_t size)
{
    struct tiff_job *job = handle;
    size_t left = job->at < job->file->size ? job->file->size - job->at : 0, n = (size_t)size < left ? (size_t)size : left;
    memcpy(out, job->file->bytes + job->file->size - left, n);
    job->at += n;
    return (tmsize_t)n;
}

static tmsize_t on_write(thandle_t handle, void *bytes, tmsize_t size)
{
    (void)handle;
    (void)bytes;
    (void)size;
    return -1;
}

static toff_t on_seek(thandle_t handle, toff_t offset, int whence)
{
    struct tiff_job *job = handle;
    job->at = offset + (whence == SEEK_CUR ? job->at : whence == SEEK_END ? job->file->size : 0);
    return job->at;
}

static int on_close(thandle_t handle)
{
    (void)handle;
    return 0;
}

static toff_t on_size(thandle_t handle)
{
    return ((struct tiff_job *)handle)->file->size;
}

static int on_error(TIFF *tiff, void *user, const char *module, const char *format, va_list arguments)
{
    (void)tiff;
    (void)module;
    struct tiff_job *job = user;
    if (!*job->complaint)
        vsnprintf(job->complaint, sizeof job->complaint, format, arguments);
    return 1; /* nothing is ever printed */
}

static int on_warning(TIFF *tiff, void *user, const char *module, const char *format, va_list arguments)
{
    (void)tiff;
    (void)user;
    (void)module;
    (void)format;
    (void)arguments;
    return 1;
}

static TIFF *open_tiff(struct tiff_job *job)
{
    TIFFOpenOptions *options = TIFFOpenOptionsAlloc();
    if (!options)
        return NULL;
    TIFFOpenOptionsSetMaxSingleMemAlloc(options, (tmsize_t)IMAGE_MAX_PIXELS * TIFF_MAX_SAMPLES);
    TIFFOpenOptionsSetErrorHandlerExtR(options, on_error, job);
    TIFFOpenOptionsSetWarningHandlerExtR(options, on_warning, job);
    TIFF *tiff = TIFFClientOpenExt("image", "rm", job, on_read, on_write, on_seek, on_close, on_size, NULL, NULL, options);
    TIFFOpenOptionsFree(options);
    return tiff;
}

/* ---- strips and tiles ------------------------------------------------------------------------------------------------ */

static uint16_t samples_per_plane(const struct tiff_job *job)
{
    return job->samples.planes_apart ? 1 : job->samples.count;
}

static uint16_t planes(const struct tiff_job *job)
{
    return job->samples.planes_apart ? job->samples.used : 1;
}

/* The size of a strip or a tile, which must match its samples. */
static lmvr_status measure_blocks(struct tiff_job *job)
{
    TIFF *tiff = job->tiff;
    tmsize_t size, stride;
    job->tiled = TIFFIsTiled(tiff);
    job->block_width = (uint32_t)job->image->width;
    if (job->tiled) {
        TIFFGetField(tiff, TIFFTAG_TILEWIDTH, &job->block_width);
        TIFFGetField(tiff, TIFFTAG_TILELENGTH, &job->block_height);
    } else {
        TIFFGetFieldDefaulted(tiff, TIFFTAG_ROWSPERSTRIP, &job->block_height);
        if (job->block_height > (uint32_t)job->image->height)
            job->block_height = (uint32_t)job->image->height;
    }
    if (job->block_width == 0 || job->block_height == 0 || (uint64_t)job->block_width * job->block_height > IMAGE_MAX_PIXELS)
        return broken(job, "a TIFF file with strips or tiles of an unsupported size");
    size = job->tiled ? TIFFTileSize(tiff) : TIFFStripSize(tiff);
    stride = job->tiled ? TIFFTileRowSize(tiff) : TIFFScanlineSize(tiff);
    uint64_t needed = ((uint64_t)job->block_width * samples_per_plane(job) * job->samples.bits + 7) / 8;
    if (size <= 0 || stride <= 0 || (uint64_t)stride != needed || (uint64_t)size != needed * job->block_height)
        return damaged(job);
    job->block_size = (size_t)size;
    job->stride = (size_t)stride;
    return LMVR_OK;
}

/* Reads the block whose upper left corner is (x, y), plane by plane. */
static lmvr_status read_block(struct tiff_job *job, uint32_t x, uint32_t y, uint8_t *block)
{
    uint32_t left = (uint32_t)job->image->height - y, rows = left < job->block_height ? left : job->block_height;
    for (uint16_t plane = 0; plane < planes(job); plane++) {
        uint32_t number = job->tiled ? TIFFComputeTile(job->tiff, x, y, 0, plane) : TIFFComputeStrip(job->tiff, y, plane);
        uint8_t *to = block + plane * job->block_size;
        tmsize_t got = job->tiled ? TIFFReadEncodedTile(job->tiff, number, to, (tmsize_t)job->block_size)
                                  : TIFFReadEncodedStrip(job->tiff, number, to, (tmsize_t)job->block_size);
        if (got < 0 || (size_t)got < rows * job->stride)
            return damaged(job);
    }
    return LMVR_OK;
}

/* `row` has room for one row of a block, as reduced samples. */
static void convert_block(const struct tiff_job *job, uint32_t x, uint32_t y, const uint8_t *block, uint8_t *row)
{
    const struct image *image = job->image;
    uint32_t right = (uint32_t)image->width - x, below = (uint32_t)image->height - y;
    uint32_t width = right < job->block_width ? right : job->block_width;
    for (uint32_t i = 0; i < job->block_height && i < below; i++) {
        for (uint16_t plane = 0; plane < planes(job); plane++)
            tiff_samples_reduce(&job->samples, block + plane * job->block_size + i * job->stride, width, samples_per_plane(job),
                                plane, row);
        tiff_samples_to_rgb(&job->samples, row, width, image->rgb + ((size_t)(y + i) * image->width + x) * 3);
    }
}

static lmvr_status read_blocks(struct tiff_job *job, uint8_t *block, uint8_t *row)
{
    for (uint64_t y = 0; y < (uint64_t)job->image->height; y += job->block_height)
        for (uint64_t x = 0; x < (uint64_t)job->image->width; x += job->block_width) {
            TRY(read_block(job, (uint32_t)x, (uint32_t)y, block));
            convert_block(job, (uint32_t)x, (uint32_t)y, block, row);
        }
    return LMVR_OK;
}

/* ---- the file -------------------------------------------------------------------------------------------------------- */

/* The orientation tag, else XMP, copied because it must outlive libtiff's handle. */
static lmvr_status read_metadata(const struct tiff_job *job, struct image_metadata *metadata)
{
    uint16_t orientation = 0;
    uint32_t size = 0;
    const void *xmp = NULL;
    if (TIFFGetField(job->tiff, TIFFTAG_ORIENTATION, &orientation)) {
        metadata->orientation = orientation;
        return LMVR_OK;
    }
    if (!TIFFGetField(job->tiff, TIFFTAG_XMLPACKET, &size, &xmp) || size == 0)
        return LMVR_OK;
    metadata->owned = malloc(size);
    if (!metadata->owned)
        return error_no_memory(job->error, job->file->name);
    memcpy(metadata->owned, xmp, size);
    metadata->xmp = metadata->owned;
    metadata->xmp_size = size;
    return LMVR_OK;
}

static lmvr_status decode(struct tiff_job *job, struct image_metadata *metadata)
{
    uint32_t width = 0, height = 0;
    const char *what;
    TIFFGetField(job->tiff, TIFFTAG_IMAGEWIDTH, &width);
    TIFFGetField(job->tiff, TIFFTAG_IMAGELENGTH, &height);
    if (!tiff_samples_read(job->tiff, &job->samples, &what))
        return error_set(job->error, LMVR_ERROR_INPUT, "%s: a TIFF file with %s", job->file->name, what);
    TRY(image_create(job->file, width, height, job->image, job->error));
    TRY(read_metadata(job, metadata));
    TRY(measure_blocks(job));
    uint8_t *block = malloc(job->block_size * planes(job)), *row = malloc((size_t)job->block_width * job->samples.used);
    lmvr_status status = block && row ? read_blocks(job, block, row) : error_no_memory(job->error, job->file->name);
    free(block);
    free(row);
    return status;
}

lmvr_status decode_tiff(const struct image_file *file, struct image *image, struct image_metadata *metadata, lmvr_error *error)
{
    struct tiff_job job = {.file = file, .image = image, .error = error};
    job.tiff = open_tiff(&job);
    if (!job.tiff)
        return damaged(&job);
    lmvr_status status = decode(&job, metadata);
    TIFFClose(job.tiff);
    if (status != LMVR_OK)
        image_finish(image);
    return status;
}
