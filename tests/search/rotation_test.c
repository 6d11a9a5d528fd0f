/* A rotation keeps products, up to what it says of its rounding, and makes values of one size of vectors that have others. */
#include "cmocka_all.h"
#include "format/random.h"
#include "search/rotation.h"

#include <math.h>
#include <stdlib.h>

static const size_t dims[] = {1, 2, 3, 8, 33, 300, 768, 1024, 4096, 5120};
#define DIM_COUNT (sizeof dims / sizeof *dims)

static double dot(const float *a, const float *b, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += (double)a[i] * (double)b[i];
    return sum;
}

static float *make_vector(size_t dim, uint64_t seed)
{
    struct random random;
    float *x = malloc(dim * sizeof *x);
    random_init(&random, seed);
    for (size_t i = 0; i < dim; i++)
        x[i] = (float)random_uniform(&random, -1, 1);
    return x;
}

static void products_stay_the_same(void **state)
{
    (void)state;
    for (size_t d = 0; d < DIM_COUNT; d++) {
        struct rotation r;
        assert_true(rotation_init(&r, dims[d]));
        float *a = make_vector(dims[d], 1), *b = make_vector(dims[d], 2);
        double before = dot(a, b, dims[d]), size = sqrt(dot(a, a, dims[d]) * dot(b, b, dims[d]));
        rotation_apply(&r, a);
        rotation_apply(&r, b);
        assert_true(fabs(dot(a, b, dims[d]) - before) <= 2 * rotation_error(&r) * size);
        assert_true(rotation_error(&r) < 3e-6);
        free(a), free(b);
        rotation_finish(&r);
    }
}

/* Of a vector of length 1, after the rotation. Normal numbers would be 6 / sqrt(dim) once in 10^9. */
static void all_are_small(const struct rotation *r, float *x)
{
    rotation_apply(r, x);
    for (size_t i = 0; i < r->dim; i++)
        assert_true(fabs((double)x[i]) < 8 / sqrt((double)r->dim));
}

static void values_become_of_one_size(void **state)
{
    (void)state;
    for (size_t d = 5; d < DIM_COUNT; d++) {
        struct rotation r;
        size_t dim = dims[d];
        float *x = malloc(dim * sizeof *x);
        assert_true(rotation_init(&r, dim));
        for (size_t one = 0; one < dim; one += 7) {
            for (size_t i = 0; i < dim; i++)
                x[i] = i == one;
            all_are_small(&r, x);
        }
        for (size_t i = 0; i < dim; i++)
            x[i] = 1 / sqrtf((float)dim);
        all_are_small(&r, x);
        free(x);
        rotation_finish(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_stay_the_same),
        cmocka_unit_test(values_become_of_one_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
