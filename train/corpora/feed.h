/*
 * Delivers batches in a fixed order that depends only on the seed and the batch's number, so that a resumed run sees the same
 * data. Background threads read, decode and resize images ahead of time.
 *
 * Each epoch goes through all samples in a new order (a permutation from the seed and the epoch); a batch may span two epochs.
 */
#ifndef LMVR_TRAIN_CORPORA_FEED_H
#define LMVR_TRAIN_CORPORA_FEED_H

#include "image/preprocess.h"
#include "train/corpora/batch.h"

/* A source of samples by index. `self` is owned by whoever created it. */
struct corpus {
    void *self;
    int64_t count;
    uint64_t fingerprint; /* of the files read */
    /* Fills the sequence, whose tokens, learned and labels are malloc'ed, and the image's path (malloc'ed; NULL: none).
     * Thread-safe. LMVR_ERROR_INPUT: the sample cannot be used; it is skipped and counted. */
    lmvr_status (*read)(void *self, int64_t index, struct batch_sequence *sequence, char **image, lmvr_error *error);
    /* Fills the sequence of a sample whose tokens depend on its picture (NULL: it has none), which read() has left without
     * tokens. NULL: no sample's do. Otherwise as read(). */
    lmvr_status (*place)(void *self, int64_t index, const struct picture *picture, struct batch_sequence *sequence,
                         lmvr_error *error);
    void (*free)(void *self);
};

struct feed_options {
    int batch; /* samples */
    uint64_t seed;
    bool in_order;                       /* without shuffling: for validation */
    const struct preprocess *preprocess; /* NULL: samples are read without their images */
    int image_size;                      /* the encoder's input is (3, image_size, image_size), if views have a fixed size */
    int threads;                         /* reader threads; at least 1 */
    int ahead; /* batches kept ready; at least one per thread. They, and the caller's batch, bound the memory */
};

struct feed;

/* `corpus` is borrowed, and must outlive the feed. `first` is the number of the first batch to deliver. */
lmvr_status feed_create(const struct corpus *corpus, const struct feed_options *options, int64_t first, struct feed **feed,
                        lmvr_error *error);
void feed_free(struct feed *feed); /* NULL is allowed; stops the threads */

#define FEED_MOST_SKIPPED 10000 /* in a row */

/*
 * Returns the next batch, which the feed owns and which is valid until the next call. A sample whose image cannot be read is
 * skipped and replaced by the first usable one after the batch's end in the order (the next one for a second, and so on), which
 * will still come in its own place, so later batches do not shift.
 *
 * LMVR_ERROR_INPUT: no sample can be used, or none of FEED_MOST_SKIPPED in a row. LMVR_ERROR_INVALID: a preprocessed image does
 * not have image_size x image_size pixels. LMVR_ERROR_RESOURCE: out of memory. After a failure every call fails again.
 */
lmvr_status feed_next(struct feed *feed, const struct batch **batch, lmvr_error *error);

/* The number of samples skipped in the batches so far, and why the first one was (NULL: none). */
int64_t feed_skipped(const struct feed *feed, const char **sentence);

#endif
