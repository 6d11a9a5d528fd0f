/* AVIF by libavif: the first picture of the file, decoded with the settings that Pillow uses. */
#include "image/decode.h"

#include <stdlib.h>
#include <string.h>

#ifndef LMVR_AVIF

lmvr_status decode_avif(const struct image_file *file, struct image *image, struct image_metadata *metadata, lmvr_error *error)
{
    (void)image;
    (void)metadata;
    return error_set(error, LMVR_ERROR_INPUT, "%s: an AVIF image, which this build cannot read: it was built without libavif",
                     file->name);
}

#else

#include <avif/avif.h>

static lmvr_status library_error(const struct image_file *file, const avifDecoder *decoder, avifResult result,
                                 lmvr_error *error)
{
    if (result == AVIF_RESULT_OUT_OF_MEMORY)
        return error_no_memory(error, file->name);
    if (result == AVIF_RESULT_TRUNCATED_DATA)
        return error_set(error, LMVR_ERROR_INPUT, "%s: the image file is truncated", file->name);
    const char *more = decoder->diag.error;
    return error_set(error, LMVR_ERROR_INPUT, "%s: not a whole AVIF image: %s%s%s", file->name, avifResultToString(result),
                     *more ? ": " : "", more);
}

/* AVIF's transformation as an EXIF orientation. AVIF rotates counterclockwise, then mirrors. */
static int orientation_of(const avifImage *picture)
{
    static const int turned[] = {1, 8, 3, 6};
    static const int mirrored[2][4] = {{4, 5, 2, 7}, {2, 7, 4, 5}}; /* by axis: top and bottom, left and right exchanged */
    int turns = picture->transformFlags & AVIF_TRANSFORM_IROT ? picture->irot.angle & 3 : 0;
    if (!(picture->transformFlags & AVIF_TRANSFORM_IMIR))
        return turned[turns];
#if AVIF_VERSION >= 1000000
    return mirrored[picture->imir.axis & 1][turns];
#else
    return mirrored[picture->imir.mode & 1][turns];
#endif
}

/* Keeps alpha, if there is any; otherwise libavif would blend the picture with black. */
static lmvr_status convert(const struct image_file *file, const avifDecoder *decoder, uint8_t *pixels, lmvr_error *error)
{
    avifRGBImage out;
    avifRGBImageSetDefaults(&out, decoder->image);
    out.depth = 8;
    out.format = decoder->alphaPresent ? AVIF_RGB_FORMAT_RGBA : AVIF_RGB_FORMAT_RGB;
    out.pixels = pixels;
    out.rowBytes = decoder->image->width * (decoder->alphaPresent ? 4 : 3);
    avifResult result = avifImageYUVToRGB(decoder->image, &out);
    return result == AVIF_RESULT_OK ? LMVR_OK : library_error(file, decoder, result, error);
}

static lmvr_status convert_without_alpha(const struct image_file *file, const avifDecoder *decoder, struct image *image,
                                         lmvr_error *error)
{
    size_t pixels = (size_t)image->width * image->height;
    uint8_t *rgba = malloc(pixels * 4);
    if (!rgba)
        return error_no_memory(error, file->name);
    lmvr_status status = convert(file, decoder, rgba, error);
    for (size_t i = 0; i < pixels && status == LMVR_OK; i++)
        memcpy(image->rgb + 3 * i, rgba + 4 * i, 3);
    free(rgba);
    return status;
}

static lmvr_status decode(const struct image_file *file, avifDecoder *decoder, struct image *image,
                          struct image_metadata *metadata, lmvr_error *error)
{
    avifResult result = avifDecoderSetIOMemory(decoder, file->bytes, file->size);
    if (result == AVIF_RESULT_OK)
        result = avifDecoderParse(decoder);
    if (result != AVIF_RESULT_OK)
        return library_error(file, decoder, result, error);
    TRY(image_create(file, decoder->image->width, decoder->image->height, image, error));
    result = avifDecoderNextImage(decoder);
    if (result != AVIF_RESULT_OK)
        return library_error(file, decoder, result, error);
    if ((int64_t)decoder->image->width != image->width || (int64_t)decoder->image->height != image->height)
        return error_set(error, LMVR_ERROR_INPUT, "%s: the picture's size differs from the header's", file->name);
    metadata->orientation = orientation_of(decoder->image);
    return decoder->alphaPresent ? convert_without_alpha(file, decoder, image, error)
                                 : convert(file, decoder, image->rgb, error);
}

lmvr_status decode_avif(const struct image_file *file, struct image *image, struct image_metadata *metadata, lmvr_error *error)
{
    avifDecoder *decoder = avifDecoderCreate();
    if (!decoder)
        return error_no_memory(error, file->name);
    decoder->maxThreads = 1;
    decoder->ignoreExif = decoder->ignoreXMP = AVIF_TRUE; /* AVIF has properties of its own for the orientation */
    decoder->imageSizeLimit = (uint32_t)file->most_pixels;
    decoder->strictFlags &=
        ~(avifStrictFlags)(AVIF_STRICT_CLAP_VALID | AVIF_STRICT_PIXI_REQUIRED); /* for files of older encoders */
    lmvr_status status = decode(file, decoder, image, metadata, error);
    avifDecoderDestroy(decoder);
    if (status != LMVR_OK)
        image_finish(image);
    return status;
}

#endif
