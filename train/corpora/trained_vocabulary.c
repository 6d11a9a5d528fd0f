#include "train/corpora/trained_vocabulary.h"

#include "format/file.h"
#include "format/input.h"
#include "train/corpora/train_text.h"
#include "train/model_folder.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static lmvr_status keep_unnamed(struct trained_vocabulary *vocabulary, const char *model, size_t size, lmvr_error *error)
{
    char path[FILE_UNNAMED_PATH];
    TRY(file_unnamed(&vocabulary->fd, path, error));
    vocabulary->unnamed = true;
    vocabulary->path = strdup(path);
    if (!vocabulary->path)
        return error_no_memory(error, "the vocabulary");
    return file_write_at(vocabulary->fd, "a temporary file", model, size, 0, error);
}

lmvr_status trained_vocabulary_init(struct trained_vocabulary *vocabulary, const char *output, bool resume,
                                    const struct trained_vocabulary_options *options, lmvr_error *error)
{
    const char *name = options->unigram ? "spiece.model" : "tokenizer.model";
    char *model;
    size_t size;
    *vocabulary = (struct trained_vocabulary){.name = name, .path = input_path(output, name)};
    if (!vocabulary->path)
        return error_no_memory(error, "the vocabulary");
    if (resume && input_exists(vocabulary->path))
        return LMVR_OK;
    free(vocabulary->path);
    vocabulary->path = NULL;
    TRY(train_text_vocabulary(options->data, options->conversations, options->size, options->unigram, &model, &size, error));
    lmvr_status status = keep_unnamed(vocabulary, model, size, error);
    free(model);
    return status;
}

lmvr_status trained_vocabulary_keep(const struct trained_vocabulary *vocabulary, const char *output, lmvr_error *error)
{
    if (!vocabulary->unnamed)
        return LMVR_OK;
    char *path = input_path(output, vocabulary->name);
    lmvr_status status = path ? folder_copy_file(vocabulary->path, path, error) : error_no_memory(error, "the vocabulary");
    free(path);
    return status;
}

void trained_vocabulary_finish(struct trained_vocabulary *vocabulary)
{
    if (vocabulary->unnamed)
        close(vocabulary->fd);
    free(vocabulary->path);
    *vocabulary = (struct trained_vocabulary){0};
}
