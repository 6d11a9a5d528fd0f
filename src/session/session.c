#include "session/jobs.h"

#include "arguments.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_NEW_TOKENS 128

void lmvr_session_options_default_sized(lmvr_session_options *options, size_t size)
{
    const lmvr_session_options defaults = {.size = size, .max_new_tokens = DEFAULT_NEW_TOKENS, .top_p = 1.0f};
    if (options)
        struct_write(options, size, &defaults, sizeof defaults);
}

/* ---- what to compute ---------------------------------------------------------------------------------------------------- */

static lmvr_status parse_features(struct lmvr_session *s, const lmvr_session_options *o, lmvr_error *error)
{
    const struct model_config *config = &s->model->config;
    const char *standard = config->has_language ? "llm:all:mean:-1" : "encoder:patches:mean:-2";
    bool standard_only = o->feature_count == 0 && !o->describe && !o->attention;
    struct feature_limits limits = {.has_language = config->has_language,
                                    .has_joint = config->joint.width > 0,
                                    .before_generation = o->before_generation,
                                    .encoder_decoder = s->model->language.encoder_decoder,
                                    .vision_blocks = s->model->vision.block_count,
                                    .input_blocks = s->model->language.input_blocks,
                                    .response_blocks = s->model->language.blocks,
                                    .encoder_layer = config->has_language ? config->encoder_state : -2}; /* LLaVA's default */
    size_t side = config->preprocess.way == VIEWS_FIXED ? (size_t)config->vision.image_size : 0;
    limits.without_class = !s->model->vision.has_class;
    limits.any_size = side == 0;
    struct source_widths widths = {(size_t)config->language.width, (size_t)config->vision.width, (size_t)config->joint.width,
                                   3 * side * side};
    struct feature_form form = {o->normalize, o->dims};
    return feature_set_parse(&s->features, standard_only ? &standard : o->features, standard_only ? 1 : o->feature_count,
                             &limits, &widths, &form, error);
}

/* Whether the model has what the options need. */
static lmvr_status check_model(const lmvr_session_options *o, const struct lmvr_model *model, lmvr_error *error)
{
    if (o->attention && !model->config.has_language)
        return error_set(error, LMVR_ERROR_INVALID,
                         "attention needs a language model, and this model is a vision encoder only");
    int first = o->attention_first, last = o->attention_last, blocks = model->language.blocks;
    if (o->attention && (first != 0 || last != 0) && (first < 1 || last < first || last > blocks))
        return error_set(error, LMVR_ERROR_INVALID,
                         "attention is requested of blocks %d to %d, but the model has blocks 1 to %d", first, last, blocks);
    if (o->describe && !model->config.has_language)
        return error_set(error, LMVR_ERROR_INVALID,
                         "describing images needs a language model, and this model is a vision encoder only");
    return LMVR_OK;
}

/* Decides which parts of the model run, and which of the language model's hidden states are pooled. */
static lmvr_status plan_states(struct lmvr_session *s, const lmvr_session_options *o, lmvr_error *error)
{
    const struct language *language = &s->model->language;
    s->prompt_wanted = calloc((size_t)language->input_blocks + 1, sizeof(bool));
    s->response_wanted = calloc((size_t)language->blocks + 1, sizeof(bool));
    if (!s->prompt_wanted || !s->response_wanted)
        return error_no_memory(error, "the session");
    struct feature_needs needs = feature_set_needs(&s->features, o->before_generation, s->prompt_wanted, s->response_wanted);
    s->needs_generated = needs.response;
    /* the prompt goes through all blocks if a response is generated, else only as far as features need */
    s->generates = !o->before_generation && (needs.language || o->describe || o->attention);
    s->needs_language = needs.language || s->generates;
    if (s->generates && !language->generates)
        return error_set(error, LMVR_ERROR_INVALID,
                         "this embedding model has no head, so it generates nothing: features have to be those before "
                         "generation");
    s->needs_tokens = needs.visual_tokens || s->needs_language;
    s->needs_vision = needs.vision || s->needs_tokens;
    s->needs_maps = o->attention && s->model->connector.resamples;
    s->input_blocks = s->generates ? language->input_blocks : needs.prompt_blocks;
    return LMVR_OK;
}

