/* Bytes as the two GGUF files of a model, the first one's length before them: either refused, or a configuration whose weights
 * are listed and can be read, and perhaps a tokenizer. */
#include "format/quantized_rows.h"
#include "language/tokenizer.h"
#include "memory_file.h"
#include "model/checkpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LARGEST 4096 /* most elements read of a tensor */

/* The last rows that are taken as they are; only a scale that is not finite keeps them from being read. */
static void read_rows(const struct checkpoint_tensor *tensor)
{
    static float out[LARGEST];
    lmvr_error error;
    const struct weight_entry *entry = tensor->entry;
    int64_t most = (int64_t)(sizeof out / quantized_row_bytes(entry->row_bits, entry->shape[1]));
    int64_t count = entry->shape[0] < most ? entry->shape[0] : most;
    lmvr_status status = tensor->file->format->read_rows(tensor->file, entry, entry->shape[0] - count, count, out, &error);
    if (status != LMVR_OK && status != LMVR_ERROR_INVALID)
        abort();
}

static void read_weights(const struct gguf_pair *pair)
{
    static float out[LARGEST];
    struct checkpoint *checkpoint;
    lmvr_error error;
    uint64_t hash;
    if (checkpoint_open_gguf(pair, &checkpoint, &error) != LMVR_OK)
        return;
    for (size_t i = 0; i < checkpoint_count(checkpoint); i++) {
        struct checkpoint_tensor tensor;
        checkpoint_at(checkpoint, i, &tensor);
        uint64_t whole = weight_entry_elements(tensor.entry), count = whole < LARGEST ? whole : LARGEST;
        bool ends = checkpoint_read_part(&tensor, whole - count, count, out, &error) == LMVR_OK; /* all finite? */
        bool begins = checkpoint_read_part(&tensor, 0, count, out, &error) == LMVR_OK;
        if (count == whole && ends != begins)
            abort();
        if (tensor.entry->row_bits)
            read_rows(&tensor);
    }
    if (checkpoint_hash(checkpoint, &hash, &error) != LMVR_OK)
        abort();
    checkpoint_close(checkpoint);
}

static void read_text(const char *path)
{
    struct tokenizer *tokenizer;
    int32_t *ids = NULL;
    size_t count = 0;
    lmvr_error error;
    if (tokenizer_open(path, &tokenizer, &error) != LMVR_OK)
        return;
    if (tokenizer_encode(tokenizer, "It's a <image>\n in 2024! \xC3\xA9", &ids, &count, &error) == LMVR_OK)
        for (size_t i = 0; i < count; i++)
            if (ids[i] < 0 || ids[i] >= tokenizer_size(tokenizer))
                abort();
    free(ids);
    tokenizer_close(tokenizer);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char language[MEMORY_FILE_PATH], vision[MEMORY_FILE_PATH];
    uint32_t first = 0;
    lmvr_error error;
    struct model_config config;
    if (size < sizeof first)
        return 0;
    memcpy(&first, bytes, sizeof first);
    bytes += sizeof first;
    size -= sizeof first;
    first = first < size ? first : (uint32_t)size;
    int language_fd = memory_file(bytes, first, language);
    int vision_fd = memory_file(bytes + first, size - first, vision);
    if (model_config_read_any(language, vision, &config, &error) == LMVR_OK)
        read_weights(&config.gguf);
    if (first > 4 && memcmp(bytes, "GGUF", 4) == 0)
        read_text(language);
    close(language_fd);
    close(vision_fd);
    return 0;
}
