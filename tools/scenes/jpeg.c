#include "tools/scenes/jpeg.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h>

struct failure {
    struct jpeg_error_mgr base;
    jmp_buf back;
};

/* Replaces libjpeg's own handler, which would exit. */
static void on_error(j_common_ptr info)
{
    struct failure *failure = (struct failure *)info->err;
    longjmp(failure->back, 1);
}

static void ignore_message(j_common_ptr info)
{
    (void)info;
}

static void compress(j_compress_ptr info, const uint8_t *rgb, int width, int height)
{
    info->image_width = (JDIMENSION)width;
    info->image_height = (JDIMENSION)height;
    info->input_components = 3;
    info->in_color_space = JCS_RGB;
    jpeg_set_defaults(info);
    jpeg_set_quality(info, JPEG_QUALITY, TRUE);
    jpeg_start_compress(info, TRUE);
    while (info->next_scanline < info->image_height) {
        JSAMPROW row = (JSAMPROW)(rgb + (size_t)info->next_scanline * width * 3);
        jpeg_write_scanlines(info, &row, 1);
    }
    jpeg_finish_compress(info);
}

lmvr_status jpeg_encode(const uint8_t *rgb, int width, int height, unsigned char **bytes, size_t *size, lmvr_error *error)
{
    struct jpeg_compress_struct info;
    struct failure failure;
    unsigned long length = 0;
    *bytes = NULL;
    info.err = jpeg_std_error(&failure.base);
    failure.base.error_exit = on_error;
    failure.base.output_message = ignore_message;
    if (setjmp(failure.back)) {
        jpeg_destroy_compress(&info);
        free(*bytes);
        *bytes = NULL;
        return error_no_memory(error, "a JPEG image");
    }
    jpeg_create_compress(&info);
    jpeg_mem_dest(&info, bytes, &length);
    compress(&info, rgb, width, height);
    jpeg_destroy_compress(&info);
    *size = length;
    return LMVR_OK;
}
