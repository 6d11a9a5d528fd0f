/* Measures the speed of the corruptions; bench/corrupt_reference.py times the same in NumPy, SciPy, scikit-image and OpenCV. */
#include "bench.h"

#include "lab/corrupt/corrupt.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIDE    CORRUPTION_SIZE
#define BYTES   ((size_t)SIDE * SIDE * 3)
#define SECONDS 0.5 /* least time to measure a row */

/* Waves with noise, so that JPEG and the others see neither flat images nor pure noise. */
static void make_picture(uint8_t *rgb)
{
    uint32_t state = 1;
    for (size_t i = 0; i < BYTES; i++) {
        size_t column = i / 3 % SIDE, row = i / 3 / SIDE;
        double x = (double)column, y = (double)row;
        state = state * 1664525U + 1013904223U;
        rgb[i] = (uint8_t)(128 + 80 * sin(x / 17 + (double)(i % 3)) * cos(y / 23) + (state >> 27) - 16);
    }
}

/* The time for all five severities together. */
static lmvr_status time_severities(struct corruption *corruption, const uint8_t *rgb, struct image *image, double *seconds,
                                   lmvr_error *error)
{
    *seconds = 0;
    for (corruption->severity = 1; corruption->severity <= CORRUPTION_SEVERITIES; corruption->severity++) {
        memcpy(image->rgb, rgb, BYTES);
        double start = bench_now();
        TRY(image_corrupt(corruption, corruption->seed++, image, error));
        *seconds += bench_now() - start;
    }
    return LMVR_OK;
}

static lmvr_status measure(struct bench_row *rows, char names[][32], const struct frost *frost, const uint8_t *rgb,
                           struct image *image, lmvr_error *error)
{
    for (int type = 0; type < CORRUPTION_TYPES; type++) {
        struct corruption corruption = {.type = (enum corruption_type)type, .angle = NAN, .frost = frost};
        double best = INFINITY, seconds;
        for (double begin = bench_now(); isinf(best) || bench_now() - begin < SECONDS; best = fmin(best, seconds))
            TRY(time_severities(&corruption, rgb, image, &seconds, error));
        snprintf(names[type], sizeof names[type], "corrupt:%s", corruption_names[type]);
        rows[type] = (struct bench_row){
            .name = names[type], .batch = 1, .unit = "images/s", .value = CORRUPTION_SEVERITIES / best, .limit = NAN};
    }
    return LMVR_OK;
}

lmvr_status bench_corruptions(struct bench_row rows[BENCH_CORRUPTIONS], char names[BENCH_CORRUPTIONS][32], lmvr_error *error)
{
    _Static_assert(BENCH_CORRUPTIONS == CORRUPTION_TYPES, "a row for each");
    struct frost *frost;
    TRY(frost_create(NULL, &frost, error));
    uint8_t *rgb = malloc(BYTES);
    struct image image = {SIDE, SIDE, malloc(BYTES)};
    lmvr_status status = rgb && image.rgb ? LMVR_OK : error_no_memory(error, "the bench");
    if (status == LMVR_OK) {
        make_picture(rgb);
        status = measure(rows, names, frost, rgb, &image, error);
    }
    free(rgb);
    image_finish(&image);
    frost_free(frost);
    return status;
}
