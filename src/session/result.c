#include "session/jobs.h"

#include <stdlib.h>

static lmvr_status read_ends(const struct lmvr_session *s, const struct job *job, struct job_result *result, lmvr_error *error)
{
    result->ends = calloc((size_t)job->count + 1, sizeof *result->ends);
    if (!result->ends)
        return error_no_memory(error, "the response's tokens");
    if (s->model->tokenizer)
        TRY(tokenizer_ends(s->model->tokenizer, job->tokens, (size_t)job->count, result->ends, error));
    result->result.token_ends = result->ends;
    return LMVR_OK;
}

static lmvr_status read_response(const struct lmvr_session *s, const struct job *job, struct job_result *result,
                                 lmvr_error *error)
{
    lmvr_result *r = &result->result;
    r->tokens = job->tokens;
    r->token_count = (size_t)job->count;
    r->finished = job->ended;
    if (s->model->tokenizer)
        TRY(tokenizer_decode(s->model->tokenizer, job->tokens, (size_t)job->count, &result->response, error));
    r->response = result->response ? result->response : "";
    r->attention = job->attention;
    r->grid_rows = job->grid_rows;
    r->grid_columns = job->grid_columns;
    return job->attention ? read_ends(s, job, result, error) : LMVR_OK;
}

lmvr_status job_result_init(struct job_result *result, const struct lmvr_session *session, const struct job *job,
                            lmvr_error *error)
{
    *result = (struct job_result){.result = {.index = job->index, .status = job->status, .view = job->view}};
    if (job->status != LMVR_OK) {
        result->result.error = job->error.message;
        return LMVR_OK;
    }
    size_t count = (size_t)session->features.count;
    result->rows = calloc(count + 1, sizeof *result->rows);
    result->row_counts = calloc(count + 1, sizeof *result->row_counts);
    if (!result->rows || !result->row_counts)
        return error_no_memory(error, "a result");
    for (size_t i = 0; i < count; i++) {
        result->rows[i] = job->vectors[i].values;
        result->row_counts[i] = job->vectors[i].count;
    }
    result->result.features = result->rows;
    result->result.rows = result->row_counts;
    result->result.prompt_tokens = job->prompt_tokens;
    return session->generates ? read_response(session, job, result, error) : LMVR_OK;
}

void job_result_finish(struct job_result *result)
{
    free(result->rows);
    free(result->row_counts);
    free(result->response);
    free(result->ends);
    *result = (struct job_result){0};
}
