/* Plain text: read once, in blocks whose lines are tokenized on all threads, and kept as ids, 4 bytes per token. */
#include "train/corpora/corpus.h"

#include "format/file.h"
#include "format/hash.h"
#include "format/input.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCK     (1 << 20) /* bytes read at a time */
#define MOST_LINE (4 << 20) /* bytes; SentencePiece needs 240 times as much to tokenize a line */

/* A line that is a sample. */
struct text_line {
    int64_t first; /* its first id's index */
    int target_at; /* as in batch_sequence */
};

struct text {
    int32_t *ids;
    int64_t count, space;
    struct text_line *lines; /* NULL: samples are not lines */
    int64_t line_count, line_space;
    int most_tokens;
};

/* ---- ids ---------------------------------------------------------------------------------------------------------------- */

static lmvr_status add_ids(struct text *text, const int32_t *ids, size_t count, lmvr_error *error)
{
    if (text->count + (int64_t)count > text->space) {
        int64_t space = 2 * text->space + (int64_t)count + (1 << 16);
        int32_t *more = realloc(text->ids, (size_t)space * sizeof *more);
        if (!more)
            return error_no_memory(error, "the tokens of a text");
        text->ids = more;
        text->space = space;
    }
    if (count > 0)
        memcpy(text->ids + text->count, ids, count * sizeof *ids);
    text->count += (int64_t)count;
    return LMVR_OK;
}

static lmvr_status add_id(struct text *text, int id, lmvr_error *error)
{
    return add_ids(text, &(int32_t){id}, id >= 0, error);
}

/* Records that a line begins here. */
static lmvr_status add_start(struct text *text, int target_at, lmvr_error *error)
{
    if (text->line_count == text->line_space) {
        int64_t space = 2 * text->line_space + 1024;
        struct text_line *more = realloc(text->lines, (size_t)space * sizeof *more);
        if (!more)
            return error_no_memory(error, "the lines of a text");
        text->lines = more;
        text->line_space = space;
    }
    text->lines[text->line_count++] = (struct text_line){text->count, target_at};
    return LMVR_OK;
}

/* ---- a block of whole lines --------------------------------------------------------------------------------------------- */

struct line {
    char *text, *target; /* target: the text after its first tab; NULL: there is no tab */
    int32_t *ids, *target_ids;
    size_t count, target_count;
    lmvr_status status;
    lmvr_error error;
};

struct lines_block {
    struct line *lines; /* the non-empty lines */
    size_t count, space;
};

static lmvr_status add_line(struct lines_block *block, char *line, char *end, bool paired, lmvr_error *error)
{
    if (end > line && end[-1] == '\r')
        end--;
    *end = '\0';
    if (end == line)
        return LMVR_OK;
    if (block->count == block->space) {
        size_t space = 2 * block->space + 1024;
        struct line *more = realloc(block->lines, space * sizeof *more);
        if (!more)
            return error_no_memory(error, "the lines of a text");
        block->lines = more;
        block->space = space;
    }
    char *tab = paired ? strchr(line, '\t') : NULL;
    if (tab)
        *tab = '\0';
    block->lines[block->count++] = (struct line){.text = line, .target = tab ? tab + 1 : NULL};
    return LMVR_OK;
}

/* Every line in the `size` bytes ends with "\n". */
static lmvr_status find_lines(char *bytes, size_t size, bool paired, struct lines_block *block, lmvr_error *error)
{
    block->count = 0;
    for (char *at = bytes; at < bytes + size;) {
        char *end = memchr(at, '\n', (size_t)(bytes + size - at));
        TRY(add_line(block, at, end, paired, error));
        at = end + 1;
    }
    return LMVR_OK;
}

/* A line of spaces has no ids and is not a sample. */
static lmvr_status add_document(const struct corpus_options *options, struct text *text, const struct line *line,
                                lmvr_error *error)
{
    if (options->by_lines && line->count + line->target_count == 0)
        return LMVR_OK;
    if (options->by_lines)
        TRY(add_start(text, line->target_count > 0 ? (int)line->count : 0, error));
    TRY(add_id(text, options->begin_token, error));
    TRY(add_ids(text, line->ids, line->count, error));
    TRY(add_ids(text, line->target_ids, line->target_count, error));
    return add_id(text, options->end_token, error);
}

static lmvr_status tokenize_lines(const struct corpus_options *options, struct lines_block *block, struct text *text,
                                  lmvr_error *error)
{
#pragma omp parallel for schedule(dynamic, 16)
    for (size_t i = 0; i < block->count; i++) {
        struct line *l = &block->lines[i];
        l->status = tokenizer_encode(options->tokenizer, l->text, &l->ids, &l->count, &l->error);
        if (l->status == LMVR_OK && l->target)
            l->status = tokenizer_encode(options->tokenizer, l->target, &l->target_ids, &l->target_count, &l->error);
    }
    lmvr_status status = LMVR_OK;
    for (size_t i = 0; i < block->count; i++) {
        struct line *l = &block->lines[i];
        if (status == LMVR_OK && l->status != LMVR_OK)
            status = error_set(error, l->status, "%s: %.512s", options->data, l->error.message);
        if (status == LMVR_OK)
            status = add_document(options, text, l, error);
        free(l->ids);
        free(l->target_ids);
    }
    return status;
}

/* ---- the file ----------------------------------------------------------------------------------------------------------- */

