/*
 * Times searches for nearest neighbors among random rows, beside reading memory in the same run:
 *
 *     search [ROWS [DIM [COMMON [FILE.npy]]]]
 *
 * of 100,000 rows of 4,096 values by default. Rows are normally distributed about a vector that is common to them all, COMMON
 * (default 3) times as long as they deviate from it: as rows of a language model are. FILE.npy is made, and removed; it takes
 * 4 bytes a value. Of several times the least counts. Beside other programs, set OMP_WAIT_POLICY=passive, which lmvr nearly is.
 */
#include "search/neighbors.h"
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

/* Roughly normal, of variance 1: the sum of four uniform numbers. */
static float draw(uint64_t *state)
{
    double sum = 0;
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    for (uint64_t bits = *state ^ *state >> 29, i = 0; i < 4; i++, bits >>= 16)
        sum += (double)(bits & 0xffff) / 65536 - 0.5;
    return (float)(sum * sqrt(3));
}

static void fill(float *row, size_t dim, double common, uint64_t number)
{
    uint64_t shared = 1, own = number * 0x9e3779b97f4a7c15u + 7;
    for (size_t i = 0; i < dim; i++)
        row[i] = (float)common * draw(&shared) + draw(&own);
}

static void write_rows(const char *path, uint64_t rows, size_t dim, double common)
{
    enum { BAND = 1024 };
    struct npy_writer w;
    lmvr_error error;
    float *band = malloc(BAND * dim * sizeof *band);
    must(npy_writer_create(path, NPY_F32, dim, &w, &error), &error);
    for (uint64_t first = 0, count; first < rows; first += count) {
        count = rows - first < BAND ? rows - first : BAND;
#pragma omp parallel for
        for (uint64_t i = 0; i < count; i++)
            fill(band + i * dim, dim, common, first + i);
        must(npy_writer_append(&w, band, count, &error), &error);
    }
    free(band);
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

int main(int argc, char **argv)
{
    uint64_t rows = argc > 1 ? strtoull(argv[1], NULL, 10) : 100000;
    size_t dim = argc > 2 ? strtoul(argv[2], NULL, 10) : 4096;
    double common = argc > 3 ? strtod(argv[3], NULL) : 3, bytes = 2.0 * (double)rows * (double)dim;
    const char *path = argc > 4 ? argv[4] : "search-bench.npy";
    struct row_files files = {0};
    struct neighbors *n;
    lmvr_error error;
    write_rows(path, rows, dim, common);
    must(row_files_add(&files, path, &error), &error);
    must(neighbors_open(&files, &n, &error), &error);
    float *queries = malloc(MOST_QUERIES * dim * sizeof *queries);
    for (uint64_t q = 0; q < MOST_QUERIES; q++)
        fill(queries + q * dim, dim, common, rows + q);
    struct neighbors_search search = {.queries = queries, .count = 1, .top = TOP};
    double first = time_search(n, &search, 1), again = time_search(n, &search, 2);
    search.count = MOST_QUERIES;
    double many = time_search(n, &search, 1);
    printf("from the file: %.2f s, then %.2f s a query, %.2f s for %d queries\n", first, again, many, MOST_QUERIES);
    double start = now();
    must(neighbors_load(n, &error), &error);
    printf("loaded %llu rows of %zu, %.2f GB in bf16, in %.1f s\n", (unsigned long long)rows, dim, 1e-9 * bytes, now() - start);
    unsigned char *memory = aligned_zeroed(READ_BYTES, 1);
    double bandwidth = read_memory(memory);
    for (search.count = 1; search.count <= MOST_QUERIES; search.count *= 4) {
        double seconds = time_search(n, &search, ROUNDS);
        bandwidth = fmax(bandwidth, read_memory(memory));
        printf("%2zu queries: %.4f s, %.4f s each, %.1f GB/s\n", search.count, seconds, seconds / (double)search.count,
               1e-9 * bytes / seconds);
    }
    printf("memory is read at %.1f GB/s\n", 1e-9 * bandwidth);
    free(memory);
    free(queries);
    neighbors_close(n);
    row_files_close(&files);
    unlink(path);
    return 0;
}
