/* The tokenizer.json of Hugging Face's tokenizers (https://github.com/huggingface/tokenizers): a text is cut at added tokens,
 * what lies between them is normalized, cut into words, and the words into pieces. */
#include "language/tokenizer/added_tokens.h"
#include "language/tokenizer/bpe.h"
#include "language/tokenizer/decoder.h"
#include "language/tokenizer/frame.h"
#include "language/tokenizer/kind.h"
#include "language/tokenizer/normalizer.h"
#include "language/tokenizer/pre_tokenizer.h"

#include <stdlib.h>

struct json_tokenizer {
    struct tokenizer base;
    struct normalizer normalizer;
    struct pre_tokenizer pre_tokenizer;
    struct bpe bpe;
    struct added_tokens added;
    struct decoder decoder;
    struct frame frame;
};

static const struct json_tokenizer *tokenizer_of(const struct tokenizer *tokenizer)
{
    return (const struct json_tokenizer *)tokenizer;
}

static int size_of(const struct tokenizer *tokenizer)
{
    const struct json_tokenizer *t = tokenizer_of(tokenizer);
    int32_t last = t->added.count > 0 ? t->added.items[t->added.count - 1].id : 0;
    return last >= t->bpe.vocabulary.size ? last + 1 : t->bpe.vocabulary.size;
}

static int32_t find(const struct tokenizer *tokenizer, const char *piece)
{
    const struct json_tokenizer *t = tokenizer_of(tokenizer);
    const struct added_token *added = added_tokens_find(&t->added, piece);
    return added ? added->id : vocabulary_find(&t->bpe.vocabulary, piece, strlen(piece));
}

static struct tokenizer_frame frame_of(const struct tokenizer *tokenizer)
{
    const struct frame *f = &tokenizer_of(tokenizer)->frame;
    return (struct tokenizer_frame){f->before.items, f->after.items, f->before.count, f->after.count};
}

static void close_json(struct tokenizer *tokenizer)
{
    struct json_tokenizer *t = (struct json_tokenizer *)tokenizer;
    normalizer_finish(&t->normalizer);
    pre_tokenizer_finish(&t->pre_tokenizer);
    bpe_finish(&t->bpe);
    added_tokens_finish(&t->added);
    decoder_finish(&t->decoder);
    frame_finish(&t->frame);
    free(t);
}

/* ---- encoding ------------------------------------------------------------------------------------------------------- */

/* The memory of one call. */
struct encoding {
    struct buffer text, normal, other;
    struct runs runs, normal_runs;
    struct cut_words words, other_words;
    struct spans spans;
    struct bpe_work work;
    struct ids ids;
};

static void encoding_finish(struct encoding *e)
{
    buffer_free(&e->text);
    buffer_free(&e->normal);
    buffer_free(&e->other);
    free(e->runs.items);
    free(e->normal_runs.items);
    cut_words_finish(&e->words);
    cut_words_finish(&e->other_words);
    spans_finish(&e->spans);
    bpe_work_finish(&e->work);
}

static lmvr_status encode_words(const struct json_tokenizer *t, const char *text, size_t size, bool first, struct encoding *e,
                                lmvr_error *error)
{
    struct cut_words *words = &e->words;
    words->text.size = 0;
    words->count = 0;
    TRY(buffer_add(&words->text, text, size, error));
    TRY(cut_words_add(words, 0, size, first, error));
    TRY(pre_tokenize(&t->pre_tokenizer, words, &e->other_words, &e->spans, error));
    for (size_t i = 0; i < words->count; i++)
        TRY(bpe_encode(&t->bpe, words->text.bytes + words->items[i].start, words->items[i].size, &e->work, &e->ids, error));
    return LMVR_OK;
}

/* What lies between two tokens of the text as given; `first` if the text begins with it. */
static lmvr_status encode_run(const struct json_tokenizer *t, const char *text, size_t size, bool first, struct encoding *e,
                              lmvr_error *error)
{
    e->normal.size = 0;
    TRY(buffer_add(&e->normal, text, size, error));
    TRY(normalizer_run(&t->normalizer, &e->normal, &e->other, &e->spans, &first, error));
    TRY(added_tokens_divide(&t->added.normalized, e->normal.bytes, e->normal.size, &e->normal_runs, error));
    for (size_t i = 0; i < e->normal_runs.count; i++) {
        struct run run = e->normal_runs.items[i];
        if (run.token)
            TRY(ids_add(&e->ids, &run.token->id, 1, error));
        else
            TRY(encode_words(t, e->normal.bytes + run.start, run.end - run.start, first && run.start == 0, e, error));
    }
    return LMVR_OK;
}

