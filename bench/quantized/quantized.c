/*
 * Times products with weights in 8 and 4 bits, beside their limits in the same minute: the product in f32, oneDNN's product of
 * bytes, and reading the weights once.
 *
 *     quantized [SECONDS [OUT IN ...]]
 *
 * Weights come from memory: each product has as many copies as make 128 MiB. Of several times, each of SECONDS (1) altogether,
 * the least counts.
 */
#include "tensor/cpu/kernel_quantized.h"
#include "tensor/cpu/product.h"
#include "tensor/cpu/quantized.h"

#include <oneapi/dnnl/dnnl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define MOST_COPIES 64
#define COLD_BYTES  (128 << 20)
#define MOST_ROWS   512

struct bench {
    int64_t out, in, rows;
    double seconds;
    float *weights, *x, *y;
    int8_t *bytes; /* (MOST_ROWS, in), for oneDNN */
    int32_t *sums; /* (MOST_ROWS, out) */
    struct arena arena;
    int copies;
    void *copy[MOST_COPIES];
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void must(lmvr_status status, const lmvr_error *error)
{
    if (status == LMVR_OK)
        return;
    fprintf(stderr, "quantized: %s\n", error->message);
    exit(1);
}

typedef void step(struct bench *b, void *weights);

/* The least seconds of one call, each with the next copy of the weights. */
static double least(struct bench *b, step *run)
{
    double best = 1e9, begin = now();
    for (int i = 0; i < 3 || now() - begin < b->seconds; i++) {
        double at = now();
        run(b, b->copy[b->copies ? i % b->copies : 0]);
        double took = now() - at;
        best = i && took < best ? took : best;
    }
    return best;
}

static void run_quantized(struct bench *b, void *weights)
{
    lmvr_error error;
    must(quantized_run(weights, &b->arena, b->rows, b->x, b->in, NULL, false, b->y, b->out, &error), &error);
    arena_reset(&b->arena);
}

static void run_product(struct bench *b, void *weights)
{
    lmvr_error error;
    must(product_run(weights, &b->arena, b->rows, b->x, b->in, NULL, false, b->y, b->out, &error), &error);
    arena_reset(&b->arena);
}

/* Signed bytes of both, plain sums: what a library can do at most. */
static void run_library(struct bench *b, void *weights)
{
    const int32_t none = 0;
    dnnl_gemm_s8s8s32('N', 'T', 'F', b->rows, b->out, b->in, 1, b->bytes, b->in, 0, weights, b->in, 0, 0, b->sums, b->out,
                      &none);
}

/* Reads as many bytes as `weights` in 4 bits have. */
static void run_reading(struct bench *b, void *weights)
{
    size_t bytes = (size_t)(b->out * b->in / 32 * 20), part = bytes / 64;
#pragma omp parallel for schedule(static)
    for (int i = 0; i < 64; i++)
        if (memchr((char *)weights + (size_t)i * part, 1, part))
            abort();
}

static void set_copies(struct bench *b, size_t bytes)
{
    size_t copies = COLD_BYTES / bytes + 1;
    b->copies = copies < MOST_COPIES ? (int)copies : MOST_COPIES;
}

static void fill_quantized(struct bench *b, int bits)
{
    lmvr_error error;
    struct quantized *first = NULL;
    uint8_t *records = malloc((size_t)b->out * quantized_record_bytes(b->in, bits));
    set_copies(b, (size_t)(b->out * b->in * bits / 8));
    for (int i = 0; i < b->copies; i++) {
        struct quantized *q;
        must(quantized_create(b->out, b->in, bits, &q, &error), &error);
        if (i == 0) {
            must(quantized_set(q, 0, b->out, b->weights, &error), &error);
            must(quantized_seal(first = q, &error), &error);
            quantized_export(q, 0, b->out, records);
        }
        must(quantized_import(q, 0, b->out, records, quantized_factors(first), &error), &error);
        b->copy[i] = q;
    }
    free(records);
}

static void fill_product(struct bench *b, enum dtype dtype)
{
    lmvr_error error;
    set_copies(b, (size_t)(b->out * b->in) * dtype_size(dtype));
    for (int i = 0; i < b->copies; i++) {
        struct product *p;
        must(product_create(b->out, b->in, dtype, &p, &error), &error);
        must(product_set(p, 0, b->out, b->weights, &error), &error);
        must(product_seal(p, NULL, &error), &error);
        b->copy[i] = p;
    }
}

static void fill_bytes(struct bench *b)
{
    set_copies(b, (size_t)(b->out * b->in));
    for (int i = 0; i < b->copies; i++)
        b->copy[i] = memset(aligned_zeroed(b->out * b->in, 1), 0x40, (size_t)(b->out * b->in));
}

static const int64_t row_counts[] = {1, 4, 16, 64, 512};
#define COUNTS (sizeof row_counts / sizeof *row_counts)

enum { IN_8, IN_4, IN_4_STEP, IN_F32, IN_BF16, BYTES_BY_LIBRARY, READING, KINDS };

static const char *const kinds[KINDS] = {"int8", "int4", "int4 in a step", "f32", "bf16", "oneDNN s8", "reading"};

static void time_kind(struct bench *b, int kind, double *seconds)
{
    if (kind < IN_F32)
        fill_quantized(b, kind == IN_8 ? 8 : 4);
    else if (kind == IN_F32 || kind == IN_BF16)
        fill_product(b, kind == IN_F32 ? F32 : BF16);
    else
        fill_bytes(b);
    step *run = kind < IN_F32              ? run_quantized
                : kind < BYTES_BY_LIBRARY  ? run_product
                : kind == BYTES_BY_LIBRARY ? run_library
                                           : run_reading;
    b->arena.in_step = kind == IN_4_STEP;
    for (size_t c = 0; c < COUNTS; c++) {
        b->rows = row_counts[c];
        seconds[c] = least(b, run);
    }
    for (int i = 0; i < b->copies; i++) {
        if (kind < IN_F32)
            quantized_free(b->copy[i]);
        else if (kind < BYTES_BY_LIBRARY)
            product_free(b->copy[i]);
        else
            free(b->copy[i]);
    }
}

/* Not a number is not what is measured: about normal weights and inputs. */
static float *random_floats(int64_t count)
{
    static uint32_t seed = 1;
    float *values = aligned_zeroed(count, sizeof *values);
    for (int64_t i = 0; i < count; i++)
        for (int part = 0; part < 3; part++) {
            seed = seed * 1664525u + 1013904223u;
            values[i] += (float)(int32_t)seed * 0x1p-31f;
        }
    return values;
}

static void measure(struct bench *b)
{
    b->weights = random_floats(b->out * b->in);
    b->x = random_floats(MOST_ROWS * b->in);
    b->y = aligned_zeroed(MOST_ROWS * b->out, sizeof *b->y);
    b->bytes = memset(aligned_zeroed(MOST_ROWS * b->in, 1), 3, (size_t)(MOST_ROWS * b->in));
    b->sums = aligned_zeroed(MOST_ROWS * b->out, sizeof *b->sums);
    double seconds[KINDS][COUNTS];
    for (int kind = 0; kind < KINDS; kind++)
        time_kind(b, kind, seconds[kind]);
    printf("%lld x %lld, %s: microseconds, and 10^9 products a second; reading: of the bytes in 4 bits, GB/s\n",
           (long long)b->out, (long long)b->in, quantized_kernels_get()->name);
    for (size_t c = 0; c < COUNTS; c++) {
        printf("%4lld rows", (long long)row_counts[c]);
        for (int kind = 0; kind < KINDS; kind++) {
            double work = (double)(b->out * b->in) * (kind == READING ? 20.0 / 32 : (double)row_counts[c]);
            printf(" | %s %.0f %.1f", kinds[kind], 1e6 * seconds[kind][c], 1e-9 * work / seconds[kind][c]);
        }
        printf("\n");
    }
    fflush(stdout);
    free(b->weights), free(b->x), free(b->y), free(b->bytes), free(b->sums);
}

int main(int argc, char **argv)
{
    static const int64_t shapes[][2] = {{4096, 4096}, {11008, 4096}, {4096, 11008}};
    struct bench b = {.seconds = argc > 1 ? strtod(argv[1], NULL) : 1};
    arena_init(&b.arena);
    for (int i = 2; i + 1 < argc; i += 2) {
        b.out = strtoll(argv[i], NULL, 10);
        b.in = strtoll(argv[i + 1], NULL, 10);
        measure(&b);
    }
    for (size_t s = 0; argc <= 3 && s < sizeof shapes / sizeof *shapes; s++) {
        b.out = shapes[s][0];
        b.in = shapes[s][1];
        measure(&b);
    }
    arena_finish(&b.arena);
    return 0;
}
