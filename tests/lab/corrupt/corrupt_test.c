/* Corruptions compared with golden/corrupt/, which has reference.py's results: pixels if deterministic, statistics if
 * random. */
#include "cmocka_all.h"

#include "image/encode.h"
#include "lab/corrupt/corrupt_parts.h"

#include <jansson.h>
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GOLDEN LMVR_TEST_DATA "/golden/corrupt/"
#define SEEDS  24

static struct frost *frost;

static int make_frost(void **state)
{
    (void)state;
    return frost_create(NULL, &frost, NULL) == LMVR_OK ? 0 : -1;
}

static int free_frost(void **state)
{
    (void)state;
    frost_free(frost);
    return 0;
}

static struct image read_picture(const char *name)
{
    char path[512];
    struct image image;
    lmvr_error error;
    snprintf(path, sizeof path, GOLDEN "%s", name);
    if (image_read(path, &image, NULL, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    return image;
}

static size_t bytes_of(const struct image *image)
{
    return (size_t)image->width * image->height * 3;
}

static struct image copy_of(const struct image *image)
{
    struct image copy = {image->width, image->height, malloc(bytes_of(image))};
    assert_non_null(copy.rgb);
    memcpy(copy.rgb, image->rgb, bytes_of(image));
    return copy;
}

static struct image corrupted(const struct image *image, enum corruption_type type, int severity, uint64_t seed, double angle)
{
    struct image copy = copy_of(image);
    struct corruption corruption = {type, severity, angle, seed, frost};
    lmvr_error error;
    if (image_corrupt(&corruption, 7, &copy, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    assert_int_equal(copy.width, image->width);
    assert_int_equal(copy.height, image->height);
    return copy;
}

/* Waves, for sizes that no golden image has. */
static struct image waves(int width, int height)
{
    struct image image = {width, height, malloc((size_t)width * height * 3)};
    assert_non_null(image.rgb);
    for (size_t i = 0; i < bytes_of(&image); i++)
        image.rgb[i] =
            (uint8_t)(128 + 100 * sin((double)(i / 3 % width) / 9 + (double)(i % 3)) * cos((double)(i / 3 / width) / 7));
    return image;
}

/* ---- deterministic corruptions ---- */

static double psnr(const struct image *a, const struct image *b)
{
    double sum = 0;
    assert_int_equal(bytes_of(a), bytes_of(b));
    for (size_t i = 0; i < bytes_of(a); i++)
        sum += (a->rgb[i] - b->rgb[i]) * (a->rgb[i] - b->rgb[i]);
    return sum > 0 ? 10 * log10(255 * 255 * (double)bytes_of(a) / sum) : INFINITY;
}

/* make_corrupt.py's tiles(): the upper left, middle and lower right 40 x 40 of 224 x 224. */
static struct image tiles_of(const struct image *image)
{
    static const int from[3] = {0, 92, 184};
    struct image out = {120, 40, malloc(120 * 40 * 3)};
    assert_non_null(out.rgb);
    for (int y = 0; y < 40; y++)
        for (int tile = 0; tile < 3; tile++)
            memcpy(out.rgb + (y * 120 + tile * 40) * 3, image->rgb + ((from[tile] + y) * 224 + from[tile]) * 3, 40 * 3);
    return out;
}

/* The lowest PSNR is far above the promised 40 dB: at 80 dB one byte in 1500 differs by one. */
static void assert_reference(enum corruption_type type, int severity, const struct image seen[6], bool whole)
{
    char name[64];
    snprintf(name, sizeof name, "%s%s-%d.png", whole ? "small-" : "", corruption_names[type], severity);
    struct image expected = read_picture(name);
    for (int other = 1; other <= 5; other++) {
        double likeness = psnr(&seen[other], &expected);
        if (other == severity && likeness < 80)
            fail_msg("%s: %.1f dB", name, likeness);
        if (other != severity && likeness > 50)
            fail_msg("%s cannot be told from severity %d: %.1f dB", name, other, likeness);
    }
    image_finish(&expected);
}

/* Those of the severities from 1 to 5 that have a reference, in this step: each is its own, and no other severity's. */
static void assert_references(const struct image *image, enum corruption_type type, int first, int step, bool whole)
{
    struct image seen[6] = {{0}};
    for (int severity = 1; severity <= 5; severity++) {
        seen[severity] = corrupted(image, type, severity, 0, 30);
        if (!whole) {
            struct image all = seen[severity];
            seen[severity] = tiles_of(&all);
            image_finish(&all);
        }
    }
    for (int severity = first; severity <= 5; severity += step)
        assert_reference(type, severity, seen, whole);
    for (int severity = 1; severity <= 5; severity++)
        image_finish(&seen[severity]);
}

static const enum corruption_type fixed[] = {CORRUPT_DEFOCUS_BLUR,  CORRUPT_ZOOM_BLUR, CORRUPT_BRIGHTNESS,
                                             CORRUPT_CONTRAST,      CORRUPT_PIXELATE,  CORRUPT_JPEG_COMPRESSION,
                                             CORRUPT_GAUSSIAN_BLUR, CORRUPT_SATURATE,  CORRUPT_MOTION_BLUR}; /* at 30 degrees */

static void test_what_is_not_random_is_the_authors_picture(void **state)
{
    (void)state;
    struct image image = read_picture("scene.jpg");
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        assert_references(&image, fixed[i], 1, 1, false);
    image_finish(&image);
}

/* 97 x 61: lengths are scaled, and the sides differ. */
static void test_other_sizes_have_their_lengths_scaled(void **state)
{
    (void)state;
    struct image image = read_picture("small.jpg");
    for (size_t i = 0; i + 1 < sizeof fixed / sizeof *fixed; i++)
        assert_references(&image, fixed[i], 2, 3, true);
    image_finish(&image);
}

/* From drops to the light on them, with OpenCV's Canny(), distanceTransform(), equalizeHist(), filter2D() and blur(). At most
 * one byte in 1000 differs, if a sum is halfway between two. */
static void test_light_on_drops_is_opencv_s(void **state)
{
    (void)state;
    static const int widths[] = {224, 130, 360};
    for (int i = 0; i < 3; i++) {
        char name[32];
        struct plane relief;
        size_t n, different = 0;
        snprintf(name, sizeof name, "liquid-%d.png", widths[i]);
        struct image drops = read_picture(name);
        snprintf(name, sizeof name, "relief-%d.png", widths[i]);
        struct image expected = read_picture(name);
        int side = drops.width < drops.height ? drops.width : drops.height;
        uint8_t *liquid = malloc(bytes_of(&drops) / 3);
        assert_true(liquid && plane_init(&relief, drops.width, drops.height));
        n = plane_size(&relief);
        for (size_t j = 0; j < n; j++)
            liquid[j] = drops.rgb[3 * j];
        assert_true(spatter_relief(liquid, side / 224., &relief));
        for (size_t j = 0; j < n; j++)
            different += relief.values[j] != expected.rgb[3 * j];
        if (different > n / 1000)
            fail_msg("%s: %zu of %zu differ", name, different, n);
        plane_finish(&relief);
        free(liquid);
        image_finish(&drops);
        image_finish(&expected);
    }
}

/* Neither the drawn drops nor an image without edges divides by zero; the image stays unchanged. */
static void test_no_drops_leave_the_picture(void **state)
{
    (void)state;
    struct plane relief;
    uint8_t none[64] = {0};
    assert_true(plane_init(&relief, 8, 8));
    assert_true(spatter_relief(none, 1, &relief));
    for (int i = 0; i < 64; i++)
        assert_true(relief.values[i] == 20);
    plane_finish(&relief);
}

/* ---- random corruptions ---- */

#define STATISTICS 4 /* mean, spread, roughness, change, as reference.py's statistics() */

static void measure(const struct image *image, const struct image *original, double values[STATISTICS])
{
    size_t n = bytes_of(image), row = (size_t)image->width * 3;
    double sum = 0, squares = 0, down = 0, right = 0, change = 0;
    for (size_t i = 0; i < n; i++) {
        double v = image->rgb[i];
        sum += v;
        squares += v * v;
        change += fabs(v - original->rgb[i]);
        down += i >= row ? fabs(v - image->rgb[i - row]) : 0;
        right += i % row >= 3 ? fabs(v - image->rgb[i - 3]) : 0;
    }
    values[0] = sum / (double)n;
    values[1] = sqrt(squares / (double)n - values[0] * values[0]);
    values[2] = (down / (double)(n - row) + right / (double)(n - 3 * (size_t)image->height)) / 2;
    values[3] = change / (double)n;
}

static bool is_random(enum corruption_type type)
{
    for (size_t i = 0; i + 1 < sizeof fixed / sizeof *fixed; i++)
        if (fixed[i] == type)
            return false;
    return true;
}

static void measure_seeds(const struct image *image, enum corruption_type type, int severity, double mean[STATISTICS])
{
    uint64_t seeds = is_random(type) ? SEEDS : 1;
    memset(mean, 0, STATISTICS * sizeof *mean);
    for (uint64_t seed = 0; seed < seeds; seed++) {
        double values[STATISTICS];
        struct image out = corrupted(image, type, severity, seed, NAN);
        measure(&out, image, values);
        for (int i = 0; i < STATISTICS; i++)
            mean[i] += values[i] / (double)seeds;
        image_finish(&out);
    }
}

/* The largest difference of the means relative to the tolerance: 4 deviations of a difference of two means over that many
 * seeds, plus a fifth of a gray level or 1 % of the value for what is computed differently there (interpolation in steps of
 * 1/32). */
static double distance(const double mean[STATISTICS], json_t *reference, int seeds)
{
    double most = 0;
    for (int i = 0; i < STATISTICS; i++) {
        double expected = json_real_value(json_array_get(json_object_get(reference, "mean"), (size_t)i));
        double deviation = json_real_value(json_array_get(json_object_get(reference, "deviation"), (size_t)i));
        double allowed = 4 * deviation * sqrt(1. / seeds + 1. / SEEDS) + (i == 0 ? 0.2 : 0.02 + 0.01 * expected);
        most = fmax(most, fabs(mean[i] - expected) / allowed);
    }
    return most;
}

static json_t *read_statistics(void)
{
    json_error_t bad;
    json_t *json = json_load_file(GOLDEN "statistics.json", 0, &bad);
    assert_non_null(json);
    return json;
}

/* make_corrupt.py's images for the statistics. */
static struct image statistics_picture(const char *name)
{
    if (strcmp(name, "scene") == 0)
        return read_picture("scene.jpg");
    struct image image = {224, 224, malloc(224 * 224 * 3)};
    assert_non_null(image.rgb);
    for (size_t i = 0; i < bytes_of(&image); i++)
        image.rgb[i] = (uint8_t)(strcmp(name, "gray") == 0 ? 128 : 64 + 8 * abs((int)(i / 3 % 224 % 32) - 16));
    return image;
}

/* Which severities could be told apart on some image. */
static bool told[CORRUPTION_TYPES][6][6];

static void assert_statistics(const struct image *image, const char *name, json_t *references, int seeds)
{
    enum corruption_type type;
    assert_true(corruption_find(name, &type));
    for (int severity = 1; severity <= 5; severity++) {
        double mean[STATISTICS];
        measure_seeds(image, type, severity, mean);
        for (int other = 1; other <= 5; other++) {
            double far = distance(mean, json_array_get(references, (size_t)other - 1), seeds);
            if (other == severity && far > 1)
                fail_msg("%s %d: mean %.2f, spread %.2f, roughness %.2f, change %.2f are %.2f times what is allowed away", name,
                         severity, mean[0], mean[1], mean[2], mean[3], far);
            told[type][severity][other] |= far > 1;
        }
    }
}

/* A severity's statistics match its own reference and no other severity's. */
static void test_what_is_random_has_the_authors_statistics(void **state)
{
#ifdef __SANITIZE_ADDRESS__ /* hundreds of pictures, of types and sizes that other tests have too */
    skip();
#endif
    (void)state;
    static const char *const pictures[] = {"scene", "gray", "teeth"};
    json_t *json = read_statistics(), *references;
    const char *name;
    int seeds = (int)json_integer_value(json_object_get(json, "seeds")), types = 0;
    for (int i = 0; i < 3; i++) {
        struct image image = statistics_picture(pictures[i]);
        json_object_foreach(json_object_get(json, pictures[i]), name, references)
        {
            assert_statistics(&image, name, references, seeds);
            types++;
        }
        image_finish(&image);
    }
    assert_int_equal(types, 10 + 1 + 1);
    json_object_foreach(json_object_get(json, "scene"), name, references)
    {
        enum corruption_type type;
        assert_true(corruption_find(name, &type));
        for (int severity = 1; severity <= 5; severity++)
            for (int other = 1; other <= 5; other++)
                if (other != severity && !told[type][severity][other])
                    fail_msg("%s %d cannot be told from %d", name, severity, other);
    }
    json_decref(json);
}

static void test_other_sizes_have_the_scaled_statistics(void **state)
{
    (void)state;
    struct image image = read_picture("small.jpg");
    json_t *json = read_statistics(), *reference;
    const char *name;
    int seeds = (int)json_integer_value(json_object_get(json, "seeds"));
    json_object_foreach(json_object_get(json, "small"), name, reference)
    {
        enum corruption_type type;
        double mean[STATISTICS];
        assert_true(corruption_find(name, &type));
        measure_seeds(&image, type, 3, mean);
        double far = distance(mean, reference, seeds);
        if (far > 1)
            fail_msg("%s: mean %.2f, spread %.2f, roughness %.2f, change %.2f are %.2f times what is allowed away", name,
                     mean[0], mean[1], mean[2], mean[3], far);
    }
    json_decref(json);
    image_finish(&image);
}

/* ---- frost ---- */

/* With a texture of one color the sum is predictable: truncated, not rounded, and clipped at white. */
static void test_frost_is_a_weighted_sum(void **state)
{
    (void)state;
    static const double weights[5][2] = {{1, 0.4}, {0.8, 0.6}, {0.7, 0.7}, {0.65, 0.7}, {0.6, 0.75}};
    char folder[] = "/tmp/lmvr-test-XXXXXX", path[64];
    struct frost *made = frost;
    lmvr_error error;
    assert_non_null(mkdtemp(folder));
    assert_int_equal(frost_create(folder, &frost, &error), LMVR_ERROR_INVALID);
    assert_non_null(strstr(error.message, "has no image to use as a texture"));
    snprintf(path, sizeof path, "%s/a.png", folder);
    uint8_t color[] = {200, 100, 30};
    struct image texture = {1, 1, color}; /* enlarged to the image's size */
    struct encoded png;
    assert_int_equal(image_encode_png(&texture, &png, &error), LMVR_OK);
    assert_int_equal(encoded_write(&png, path, &error), LMVR_OK);
    encoded_finish(&png);
    if (frost_create(folder, &frost, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    struct image image = waves(60, 50);
    for (int severity = 1; severity <= 5; severity++) {
        struct image out = corrupted(&image, CORRUPT_FROST, severity, 1, NAN);
        for (size_t i = 0; i < bytes_of(&image); i++) {
            double value = weights[severity - 1][0] * image.rgb[i] + weights[severity - 1][1] * color[i % 3];
            assert_int_equal(out.rgb[i], (int)(value < 255 ? value : 255));
        }
        image_finish(&out);
    }
    image_finish(&image);
    frost_free(frost);
    frost = made;
    remove(path);
    remove(folder);
}

/* The generated textures are rough, bright and not uniform: each severity adds more of them to a black image, and crops
 * differ. */
static void test_made_frost_whitens_more_with_severity(void **state)
{
    (void)state;
    struct image black = {224, 224, calloc(224 * 224, 3)};
    double before = 0;
    for (int severity = 1; severity <= 5; severity++) {
        double mean[STATISTICS];
        measure_seeds(&black, CORRUPT_FROST, severity, mean);
        if (severity != 4) /* as much frost as at 3, and only less of the image */
            assert_true(mean[0] > before + 3);
        assert_true(mean[1] > 8 && mean[2] > 2);
        before = mean[0];
    }
    image_finish(&black);
}

/* ---- seeds and threads ---- */

static bool is_same(const struct image *a, const struct image *b)
{
    return memcmp(a->rgb, b->rgb, bytes_of(a)) == 0;
}

static void test_a_seed_and_a_picture_decide_everything(void **state)
{
    (void)state;
    struct image image = waves(70, 50);
    for (int t = 0; t < CORRUPTION_TYPES; t++) {
        enum corruption_type type = (enum corruption_type)t;
        struct image a = corrupted(&image, type, 3, 5, NAN), b = corrupted(&image, type, 3, 5, NAN),
                     c = corrupted(&image, type, 3, 6, NAN), d = copy_of(&image);
        struct corruption corruption = {type, 3, NAN, 5, frost};
        assert_int_equal(image_corrupt(&corruption, 8, &d, NULL), LMVR_OK); /* another picture's hash */
        assert_true(is_same(&a, &b));
        if (is_same(&a, &c) == is_random(type) || is_same(&a, &d) == is_random(type))
            fail_msg("%s: a seed should matter where something is random, and there alone", corruption_names[t]);
        image_finish(&a);
        image_finish(&b);
        image_finish(&c);
        image_finish(&d);
    }
    image_finish(&image);
}

static void test_threads_change_nothing(void **state)
{
    (void)state;
    enum { WORKS = CORRUPTION_TYPES * 4 };
    struct image image = waves(64, 80), alone[WORKS], together[WORKS];
    for (int i = 0; i < WORKS; i++)
        alone[i] = corrupted(&image, (enum corruption_type)(i % CORRUPTION_TYPES), 2, (uint64_t)i, NAN);
#pragma omp parallel for schedule(dynamic) num_threads(4)
    for (int i = 0; i < WORKS; i++) {
        struct corruption corruption = {(enum corruption_type)(i % CORRUPTION_TYPES), 2, NAN, (uint64_t)i, frost};
        together[i] = copy_of(&image);
        image_corrupt(&corruption, 7, &together[i], NULL);
    }
    for (int i = 0; i < WORKS; i++) {
        assert_true(is_same(&alone[i], &together[i]));
        image_finish(&alone[i]);
        image_finish(&together[i]);
    }
    image_finish(&image);
}

static void test_a_given_angle_is_used(void **state)
{
    (void)state;
    struct image image = waves(64, 64);
    static const enum corruption_type types[] = {CORRUPT_MOTION_BLUR, CORRUPT_SNOW};
    for (int i = 0; i < 2; i++) {
        struct image a = corrupted(&image, types[i], 3, 1, 20), b = corrupted(&image, types[i], 3, 1, -70),
                     c = corrupted(&image, types[i], 3, 2, 20);
        assert_false(is_same(&a, &b));
        assert_int_equal(is_same(&a, &c), types[i] == CORRUPT_MOTION_BLUR); /* with its angle nothing is random in it */
        image_finish(&a);
        image_finish(&b);
        image_finish(&c);
    }
    image_finish(&image);
}

/* ---- sizes, severities, names ---- */

static void test_every_size_is_corrupted(void **state)
{
    (void)state;
    static const int sizes[][2] = {{1, 1}, {2, 1}, {1, 500}, {500, 1}, {3, 7}, {5000, 2}, {17, 600}, {1000, 750}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct image image = waves(sizes[i][0], sizes[i][1]);
        for (int t = 0; t < CORRUPTION_TYPES; t++)
            for (int severity = 1; severity <= 5; severity += image.width == 1000 ? 4 : 1) {
                struct image out = corrupted(&image, (enum corruption_type)t, severity, 1, NAN);
                double before[STATISTICS], after[STATISTICS];
                if (image.width == 1000) {
                    measure(&image, &image, before);
                    measure(&out, &image, after);
                    if (after[3] < 0.3 || after[3] > 150 || after[0] < 60)
                        fail_msg("%s %d of a large picture: mean %.1f, change %.1f", corruption_names[t], severity, after[0],
                                 after[3]);
                }
                image_finish(&out);
            }
        image_finish(&image);
    }
}

/* The change of an image grows with the severity, except where the authors vary two parameters in opposite directions: in
 * levels of glass blur and elastic, and fog, which gets thicker but rougher. Saturate removes color at 1 and 2, and adds it
 * after. */
static void test_more_severity_is_more_change(void **state)
{
#ifdef __SANITIZE_ADDRESS__ /* as many */
    skip();
#endif
    (void)state;
    struct image image = read_picture("scene.jpg");
    for (int t = 0; t < CORRUPTION_TYPES; t++) {
        double before = 0;
        if (t == CORRUPT_GLASS_BLUR || t == CORRUPT_ELASTIC_TRANSFORM || t == CORRUPT_FOG || t == CORRUPT_FROST ||
            t == CORRUPT_SATURATE)
            continue;
        for (int severity = 1; severity <= 5; severity++) {
            double mean[STATISTICS];
            measure_seeds(&image, (enum corruption_type)t, severity, mean);
            /* snow 3 has larger flakes than 2, but as much of them */
            if (!(mean[3] > before) && !(t == CORRUPT_SNOW && severity == 3))
                fail_msg("%s changes %.2f at %d, %.2f before", corruption_names[t], mean[3], severity, before);
            before = mean[3];
        }
    }
    image_finish(&image);
}

static void test_the_crop_is_torchvision_s(void **state)
{
    (void)state;
    static const int sizes[] = {64, 77};
    for (int i = 0; i < 2; i++) {
        char name[32];
        snprintf(name, sizeof name, "small-crop-%d.png", sizes[i]);
        struct image image = read_picture("small.jpg"), expected = read_picture(name);
        assert_int_equal(image_crop_imagenet_c(&image, sizes[i], NULL), LMVR_OK);
        assert_int_equal(bytes_of(&image), bytes_of(&expected));
        assert_true(is_same(&image, &expected));
        image_finish(&image);
        image_finish(&expected);
    }
    struct image line = {1, 1 << 24, calloc(1 << 24, 3)}; /* 256 x 2^32 on the way */
    struct image same = copy_of(&line);
    assert_int_equal(image_crop_imagenet_c(&line, 224, NULL), LMVR_ERROR_INPUT);
    assert_true(is_same(&line, &same));
    image_finish(&line);
    image_finish(&same);
}

static void test_names_and_groups_are_imagenet_c_s(void **state)
{
    (void)state;
    enum corruption_type type = CORRUPTION_TYPES;
    assert_true(corruption_find("elastic_transform", &type));
    assert_int_equal(type, CORRUPT_ELASTIC_TRANSFORM);
    assert_false(corruption_find("fo", &type));
    assert_false(corruption_find("", &type));
    assert_true(corruption_find("gaussian_blur", &type));
    assert_int_equal(type, CORRUPT_GAUSSIAN_BLUR);
    int counts[5] = {0};
    static const char *const groups[5] = {"noise", "blur", "weather", "digital", "extra"};
    for (int t = 0; t < CORRUPTION_TYPES; t++)
        for (int g = 0; g < 5; g++)
            counts[g] += strcmp(corruption_group((enum corruption_type)t), groups[g]) == 0;
    assert_int_equal(counts[0], 3);
    assert_int_equal(counts[1], 4);
    assert_int_equal(counts[2], 4);
    assert_int_equal(counts[3], 4);
    assert_int_equal(counts[4], 4);
    assert_int_equal(CORRUPTION_BENCHMARK_TYPES, 15);
}

static void test_a_wrong_call_is_an_error(void **state)
{
    (void)state;
    struct image image = waves(4, 4);
    lmvr_error error;
    struct corruption none = {CORRUPT_FOG, 0, NAN, 0, NULL}, six = {CORRUPT_FOG, 6, NAN, 0, NULL},
                      bare = {CORRUPT_FROST, 1, NAN, 0, NULL};
    assert_int_equal(image_corrupt(&none, 0, &image, &error), LMVR_ERROR_INVALID);
    assert_int_equal(image_corrupt(&six, 0, &image, &error), LMVR_ERROR_INVALID);
    assert_int_equal(image_corrupt(&bare, 0, &image, &error), LMVR_ERROR_INVALID);
    assert_string_equal(error.message, "frost has no textures");
    image_finish(&image);
}

/* JPEG's limit is 65,500 pixels; the image stays unchanged. */
static void test_too_long_for_jpeg_is_an_error(void **state)
{
    (void)state;
    struct image image = waves(65501, 1), before = copy_of(&image);
    struct corruption corruption = {CORRUPT_JPEG_COMPRESSION, 1, NAN, 0, NULL};
    lmvr_error error;
    assert_int_equal(image_corrupt(&corruption, 0, &image, &error), LMVR_ERROR_INPUT);
    assert_non_null(strstr(error.message, "65501 x 1 pixels cannot be written as JPEG"));
    assert_true(is_same(&image, &before));
    image_finish(&image);
    image_finish(&before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_not_random_is_the_authors_picture),
        cmocka_unit_test(test_other_sizes_have_their_lengths_scaled),
        cmocka_unit_test(test_light_on_drops_is_opencv_s),
        cmocka_unit_test(test_no_drops_leave_the_picture),
        cmocka_unit_test(test_what_is_random_has_the_authors_statistics),
        cmocka_unit_test(test_other_sizes_have_the_scaled_statistics),
        cmocka_unit_test(test_frost_is_a_weighted_sum),
        cmocka_unit_test(test_made_frost_whitens_more_with_severity),
        cmocka_unit_test(test_a_seed_and_a_picture_decide_everything),
        cmocka_unit_test(test_threads_change_nothing),
        cmocka_unit_test(test_a_given_angle_is_used),
        cmocka_unit_test(test_every_size_is_corrupted),
        cmocka_unit_test(test_more_severity_is_more_change),
        cmocka_unit_test(test_the_crop_is_torchvision_s),
        cmocka_unit_test(test_names_and_groups_are_imagenet_c_s),
        cmocka_unit_test(test_a_wrong_call_is_an_error),
        cmocka_unit_test(test_too_long_for_jpeg_is_an_error),
    };
    return cmocka_run_group_tests(tests, make_frost, free_frost);
}
