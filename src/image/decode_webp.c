/*
 * WebP by libwebp: the first frame on a black, transparent canvas, alpha dropped, which is what Pillow gets from libwebp's
 * animation decoder for moving and still files alike.
 */
#include "image/decode.h"

#include <stdlib.h>
#include <string.h>

#include <webp/decode.h>
#include <webp/demux.h>

static lmvr_status broken(const struct image_file *file, const char *what, lmvr_error *error)
{
    return error_set(error, LMVR_ERROR_INPUT, "%s: %s", file->name, what);
}

static lmvr_status decode_frame(const struct image_file *file, const WebPIterator *frame, uint8_t *rgba, lmvr_error *error)
{
    WebPDecoderConfig config;
    if (!WebPInitDecoderConfig(&config))
        return broken(file, "an incompatible version of libwebp", error);
    size_t stride = (size_t)frame->width * 4;
    if (stride > INT32_MAX)
        return broken(file, "the frame is too wide", error);
    config.output.colorspace = MODE_RGBA;
    config.output.is_external_memory = 1;
    config.output.u.RGBA.rgba = rgba;
    config.output.u.RGBA.stride = (int)stride;
    config.output.u.RGBA.size = stride * frame->height;
    VP8StatusCode status = WebPDecode(frame->fragment.bytes, frame->fragment.size, &config);
    WebPFreeDecBuffer(&config.output);
    if (status == VP8_STATUS_OUT_OF_MEMORY)
        return error_no_memory(error, file->name);
    if (status != VP8_STATUS_OK)
        return broken(file, "the WebP data are damaged", error);
    return LMVR_OK;
}

static void paste(const uint8_t *rgba, const WebPIterator *frame, struct image *image)
{
    for (int y = 0; y < frame->height; y++) {
        const uint8_t *in = rgba + (size_t)y * frame->width * 4;
        uint8_t *out = image->rgb + ((size_t)(y + frame->y_offset) * image->width + frame->x_offset) * 3;
        for (int x = 0; x < frame->width; x++, in += 4, out += 3) {
            out[0] = in[0];
            out[1] = in[1];
            out[2] = in[2];
        }
    }
}

/* Alpha is decoded although it is not used: a file with damaged alpha is damaged, as for Pillow. */
static lmvr_status decode_first_frame(const struct image_file *file, const WebPIterator *frame, struct image *image,
                                      lmvr_error *error)
{
    if (frame->width < 1 || frame->height < 1 || frame->x_offset < 0 || frame->y_offset < 0 ||
        frame->width > image->width - frame->x_offset || frame->height > image->height - frame->y_offset)
        return broken(file, "the frame does not fit the size in the header", error);
    uint8_t *rgba = malloc((size_t)frame->width * frame->height * 4);
    if (!rgba)
        return error_no_memory(error, file->name);
    lmvr_status status = decode_frame(file, frame, rgba, error);
    if (status == LMVR_OK)
        paste(rgba, frame, image);
    free(rgba);
    return status;
}

static const uint8_t *find_chunk(const WebPDemuxer *demuxer, const char *fourcc, size_t *size)
{
    WebPChunkIterator chunk;
    if (!WebPDemuxGetChunk(demuxer, fourcc, 1, &chunk))
        return NULL;
    const uint8_t *bytes = chunk.chunk.bytes; /* in the file */
    *size = chunk.chunk.size;
    WebPDemuxReleaseChunkIterator(&chunk);
    return *size ? bytes : NULL;
}

lmvr_status decode_webp(const struct image_file *file, struct image *image, struct image_metadata *metadata, lmvr_error *error)
{
    WebPDemuxer *demuxer = WebPDemux(&(WebPData){file->bytes, file->size});
    if (!demuxer)
        return broken(file, "the WebP file is truncated or damaged", error);
    metadata->exif = find_chunk(demuxer, "EXIF", &metadata->exif_size);
    metadata->xmp = find_chunk(demuxer, "XMP ", &metadata->xmp_size);
    WebPIterator frame;
    lmvr_status status = LMVR_OK;
    if (WebPDemuxGetFrame(demuxer, 1, &frame)) {
        status = image_create(file, WebPDemuxGetI(demuxer, WEBP_FF_CANVAS_WIDTH), WebPDemuxGetI(demuxer, WEBP_FF_CANVAS_HEIGHT),
                              image, error);
        if (status == LMVR_OK)
            status = decode_first_frame(file, &frame, image, error);
        WebPDemuxReleaseIterator(&frame);
    } else
        status = broken(file, "a WebP file without a picture", error);
    WebPDemuxDelete(demuxer);
    if (status != LMVR_OK)
        image_finish(image);
    return status;
}
