// The one place that speaks C++: SentencePiece has no C interface. Nothing is thrown past these functions.
#include "language/tokenizer.h"

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <new>
#include <sstream>
#include <string>
#include <vector>

#include <sentencepiece_processor.h>

struct tokenizer {
    sentencepiece::SentencePieceProcessor processor;
};

static lmvr_status no_memory(lmvr_error *error)
{
    return error_set(error, LMVR_ERROR_RESOURCE, "out of memory for the tokenizer");
}

lmvr_status tokenizer_open(const char *path, struct tokenizer **tokenizer, lmvr_error *error)
{
    *tokenizer = nullptr;
    struct tokenizer *t = nullptr;
    try {
        std::ifstream file(path, std::ios::binary);
        std::stringstream bytes;
        if (!file || !(bytes << file.rdbuf()))
            return error_set(error, LMVR_ERROR_INVALID, "%s: cannot be read", path);
        t = new struct tokenizer;
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

void tokenizer_close(struct tokenizer *tokenizer)
{
    delete tokenizer;
}

int tokenizer_size(const struct tokenizer *tokenizer)
{
    return tokenizer->processor.GetPieceSize();
}

lmvr_status tokenizer_encode(const struct tokenizer *tokenizer, const char *text, int32_t **ids, size_t *count,
                             lmvr_error *error)
{
    *ids = nullptr;
    *count = 0;
    try {
        std::vector<int> pieces;
        if (!tokenizer->processor.Encode(text, &pieces).ok())
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

static std::string decode(const struct tokenizer *tokenizer, const int32_t *ids, size_t count)
{
    std::vector<int> pieces;
    for (size_t i = 0; i < count; i++)
        if (ids[i] >= 0 && ids[i] < tokenizer_size(tokenizer) && !tokenizer->processor.IsControl(ids[i]))
            pieces.push_back(ids[i]);
    std::string decoded;
    if (!pieces.empty() && !tokenizer->processor.Decode(pieces, &decoded).ok())
        decoded.clear();
    // a C string ends at its first zero byte, which a byte piece may hold
    for (char &c : decoded)
        if (c == '\0')
            c = ' ';
    return decoded;
}

lmvr_status tokenizer_decode(const struct tokenizer *tokenizer, const int32_t *ids, size_t count, char **text,
                             lmvr_error *error)
{
    *text = nullptr;
    try {
        std::string decoded = decode(tokenizer, ids, count);
        *text = static_cast<char *>(std::malloc(decoded.size() + 1));
        if (!*text)
            return no_memory(error);
        std::memcpy(*text, decoded.c_str(), decoded.size() + 1);
    } catch (const std::exception &) {
        return no_memory(error);
    }
    return LMVR_OK;
}

lmvr_status tokenizer_ends(const struct tokenizer *tokenizer, const int32_t *ids, size_t count, uint32_t *ends,
                           lmvr_error *error)
{
    try {
        std::string text = decode(tokenizer, ids, count);
        for (size_t i = 0; i < count; i++) {
            // half a character decodes to something else, which is not a beginning of the text
            std::string part = decode(tokenizer, ids, i + 1);
            uint32_t same = 0;
            while (same < part.size() && same < text.size() && part[same] == text[same])
                same++;
            ends[i] = same;
        }
    } catch (const std::exception &) {
        return no_memory(error);
    }
    return LMVR_OK;
}
