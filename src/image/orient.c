#include "image/decode.h"

#include <stdlib.h>

/*
 * The index in the stored picture, of `width` x `height`, of the pixel at column x, row y of the upright one. The orientations
 * are EXIF's (CIPA DC-008, tag 274), which says which side of the upright picture the first stored row and column are.
 */
static size_t source_of(int orientation, size_t x, size_t y, size_t width, size_t height)
{
    switch (orientation) {
    case 2: /* mirrored left to right */
        return y * width + (width - 1 - x);
    case 3: /* upside down */
        return (height - 1 - y) * width + (width - 1 - x);
    case 4: /* mirrored top to bottom */
        return (height - 1 - y) * width + x;
    case 5: /* mirrored along the main diagonal */
        return x * width + y;
    case 6: /* a quarter turn counterclockwise */
        return (height - 1 - x) * width + y;
    case 7: /* mirrored along the other diagonal */
        return (height - 1 - x) * width + (width - 1 - y);
    default: /* 8: a quarter turn clockwise */
        return x * width + (width - 1 - y);
    }
}

#define TILE 32

/* Works tile by tile, so that quarter turns touch each cache line a few times rather than once per pixel. */
static void turn(const struct image *in, int orientation, struct image *out)
{
    for (int top = 0; top < out->height; top += TILE)
        for (int left = 0; left < out->width; left += TILE)
            for (int y = top; y < top + TILE && y < out->height; y++)
                for (int x = left; x < left + TILE && x < out->width; x++) {
                    const uint8_t *from = in->rgb + 3 * source_of(orientation, x, y, in->width, in->height);
                    uint8_t *to = out->rgb + 3 * ((size_t)y * out->width + x);
                    to[0] = from[0];
                    to[1] = from[1];
                    to[2] = from[2];
                }
}

lmvr_status image_orient(struct image *image, int orientation, lmvr_error *error)
{
    if (orientation < 2 || orientation > 8)
        return LMVR_OK;
    bool sideways = orientation >= 5;
    struct image upright = {.width = sideways ? image->height : image->width,
                            .height = sideways ? image->width : image->height};
    upright.rgb = malloc((size_t)upright.width * upright.height * 3);
    if (!upright.rgb)
        return error_no_memory(error, "a turned image");
    turn(image, orientation, &upright);
    image_finish(image);
    *image = upright;
    return LMVR_OK;
}