static lmvr_status encode_text(const struct json_tokenizer *t, const char *text, struct encoding *e, lmvr_error *error)
{
    TRY(buffer_add_cleaned(&e->text, text, strlen(text), error));
    TRY(added_tokens_divide(&t->added.plain, e->text.bytes, e->text.size, &e->runs, error));
    for (size_t i = 0; i < e->runs.count; i++) {
        struct run run = e->runs.items[i];
        if (run.token)
            TRY(ids_add(&e->ids, &run.token->id, 1, error));
        else
            TRY(encode_run(t, e->text.bytes + run.start, run.end - run.start, run.start == 0, e, error));
    }
    return ids_add(&e->ids, NULL, 0, error); /* so that there is memory to free */
}

static lmvr_status encode(const struct tokenizer *tokenizer, const char *text, int32_t **ids, size_t *count, lmvr_error *error)
{
    struct encoding e = {0};
    lmvr_status status = encode_text(tokenizer_of(tokenizer), text, &e, error);
    encoding_finish(&e);
    if (status != LMVR_OK) {
        free(e.ids.items);
        return status;
    }
    *ids = e.ids.items;
    *count = e.ids.count;
    return LMVR_OK;
}

/* ---- decoding ------------------------------------------------------------------------------------------------------- */

static lmvr_status gather_pieces(const struct json_tokenizer *t, const int32_t *ids, size_t count, struct pieces *pieces,
                                 lmvr_error *error)
{
    for (size_t i = 0; i < count; i++) {
        size_t size = 0;
        const struct added_token *added = added_tokens_of(&t->added, ids[i]);
        const char *piece = added ? NULL : vocabulary_piece(&t->bpe.vocabulary, ids[i], &size);
        if (added ? added->left_out : !piece)
            continue;
        if (added)
            TRY(buffer_add(&pieces->text, added->normal.bytes, added->normal.size, error));
        else
            TRY(buffer_add(&pieces->text, piece, size, error));
        TRY(pieces_end(pieces, error));
    }
    return LMVR_OK;
}

static lmvr_status decode(const struct tokenizer *tokenizer, const int32_t *ids, size_t count, char **text, size_t *size,
                          lmvr_error *error)
{
    const struct json_tokenizer *t = tokenizer_of(tokenizer);
    struct pieces pieces = {0};
    lmvr_status status = gather_pieces(t, ids, count, &pieces, error);
    if (status == LMVR_OK)
        status = decoder_run(&t->decoder, &pieces, error);
    if (status == LMVR_OK)
        status = buffer_add(&pieces.text, "", 1, error);
    if (status == LMVR_OK) {
        *text = pieces.text.bytes;
        *size = pieces.text.size - 1;
        pieces.text = (struct buffer){0};
    }
    pieces_finish(&pieces);
    return status;
}

/* ---- the file ------------------------------------------------------------------------------------------------------- */

static lmvr_status parse(const struct json_node *root, struct json_tokenizer *t, lmvr_error *error)
{
    TRY(bpe_parse(root, &t->bpe, error));
    TRY(normalizer_parse(root, &t->normalizer, error));
    TRY(pre_tokenizer_parse(root, &t->pre_tokenizer, error));
    TRY(added_tokens_parse(root, &t->bpe.vocabulary, &t->normalizer, &t->added, error));
    TRY(decoder_parse(root, &t->decoder, error));
    return frame_parse(root, size_of(&t->base), &t->frame, error);
}

lmvr_status tokenizer_parse_json(const char *path, const json_t *root, struct tokenizer **tokenizer, lmvr_error *error)
{
    static const struct tokenizer_kind kind = {close_json, size_of, find, encode, decode, frame_of};
    struct json_tokenizer *t = calloc(1, sizeof *t);
    const struct json_node node = json_node_root(path, root);
    *tokenizer = NULL;
    if (!t)
        return error_no_memory(error, path);
    t->base.kind = &kind;
    lmvr_status status = parse(&node, t, error);
    if (status == LMVR_OK)
        *tokenizer = &t->base;
    else
        close_json(&t->base);
    return status;
}

lmvr_status tokenizer_open_json(const char *path, struct tokenizer **tokenizer, lmvr_error *error)
{
    json_t *root;
    *tokenizer = NULL;
    TRY(json_read(path, NULL, &root, error));
    lmvr_status status = tokenizer_parse_json(path, root, tokenizer, error);
    json_decref(root);
    return status;
}