/* ---- prompt and cache --------------------------------------------------------------------------------------------------- */

/* Plans the usual picture, which stands for every one where the model has one size. */
static lmvr_status plan_usual(struct lmvr_session *s, const lmvr_session_options *o, lmvr_error *error)
{
    struct picture picture;
    s->max_new_tokens = s->generates ? o->max_new_tokens : 0;
    TRY(plan_usual_picture(s, &picture, error));
    lmvr_status status = input_create(s, &picture, NULL, &s->usual, error);
    picture_finish(&picture);
    if (status != LMVR_OK || s->preprocess.way != VIEWS_FIXED)
        return status;
    s->max_new_tokens = s->usual.max_new_tokens;
    return input_check(s, &s->usual, error);
}

static lmvr_status plan_prompt(struct lmvr_session *s, const lmvr_session_options *o, lmvr_error *error)
{
    const struct language_config *c = &s->model->config.language;
    s->options.prompt = s->prompt_text = strdup(o->prompt ? o->prompt : s->model->config.prompt);
    s->options.system = s->system_text = o->system ? strdup(o->system) : NULL;
    s->options.template_name = s->template_name = strdup(o->template_name ? o->template_name : s->model->config.template_name);
    if (!s->prompt_text || !s->template_name || (o->system && !s->system_text))
        return error_no_memory(error, "the prompt");
    TRY(input_fill(s, NULL, true, &s->filled, error));
    struct prompt_rules rules = {c->begin_token, c->final_token, config_image_token(&s->model->config), NULL};
    if (s->model->tokenizer)
        TRY(prompt_encode(s->model->tokenizer, s->filled, &rules, &s->prompt, error));
    else
        TRY(prompt_create_arbitrary(PROMPT_ARBITRARY, c->vocabulary, &s->prompt, error));
    return plan_usual(s, o, error);
}

/* The default number of sequences, or as many as half of the free memory holds. */
static int default_batch(const struct lmvr_session *s)
{
    const struct language *language = &s->model->language;
    const struct device *device = s->model->device;
    if (!s->needs_language)
        return device->sequences;
    uint64_t each = language->operations->sequence_bytes(language->model, s->usual.language.length, s->max_new_tokens);
    uint64_t fits = device->operations->available(device) / 2 / (each + 1);
    return fits < 1 ? 1 : fits < (uint64_t)device->sequences ? (int)fits : device->sequences;
}

static lmvr_status create_sequences(struct lmvr_session *s, lmvr_error *error)
{
    const struct language *language = &s->model->language;
    const struct token_grid *grid = &s->usual.grid;
    size_t map = s->needs_maps ? (size_t)(s->usual.visual_count * grid->rows * grid->columns) : 0;
    TRY(language->operations->cache_create(language->model, s->batch, &s->cache, error));
    s->sequences = calloc((size_t)s->batch, sizeof *s->sequences);
    s->prefix_pools = pools_create(&s->features, s->arena.device);
    if (!s->sequences || !s->prefix_pools)
        return error_no_memory(error, "the session");
    for (int i = 0; i < s->batch; i++) {
        s->sequences[i].tokens = calloc((size_t)s->max_new_tokens + 1, sizeof(int32_t));
        s->sequences[i].pools = pools_create(&s->features, s->arena.device);
        s->sequences[i].maps = calloc(map + 1, sizeof(float));
        if (!s->sequences[i].tokens || !s->sequences[i].pools || !s->sequences[i].maps)
            return error_no_memory(error, "the session");
    }
    return generate_prefix(s, error);
}

static void set_aspect(struct preprocess *p, lmvr_aspect aspect, int size)
{
    if (aspect == LMVR_ASPECT_DEFAULT)
        return;
    p->do_resize = true;
    p->pad_to_square = aspect == LMVR_ASPECT_PAD;
    p->do_center_crop = aspect != LMVR_ASPECT_STRETCH;
    p->crop_width = p->crop_height = size;
    if (aspect == LMVR_ASPECT_STRETCH) {
        p->shortest_edge = 0;
        p->width = p->height = size;
    } else if (p->shortest_edge < size) {
        p->shortest_edge = size;
    }
}

