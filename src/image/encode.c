#include "image/encode.h"

#include "format/file.h"
#include "format/hash.h"

#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jpeglib.h>
#include <jerror.h>
#include <png.h>

void encoded_finish(struct encoded *encoded)
{
    free(encoded->bytes);
    *encoded = (struct encoded){0};
}

/* A buffer that grows by appending. */
struct growing {
    uint8_t *bytes;
    size_t size, space;
};

static bool append(struct growing *to, const void *bytes, size_t size)
{
    if (size > to->space - to->size) {
        size_t space = to->space + to->space / 2 + size + 4096;
        uint8_t *grown = realloc(to->bytes, space);
        if (!grown)
            return false;
        to->bytes = grown;
        to->space = space;
    }
    memcpy(to->bytes + to->size, bytes, size);
    to->size += size;
    return true;
}

/* ---- PNG ---- */

/* A higher level takes longer and hardly shrinks noise. */
#define PNG_LEVEL 3

struct png_job {
    struct growing out;
    char message[160];
    bool no_memory;
};

static _Noreturn void on_png_error(png_structp png, png_const_charp message)
{
    struct png_job *job = png_get_error_ptr(png);
    snprintf(job->message, sizeof job->message, "%s", message);
    png_longjmp(png, 1);
}

static void on_png_warning(png_structp png, png_const_charp message)
{
    (void)png, (void)message; /* nothing is ever printed */
}

static void on_png_bytes(png_structp png, png_bytep bytes, size_t size)
{
    struct png_job *job = png_get_io_ptr(png);
    job->no_memory = !append(&job->out, bytes, size);
    if (job->no_memory)
        png_error(png, "out of memory");
}

static void on_png_flush(png_structp png)
{
    (void)png;
}

static void write_png(png_structp png, png_infop info, const struct image *image)
{
    if (setjmp(png_jmpbuf(png)) != 0)
        return;
    png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    png_set_compression_level(png, PNG_LEVEL);
    png_set_IHDR(png, info, (png_uint_32)image->width, (png_uint_32)image->height, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);
    for (int y = 0; y < image->height; y++)
        png_write_row(png, image->rgb + (size_t)y * (size_t)image->width * 3);
    png_write_end(png, info);
}

lmvr_status image_encode_png(const struct image *image, struct encoded *out, lmvr_error *error)
{
    *out = (struct encoded){0};
    struct png_job job = {.no_memory = false};
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &job, on_png_error, on_png_warning);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    if (!info) {
        png_destroy_write_struct(&png, NULL);
        return error_no_memory(error, "a PNG file");
    }
    png_set_write_fn(png, &job, on_png_bytes, on_png_flush);
    write_png(png, info, image);
    png_destroy_write_struct(&png, &info);
    if (!job.message[0]) {
        *out = (struct encoded){job.out.bytes, job.out.size};
        return LMVR_OK;
    }
    free(job.out.bytes);
    if (job.no_memory)
        return error_no_memory(error, "a PNG file");
    return error_set(error, LMVR_ERROR_INPUT, "%d x %d pixels cannot be written as PNG: %s", image->width, image->height,
                     job.message);
}

/* ---- JPEG ---- */

#define JPEG_BUFFER 16384

struct jpeg_job {
    struct jpeg_compress_struct cinfo;
    struct jpeg_error_mgr errors;
    struct jpeg_destination_mgr destination;
    uint8_t buffer[JPEG_BUFFER];
    struct growing out;
    lmvr_error *error;
    lmvr_status status;
    jmp_buf escape;
};

static void on_jpeg_error(j_common_ptr cinfo)
{
    struct jpeg_job *job = cinfo->client_data;
    char message[JMSG_LENGTH_MAX];
    cinfo->err->format_message(cinfo, message);
    job->status = cinfo->err->msg_code == JERR_OUT_OF_MEMORY
                      ? error_no_memory(job->error, "a JPEG file")
                      : error_set(job->error, LMVR_ERROR_INPUT, "%u x %u pixels cannot be written as JPEG: %s",
                                  job->cinfo.image_width, job->cinfo.image_height, message);
    longjmp(job->escape, 1);
}

static void on_jpeg_message(j_common_ptr cinfo, int level)
{
    (void)cinfo, (void)level; /* nothing is ever printed */
}

static void on_jpeg_begin(j_compress_ptr cinfo)
{
    struct jpeg_job *job = cinfo->client_data;
    job->destination.next_output_byte = job->buffer;
    job->destination.free_in_buffer = JPEG_BUFFER;
}

