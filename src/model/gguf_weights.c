#include "model/gguf_weights.h"

#include "format/quantized_rows.h"
#include "model/gguf_names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where a tensor's elements lie in the file's. */
enum layout {
    ONE_AFTER_ANOTHER, /* those of each source */
    PAIRS_OF_ROWS,     /* llama.cpp turns neighboring rows of a head, transformers rows of its two halves */
    FRAMES,            /* a source has the kernels of one frame, transformers all frames' side by side */
};

#define MAX_SOURCES 3

struct tensor {
    enum layout layout;
    int source_count;
    const struct weight_entry *sources[MAX_SOURCES];
    uint64_t run;  /* elements that stay together: a row, or a kernel's plane */
    uint64_t head; /* rows of a head */
};

struct weights {
    struct weight_file *stored;
    struct gguf_naming naming;
    struct tensor *tensors; /* (count of entries) */
};

/* ---- reading ---------------------------------------------------------------------------------------------------------- */

/* Elements that lie together from one on. */
struct piece {
    const struct weight_entry *source;
    uint64_t first, count;
};

static struct piece piece_from(const struct tensor *t, uint64_t at)
{
    int source = 0;
    uint64_t run = at / t->run, inside = at % t->run;
    if (t->layout == PAIRS_OF_ROWS) {
        uint64_t row = run % t->head, half = t->head / 2;
        uint64_t stored = run - row + row % half * 2 + row / half;
        return (struct piece){t->sources[0], stored * t->run + inside, t->run - inside};
    }
    if (t->layout == FRAMES) {
        uint64_t frames = (uint64_t)t->source_count;
        return (struct piece){t->sources[run % frames], run / frames * t->run + inside, t->run - inside};
    }
    while (at >= weight_entry_elements(t->sources[source]))
        at -= weight_entry_elements(t->sources[source++]);
    return (struct piece){t->sources[source], at, weight_entry_elements(t->sources[source]) - at};
}

static lmvr_status read_floats(const struct weight_file *file, const struct weight_entry *entry, uint64_t first, uint64_t count,
                               float *out, lmvr_error *error)
{
    const struct weights *w = file->content;
    const struct tensor *t = &w->tensors[entry - file->entries];
    while (count > 0) {
        struct piece piece = piece_from(t, first);
        uint64_t n = count < piece.count ? count : piece.count;
        TRY(w->stored->format->read(w->stored, piece.source, piece.first, n, out, error));
        first += n;
        count -= n;
        out += n;
    }
    return LMVR_OK;
}

/* Rows of a matrix whose sources all hold such rows. */
static lmvr_status read_rows(const struct weight_file *file, const struct weight_entry *entry, int64_t first, int64_t count,
                             void *out, lmvr_error *error)
{
    const struct weights *w = file->content;
    const struct tensor *t = &w->tensors[entry - file->entries];
    uint64_t in = (uint64_t)entry->shape[1];
    unsigned char *to = out;
    while (count > 0) {
        struct piece piece = piece_from(t, (uint64_t)first * in);
        int64_t rows = (int64_t)(piece.count / in), n = count < rows ? count : rows;
        TRY(w->stored->format->read_rows(w->stored, piece.source, (int64_t)(piece.first / in), n, to, error));
        to += (size_t)n * quantized_row_bytes(entry->row_bits, entry->shape[1]);
        first += n;
        count -= n;
    }
    return LMVR_OK;
}

/* The first source's, which tell models apart as well as all of them. */
static lmvr_status read_bytes(const struct weight_file *file, const struct weight_entry *entry, uint64_t first, uint64_t size,
                              void *out, lmvr_error *error)
{
    const struct weights *w = file->content;
    const struct weight_entry *source = w->tensors[entry - file->entries].sources[0];
    return w->stored->format->read_bytes(w->stored, source, first, size, out, error);
}

static void close_file(struct weight_file *file)
{
    struct weights *w = file->content;
    if (w) {
        weight_file_close(w->stored);
        free(w->tensors);
        free(w);
    }
    free(file->entries);
}

/* ---- the file's tensors become entries -------------------------------------------------------------------------------- */

struct making {
    const struct gguf *gguf;
    const char *path;
    bool pairs;               /* the language model is of llama.cpp's architecture "llama" */
    int64_t heads, key_heads; /* of that */
    struct weight_file *file;
    char **names;
};

static const struct gguf_naming *naming_of(const struct making *m)
{
    return &((const struct weights *)m->file->content)->naming;
}

