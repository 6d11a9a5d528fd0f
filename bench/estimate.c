#include "bench/estimate.h"

#include "bench/rows.h"
#include "model/checkpoint.h"
#include "session/session.h"

#define SECONDS     0.1                   /* least time to measure a row */
#define SMALL_BYTES ((uint64_t)256 << 20) /* of weights: such a model is measured whole */

_Static_assert(ESTIMATE_NEW_TOKENS == BENCH_NEW_TOKENS, "rows are measured with responses of this length");

struct subject {
    const char *path;
    struct model_config config;
    struct dtypes dtypes;
    uint64_t weights_bytes; /* of the whole model */
};

static lmvr_status read_subject(const char *path, const lmvr_model_options *options, struct subject *subject, lmvr_error *error)
{
    struct checkpoint *checkpoint;
    subject->path = path;
    TRY(model_config_read_any(path, options->mmproj, &subject->config, error));
    TRY(model_dtypes(&subject->config, options, NULL, &subject->dtypes, error));
    TRY(model_checkpoint_open(path, &subject->config, &checkpoint, error));
    model_fit_checkpoint(&subject->config, checkpoint);
    checkpoint_close(checkpoint);
    subject->weights_bytes = model_weights_bytes(&subject->config, &subject->dtypes);
    return LMVR_OK;
}

/* Whether all blocks are measured: the model is small, or its stacks are too few or of different depths. */
static bool is_measured_whole(const struct subject *subject)
{
    const struct language_config *l = &subject->config.language;
    return subject->weights_bytes < SMALL_BYTES || l->blocks <= 2 || (l->encoder_decoder && l->t5.encoder_blocks != l->blocks);
}

/* The model with so many blocks in each stack of its language model; 0: all. */
static lmvr_status open_cut(const struct subject *subject, int blocks, struct lmvr_model **model, lmvr_error *error)
{
    struct model_config config = subject->config;
    if (blocks && config.language.encoder_decoder)
        config.language.t5.encoder_blocks = blocks;
    if (blocks)
        config.language.blocks = blocks;
    TRY(model_create_random(&config, device_cpu(), &subject->dtypes, model, error));
    return config.has_language ? model_open_tokenizer(subject->path, *model, error) : LMVR_OK;
}

/* The batch that a session of the whole model takes, with its weights in memory; and how long its prompt is. */
static lmvr_status plan(const struct subject *subject, const struct lmvr_model *cut, struct estimate *e, lmvr_error *error)
{
    struct lmvr_session *session;
    lmvr_session_options options;
    lmvr_session_options_default(&options);
    options.max_new_tokens = ESTIMATE_NEW_TOKENS;
    TRY(lmvr_session_create(cut, &options, &session, error));
    e->batch = session->batch;
    if (session->needs_language) {
        e->prompt = (int)session->usual.language.length;
        double each = (double)lmvr_session_kv_cache_bytes(session) / session->batch * e->blocks / e->measured_blocks;
        double room = (double)cut->device->operations->available(cut->device) - (double)subject->weights_bytes;
        double fits = room / 2 / (each + 1);
        e->batch = fits < 1 ? 1 : fits < e->batch ? (int)fits : e->batch;
    }
    lmvr_session_free(session);
    return LMVR_OK;
}

static lmvr_status measure_rows(struct bench *b, int batch, lmvr_error *error)
{
    TRY(rows_encode(b, batch, error));
    if (b->report->rows[0].batch > 1)
        TRY(rows_encode(b, 1, error));
    if (!b->model->config.has_language)
        return LMVR_OK;
    TRY(rows_decode(b, 1, true, error));
    return batch > 1 ? rows_decode(b, batch, false, error) : LMVR_OK;
}

static lmvr_status measure(const struct subject *subject, int blocks, struct estimate *e, struct bench_report *report,
                           lmvr_error *error)
{
    struct bench b = {.report = report, .seconds = SECONDS};
    lmvr_status status = open_cut(subject, blocks, &b.model, error);
    if (status == LMVR_OK && !e->batch)
        status = plan(subject, b.model, e, error);
    if (status == LMVR_OK)
        status = measure_rows(&b, e->batch, error);
    lmvr_model_free(b.model);
    return status;
}

/* The seconds of all blocks from the rows. */
static void finish(const struct subject *subject, struct bench_report *report, const struct bench_report *other,
                   struct estimate *e)
{
    if (subject->config.has_language) {
        bench_images(report, other, e->prompt);
        e->alone = bench_image_seconds(&report->images[0]);
        e->together = bench_image_seconds(&report->images[report->image_count - 1]);
    } else {
        e->alone = 1 / report->rows[report->row_count - 1].value;
        e->together = 1 / report->rows[0].value;
    }
}

lmvr_status bench_estimate(const char *path, const lmvr_model_options *options, struct estimate *estimate, lmvr_error *error)
{
    struct subject subject;
    struct bench_report report = {0}, other = {0};
    *estimate = (struct estimate){0};
    TRY(read_subject(path, options, &subject, error));
    bool whole = is_measured_whole(&subject);
    estimate->dtype = dtype_to_public(subject.dtypes.weights);
    report.blocks = estimate->blocks = subject.config.language.blocks;
    report.info.language.blocks = estimate->measured_blocks = whole ? estimate->blocks : 2;
    report.other_blocks = whole ? 0 : 1;
    TRY(measure(&subject, whole ? 0 : 2, estimate, &report, error));
    if (!whole)
        TRY(measure(&subject, 1, estimate, &other, error));
    finish(&subject, &report, &other, estimate);
    return LMVR_OK;
}
