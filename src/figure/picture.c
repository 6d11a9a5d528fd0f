#include "figure/picture.h"

#include "figure/surface.h"
#include "image/preprocess.h"

#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>

#define THUMBNAIL_QUALITY 85

/* ---- size ------------------------------------------------------------------------------------------------------------ */

static int at_least_one(double pixels)
{
    return pixels < 1 ? 1 : (int)lround(pixels);
}

void picture_fit_size(int width, int height, int most_width, int most_height, bool enlarge, int *fit_width, int *fit_height)
{
    double scale = fmin((double)most_width / width, (double)most_height / height);
    if (!enlarge)
        scale = fmin(scale, 1);
    *fit_width = at_least_one(width * scale);
    *fit_height = at_least_one(height * scale);
}

lmvr_status picture_fit(const struct image *image, int most_width, int most_height, bool enlarge, struct image *out,
                        lmvr_error *error)
{
    int width, height;
    picture_fit_size(image->width, image->height, most_width, most_height, enlarge, &width, &height);
    return image_resize(image, width, height, FILTER_BICUBIC, out, error);
}

/* ---- files in memory ------------------------------------------------------------------------------------------------- */

lmvr_status picture_png(const struct image *image, uint8_t **bytes, size_t *size, lmvr_error *error)
{
    cairo_surface_t *surface;
    *bytes = NULL;
    TRY(surface_from_image(image, &surface, error));
    lmvr_status status = surface_to_png(surface, bytes, size, error);
    cairo_surface_destroy(surface);
    return status;
}

struct jpeg_job {
    struct jpeg_compress_struct cinfo;
    struct jpeg_error_mgr errors;
    unsigned char *bytes; /* libjpeg's, by malloc */
    unsigned long size;
    lmvr_error *error;
    lmvr_status status;
    jmp_buf escape;
};

static void on_jpeg_error(j_common_ptr cinfo)
{
    struct jpeg_job *job = cinfo->client_data;
    char message[JMSG_LENGTH_MAX];
    cinfo->err->format_message(cinfo, message);
    if (cinfo->err->msg_code == JERR_OUT_OF_MEMORY)
        job->status = error_no_memory(job->error, "a JPEG picture");
    else
        job->status = error_set(job->error, LMVR_ERROR_INVALID, "a JPEG picture cannot be made: %s", message);
    longjmp(job->escape, 1);
}

static void on_jpeg_message(j_common_ptr cinfo)
{
    (void)cinfo; /* nothing is ever printed */
}

static void compress(struct jpeg_job *job, const struct image *image, int quality)
{
    struct jpeg_compress_struct *cinfo = &job->cinfo;
    cinfo->err = jpeg_std_error(&job->errors);
    job->errors.error_exit = on_jpeg_error;
    job->errors.output_message = on_jpeg_message;
    cinfo->client_data = job;
    if (setjmp(job->escape))
        return;
    jpeg_create_compress(cinfo);
    jpeg_mem_dest(cinfo, &job->bytes, &job->size);
    cinfo->image_width = (JDIMENSION)image->width;
    cinfo->image_height = (JDIMENSION)image->height;
    cinfo->input_components = 3;
    cinfo->in_color_space = JCS_RGB;
    jpeg_set_defaults(cinfo);
    jpeg_set_quality(cinfo, quality, TRUE);
    jpeg_start_compress(cinfo, TRUE);
    while (cinfo->next_scanline < cinfo->image_height) {
        JSAMPROW row = image->rgb + (size_t)cinfo->next_scanline * image->width * 3;
        jpeg_write_scanlines(cinfo, &row, 1);
    }
    jpeg_finish_compress(cinfo);
}

lmvr_status picture_jpeg(const struct image *image, int quality, uint8_t **bytes, size_t *size, lmvr_error *error)
{
    struct jpeg_job job = {.error = error};
    *bytes = NULL;
    *size = 0;
    compress(&job, image, quality);
    jpeg_destroy_compress(&job.cinfo);
    if (job.status != LMVR_OK) {
        free(job.bytes);
        return job.status;
    }
    *bytes = job.bytes;
    *size = job.size;
    return LMVR_OK;
}

lmvr_status thumbnail(const struct image *image, int side, enum thumbnail_format format, uint8_t **bytes, size_t *size,
                      lmvr_error *error)
{
    struct image small;
    *bytes = NULL;
    TRY(picture_fit(image, side, side, false, &small, error));
    lmvr_status status = format == THUMBNAIL_PNG ? picture_png(&small, bytes, size, error)
                                                 : picture_jpeg(&small, THUMBNAIL_QUALITY, bytes, size, error);
    image_finish(&small);
    return status;
}