static bool is_of(const char *name, const char *part)
{
    const char *found = strstr(name, part);
    return found && (strcmp(found + strlen(part), "weight") == 0 || strcmp(found + strlen(part), "bias") == 0);
}

static lmvr_status refuse(const struct making *m, const struct weight_entry *entry, const char *what, lmvr_error *error)
{
    return error_set(error, LMVR_ERROR_INVALID, "%s: tensor %.200s %s", m->path, entry->name, what);
}

/* The tensor that is called as `entry` is, but for a part of the name. */
static lmvr_status find_other(const struct making *m, const struct weight_entry *entry, const char *part, const char *other,
                              const struct weight_entry **found, lmvr_error *error)
{
    const struct weights *w = m->file->content;
    char *name = NULL;
    const char *place = strstr(entry->name, part);
    if (asprintf(&name, "%.*s%s%s", (int)(place - entry->name), entry->name, other, place + strlen(part)) < 0)
        return error_no_memory(error, m->path);
    *found = weight_file_find(w->stored, name);
    bool same = *found && (*found)->dims == entry->dims && (*found)->is_float == entry->is_float;
    for (int i = 0; same && i < entry->dims; i++)
        same = (*found)->shape[i] == entry->shape[i];
    lmvr_status status = LMVR_OK;
    if (!same)
        status = error_set(error, LMVR_ERROR_INVALID, "%s: tensor %.200s is %s", m->path, name,
                           *found ? "not of the same shape and kind as its siblings" : "missing");
    free(name);
    return status;
}

/* Queries, keys and values as one. */
static lmvr_status stack(const struct making *m, struct weight_entry *entry, struct tensor *t, lmvr_error *error)
{
    TRY(find_other(m, t->sources[0], "attn_q.", "attn_k.", &t->sources[1], error));
    TRY(find_other(m, t->sources[0], "attn_q.", "attn_v.", &t->sources[2], error));
    t->source_count = 3;
    entry->shape[0] *= 3;
    if (t->sources[1]->row_bits != entry->row_bits || t->sources[2]->row_bits != entry->row_bits)
        entry->row_bits = 0;
    return LMVR_OK;
}

static lmvr_status join_frames(const struct making *m, struct weight_entry *entry, struct tensor *t, lmvr_error *error)
{
    if (entry->dims != 4)
        return refuse(m, entry, "has not four dimensions", error);
    TRY(find_other(m, t->sources[0], "weight", "weight.1", &t->sources[1], error));
    t->source_count = 2;
    t->layout = FRAMES;
    t->run = (uint64_t)entry->shape[2] * (uint64_t)entry->shape[3];
    entry->dims = 5;
    entry->shape[4] = entry->shape[3];
    entry->shape[3] = entry->shape[2];
    entry->shape[2] = 2;
    return LMVR_OK;
}

static lmvr_status unpair(const struct making *m, const struct weight_entry *entry, int64_t heads, struct tensor *t,
                          lmvr_error *error)
{
    if (entry->shape[0] % (2 * heads) != 0)
        return refuse(m, entry, "has a number of rows that its heads do not divide", error);
    t->layout = PAIRS_OF_ROWS;
    t->run = entry->dims == 1 ? 1 : weight_entry_elements(entry) / (uint64_t)entry->shape[0];
    t->head = (uint64_t)(entry->shape[0] / heads);
    return LMVR_OK;
}

/* Tensors that are parts of others' entries, or hold what the configuration is made of. */
static bool is_no_entry(const struct making *m, const char *name)
{
    if (naming_of(m)->content == GGUF_LANGUAGE)
        return strcmp(name, "rope_freqs.weight") == 0;
    if (naming_of(m)->content < GGUF_QWEN2)
        return false;
    return is_of(name, ".attn_k.") || is_of(name, ".attn_v.") || strcmp(name, "v.patch_embd.weight.1") == 0;
}

static lmvr_status lay_out(const struct making *m, struct weight_entry *entry, struct tensor *t, lmvr_error *error)
{
    bool qwen = naming_of(m)->content >= GGUF_QWEN2, empty = weight_entry_elements(entry) == 0;
    if (empty || entry->dims == 0)
        return refuse(m, entry, "is empty", error);
    if (qwen && is_of(entry->name, ".attn_q."))
        return stack(m, entry, t, error);
    if (qwen && strcmp(entry->name, "v.patch_embd.weight") == 0)
        return join_frames(m, entry, t, error);
    if (m->pairs && is_of(entry->name, ".attn_q."))
        return unpair(m, entry, m->heads, t, error);
    return m->pairs && is_of(entry->name, ".attn_k.") ? unpair(m, entry, m->key_heads, t, error) : LMVR_OK;
}

