#include "model/gguf_tensors.h"

#include "model/gguf_keys.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where the elements of a file's tensor lie in the checkpoint's. */
enum layout {
    ONE_AFTER_ANOTHER,
    PAIRS_OF_ROWS, /* llama.cpp turns neighboring rows of a head, transformers rows of its two halves */
    FRAMES,        /* the file has the kernels of one frame, transformers all frames' side by side */
};

struct source {
    struct checkpoint_tensor tensor;
    enum layout layout;
    uint64_t begin; /* the first element */
    uint64_t run;   /* elements that stay together: a row, or a kernel's plane */
    uint64_t head;  /* rows of a head */
    uint64_t frame; /* of two */
    const struct gguf_type *type;
    struct gguf_progress *progress;
};

#define MOST_OF_ONE 3 /* tensors of the file that one of the checkpoint becomes */

struct gguf_tensors {
    size_t count;
    struct source *sources;
    float factors[ROPE_MAX_FACTORS];
};

/* ---- reading ---------------------------------------------------------------------------------------------------------- */

/* Where element `at` lies; *count is how many lie there together. */
static uint64_t place_of(const struct source *s, uint64_t at, uint64_t *count)
{
    uint64_t run = at / s->run, inside = at % s->run;
    *count = s->run - inside;
    if (s->layout == PAIRS_OF_ROWS) {
        uint64_t row = run % s->head;
        return (run - row + row % 2 * (s->head / 2) + row / 2) * s->run + inside;
    }
    if (s->layout == FRAMES)
        return (2 * run + s->frame) * s->run + inside;
    *count = UINT64_MAX;
    return s->begin + at;
}

/* What a scale of 16 bits holds, times the largest number of levels. */
static float most_of(const struct gguf_type *type)
{
    const float half = 65504;
    switch (gguf_type_number(type)) {
    case GGUF_F16:
        return half;
    case GGUF_Q4_0:
        return 8 * half;
    case GGUF_Q8_0:
        return 127 * half;
    default:
        return INFINITY;
    }
}

static lmvr_status check_size(const struct source *s, const float *values, uint64_t count, lmvr_error *error)
{
    const float most = most_of(s->type);
    for (uint64_t i = 0; i < count; i++)
        if (fabsf(values[i]) > most)
            return error_set(error, LMVR_ERROR_INVALID, "%s: tensor %s holds %g, which is too large for 16-bit floats",
                             s->tensor.file->path, s->tensor.entry->name, (double)values[i]);
    return LMVR_OK;
}

static uint64_t bytes_of(const struct source *s, uint64_t elements)
{
    return elements / s->type->elements * s->type->size;
}

static lmvr_status report(const struct source *s, uint64_t count, lmvr_error *error)
{
    struct gguf_progress *p = s->progress;
    p->done += bytes_of(s, count);
    if (!p->report || p->report(p->done, p->total, p->user) == 0)
        return LMVR_OK;
    return error_set(error, LMVR_STOPPED, "the conversion was stopped");
}

static lmvr_status read_source(const void *user, uint64_t first, uint64_t count, float *out, lmvr_error *error)
{
    const struct source *s = user;
    TRY(report(s, count, error));
    while (count > 0) {
        uint64_t together, from = place_of(s, first, &together), n = count < together ? count : together;
        TRY(checkpoint_read_part(&s->tensor, from, n, out, error));
        TRY(check_size(s, out, n, error));
        first += n;
        count -= n;
        out += n;
    }
    return LMVR_OK;
}

static lmvr_status read_factors(const void *user, uint64_t first, uint64_t count, float *out, lmvr_error *error)
{
    (void)error;
    memcpy(out, (const float *)user + first, (size_t)count * sizeof *out);
    return LMVR_OK;
}

/* ---- types ------------------------------------------------------------------------------------------------------------ */

static bool ends_with(const char *name, const char *end)
{
    size_t length = strlen(name), tail = strlen(end);
    return length >= tail && strcmp(name + length - tail, end) == 0;
}

/* As llama.cpp's converters choose. */
static const struct gguf_type *type_of(const struct gguf_parts *parts, const char *name, int dims, const int64_t *shape)
{
    bool outer = strcmp(name, "token_embd.weight") == 0 || strcmp(name, "output.weight") == 0;
    if (dims == 1 || ends_with(name, "position_embd.weight"))
        return gguf_type(GGUF_F32);
    const struct gguf_type *type = outer && parts->type == gguf_type(GGUF_Q4_0) ? gguf_type(GGUF_Q8_0) : parts->type;
    return shape[dims - 1] % type->elements == 0 ? type : gguf_type(GGUF_F16);
}

/* ---- adding ----------------------------------------------------------------------------------------------------------- */

struct adding {
    const struct gguf_parts *parts;
    struct gguf_writer *writer;
    struct gguf_tensors *tensors;
};

static lmvr_status add(const struct adding *a, const char *name, const struct source *source, int dims, const int64_t *shape,
                       lmvr_error *error)
{
    struct source *kept = &a->tensors->sources[a->tensors->count++];
    uint64_t elements = 1;
    *kept = *source;
    kept->type = type_of(a->parts, name, dims, shape);
    kept->progress = a->parts->progress;
    for (int i = 0; i < dims; i++)
        elements *= (uint64_t)shape[i];
    kept->progress->total += bytes_of(kept, elements);
    return gguf_write_tensor(a->writer, name, kept->type, dims, shape, read_source, kept, error);
}

