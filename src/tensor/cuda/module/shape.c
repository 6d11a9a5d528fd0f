#include "tensor/cuda/module/shape.h"

#include "tensor/cuda/module/by_rows.h"

#include <stdlib.h>

int shape_class(int64_t rows)
{
    static const int64_t most[ROW_CLASSES - 1] = {16, 64, 256, 1024};
    int c = 0;
    while (c < ROW_CLASSES - 1 && rows > most[c])
        c++;
    return c;
}

struct product_kind shape_kind(const struct shape *shape, enum cuda_result result, bool bias)
{
    struct product_kind kind = {.out = shape->out,
                                .in = shape->stride,
                                .dtype = shape->dtype,
                                .result = shape->dtype == F32 && result == CUDA_RESULT_OPERANDS ? CUDA_RESULT_FLOATS : result,
                                .bias = bias,
                                .splits = shape->fast ? SPLITS_IN_ORDER : SPLITS_NONE};
    kind.compute = shape->choices[kind.result][bias].compute;
    return kind;
}

lmvr_status shape_algorithm(struct cuda_queue *queue, const struct shape *shape, const struct product_kind *kind, int64_t rows,
                            const cublasLtMatmulAlgo_t **algorithm, lmvr_error *error)
{
    *algorithm = &shape->choices[kind->result][kind->bias].algorithms[shape_class(rows)];
    return shape->fast ? by_rows_choose(queue, kind, rows, algorithm, error) : LMVR_OK;
}

static lmvr_status add_shape(struct cuda_gpu *gpu, const struct shape *like, const struct shape **shape, lmvr_error *error)
{
    struct shape *s = malloc(sizeof *s);
    if (!s)
        return error_no_memory(error, "a shape of matrices");
    *s = *like;
    lmvr_status status = shape_choose(gpu, s, error);
    if (status != LMVR_OK) {
        free(s);
        return status;
    }
    s->next = gpu->shapes;
    *shape = gpu->shapes = s;
    return LMVR_OK;
}

lmvr_status shape_get(struct cuda_gpu *gpu, int64_t out, int64_t in, int64_t stride, enum dtype dtype, bool fast,
                      const struct shape **shape, lmvr_error *error)
{
    lmvr_status status = LMVR_OK;
    const struct shape like = {.out = out, .in = in, .stride = stride, .dtype = dtype, .fast = fast};
    pthread_mutex_lock(&gpu->lock);
    *shape = gpu->shapes;
    while (*shape && ((*shape)->out != out || (*shape)->in != in || (*shape)->dtype != dtype || (*shape)->fast != fast))
        *shape = (*shape)->next;
    if (!*shape)
        status = add_shape(gpu, &like, shape, error);
    pthread_mutex_unlock(&gpu->lock);
    return status;
}

void shapes_free(struct shape *shapes)
{
    while (shapes) {
        struct shape *next = shapes->next;
        free(shapes);
        shapes = next;
    }
}
