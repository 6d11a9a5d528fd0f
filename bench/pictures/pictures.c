/*
 * Times a picture's way from the file to the encoder's input on one thread: `pictures FILE PROCESSOR.json...` prints, for each
 * preprocessor_config.json, the processor time of decoding and of preprocessing, the least of several. picture_reference.py
 * times the same in transformers.
 */
#include "image/picture.h"
#include "model/config_parts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SECONDS 1.0 /* least time to measure */

static double cpu_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static lmvr_status time_once(const char *path, const struct preprocess *p, double seconds[2], lmvr_error *error)
{
    struct image image;
    struct picture picture = {0};
    double start = cpu_now();
    TRY(image_read(path, &image, NULL, error));
    double decoded = cpu_now();
    lmvr_status status = preprocess_picture(p, &image, &picture, error);
    double end = cpu_now();
    image_finish(&image);
    picture_finish(&picture);
    seconds[0] = fmin(seconds[0], decoded - start);
    seconds[1] = fmin(seconds[1], end - decoded);
    return status;
}

/* The processor whose default views are made in the way that the file names. */
static lmvr_status parse(const struct json_node *node, struct preprocess *p, lmvr_error *error)
{
    static const enum config_processor defaults[] = {PROCESSOR_CLIP, PROCESSOR_QWEN2_VL, PROCESSOR_IDEFICS3,
                                                     PROCESSOR_LLAVA_NEXT};
    lmvr_status status = LMVR_ERROR_INVALID;
    for (size_t i = 0; i < sizeof defaults / sizeof *defaults && status != LMVR_OK; i++)
        status = config_parse_preprocess(node, 0, defaults[i], p, error);
    return status;
}

static lmvr_status time_processor(const char *path, const char *file, lmvr_error *error)
{
    struct preprocess p;
    json_t *root;
    TRY(json_read(file, NULL, &root, error));
    struct json_node node = json_node_root(file, root);
    lmvr_status status = parse(&node, &p, error);
    double seconds[2] = {INFINITY, INFINITY};
    for (double begin = cpu_now(); status == LMVR_OK && cpu_now() - begin < SECONDS;)
        status = time_once(path, &p, seconds, error);
    json_decref(root);
    if (status == LMVR_OK)
        printf("%s %s: decode %.2f ms, preprocess %.2f ms, %.2f images/s\n", path, file, 1e3 * seconds[0], 1e3 * seconds[1],
               1 / (seconds[0] + seconds[1]));
    return status;
}

int main(int argc, char **argv)
{
    lmvr_error error;
    for (int i = 2; i < argc; i++)
        if (time_processor(argv[1], argv[i], &error) != LMVR_OK) {
            fprintf(stderr, "%s\n", error.message);
            return EXIT_FAILURE;
        }
    return argc < 3 ? EXIT_FAILURE : EXIT_SUCCESS;
}
