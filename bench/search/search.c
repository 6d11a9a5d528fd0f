/*
 * Times searches for nearest neighbors among random rows, beside reading memory in the same run:
 *
 *     search [ROWS [DIM [COMMON [FILE.npy [KIND]]]]]
 *
 * of 100,000 rows of 4,096 values by default. Rows are normally distributed about a vector that is common to them all, COMMON
 * (default 3) times as long as they deviate from it: as rows of a language model are. KIND is `plain`, or `channels`: eight
 * deviate 30 to 1,000 times as much as the others; `clusters`: each row is near one of 10; `twins`: nearer still.
 *
 * FILE.npy is made, and removed; it takes 2 bytes a value, in f16. Of several times the least counts. Beside other programs,
 * set OMP_WAIT_POLICY=passive, which lmvr nearly is.
 */
#include "search/neighbors.h"
#include "store/narrow.h"
#include "store/row_files.h"
#include "tensor/arena.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define READ_BYTES   ((int64_t)2 << 30)
#define PIECE        ((int64_t)1 << 20)
#define TOP          10
#define MOST_QUERIES 64
#define ROUNDS       15
#define CLUSTERS     10

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void must(lmvr_status status, const lmvr_error *error)
{
    if (status == LMVR_OK)
        return;
    fprintf(stderr, "search: %s\n", error->message);
    exit(1);
}

/* What rows deviate by: from what is common, and from their cluster. */
static const struct kind {
    const char *name;
    double own, cluster, channels;
} kinds[] = {{"plain", 1, 0, 1}, {"channels", 1, 0, 1000}, {"clusters", 0.3, 1, 1}, {"twins", 0.01, 1, 1}};

struct rows {
    size_t dim;
    const struct kind *kind;
    float *common;   /* (dim) */
    float *clusters; /* (CLUSTERS, dim) */
    float *factors;  /* (dim): of channels */
};

/* Roughly normal, of variance 1: the sum of a number's four quarters. */
static float draw(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    uint64_t bits = *state ^ *state >> 29;
    int sum = (int)(bits & 0xffff) + (int)(bits >> 16 & 0xffff) + (int)(bits >> 32 & 0xffff) + (int)(bits >> 48);
    return (float)(sum - 2 * 65535) * (1.7320508f / 65536);
}

static float *draw_all(size_t count, double factor, uint64_t seed)
{
    float *values = malloc(count * sizeof *values);
    for (size_t i = 0; i < count; i++)
        values[i] = (float)factor * draw(&seed);
    return values;
}

static struct rows make_rows(size_t dim, double common, const struct kind *kind)
{
    struct rows rows = {.dim = dim, .kind = kind};
    rows.common = draw_all(dim, common, 1);
    rows.clusters = draw_all(CLUSTERS * dim, kind->cluster, 2);
    rows.factors = malloc(dim * sizeof *rows.factors);
    for (size_t i = 0; i < dim; i++)
        rows.factors[i] = i % (dim / 8 + 1) == dim / 16 ? (float)pow(kind->channels, 0.5 + (double)i / (double)dim / 2) : 1;
    return rows;
}

static void fill(const struct rows *rows, float *row, uint64_t number)
{
    uint64_t own = number * 0x9e3779b97f4a7c15u + 7;
    const float *cluster = rows->clusters + number % CLUSTERS * rows->dim;
    float size = (float)rows->kind->own;
    for (size_t i = 0; i < rows->dim; i++)
        row[i] = rows->common[i] + rows->factors[i] * (cluster[i] + size * draw(&own));
}

static void write_rows(const char *path, uint64_t count, const struct rows *rows)
{
    enum { BAND = 2048 };
    struct npy_writer w;
    lmvr_error error;
    float *band = malloc(BAND * rows->dim * sizeof *band);
    uint16_t *narrow = malloc(BAND * rows->dim * sizeof *narrow);
    must(npy_writer_create(path, NPY_F16, rows->dim, &w, &error), &error);
    for (uint64_t first = 0, some; first < count; first += some) {
        some = count - first < BAND ? count - first : BAND;
#pragma omp parallel for
        for (uint64_t i = 0; i < some; i++) {
            float *row = band + i * rows->dim;
            fill(rows, row, first + i);
            narrow_rows(NPY_F16, row, 1, rows->dim, narrow + i * rows->dim, NULL);
        }
        must(npy_writer_append(&w, narrow, some, &error), &error);
    }
    free(band);
    free(narrow);
    must(npy_writer_close(&w, &error), &error);
}

