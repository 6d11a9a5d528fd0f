#include "train/corpora/trained_vocabulary.h"

#include "format/file.h"
#include "format/input.h"
#include "train/corpora/train_text.h"
#include "train/model_folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static lmvr_status make_temporary(struct trained_vocabulary *v, lmvr_error *error)
{
    const char *place = getenv("TMPDIR");
    if (asprintf(&v->folder, "%s/lmvr-vocabulary-XXXXXX", place && *place ? place : "/tmp") < 0) {
        v->folder = NULL;
        return error_no_memory(error, "the vocabulary");
    }
    if (mkdtemp(v->folder))
        return LMVR_OK;
    lmvr_status status = file_error(error, v->folder, "make the folder");
    free(v->folder);
    v->folder = NULL;
    return status;
}

lmvr_status trained_vocabulary_init(struct trained_vocabulary *vocabulary, const char *output, bool resume,
                                    const struct trained_vocabulary_options *options, lmvr_error *error)
{
    const char *name = options->unigram ? "spiece.model" : "tokenizer.model";
    *vocabulary = (struct trained_vocabulary){.name = name, .path = input_path(output, name)};
    if (!vocabulary->path)
        return error_no_memory(error, "the vocabulary");
    if (resume && input_exists(vocabulary->path))
        return LMVR_OK;
    free(vocabulary->path);
    vocabulary->path = NULL;
    TRY(make_temporary(vocabulary, error));
    vocabulary->path = input_path(vocabulary->folder, name);
    if (!vocabulary->path)
        return error_no_memory(error, "the vocabulary");
    return train_text_vocabulary(options->data, options->conversations, options->size, options->unigram, vocabulary->path,
                                 error);
}

lmvr_status trained_vocabulary_keep(const struct trained_vocabulary *vocabulary, const char *output, lmvr_error *error)
{
    char *path = vocabulary->folder ? input_path(output, vocabulary->name) : NULL;
    if (!vocabulary->folder)
        return LMVR_OK;
    lmvr_status status = path ? folder_copy_file(vocabulary->path, path, error) : error_no_memory(error, "the vocabulary");
    free(path);
    return status;
}

void trained_vocabulary_finish(struct trained_vocabulary *vocabulary)
{
    if (vocabulary->folder && vocabulary->path)
        unlink(vocabulary->path);
    if (vocabulary->folder)
        rmdir(vocabulary->folder);
    free(vocabulary->folder);
    free(vocabulary->path);
    *vocabulary = (struct trained_vocabulary){0};
}
