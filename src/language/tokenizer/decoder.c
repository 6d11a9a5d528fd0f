#include "language/tokenizer/decoder.h"

#include "language/tokenizer/byte_level.h"

#include <ctype.h>
#include <limits.h>
#include <stdlib.h>

void pieces_finish(struct pieces *pieces)
{
    buffer_free(&pieces->text);
    free(pieces->ends);
    *pieces = (struct pieces){0};
}

lmvr_status pieces_end(struct pieces *pieces, lmvr_error *error)
{
    if (pieces->count == pieces->space) {
        size_t space = 2 * pieces->space + 64;
        size_t *grown = realloc(pieces->ends, space * sizeof *grown);
        if (!grown)
            return error_no_memory(error, "a text");
        pieces->ends = grown;
        pieces->space = space;
    }
    pieces->ends[pieces->count++] = pieces->text.size;
    return LMVR_OK;
}

static const char *piece_at(const struct pieces *pieces, size_t i, size_t *size)
{
    size_t start = i > 0 ? pieces->ends[i - 1] : 0;
    *size = pieces->ends[i] - start;
    return *size > 0 ? pieces->text.bytes + start : "";
}

/* ---- the steps ------------------------------------------------------------------------------------------------------ */

static lmvr_status decode_byte_level(const struct decoder_step *step, const struct pieces *in, struct pieces *out,
                                     lmvr_error *error)
{
    (void)step;
    struct buffer bytes = {0};
    lmvr_status status = LMVR_OK;
    for (size_t i = 0; i < in->count && status == LMVR_OK; i++) {
        size_t size;
        const char *piece = piece_at(in, i, &size);
        status = buffer_add_from_byte_level(&bytes, piece, size, error);
    }
    if (status == LMVR_OK)
        status = buffer_add_cleaned(&out->text, bytes.bytes ? bytes.bytes : "", bytes.size, error);
    buffer_free(&bytes);
    return status == LMVR_OK ? pieces_end(out, error) : status;
}

/* The content is one character. */
static lmvr_status decode_metaspace(const struct decoder_step *step, const struct pieces *in, struct pieces *out,
                                    lmvr_error *error)
{
    size_t size, length = strlen(step->content), width;
    for (size_t i = 0; i < in->count; i++) {
        const char *piece = piece_at(in, i, &size);
        for (size_t at = 0; at < size; at += width) {
            width = character_size(piece[at]);
            if (width != length || memcmp(piece + at, step->content, length) != 0)
                TRY(buffer_add(&out->text, piece + at, width, error));
            else if (i > 0 || !step->drops_first)
                TRY(buffer_add(&out->text, " ", 1, error));
        }
        TRY(pieces_end(out, error));
    }
    return LMVR_OK;
}

/* Whether the piece is <0xHH>. */
static bool is_byte(const char *piece, size_t size, char *byte)
{
    if (size != 6 || memcmp(piece, "<0x", 3) != 0 || piece[5] != '>' || !isxdigit((unsigned char)piece[3]) ||
        !isxdigit((unsigned char)piece[4]))
        return false;
    const char digits[] = {piece[3], piece[4], '\0'};
    *byte = (char)strtol(digits, NULL, 16);
    return true;
}

/* Ends a run of bytes: one piece if they are UTF-8, else U+FFFD for each. */
static lmvr_status flush_bytes(struct buffer *bytes, struct buffer *cleaned, struct pieces *out, lmvr_error *error)
{
    if (bytes->size == 0)
        return LMVR_OK;
    cleaned->size = 0;
    TRY(buffer_add_cleaned(cleaned, bytes->bytes, bytes->size, error));
    bool good = cleaned->size == bytes->size && memcmp(cleaned->bytes, bytes->bytes, bytes->size) == 0;
    if (good) {
        TRY(buffer_add(&out->text, bytes->bytes, bytes->size, error));
        TRY(pieces_end(out, error));
    }
    for (size_t i = 0; i < bytes->size && !good; i++) {
        TRY(buffer_add(&out->text, "\xEF\xBF\xBD", 3, error));
        TRY(pieces_end(out, error));
    }
    bytes->size = 0;
    return LMVR_OK;
}