/* Bytes a second that all threads read together. */
static double read_memory(const unsigned char *memory)
{
    double best = 0;
    for (int round = 0; round < ROUNDS; round++) {
        double start = now();
        int found = 0;
#pragma omp parallel for schedule(static) reduction(+ : found)
        for (int64_t i = 0; i < READ_BYTES; i += PIECE)
            found += memchr(memory + i, 1, PIECE) != NULL;
        double speed = (double)READ_BYTES / (now() - start + found);
        best = speed > best ? speed : best;
    }
    return best;
}

static double time_search(const struct neighbors *n, const struct neighbors_search *search, int rounds)
{
    static struct neighbor found[MOST_QUERIES * TOP];
    size_t counts[MOST_QUERIES];
    lmvr_error error;
    double best = INFINITY;
    for (int round = 0; round < rounds; round++) {
        double start = now();
        must(neighbors_find(n, search, found, counts, &error), &error);
        best = fmin(best, now() - start);
    }
    return best;
}

static const struct kind *find_kind(const char *name)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    fprintf(stderr, "search: there is no kind %s\n", name);
    exit(2);
}

static void time_loaded(struct neighbors *n, struct neighbors_search *search)
{
    lmvr_error error;
    double bytes = (double)neighbors_rows(n) * (double)neighbors_dim(n), start = now();
    must(neighbors_load(n, &error), &error);
    printf("loaded in 8 bits, %.2f GB, in %.1f s\n", 1e-9 * bytes, now() - start);
    unsigned char *memory = aligned_zeroed(READ_BYTES, 1);
    double bandwidth = read_memory(memory);
    for (search->count = 1; search->count <= MOST_QUERIES; search->count *= 4) {
        double seconds = time_search(n, search, ROUNDS);
        bandwidth = fmax(bandwidth, read_memory(memory));
        printf("%2zu queries: %.4f s, %.4f s each, %.1f GB/s\n", search->count, seconds, seconds / (double)search->count,
               1e-9 * bytes / seconds);
    }
    printf("memory is read at %.1f GB/s\n", 1e-9 * bandwidth);
    free(memory);
}

int main(int argc, char **argv)
{
    uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : 100000;
    size_t dim = argc > 2 ? strtoul(argv[2], NULL, 10) : 4096;
    double common = argc > 3 ? strtod(argv[3], NULL) : 3;
    const char *path = argc > 4 ? argv[4] : "search-bench.npy";
    struct rows rows = make_rows(dim, common, find_kind(argc > 5 ? argv[5] : "plain"));
    struct row_files files = {0};
    struct neighbors *n;
    lmvr_error error;
    double start = now();
    setvbuf(stdout, NULL, _IOLBF, 0);
    write_rows(path, count, &rows);
    printf("%llu rows of %zu (%s) made in %.0f s\n", (unsigned long long)count, dim, rows.kind->name, now() - start);
    must(row_files_add(&files, path, &error), &error);
    must(neighbors_open(&files, &n, &error), &error);
    float *queries = malloc(MOST_QUERIES * dim * sizeof *queries);
    for (uint64_t q = 0; q < MOST_QUERIES; q++)
        fill(&rows, queries + q * dim, count + q);
    struct neighbors_search search = {.queries = queries, .count = 1, .top = TOP};
    double first = time_search(n, &search, 1), again = time_search(n, &search, 2);
    search.count = MOST_QUERIES;
    double many = time_search(n, &search, 1);
    printf("from the file: %.2f s, then %.2f s a query, %.2f s for %d queries\n", first, again, many, MOST_QUERIES);
    time_loaded(n, &search);
    free(queries);
    free(rows.common);
    free(rows.clusters);
    free(rows.factors);
    neighbors_close(n);
    row_files_close(&files);
    unlink(path);
    return 0;
}