/* Queries, keys and values, which are one in the checkpoint. */
static lmvr_status add_three(const struct adding *a, const char *name, struct source source, lmvr_error *error)
{
    const struct weight_entry *entry = source.tensor.entry;
    const char *place = strstr(name, "qkv");
    int64_t shape[] = {entry->shape[0] / 3, entry->dims > 1 ? entry->shape[1] : 1};
    lmvr_status status = LMVR_OK;
    for (int i = 0; i < 3 && status == LMVR_OK; i++) {
        char *part = NULL;
        source.begin = (uint64_t)i * (uint64_t)(shape[0] * shape[1]);
        if (asprintf(&part, "%.*s%c%s", (int)(place - name), name, "qkv"[i], place + 3) < 0)
            return error_no_memory(error, name);
        status = add(a, part, &source, entry->dims, shape, error);
        free(part);
    }
    return status;
}

/* The kernels of two frames. */
static lmvr_status add_frames(const struct adding *a, struct source source, lmvr_error *error)
{
    const int64_t *s = source.tensor.entry->shape, shape[] = {s[0], s[1], s[3], s[4]};
    source.layout = FRAMES;
    source.run = (uint64_t)(s[3] * s[4]);
    TRY(add(a, "v.patch_embd.weight", &source, 4, shape, error));
    source.frame = 1;
    return add(a, "v.patch_embd.weight.1", &source, 4, shape, error);
}

static void pair_rows(const struct gguf_parts *parts, const char *name, struct source *source)
{
    const struct weight_entry *entry = source->tensor.entry;
    bool language = parts->naming->content == GGUF_LANGUAGE, turned = strstr(name, ".attn_q.") || strstr(name, ".attn_k.");
    if (!language || !turned || strcmp(gguf_architecture_for(parts->config), "llama") != 0)
        return;
    source->layout = PAIRS_OF_ROWS;
    source->run = entry->dims > 1 ? (uint64_t)entry->shape[1] : 1;
    source->head = (uint64_t)parts->config->language.head_dim;
}

/* Whether a tensor belongs to a block that the file leaves out, or is one that llama.cpp would take for more than it is. */
static bool is_left_out(const struct gguf_parts *parts, const char *name)
{
    const char *block = strstr(name, "blk.");
    if (parts->naming->content == GGUF_LLAVA && strncmp(name, "v.post_ln.", strlen("v.post_ln.")) == 0)
        return true;
    return block && strtol(block + strlen("blk."), NULL, 10) >= parts->blocks;
}

/* The plan has checked the shape. */
static lmvr_status add_named(const struct adding *a, const char *name, const struct checkpoint_tensor *tensor,
                             lmvr_error *error)
{
    const struct weight_entry *entry = tensor->entry;
    struct source source = {.tensor = *tensor, .run = 1};
    if (strstr(name, ".attn_qkv."))
        return add_three(a, name, source, error);
    if (entry->dims == 5)
        return add_frames(a, source, error);
    pair_rows(a->parts, name, &source);
    return add(a, name, &source, entry->dims, entry->shape, error);
}

static lmvr_status add_planned(const struct adding *a, const struct planned_tensor *planned, lmvr_error *error)
{
    bool known;
    char *name = gguf_name_of(a->parts->naming, planned->name, &known);
    if (!name)
        return error_no_memory(error, planned->name);
    lmvr_status status = known && !is_left_out(a->parts, name) ? add_named(a, name, &planned->tensor, error) : LMVR_OK;
    free(name);
    return status;
}

static lmvr_status add_all(const struct adding *a, lmvr_error *error)
{
    const struct plan *plan = a->parts->plan;
    for (size_t i = 0; i < plan->count; i++)
        for (int t = 0; t < plan->items[i].count; t++)
            TRY(add_planned(a, &plan->items[i].tensors[t], error));
    return LMVR_OK;
}

/* LLaMA 3.1's scaling is a table of factors there. */
static lmvr_status add_factors(const struct adding *a, lmvr_error *error)
{
    const struct language_config *l = &a->parts->config->language;
    const struct rope_config plain = {.theta = l->rope.theta, .factor = 1};
    struct rope scaled, unscaled;
    const int64_t pairs = l->head_dim / 2;
    if (a->parts->naming->content != GGUF_LANGUAGE || l->rope.scaling < ROPE_LLAMA3)
        return LMVR_OK;
    TRY(rope_create(&unscaled, &plain, l->head_dim, error));
    lmvr_status status = rope_create(&scaled, &l->rope, l->head_dim, error);
    for (int i = 0; status == LMVR_OK && i < pairs; i++)
        a->tensors->factors[i] = unscaled.frequencies[i] / scaled.frequencies[i];
    rope_finish(&unscaled);
    rope_finish(&scaled);
    if (status != LMVR_OK)
        return status;
    return gguf_write_tensor(a->writer, "rope_freqs.weight", gguf_type(GGUF_F32), 1, &pairs, read_factors, a->tensors->factors,
                             error);
}

lmvr_status gguf_tensors_add(const struct gguf_parts *parts, struct gguf_writer *writer, struct gguf_tensors **tensors,
                             lmvr_error *error)
{
    struct gguf_tensors *t = *tensors = calloc(1, sizeof *t);
    const struct adding adding = {parts, writer, t};
    if (t)
        t->sources = calloc(MOST_OF_ONE * PLAN_MOST * parts->plan->count + 1, sizeof *t->sources);
    if (!t || !t->sources)
        return error_no_memory(error, "a GGUF file");
    TRY(add_all(&adding, error));
    return add_factors(&adding, error);
}

void gguf_tensors_free(struct gguf_tensors *tensors)
{
    if (tensors)
        free(tensors->sources);
    free(tensors);
}
