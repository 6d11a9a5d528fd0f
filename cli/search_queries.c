#include "search_queries.h"

#include "error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- collecting ---- */

static lmvr_status read_row(const struct stored *stored, const char *text, uint64_t *row, lmvr_error *error)
{
    char *end;
    unsigned long long number = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || number >= stored->rows)
        return error_set(error, LMVR_ERROR_INVALID, "--row %.40s: %s has the rows 0 to %llu", text, stored->place.output,
                         (unsigned long long)stored->rows - 1);
    *row = number;
    return LMVR_OK;
}

static lmvr_status fail(struct search_query *query, const char *sentence, lmvr_error *error)
{
    query->failure = strdup(sentence);
    return query->failure ? LMVR_OK : error_no_memory(error, "the queries");
}

static lmvr_status read_query(const struct stored *stored, struct search_query *query, lmvr_error *error)
{
    if (query->kind == QUERY_ROW)
        return read_row(stored, query->value, &query->row, error);
    if (query->kind != QUERY_PATH)
        return LMVR_OK;
    lmvr_status status = stored_find(stored, query->value, &query->row, error);
    return status == LMVR_ERROR_INPUT ? fail(query, error->message, error) : status;
}

lmvr_status search_queries_collect(const struct options *options, char *const *inputs, size_t input_count,
                                   const struct stored *stored, struct search_queries *queries, lmvr_error *error)
{
    *queries = (struct search_queries){.items = NULL};
    if (input_count > 0)
        TRY(inputs_collect(inputs, input_count, &queries->inputs, error));
    size_t images = queries->inputs.count, count = images + options->query_count;
    if (count == 0)
        return error_set(error, LMVR_ERROR_INVALID,
                         "nothing to look for: a query is an image, or what --text, --row or --path names");
    queries->items = calloc(count, sizeof *queries->items);
    if (!queries->items)
        return error_no_memory(error, "the queries");
    for (size_t i = 0; i < count; i++) {
        struct query_option given = {QUERY_IMAGE, i < images ? queries->inputs.paths[i] : NULL};
        if (i >= images)
            given = options->queries[i - images];
        queries->items[i] = (struct search_query){.kind = given.kind, .value = given.value};
        queries->count++;
        queries->need_model = queries->need_model || given.kind == QUERY_IMAGE || given.kind == QUERY_TEXT;
        TRY(read_query(stored, &queries->items[i], error));
    }
    return LMVR_OK;
}

void search_queries_finish(struct search_queries *queries)
{
    for (size_t i = 0; i < queries->count; i++)
        free(queries->items[i].failure);
    free(queries->items);
    inputs_finish(&queries->inputs);
    *queries = (struct search_queries){.items = NULL};
}

/* ---- vectors ---- */

/* A pass through the model, of those queries that need it. */
struct pass {
    struct search_query *items;
    size_t *numbers; /* of the pass's inputs among the items */
    size_t dim;
    float *vectors;
    lmvr_status status;
    lmvr_error *error;
};

static int take_vector(const lmvr_result *result, void *user)
{
    struct pass *pass = user;
    size_t i = pass->numbers[result->index];
    if (result->status == LMVR_OK)
        memcpy(pass->vectors + i * pass->dim, result->features[0], pass->dim * sizeof *pass->vectors);
    else
        pass->status = fail(&pass->items[i], result->error, pass->error);
    return pass->status != LMVR_OK;
}

static lmvr_status embed(struct pass *pass, size_t count, lmvr_session *session)
{
    lmvr_image *images = calloc(count + 1, sizeof *images);
    size_t inputs = 0;
    pass->numbers = calloc(count + 1, sizeof *pass->numbers);
    lmvr_status status = images && pass->numbers ? LMVR_OK : error_no_memory(pass->error, "the queries");
    for (size_t i = 0; i < count && status == LMVR_OK; i++) {
        const struct search_query *query = &pass->items[i];
        if (query->kind == QUERY_ROW || query->kind == QUERY_PATH)
            continue;
        pass->numbers[inputs] = i;
        images[inputs++] = query->kind == QUERY_TEXT ? (lmvr_image){.text = query->value} : (lmvr_image){.path = query->value};
    }
    if (status == LMVR_OK && inputs > 0)
        status = lmvr_embed(session, images, inputs, take_vector, pass, pass->error);
    free(images);
    free(pass->numbers);
    return pass->status != LMVR_OK ? pass->status : status;
}

static bool is_finite(const float *values, size_t count)
{
    bool finite = true;
    for (size_t i = 0; i < count; i++)
        finite = finite && isfinite(values[i]);
    return finite;
}

lmvr_status search_queries_embed(struct search_query *items, size_t count, lmvr_session *session,
                                 const struct neighbors *neighbors, float *vectors, lmvr_error *error)
{
    size_t dim = neighbors_dim(neighbors);
    struct pass pass = {.items = items, .dim = dim, .vectors = vectors, .error = error};
    TRY(embed(&pass, count, session));
    for (size_t i = 0; i < count; i++) {
        if (items[i].failure)
            continue;
        if (items[i].kind == QUERY_ROW || items[i].kind == QUERY_PATH)
            TRY(neighbors_read(neighbors, items[i].row, vectors + i * dim, error));
        if (!is_finite(vectors + i * dim, dim)) {
            char sentence[600];
            snprintf(sentence, sizeof sentence, "%.500s: its vector has a value that is not finite", items[i].value);
            TRY(fail(&items[i], sentence, error));
        }
    }
    return LMVR_OK;
}
