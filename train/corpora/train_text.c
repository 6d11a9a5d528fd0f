#include "train/corpora/train_text.h"

#include "format/file.h"
#include "lab/dataset/conversations.h"
#include "train/corpora/vocabulary.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Writes one turn per line. Skips unreadable records, which training itself reports. */
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

static lmvr_status write_turns_of(const char *data, FILE *out, lmvr_error *error)
{
    struct conversations *opened;
    TRY(conversations_open(data, NULL, &opened, error));
    lmvr_status status = write_turns(opened, out, "a temporary file", error);
    conversations_close(opened);
    return status;
}

lmvr_status train_text_vocabulary(const char *data, bool conversations, int size, bool unigram, char **model,
                                  size_t *model_size, lmvr_error *error)
{
    char turns[FILE_UNNAMED_PATH];
    const char *text = conversations ? turns : data;
    struct vocabulary_options options = {.texts = &text, .text_count = 1, .name = data, .size = size, .unigram = unigram};
    int fd;
    if (!conversations)
        return vocabulary_train(&options, model, model_size, error);
    TRY(file_unnamed(&fd, turns, error));
    FILE *out = fdopen(fd, "w");
    if (!out) {
        close(fd);
        return error_no_memory(error, "the vocabulary");
    }
    lmvr_status status = write_turns_of(data, out, error);
    if (status == LMVR_OK)
        status = vocabulary_train(&options, model, model_size, error);
    fclose(out);
    return status;
}