static void take_jpeg_bytes(j_compress_ptr cinfo, size_t size)
{
    struct jpeg_job *job = cinfo->client_data;
    if (!append(&job->out, job->buffer, size))
        ERREXIT1(cinfo, JERR_OUT_OF_MEMORY, 0);
    on_jpeg_begin(cinfo);
}

static boolean on_jpeg_full(j_compress_ptr cinfo)
{
    take_jpeg_bytes(cinfo, JPEG_BUFFER); /* all of it, whatever free_in_buffer says */
    return TRUE;
}

static void on_jpeg_end(j_compress_ptr cinfo)
{
    struct jpeg_job *job = cinfo->client_data;
    take_jpeg_bytes(cinfo, JPEG_BUFFER - job->destination.free_in_buffer);
}

static void write_jpeg(struct jpeg_job *job, const struct image *image, int quality, bool optimize)
{
    struct jpeg_compress_struct *cinfo = &job->cinfo;
    cinfo->err = jpeg_std_error(&job->errors);
    cinfo->client_data = job;
    job->errors.error_exit = on_jpeg_error;
    job->errors.emit_message = on_jpeg_message;
    jpeg_create_compress(cinfo);
    job->destination = (struct jpeg_destination_mgr){
        .init_destination = on_jpeg_begin, .empty_output_buffer = on_jpeg_full, .term_destination = on_jpeg_end};
    cinfo->dest = &job->destination;
    cinfo->image_width = (JDIMENSION)image->width;
    cinfo->image_height = (JDIMENSION)image->height;
    cinfo->input_components = 3;
    cinfo->in_color_space = JCS_RGB;
    jpeg_set_defaults(cinfo);
    jpeg_set_quality(cinfo, quality, TRUE);
    cinfo->optimize_coding = optimize;
    jpeg_start_compress(cinfo, TRUE);
    for (int y = 0; y < image->height; y++) {
        JSAMPROW row = image->rgb + (size_t)y * (size_t)image->width * 3;
        jpeg_write_scanlines(cinfo, &row, 1);
    }
    jpeg_finish_compress(cinfo);
}

lmvr_status image_encode_jpeg(const struct image *image, int quality, bool optimize, struct encoded *out, lmvr_error *error)
{
    *out = (struct encoded){0};
    struct jpeg_job *job = calloc(1, sizeof *job);
    if (!job)
        return error_no_memory(error, "a JPEG file");
    job->error = error;
    if (setjmp(job->escape) == 0)
        write_jpeg(job, image, quality, optimize);
    jpeg_destroy_compress(&job->cinfo);
    lmvr_status status = job->status;
    if (status == LMVR_OK)
        *out = (struct encoded){job->out.bytes, job->out.size};
    else
        free(job->out.bytes);
    free(job);
    return status;
}

lmvr_status image_jpeg_round_trip(struct image *image, int quality, lmvr_error *error)
{
    struct encoded jpeg;
    struct image out;
    TRY(image_encode_jpeg(image, quality, false, &jpeg, error));
    lmvr_status status = image_decode(jpeg.bytes, jpeg.size, "a JPEG file", &out, error);
    encoded_finish(&jpeg);
    if (status != LMVR_OK)
        return status;
    image_finish(image);
    *image = out;
    return LMVR_OK;
}

/* ---- files ---- */

/* "FOLDER/.HASH.tmp", where HASH is that of the file name: short however long the name, and the same in the next run, which
 * thus overwrites what a killed one left. */
static char *temporary_path(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *out = NULL;
    uint64_t hash = hash_bytes(HASH_START, path, strlen(path));
    int folder = slash ? (int)(slash - path) + 1 : 0;
    return asprintf(&out, "%.*s.%016" PRIx64 ".tmp", folder, path, hash) < 0 ? NULL : out;
}

static lmvr_status write_whole(const struct encoded *encoded, const char *temporary, const char *path, lmvr_error *error)
{
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0)
        return file_error(error, path, "write");
    lmvr_status status = file_write_at(fd, path, encoded->bytes, encoded->size, 0, error);
    if (close(fd) != 0 && status == LMVR_OK)
        status = file_error(error, path, "write");
    if (status == LMVR_OK && rename(temporary, path) != 0)
        status = file_error(error, path, "write");
    if (status != LMVR_OK)
        unlink(temporary);
    return status;
}

lmvr_status encoded_write(const struct encoded *encoded, const char *path, lmvr_error *error)
{
    char *temporary = temporary_path(path);
    if (!temporary)
        return error_no_memory(error, "a file name");
    lmvr_status status = write_whole(encoded, temporary, path, error);
    free(temporary);
    return status;
}

void encoded_clear(const char *path)
{
    char *temporary = temporary_path(path);
    if (temporary)
        unlink(temporary);
    free(temporary);
}