struct reader {
    const struct corpus_options *options;
    int fd;
    uint64_t size, offset; /* of the file; read so far */
    char *bytes;           /* read but not yet tokenized */
    size_t filled, space;
    struct lines_block block;
    uint64_t fingerprint;
};

static lmvr_status read_block(struct reader *r, lmvr_error *error)
{
    size_t part = r->size - r->offset < BLOCK ? (size_t)(r->size - r->offset) : BLOCK;
    if (r->filled > MOST_LINE)
        return error_set(error, LMVR_ERROR_INVALID, "%s: has a line of more than %d MiB", r->options->data, MOST_LINE >> 20);
    if (r->filled + part + 1 > r->space) {
        char *more = realloc(r->bytes, r->filled + part + 1); /* and room for a "\n" if the file does not end in one */
        if (!more)
            return error_no_memory(error, r->options->data);
        r->bytes = more;
        r->space = r->filled + part + 1;
    }
    char *at = r->bytes + r->filled;
    TRY(file_read_at(r->fd, r->options->data, at, part, (off_t)r->offset, error));
    r->fingerprint = hash_bytes(r->fingerprint, at, part);
    if (memchr(at, '\0', part))
        return error_set(error, LMVR_ERROR_INVALID, "%s: contains a zero byte, so it is not a text file", r->options->data);
    if (r->offset == 0 && part >= 3 && memcmp(at, "\xEF\xBB\xBF", 3) == 0)
        memcpy(at, "\n\n\n", 3); /* replaces a byte order mark by three empty lines */
    r->offset += part;
    r->filled += part;
    if (r->offset == r->size)
        r->bytes[r->filled++] = '\n';
    return LMVR_OK;
}

static lmvr_status read_text(struct reader *r, struct text *text, lmvr_error *error)
{
    while (r->offset < r->size) {
        TRY(read_block(r, error));
        char *last = memrchr(r->bytes, '\n', r->filled);
        if (!last)
            continue;
        size_t whole = (size_t)(last - r->bytes) + 1;
        TRY(find_lines(r->bytes, whole, r->options->by_lines, &r->block, error));
        TRY(tokenize_lines(r->options, &r->block, text, error));
        memmove(r->bytes, r->bytes + whole, r->filled - whole);
        r->filled -= whole;
    }
    if (text->count < 2)
        return error_set(error, LMVR_ERROR_INVALID, "%s: has no text", r->options->data);
    int32_t *fitting = realloc(text->ids, (size_t)text->count * sizeof *fitting);
    text->ids = fitting ? fitting : text->ids;
    return LMVR_OK;
}

static lmvr_status open_text(const struct corpus_options *options, struct text *text, uint64_t *fingerprint, lmvr_error *error)
{
    struct reader r = {.options = options, .fingerprint = HASH_START};
    TRY(input_open(options->data, &r.fd, &r.size, error));
    lmvr_status status = read_text(&r, text, error);
    *fingerprint = r.fingerprint;
    close(r.fd);
    free(r.bytes);
    free(r.block.lines);
    return status;
}

/* ---- the corpus --------------------------------------------------------------------------------------------------------- */

static lmvr_status read_sample(void *self, int64_t index, struct batch_sequence *sequence, char **image, lmvr_error *error)
{
    const struct text *text = self;
    int64_t first = index * text->most_tokens, end = text->count;
    int target_at = 0;
    if (text->lines) {
        first = text->lines[index].first;
        target_at = text->lines[index].target_at;
        end = index + 1 < text->line_count ? text->lines[index + 1].first : end;
    }
    size_t count = (size_t)(end - first < text->most_tokens ? end - first : text->most_tokens);
    *image = NULL;
    *sequence = (struct batch_sequence){.image = -1};
    int32_t *tokens = malloc(count * sizeof *tokens);
    bool *learned = malloc(count * sizeof *learned);
    if (!tokens || !learned) {
        free(tokens);
        free(learned);
        return error_no_memory(error, "a sample");
    }
    memcpy(tokens, text->ids + first, count * sizeof *tokens);
    memset(learned, true, count * sizeof *learned);
    learned[0] = false;
    *sequence =
        (struct batch_sequence){.image = -1, .target_at = target_at, .count = (int)count, .tokens = tokens, .learned = learned};
    return LMVR_OK;
}

static void free_text(void *self)
{
    struct text *text = self;
    free(text->ids);
    free(text->lines);
    free(text);
}

lmvr_status corpus_text(const struct corpus_options *options, struct corpus *corpus, lmvr_error *error)
{
    *corpus = (struct corpus){.self = NULL};
    if (options->most_tokens < 2)
        return error_set(error, LMVR_ERROR_INVALID, "sequences of at most %d tokens: expected at least 2",
                         options->most_tokens);
    struct text *text = malloc(sizeof *text);
    if (!text)
        return error_no_memory(error, options->data);
    *text = (struct text){.most_tokens = options->most_tokens};
    uint64_t fingerprint;
    lmvr_status status = open_text(options, text, &fingerprint, error);
    if (status != LMVR_OK) {
        free_text(text);
        return status;
    }
    /* a last sample of one token has no target */
    int64_t rest = text->count % text->most_tokens;
    *corpus = (struct corpus){.self = text,
                              .count = text->lines ? text->line_count : text->count / text->most_tokens + (rest >= 2),
                              .fingerprint = fingerprint,
                              .read = read_sample,
                              .free = free_text};
    return LMVR_OK;
}
