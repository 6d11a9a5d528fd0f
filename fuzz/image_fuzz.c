/* Any bytes as an image file; what can be decoded is preprocessed with each recipe. */
#include "image/picture.h"

#include <stdlib.h>

static void prepare(const struct image *image, const struct preprocess *p)
{
    int width, height;
    preprocess_output_size(p, image->width, image->height, &width, &height);
    float *pixels = malloc((size_t)width * height * 3 * sizeof *pixels);
    if (pixels)
        preprocess_image(p, image, pixels, NULL);
    free(pixels);
}

static void prepare_in_all_ways(const struct image *image)
{
    struct preprocess p;
    preprocess_init_clip(&p);
    p.shortest_edge = 24;
    p.crop_width = 20;
    p.crop_height = 28;
    for (p.filter = FILTER_NEAREST; p.filter <= FILTER_HAMMING; p.filter++) {
        p.pad_to_square = !p.pad_to_square;
        prepare(image, &p);
    }
    p.shortest_edge = 0;
    p.width = 17;
    p.height = 40;
    p.filter = FILTER_BICUBIC;
    p.do_center_crop = false;
    prepare(image, &p);
}

static void picture_in_all_ways(const struct image *image)
{
    struct preprocess p = {.do_resize = true, .do_split = true, .filter = FILTER_LANCZOS, .patch = 7, .merge = 2};
    p.min_pixels = 300;
    p.max_pixels = 5000;
    p.longest_edge = 70;
    p.shortest_edge = p.tile = 24;
    p.grids[0] = (struct pixel_size){48, 24};
    p.grids[1] = (struct pixel_size){30, 60};
    p.grid_count = 2;
    for (p.way = VIEWS_ANY_SIZE; p.way <= VIEWS_ANYRES; p.way++) {
        struct picture picture;
        preprocess_picture(&p, image, &picture, NULL);
        picture_finish(&picture);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct image image;
    if (image_decode(data, size, "fuzzed", &image, NULL) == LMVR_OK) {
        prepare_in_all_ways(&image);
        picture_in_all_ways(&image);
    }
    image_finish(&image);
    return 0;
}
