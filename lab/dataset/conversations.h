/*
 * Training conversations about images: LLaVA's JSON as downloaded (liu2023llava: LLaVA-CC3M-Pretrain-595K's chat.json,
 * llava_v1_5_mix665k.json), a list of
 *
 *     {"id": "0001", "image": "0001.jpg", "conversations": [{"from": "human", "value": "What is it?\n<image>"},
 *                                                            {"from": "gpt", "value": "A dog."}]}
 *
 * or the same objects one per line, or captions one per line, {"image": "0001.jpg", "caption": "A dog."}, which become a
 * conversation of "<image>" and the caption. Records without an image are text only.
 *
 * Opening reads the file once and keeps each record's position, in 16 bytes; a record is read and checked on demand, so a file
 * of a gigabyte takes megabytes of memory.
 */
#ifndef LMVR_LAB_DATASET_CONVERSATIONS_H
#define LMVR_LAB_DATASET_CONVERSATIONS_H

#include "error.h"

struct turn {
    bool answer; /* from "gpt" or "assistant"; else from "human" or "user" */
    char *text;  /* "<image>" in a question stands for the visual tokens */
};

/* A record; conversation_finish() frees it. Turns alternate: question, answer, question, answer, … */
struct conversation {
    char *image; /* a path: the image folder and the record's own path; NULL: text only */
    struct turn *turns;
    int turn_count; /* even, at least 2 */
};

struct conversations;

/* `images` is the root directory for image names; NULL: the file's own folder. LMVR_ERROR_INVALID: there is no such file, it is
 * not JSON, or it has no records. */
lmvr_status conversations_open(const char *path, const char *images, struct conversations **conversations, lmvr_error *error);
void conversations_close(struct conversations *conversations); /* NULL is allowed */

int64_t conversations_count(const struct conversations *conversations);

/* A hash of the file's bytes, for fingerprints. */
uint64_t conversations_fingerprint(const struct conversations *conversations);

/* Reads record `index`, counted from 0. Thread-safe. LMVR_ERROR_INPUT: the record is malformed; the message says which and how.
 * On failure *conversation is empty. */
lmvr_status conversations_read(const struct conversations *conversations, int64_t index, struct conversation *conversation,
                               lmvr_error *error);
void conversation_finish(struct conversation *conversation);

#endif
