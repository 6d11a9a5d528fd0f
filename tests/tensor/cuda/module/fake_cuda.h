/*
 * CUDA's runtime and cuBLASLt as the module calls them, made up on the host, so that the module's own work is tested where
 * there is no GPU: a GPU's memory is the host's. Copies and events may wait until they are waited for, as late as on any GPU. A
 * product is a plain loop, whose algorithms are what a test says: orders of adding, some of which a row must not be computed
 * by.
 */
#ifndef LMVR_TESTS_TENSOR_CUDA_MODULE_FAKE_CUDA_H
#define LMVR_TESTS_TENSOR_CUDA_MODULE_FAKE_CUDA_H

#include "tensor/cuda/module/shape.h"

/* How an algorithm adds up a sum. */
enum fake_order {
    FAKE_ASCENDING,
    FAKE_HALVES,   /* both halves, then their sum */
    FAKE_BY_COUNT, /* as ascending, but by halves for 1, 4, 7, ... rows */
    FAKE_BY_PLACE, /* as ascending, but by halves in every eighth row */
    FAKE_WRONG,    /* without the last terms */
    FAKE_IN_TF32,
    FAKE_UNTAKEN /* not at all: cuBLASLt refuses it */
};

struct fake_algorithm {
    enum fake_order order;
    float time; /* of a product, in milliseconds */
    int parts;  /* that sums are said to be split into */
    bool tf32;  /* whether it is said to compute in TF32 */
    bool races; /* whether it is said to add parts in whatever order they end */
};

#define FAKE_OFFERS 4

struct fake_cuda {
    /* set by tests */
    cudaError_t count_code;
    int devices, driver, major;
    const char *name;
    size_t memory;      /* bytes of the GPU that can be allocated */
    bool deferred;      /* copies wait for who waits for them */
    cudaError_t broken; /* what every call fails with */
    bool without_graphs;
    const struct fake_algorithm *algorithms;
    int offers[ROW_CLASSES][FAKE_OFFERS]; /* places in `algorithms`, -1: none; what is proposed for a class of row counts */
    bool pedantic;                        /* whether anything is offered for pedantic products */
    float copy_time;                      /* of a copy within the GPU, in milliseconds */
    bool without_batches;

    /* for tests to see */
    int used;         /* the algorithm of the last product */
    int64_t products; /* so far */
    int64_t asked;    /* how often for algorithms */
    uint32_t schemes; /* of adding up parts of sums, together, that were allowed by who asked */
    size_t allocated, pinned;
    int objects; /* streams, events and handles that are not destroyed */
};
extern struct fake_cuda fake;

/* A working GPU that offers nothing; what lives is forgotten. */
void fake_reset(void);
/* Adds to the clock of events. */
void fake_pass(float milliseconds);

#endif