static lmvr_status gather_bytes(const struct pieces *in, struct buffer *bytes, struct buffer *cleaned, struct pieces *out,
                                lmvr_error *error)
{
    for (size_t i = 0; i < in->count; i++) {
        size_t size;
        char byte;
        const char *piece = piece_at(in, i, &size);
        if (is_byte(piece, size, &byte)) {
            TRY(buffer_add(bytes, &byte, 1, error));
            continue;
        }
        TRY(flush_bytes(bytes, cleaned, out, error));
        TRY(buffer_add(&out->text, piece, size, error));
        TRY(pieces_end(out, error));
    }
    return flush_bytes(bytes, cleaned, out, error);
}

static lmvr_status decode_byte_fallback(const struct decoder_step *step, const struct pieces *in, struct pieces *out,
                                        lmvr_error *error)
{
    (void)step;
    struct buffer bytes = {0}, cleaned = {0};
    lmvr_status status = gather_bytes(in, &bytes, &cleaned, out, error);
    buffer_free(&bytes);
    buffer_free(&cleaned);
    return status;
}

static lmvr_status decode_fuse(const struct decoder_step *step, const struct pieces *in, struct pieces *out, lmvr_error *error)
{
    (void)step;
    TRY(buffer_add(&out->text, in->text.bytes, in->text.size, error));
    return pieces_end(out, error);
}

static lmvr_status decode_strip(const struct decoder_step *step, const struct pieces *in, struct pieces *out, lmvr_error *error)
{
    size_t size, length = strlen(step->content);
    for (size_t i = 0; i < in->count; i++) {
        const char *piece = piece_at(in, i, &size);
        size_t start = 0, end = size;
        for (int n = 0; n < step->start && end - start >= length && memcmp(piece + start, step->content, length) == 0; n++)
            start += length;
        for (int n = 0; n < step->stop && end - start >= length && memcmp(piece + end - length, step->content, length) == 0;
             n++)
            end -= length;
        TRY(buffer_add(&out->text, piece + start, end - start, error));
        TRY(pieces_end(out, error));
    }
    return LMVR_OK;
}

static lmvr_status replace_in(const struct decoder_step *step, const struct pieces *in, struct pieces *out, struct spans *spans,
                              lmvr_error *error)
{
    size_t size, length = strlen(step->content);
    for (size_t i = 0; i < in->count; i++) {
        const char *piece = piece_at(in, i, &size);
        if (size > 0)
            TRY(pattern_divide(step->pattern, piece, size, spans, error));
        for (size_t j = 0; size > 0 && j < spans->count; j++) {
            struct span span = spans->items[j];
            TRY(span.matches ? buffer_add(&out->text, step->content, length, error)
                             : buffer_add(&out->text, piece + span.start, span.end - span.start, error));
        }
        TRY(pieces_end(out, error));
    }
    return LMVR_OK;
}

static lmvr_status decode_replace(const struct decoder_step *step, const struct pieces *in, struct pieces *out,
                                  lmvr_error *error)
{
    struct spans spans = {0};
    lmvr_status status = replace_in(step, in, out, &spans, error);
    spans_finish(&spans);
    return status;
}

/* The suffix of a word's end is a space, of the last piece nothing. */
static lmvr_status decode_bpe(const struct decoder_step *step, const struct pieces *in, struct pieces *out, lmvr_error *error)
{
    size_t size, length = strlen(step->content);
    for (size_t i = 0; i < in->count; i++) {
        const char *piece = piece_at(in, i, &size);
        for (size_t at = 0; at < size;) {
            if (length > 0 && size - at >= length && memcmp(piece + at, step->content, length) == 0) {
                TRY(buffer_add(&out->text, " ", i + 1 < in->count, error));
                at += length;
            } else {
                TRY(buffer_add(&out->text, piece + at++, 1, error));
            }
        }
        TRY(pieces_end(out, error));
    }
    return LMVR_OK;
}

/* ---- the file ------------------------------------------------------------------------------------------------------- */

static lmvr_status add(const struct json_node *node, void *into, decode_step *decode, struct decoder_step **step,
                       lmvr_error *error)
{
    struct decoder *d = into;
    if (d->count == COMPONENT_MAX)
        return error_set(error, LMVR_ERROR_INVALID, "%s: the decoder has more than %d steps", node->file, COMPONENT_MAX);
    *step = &d->steps[d->count++];
    **step = (struct decoder_step){.decode = decode};
    return LMVR_OK;
}

static lmvr_status read_byte_level(const struct json_node *node, void *into, lmvr_error *error)
{
    struct decoder_step *step;
    return add(node, into, decode_byte_level, &step, error);
}

