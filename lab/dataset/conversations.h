/*
 * What a model learns to say about images: LLaVA's JSON as downloaded (liu2023llava: LLaVA-CC3M-Pretrain-595K's chat.json,
 * llava_v1_5_mix665k.json), a list of
 *
 *     {"id": "0001", "image": "0001.jpg", "conversations": [{"from": "human", "value": "What is it?\n<image>"},
 *                                                            {"from": "gpt", "value": "A dog."}]}
 *
 * the same objects a line each, or captions a line each, {"image": "0001.jpg", "caption": "A dog."}, which become a
 * conversation of "<image>" and the caption. Records without an image are text alone.
 *
 * Opening reads the file once and keeps where each record lies, 16 bytes each; a record is read and checked when it is asked
 * for, so that a file of a gigabyte takes megabytes.
 */
#ifndef LMVR_LAB_DATASET_CONVERSATIONS_H
#define LMVR_LAB_DATASET_CONVERSATIONS_H

#include "error.h"

struct turn {
    bool answer; /* of "gpt", or "assistant"; else of "human", or "user" */
    char *text;  /* "<image>" in a question stands for the visual tokens */
};

/* One record; owned, freed by conversation_finish(). Turns go question, answer, question, answer, … */
struct conversation {
    char *image; /* a path: the folder of images and the record's own; NULL: text alone */
    struct turn *turns;
    int turn_count; /* even, at least 2 */
};

struct conversations;

/* `images` is the folder that images' names are below; NULL: the file's own. LMVR_ERROR_INVALID: no such file, not JSON, or no
 * records. */
lmvr_status conversations_open(const char *path, const char *images, struct conversations **conversations, lmvr_error *error);
void conversations_close(struct conversations *conversations); /* NULL is allowed */

int64_t conversations_count(const struct conversations *conversations);

/* Hash of the file's bytes, for fingerprints. */
uint64_t conversations_fingerprint(const struct conversations *conversations);

/* Reads record `index`, counted from 0. Thread-safe. LMVR_ERROR_INPUT: the record makes no sense; the sentence says how and
 * which. On failure *conversation is empty. */
lmvr_status conversations_read(const struct conversations *conversations, int64_t index, struct conversation *conversation,
                               lmvr_error *error);
void conversation_finish(struct conversation *conversation);

#endif
