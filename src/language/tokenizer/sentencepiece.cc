// The one place that speaks C++: SentencePiece has no C interface. Nothing is thrown past these functions.
#include "language/tokenizer/kind.h"
#include "language/tokenizer/token_list.h"

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <new>
#include <sstream>
#include <string>
#include <vector>

#include <sentencepiece_processor.h>

namespace
{

struct model : tokenizer {
    sentencepiece::SentencePieceProcessor processor;
};

const sentencepiece::SentencePieceProcessor &processor_of(const struct tokenizer *tokenizer)
{
    return static_cast<const model *>(tokenizer)->processor;
}

lmvr_status no_memory(lmvr_error *error)
{
    return error_set(error, LMVR_ERROR_RESOURCE, "out of memory for the tokenizer");
}

void close(struct tokenizer *tokenizer)
{
    delete static_cast<model *>(tokenizer);
}

int size(const struct tokenizer *tokenizer)
{
    return processor_of(tokenizer).GetPieceSize();
}

// The library gives the unknown piece's id for what is no piece.
int32_t find(const struct tokenizer *tokenizer, const char *piece)
{
    try {
        int id = processor_of(tokenizer).PieceToId(piece);
        return id >= 0 && id < size(tokenizer) && processor_of(tokenizer).IdToPiece(id) == piece ? id : -1;
    } catch (const std::exception &) {
        return -1;
    }
}

lmvr_status encode(const struct tokenizer *tokenizer, const char *text, int32_t **ids, size_t *count, lmvr_error *error)
{
    try {
        std::vector<int> pieces;
        if (!processor_of(tokenizer).Encode(text, &pieces).ok())
            return error_set(error, LMVR_ERROR_INVALID, "the prompt cannot be cut into tokens");
        int32_t *copy = static_cast<int32_t *>(std::malloc((pieces.size() + 1) * sizeof *copy));
        if (!copy)
            return no_memory(error);
        for (size_t i = 0; i < pieces.size(); i++)
            copy[i] = pieces[i];
        *ids = copy;
        *count = pieces.size();
    } catch (const std::exception &) {
        return no_memory(error);
    }
    return LMVR_OK;
}

lmvr_status decode(const struct tokenizer *tokenizer, const int32_t *ids, size_t count, char **text, size_t *text_size,
                   lmvr_error *error)
{
    try {
        std::vector<int> pieces;
        for (size_t i = 0; i < count; i++)
            if (ids[i] >= 0 && ids[i] < size(tokenizer) && !processor_of(tokenizer).IsControl(ids[i]))
                pieces.push_back(ids[i]);
        std::string decoded;
        if (!pieces.empty() && !processor_of(tokenizer).Decode(pieces, &decoded).ok())
            decoded.clear();
        *text = static_cast<char *>(std::malloc(decoded.size() + 1));
        if (!*text)
            return no_memory(error);
        std::memcpy(*text, decoded.c_str(), decoded.size() + 1);
        *text_size = decoded.size();
    } catch (const std::exception &) {
        return no_memory(error);
    }
    return LMVR_OK;
}

struct tokenizer_frame frame(const struct tokenizer *)
{
    return {};
}

const struct tokenizer_kind kind = {close, size, find, encode, decode, frame};

} // namespace

lmvr_status tokenizer_open_sentencepiece(const char *path, struct tokenizer **tokenizer, lmvr_error *error)
{
    *tokenizer = nullptr;
    model *t = nullptr;
    try {
        std::ifstream file(path, std::ios::binary);
        std::stringstream bytes;
        if (!file || !(bytes << file.rdbuf()))
            return error_set(error, LMVR_ERROR_INVALID, "%s: cannot be read", path);
        t = new model;
        t->kind = &kind;
        if (!t->processor.LoadFromSerializedProto(bytes.str()).ok()) {
            delete t;
            return error_set(error, LMVR_ERROR_INVALID, "%s: not a SentencePiece model", path);
        }
    } catch (const std::exception &) {
        delete t;
        return no_memory(error);
    }
    *tokenizer = t;
    return LMVR_OK;
}

static enum token_type type_of(const sentencepiece::SentencePieceProcessor &processor, int id)
{
    return processor.IsUnknown(id)   ? TOKEN_UNKNOWN
           : processor.IsControl(id) ? TOKEN_CONTROL
           : processor.IsUnused(id)  ? TOKEN_UNUSED
           : processor.IsByte(id)    ? TOKEN_BYTE
                                     : TOKEN_NORMAL;
}

lmvr_status sentencepiece_list(const struct tokenizer *tokenizer, const char *path, struct token_list *list, lmvr_error *error)
{
    try {
        const sentencepiece::SentencePieceProcessor &processor = processor_of(tokenizer);
        for (int id = 0; id < size(tokenizer); id++)
            TRY(token_list_set(list, path, id, processor.IdToPiece(id).c_str(), type_of(processor, id), processor.GetScore(id),
                               error));
    } catch (const std::exception &) {
        return no_memory(error);
    }
    return LMVR_OK;
}