static lmvr_status read_byte_fallback(const struct json_node *node, void *into, lmvr_error *error)
{
    struct decoder_step *step;
    return add(node, into, decode_byte_fallback, &step, error);
}

static lmvr_status read_fuse(const struct json_node *node, void *into, lmvr_error *error)
{
    struct decoder_step *step;
    return add(node, into, decode_fuse, &step, error);
}

static lmvr_status read_metaspace(const struct json_node *node, void *into, lmvr_error *error)
{
    static const struct json_name schemes[] = {{"always", 1}, {"first", 1}, {"never", 0}};
    const char *replacement;
    struct decoder_step *step;
    bool prefix = true;
    int drops = 1;
    TRY(component_character(node, "replacement", &replacement, error));
    TRY(json_node_name(node, "prepend_scheme", schemes, 3, &drops, error));
    TRY(json_node_bool(node, "add_prefix_space", &prefix, error));
    if (!prefix && drops)
        return json_refuse(node, "prepend_scheme", "never, as add_prefix_space is false", error);
    TRY(add(node, into, decode_metaspace, &step, error));
    step->drops_first = drops != 0;
    return component_copy(replacement, &step->content, error);
}

static lmvr_status read_strip(const struct json_node *node, void *into, lmvr_error *error)
{
    const char *content;
    struct decoder_step *step;
    TRY(component_character(node, "content", &content, error));
    TRY(add(node, into, decode_strip, &step, error));
    TRY(json_node_int(node, "start", 0, INT_MAX, &step->start, error));
    TRY(json_node_int(node, "stop", 0, INT_MAX, &step->stop, error));
    return component_copy(content, &step->content, error);
}

static lmvr_status read_replace(const struct json_node *node, void *into, lmvr_error *error)
{
    const char *content;
    struct decoder_step *step;
    TRY(component_string(node, "content", &content, error));
    TRY(add(node, into, decode_replace, &step, error));
    TRY(pattern_parse(node, "pattern", &step->pattern, error));
    return component_copy(content, &step->content, error);
}

static lmvr_status read_bpe(const struct json_node *node, void *into, lmvr_error *error)
{
    const char *suffix = "</w>";
    struct decoder_step *step;
    TRY(json_node_string(node, "suffix", &suffix, error));
    TRY(add(node, into, decode_bpe, &step, error));
    return component_copy(suffix, &step->content, error);
}

lmvr_status decoder_parse(const struct json_node *root, struct decoder *decoder, lmvr_error *error)
{
    static const struct component_type types[] = {{"ByteLevel", read_byte_level},
                                                  {"Metaspace", read_metaspace},
                                                  {"ByteFallback", read_byte_fallback},
                                                  {"Fuse", read_fuse},
                                                  {"Strip", read_strip},
                                                  {"Replace", read_replace},
                                                  {"BPEDecoder", read_bpe}};
    decoder->missing = !json_node_get(root, "decoder");
    return component_read(root, "decoder", "decoders", types, sizeof types / sizeof *types, decoder, error);
}

void decoder_finish(struct decoder *decoder)
{
    for (int i = 0; i < decoder->count; i++) {
        free(decoder->steps[i].content);
        pattern_free(decoder->steps[i].pattern);
    }
    decoder->count = 0;
}

static lmvr_status join_by_spaces(const struct pieces *in, struct pieces *out, lmvr_error *error)
{
    for (size_t i = 0; i < in->count; i++) {
        size_t size;
        const char *piece = piece_at(in, i, &size);
        TRY(buffer_add(&out->text, " ", i > 0, error));
        TRY(buffer_add(&out->text, piece, size, error));
    }
    return LMVR_OK;
}

static void swap(struct pieces *a, struct pieces *b)
{
    struct pieces other = *a;
    *a = *b;
    *b = other;
    b->text.size = 0;
    b->count = 0;
}

lmvr_status decoder_run(const struct decoder *decoder, struct pieces *pieces, lmvr_error *error)
{
    struct pieces other = {0};
    lmvr_status status = LMVR_OK;
    if (decoder->missing) {
        status = join_by_spaces(pieces, &other, error);
        swap(pieces, &other);
    }
    for (int i = 0; i < decoder->count && status == LMVR_OK; i++) {
        status = decoder->steps[i].decode(&decoder->steps[i], pieces, &other, error);
        swap(pieces, &other);
    }
    pieces_finish(&other);
    return status;
}
