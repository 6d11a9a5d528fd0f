/* Small data sets in the layouts of the known ones, whose images have their class's color: easy enough for a probe on a random
 * model to learn. */
#ifndef LMVR_TESTS_LAB_EVAL_MADE_SET_H
#define LMVR_TESTS_LAB_EVAL_MADE_SET_H

#include "image/encode.h"
#include "scratch.h"

#include <errno.h>

/* Creates the folders of a path. */
UNUSED static void make_folders(const char *path)
{
    char part[1024];
    snprintf(part, sizeof part, "%s", path);
    for (char *c = part + 1; *c; c++)
        if (*c == '/') {
            *c = '\0';
            assert_true(mkdir(part, 0777) == 0 || errno == EEXIST);
            *c = '/';
        }
}

/* Half of the image has one class's color and half another's, with a stripe that differs from image to image. */
UNUSED static void write_picture(const char *path, int class_a, int class_b, int number)
{
    enum { SIDE = 64 };
    static const uint8_t colors[][3] = {{220, 30, 30},  {30, 200, 40},  {40, 60, 230},   {230, 220, 40}, {200, 40, 210},
                                        {40, 210, 210}, {250, 140, 20}, {120, 120, 120}, {90, 30, 10},   {250, 250, 250}};
    struct image image = {SIDE, SIDE, malloc(3 * SIDE * SIDE)};
    struct encoded encoded;
    lmvr_error error;
    assert_non_null(image.rgb);
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            int color = x < SIDE / 2 ? class_a : class_b;
            const uint8_t *rgb = colors[color % 10];
            for (int c = 0; c < 3; c++) {
                int value = rgb[c] - (color / 10) * 40 + (y % (number % 7 + 5) == 0 ? number % 50 - 25 : 0);
                image.rgb[3 * (y * SIDE + x) + c] = (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
            }
        }
    make_folders(path);
    assert_int_equal(image_encode_png(&image, &encoded, &error), LMVR_OK);
    write_bytes(path, encoded.bytes, encoded.size);
    encoded_finish(&encoded);
    free(image.rgb);
}

UNUSED static void append(const char *path, const char *format, ...) __attribute__((format(printf, 2, 3)));
UNUSED static void append(const char *path, const char *format, ...)
{
    va_list args;
    make_folders(path);
    FILE *file = fopen(path, "ae");
    assert_non_null(file);
    va_start(args, format);
    vfprintf(file, format, args);
    va_end(args);
    assert_int_equal(fclose(file), 0);
}

/* VOCdevkit/VOC2007 with images 0 .. train + test - 1, each with two of the 20 classes. */
UNUSED static void make_voc(const char *folder, int train, int test)
{
    static const char *const classes[] = {"aeroplane", "bicycle",     "bird",  "boat",        "bottle", "bus",      "car",
                                          "cat",       "chair",       "cow",   "diningtable", "dog",    "horse",    "motorbike",
                                          "person",    "pottedplant", "sheep", "sofa",        "train",  "tvmonitor"};
    char path[1024];
    for (int i = 0; i < train + test; i++) {
        snprintf(path, sizeof path, "%s/VOCdevkit/VOC2007/JPEGImages/%06d.jpg", folder, i + 1);
        write_picture(path, i % 20, (i + 1 + i / 20) % 20, i);
        for (int c = 0; c < 20; c++) {
            int label = c == i % 20 || c == (i + 1 + i / 20) % 20 ? 1 : c == (i + 7) % 20 ? 0 : -1;
            snprintf(path, sizeof path, "%s/VOCdevkit/VOC2007/ImageSets/Main/%s_%s.txt", folder, classes[c],
                     i < train ? "trainval" : "test");
            append(path, "%06d %2d\n", i + 1, label);
        }
    }
}

/* VisDA-2017's train/ and validation/ with its 12 classes. */
UNUSED static void make_visda(const char *folder, int train, int test)
{
    static const char *const classes[] = {"aeroplane",  "bicycle", "bus",   "car",        "horse", "knife",
                                          "motorcycle", "person",  "plant", "skateboard", "train", "truck"};
    char path[1024];
    for (int i = 0; i < train + test; i++) {
        const char *part = i < train ? "train" : "validation";
        snprintf(path, sizeof path, "%s/%s/%s/%04d.png", folder, part, classes[i % 12], i);
        write_picture(path, i % 12, i % 12, i);
        snprintf(path, sizeof path, "%s/%s/image_list.txt", folder, part);
        append(path, "%s/%04d.png %d\n", classes[i % 12], i, i % 12);
    }
}

/* PART/CLASS/NUMBER.png for each of the classes. */
UNUSED static void make_class_folders(const char *folder, const char *part, const char *const *classes, int class_count,
                                      int count)
{
    char path[1024];
    for (int i = 0; i < count; i++) {
        snprintf(path, sizeof path, "%s/%s/%s/%04d.png", folder, part, classes[i % class_count], i);
        write_picture(path, i % class_count, i % class_count, i);
    }
}

/* DeepFashion-MultiModal with attributes determined by an image's two colors. */
UNUSED static void make_deepfashion(const char *folder, int count)
{
    char path[1024], name[128];
    for (int i = 0; i < count; i++) {
        int a = i % 3, b = i / 3 % 3;
        snprintf(name, sizeof name, "WOMEN-Dresses-id_%08d-01_1_front.jpg", i);
        snprintf(path, sizeof path, "%s/images/%s", folder, name);
        write_picture(path, a, b, i);
        snprintf(path, sizeof path, "%s/labels/shape/shape_anno_all.txt", folder);
        append(path, "%s %d %d %d %d %d %d %d %d %d %d %d %d\n", name, a, b, a, a % 2, b % 2, a % 2, b % 2, a % 2, b % 3, a % 3,
               b % 2, a % 2);
        snprintf(path, sizeof path, "%s/labels/texture/fabric_ann.txt", folder);
        append(path, "%s %d %d %d\n", name, a, b, 7);
        snprintf(path, sizeof path, "%s/labels/texture/pattern_ann.txt", folder);
        append(path, "%s %d %d %d\n", name, b, a, 7);
    }
}

#endif