static lmvr_aspect own_aspect(const struct preprocess *p)
{
    return p->pad_to_square ? LMVR_ASPECT_PAD : p->do_center_crop ? LMVR_ASPECT_CROP : LMVR_ASPECT_STRETCH;
}

/* How many pictures go through the encoder together, at most. */
static lmvr_status plan_groups(struct lmvr_session *s, lmvr_error *error)
{
    struct picture usual;
    TRY(plan_usual_picture(s, &usual, error));
    int64_t group = s->model->device->rows / picture_positions(s, &usual);
    s->encode_batch = s->preprocess.way != VIEWS_FIXED ? s->batch : group < 1 ? 1 : group < s->batch ? (int)group : s->batch;
    picture_finish(&usual);
    return LMVR_OK;
}

/* An embedding model gives, where nothing else is asked for, the vector that its own code gives. */
static void choose_vector(const struct embedding_config *embedding, lmvr_session_options *o)
{
    if (!embedding->feature || o->feature_count || o->describe || o->attention)
        return;
    o->features = &embedding->feature;
    o->feature_count = 1;
    o->before_generation = true;
    o->normalize |= embedding->normalize;
}

static lmvr_status create(struct lmvr_session *s, const lmvr_session_options *asked, lmvr_error *error)
{
    const struct model_config *config = &s->model->config;
    lmvr_session_options chosen = *asked, *o = &chosen;
    choose_vector(&config->embedding, o);
    s->options = *o;
    s->options.prompt = s->options.template_name = s->options.system = NULL;
    s->options.features = NULL;
    TRY(check_model(o, s->model, error));
    TRY(parse_features(s, o, error));
    TRY(plan_states(s, o, error));
    if (o->attention && o->attention_first == 0) {
        s->options.attention_first = 1;
        s->options.attention_last = s->model->language.blocks;
    }
    if (o->attention_query == LMVR_QUERY_DEFAULT)
        s->options.attention_query = LMVR_QUERY_PREDICTING;
    if (o->max_file_pixels == 0)
        s->options.max_file_pixels = IMAGE_MAX_PIXELS;
    s->preprocess = config->preprocess;
    if (o->aspect != LMVR_ASPECT_DEFAULT && s->preprocess.way != VIEWS_FIXED)
        return error_set(error, LMVR_ERROR_INVALID, "aspect is for models whose pictures are squares of one size");
    set_aspect(&s->preprocess, o->aspect, config->vision.image_size);
    TRY(preprocess_limit(&s->preprocess, o->min_pixels, o->max_pixels, error));
    if (o->aspect == LMVR_ASPECT_DEFAULT && s->preprocess.way == VIEWS_FIXED)
        s->options.aspect = own_aspect(&s->preprocess);
    s->sampler = (struct sampler){o->temperature, o->top_p};
    s->seed = o->seed;
    s->threads = o->threads;
    s->end_token_count = config->language.end_token_count;
    memcpy(s->end_tokens, config->language.end_tokens, sizeof s->end_tokens);
    if (s->needs_language)
        TRY(plan_prompt(s, o, error));
    s->batch = o->batch ? o->batch : default_batch(s);
    TRY(plan_groups(s, error));
    return s->needs_language ? create_sequences(s, error) : LMVR_OK;
}

/* How many sessions on the same weights keep the processor busy. Threads that share the work of a small model wait for each
 * other most of the time: each then does its own. */
static int session_count(const lmvr_model *model, int threads)
{
    uint64_t share = model->device->thread_weights;
    if (share == 0)
        return 1;
    uint64_t each = model_weights_bytes(&model->config, &model->dtypes) / share + 1;
    return each < (uint64_t)threads ? threads / (int)each : 1;
}

