/* Prints each image's nearest neighbors among the others, by the cosine of their representations: neighbors MODEL IMAGE... */
#include <lmvr.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NEAREST 2

struct rows {
    size_t count, width;
    float *data; /* (count, width), each of length 1; zeros for an image that failed */
    char **paths;
};

/* Results come in order, and live until this returns: the row is copied, centered later. */
static int keep(const lmvr_result *r, void *user)
{
    struct rows *rows = user;
    if (r->status != LMVR_OK)
        return fprintf(stderr, "%s\n", r->error), 0;
    memcpy(rows->data + r->index * rows->width, r->features[0], rows->width * sizeof *rows->data);
    return 0;
}

/* Subtracts the mean of all rows, in which all images agree, and makes their lengths 1. */
static void normalize(struct rows *rows)
{
    for (size_t i = 0; i < rows->width; i++) {
        double mean = 0;
        for (size_t r = 0; r < rows->count; r++)
            mean += rows->data[r * rows->width + i] / (double)rows->count;
        for (size_t r = 0; r < rows->count; r++)
            rows->data[r * rows->width + i] -= (float)mean;
    }
    for (size_t r = 0; r < rows->count; r++) {
        float *row = rows->data + r * rows->width, length = 0;
        for (size_t i = 0; i < rows->width; i++)
            length += row[i] * row[i];
        for (size_t i = 0; i < rows->width && length > 0; i++)
            row[i] /= sqrtf(length);
    }
}

static float cosine(const struct rows *rows, size_t a, size_t b)
{
    float sum = 0;
    for (size_t i = 0; i < rows->width; i++)
        sum += rows->data[a * rows->width + i] * rows->data[b * rows->width + i];
    return sum;
}

static void print(const struct rows *rows, size_t image)
{
    size_t last = image;
    float bound = INFINITY;
    printf("%s", rows->paths[image]);
    for (int n = 0; n < NEAREST && n + 1 < (int)rows->count; n++) {
        size_t best = image;
        for (size_t i = 0; i < rows->count; i++) {
            float c = cosine(rows, image, i);
            if (i != image && i != last && c <= bound && (best == image || c > cosine(rows, image, best)))
                best = i;
        }
        bound = cosine(rows, image, best);
        last = best;
        printf("\t%.2f %s", bound, rows->paths[best]);
    }
    printf("\n");
}

int main(int argc, char **argv)
{
    lmvr_error error = {{0}};
    lmvr_model *model = NULL;
    lmvr_session *session = NULL;
    lmvr_session_options options;
    lmvr_model_info info = {0};
    lmvr_session_options_default(&options);
    struct rows rows = {.count = argc > 2 ? (size_t)argc - 2 : 0, .paths = argv + 2};
    lmvr_image *images = calloc(rows.count + 1, sizeof *images);
    for (size_t i = 0; i < rows.count && images; i++)
        images[i].path = argv[i + 2];
    int failed = !rows.count || !images || lmvr_model_open(argv[1], LMVR_DTYPE_DEFAULT, 0, &model, &error);
    if (!failed)
        lmvr_model_get_info(model, &info);
    rows.width = (size_t)info.language.width; /* of the default feature, llm:all:mean:-1 */
    rows.data = calloc(rows.count * rows.width + 1, sizeof *rows.data);
    failed = failed || !rows.data || lmvr_session_create(model, &options, &session, &error) ||
             lmvr_embed(session, images, rows.count, keep, &rows, &error);
    if (failed)
        fprintf(stderr, "%s\n", rows.count ? error.message : "usage: neighbors MODEL IMAGE...");
    else
        normalize(&rows);
    for (size_t i = 0; i < rows.count && !failed; i++)
        print(&rows, i);
    lmvr_session_free(session);
    lmvr_model_free(model);
    free(rows.data);
    free(images);
    return failed;
}
