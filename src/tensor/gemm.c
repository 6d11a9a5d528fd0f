#include "tensor/gemm.h"

#include <omp.h>
#include <oneapi/dnnl/dnnl.h>

/* c = beta c, for an empty sum. */
static void scale(const struct gemm_call *call)
{
    for (int64_t i = 0; i < call->m; i++)
        for (int64_t j = 0; j < call->n; j++) {
            float *c = &call->c[i * call->ldc + j];
            *c = call->beta == 0 ? 0 : *c * call->beta;
        }
}

lmvr_status gemm_run(const struct gemm_call *call, lmvr_error *error)
{
    if (call->m == 0 || call->n == 0)
        return LMVR_OK;
    if (call->k == 0) {
        scale(call);
        return LMVR_OK;
    }
    int threads = omp_get_max_threads();
    omp_set_num_threads(1); /* for calls from this thread: oneDNN divides sums by the number of threads */
    dnnl_status_t status = dnnl_sgemm(call->transpose_a ? 'T' : 'N', call->transpose_b ? 'T' : 'N', call->m, call->n, call->k,
                                      call->alpha, call->a, call->lda, call->b, call->ldb, call->beta, call->c, call->ldc);
    omp_set_num_threads(threads);
    if (status == dnnl_out_of_memory)
        return error_no_memory(error, "a matrix product");
    return status == dnnl_success ? LMVR_OK
                                  : error_set(error, LMVR_ERROR_INVALID, "oneDNN cannot multiply (%lld, %lld) by (%lld, %lld)",
                                              (long long)call->m, (long long)call->k, (long long)call->k, (long long)call->n);
}