static lmvr_status add(struct making *m, const struct weight_entry *stored, lmvr_error *error)
{
    struct weights *w = m->file->content;
    struct weight_entry *entry = &m->file->entries[m->file->count];
    struct tensor *t = &w->tensors[m->file->count];
    bool known, stacked = naming_of(m)->content >= GGUF_QWEN2 && is_of(stored->name, ".attn_q.");
    *entry = *stored;
    *t = (struct tensor){.source_count = 1, .sources = {stored}, .run = 1};
    TRY(lay_out(m, entry, t, error));
    char *other = NULL; /* the name of the three together */
    if (stacked && asprintf(&other, "%.*sqkv%s", (int)(strstr(stored->name, "attn_q.") - stored->name + 5), stored->name,
                            strstr(stored->name, "attn_q.") + 6) < 0)
        return error_no_memory(error, m->path);
    char *name = gguf_name_canonical(naming_of(m), other ? other : stored->name, &known);
    free(other);
    if (!name)
        return error_no_memory(error, m->path);
    m->names[m->file->count++] = name;
    return LMVR_OK;
}

static lmvr_status read_heads(struct making *m, lmvr_error *error)
{
    struct gguf_text architecture;
    if (naming_of(m)->content != GGUF_LANGUAGE)
        return LMVR_OK;
    TRY(gguf_string(m->gguf, "general.architecture", &architecture, error));
    m->pairs = architecture.length == 5 && memcmp(architecture.bytes, "llama", 5) == 0;
    if (!m->pairs)
        return LMVR_OK;
    TRY(gguf_integer(m->gguf, "llama.attention.head_count", 1, CONFIG_MAX_BLOCKS, &m->heads, error));
    m->key_heads = m->heads;
    if (gguf_has(m->gguf, "llama.attention.head_count_kv"))
        TRY(gguf_integer(m->gguf, "llama.attention.head_count_kv", 1, CONFIG_MAX_BLOCKS, &m->key_heads, error));
    return LMVR_OK;
}

static lmvr_status make(struct making *m, lmvr_error *error)
{
    struct weights *w = m->file->content;
    TRY(gguf_naming_of(m->gguf, m->path, &w->naming, error));
    TRY(read_heads(m, error));
    size_t count = w->stored->count + 1;
    w->tensors = calloc(count, sizeof *w->tensors);
    m->file->entries = calloc(count, sizeof *m->file->entries);
    m->names = calloc(count, sizeof(char *));
    if (!w->tensors || !m->file->entries || !m->names)
        return error_no_memory(error, m->path);
    for (size_t i = 0; i < w->stored->count; i++)
        if (!is_no_entry(m, w->stored->entries[i].name))
            TRY(add(m, &w->stored->entries[i], error));
    return LMVR_OK;
}

static lmvr_status open_stored(const char *path, struct weight_file *file, lmvr_error *error)
{
    static const struct weight_format format = {close_file, read_floats, read_bytes, read_rows};
    struct weights *w = file->content = calloc(1, sizeof *w);
    file->format = &format;
    file->path = strdup(path);
    if (!w || !file->path)
        return error_no_memory(error, path);
    TRY(weight_file_open(path, &w->stored, error));
    file->hash = w->stored->hash;
    return LMVR_OK;
}

lmvr_status gguf_weights_open(const char *path, struct weight_file **file, char ***names, lmvr_error *error)
{
    struct gguf *gguf = NULL;
    struct making m = {.path = path, .file = calloc(1, sizeof *m.file)};
    if (!m.file)
        return error_no_memory(error, path);
    lmvr_status status = open_stored(path, m.file, error);
    if (status == LMVR_OK)
        status = gguf_open(path, &gguf, error);
    m.gguf = gguf;
    if (status == LMVR_OK)
        status = make(&m, error);
    gguf_close(gguf);
    *file = m.file;
    *names = m.names;
    if (status != LMVR_OK) {
        gguf_weights_free_names(m.names, m.file->count);
        weight_file_close(m.file);
        *file = NULL;
        *names = NULL;
    }
    return status;
}

void gguf_weights_free_names(char **names, size_t count)
{
    for (size_t i = 0; names && i < count; i++)
        free(names[i]);
    free(names);
}

char *gguf_weights_name(const struct weight_file *file, const char *canonical)
{
    bool known;
    char *name = gguf_name_of(&((const struct weights *)file->content)->naming, canonical, &known);
    if (known)
        return name;
    free(name);
    return NULL;
}