/* `count` sessions for the model, and one for each further replica whose GPU is not lost. */
static lmvr_status create_chain(const lmvr_model *model, const lmvr_session_options *options, int count, lmvr_session **session,
                                lmvr_error *error)
{
    struct lmvr_session *s = *session = calloc(1, sizeof *s);
    if (!s)
        return error_no_memory(error, "the session");
    s->model = model;
    int before = omp_get_max_threads();
    if (options->threads > 0)
        omp_set_num_threads(options->threads);
    lmvr_status status = arena_init_on(&s->arena, model->device, model->dtypes.compute, error);
    if (status == LMVR_OK)
        status = create(s, options, error);
    omp_set_num_threads(before);
    if (status == LMVR_OK && count > 1)
        return create_chain(model, options, count - 1, &s->next, error);
    const lmvr_model *next = model_not_lost(model->next);
    if (status == LMVR_OK && next)
        return create_chain(next, options, 1, &s->next, error);
    return status;
}

lmvr_status lmvr_session_create(const lmvr_model *model, const lmvr_session_options *options, lmvr_session **session,
                                lmvr_error *error)
{
    lmvr_session_options own;
    REQUIRE_ARGUMENT(session, error);
    *session = NULL;
    REQUIRE_ARGUMENT(model, error);
    REQUIRE_ARGUMENT(options, error);
    TRY(read_session_options(&own, options, error));
    TRY(check_session_options(&own, error));
    const lmvr_model *first = model_not_lost(model);
    if (!first)
        return error_set(error, LMVR_ERROR_RESOURCE,
                         "the model is on %s, which failed, and this process can compute nothing with it any more",
                         model->next ? "GPUs" : model->device->name);
    int threads = own.threads > 0 ? own.threads : omp_get_max_threads();
    lmvr_status status = create_chain(first, &own, session_count(first, threads), session, error);
    if (status == LMVR_OK)
        status = jobs_create(*session, &(*session)->jobs, error);
    if (status != LMVR_OK) {
        lmvr_session_free(*session);
        *session = NULL;
    }
    return status;
}

void lmvr_session_free(lmvr_session *session)
{
    if (!session)
        return;
    jobs_free(session->jobs);
    lmvr_session_free(session->next);
    for (int i = 0; session->sequences && i < session->batch; i++) {
        input_finish(&session->sequences[i].input);
        free(session->sequences[i].tokens);
        free(session->sequences[i].maps);
        pools_free(&session->features, session->sequences[i].pools);
    }
    free(session->sequences);
    pools_free(&session->features, session->prefix_pools);
    if (session->cache)
        session->model->language.operations->cache_free(session->cache);
    input_finish(&session->usual);
    prompt_finish(&session->prompt);
    arena_finish(&session->arena);
    free(session->filled);
    free(session->prompt_text);
    free(session->system_text);
    free(session->template_name);
    free(session->prompt_wanted);
    free(session->response_wanted);
    feature_set_finish(&session->features);
    free(session);
}

/* ---- getters ------------------------------------------------------------------------------------------------------------ */

void lmvr_session_get_options_sized(const lmvr_session *session, lmvr_session_options *options, size_t size)
{
    if (!session || !options) {
        lmvr_session_options_default_sized(options, size);
        return;
    }
    lmvr_session_options own = session->options;
    own.size = size;
    own.feature_count = 0;
    own.batch = session->batch;
    own.max_new_tokens = session->max_new_tokens;
    struct_write(options, size, &own, sizeof own);
}

size_t lmvr_session_feature_count(const lmvr_session *session)
{
    return session ? (size_t)session->features.count : 0;
}

void lmvr_session_get_feature_sized(const lmvr_session *session, size_t index, lmvr_feature_info *info, size_t size)
{
    lmvr_feature_info own = {0};
    if (!info)
        return;
    if (index < lmvr_session_feature_count(session)) {
        const struct feature *f = &session->features.features[index];
        own = (lmvr_feature_info){f->name, f->spec, f->dim, feature_is_multi_vector(f)};
    }
    struct_write(info, size, &own, sizeof own);
}

int lmvr_session_batch(const lmvr_session *session)
{
    return session ? session->batch : 0;
}

size_t lmvr_session_capacity(const lmvr_session *session)
{
    return session ? session->jobs->room : 0;
}

uint64_t lmvr_session_kv_cache_bytes(const lmvr_session *session)
{
    if (!session || !session->needs_language)
        return 0;
    const struct language *language = &session->model->language;
    return (uint64_t)session->batch *
           language->operations->sequence_bytes(language->model, session->usual.language.length, session->max_new_tokens);
}
