#include "train/corpora/train_text.h"

#include "format/file.h"
#include "lab/dataset/conversations.h"
#include "train/corpora/vocabulary.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A line a turn; one that cannot be read is left to the training itself to complain about. */
static lmvr_status write_turns(const struct conversations *data, FILE *out, const char *path, lmvr_error *error)
{
    for (int64_t i = 0; i < conversations_count(data); i++) {
        struct conversation conversation;
        lmvr_status status = conversations_read(data, i, &conversation, error);
        if (status == LMVR_ERROR_INPUT)
            continue;
        if (status != LMVR_OK)
            return status;
        for (int t = 0; t < conversation.turn_count; t++) {
            for (char *c = conversation.turns[t].text; *c; c++)
                fputc(*c == '\n' ? ' ' : *c, out);
            fputc('\n', out);
        }
        conversation_finish(&conversation);
    }
    return fflush(out) == 0 ? LMVR_OK : file_error(error, path, "write");
}

static lmvr_status train_on(const char *text, const char *name, int size, bool unigram, const char *path, lmvr_error *error)
{
    struct vocabulary_options options = {.texts = &text, .text_count = 1, .name = name, .size = size, .unigram = unigram};
    return vocabulary_train(&options, path, error);
}

lmvr_status train_text_vocabulary(const char *data, bool conversations, int size, bool unigram, const char *path,
                                  lmvr_error *error)
{
    struct conversations *opened = NULL;
    char *turns = NULL;
    if (!conversations)
        return train_on(data, data, size, unigram, path, error);
    if (asprintf(&turns, "%s.txt.tmp", path) < 0)
        return error_no_memory(error, "the vocabulary");
    lmvr_status status = conversations_open(data, NULL, &opened, error);
    FILE *out = status == LMVR_OK ? fopen(turns, "we") : NULL;
    if (status == LMVR_OK && !out)
        status = file_error(error, turns, "write");
    if (status == LMVR_OK)
        status = write_turns(opened, out, turns, error);
    if (out)
        fclose(out);
    if (status == LMVR_OK)
        status = train_on(turns, data, size, unigram, path, error);
    unlink(turns);
    free(turns);
    conversations_close(opened);
    return status;
}
