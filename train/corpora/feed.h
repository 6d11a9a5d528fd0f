/*
 * Batches in a fixed order: a function of the seed and the batch's number alone, so that a run that is resumed sees what it
 * would have seen. Threads of its own read, decode and resize images ahead of the steps.
 *
 * Each epoch goes through all samples in an order of its own (a permutation by the seed and the epoch); a batch that begins in
 * one epoch may end in the next.
 */
#ifndef LMVR_TRAIN_CORPORA_FEED_H
#define LMVR_TRAIN_CORPORA_FEED_H

#include "image/preprocess.h"
#include "train/corpora/batch.h"

/* Samples by number. The one who makes it owns `self`. */
struct corpus {
    void *self;
    int64_t count;
    uint64_t fingerprint; /* of the files it reads */
    /* Fills the sequence, whose tokens, learned and labels are malloc'ed, and the image's path (malloc'ed; NULL: none).
     * Thread-safe. LMVR_ERROR_INPUT: this sample cannot be used; it is skipped and counted, and the next one taken. */
    lmvr_status (*read)(void *self, int64_t index, struct batch_sequence *sequence, char **image, lmvr_error *error);
    void (*free)(void *self);
};

struct feed_options {
    int batch; /* samples */
    uint64_t seed;
    bool in_order;                       /* no permutation: for validation */
    const struct preprocess *preprocess; /* NULL: images are not wanted, and samples are used without them */
    int image_size;                      /* of the encoder's input: (3, image_size, image_size) */
    int threads;                         /* that read ahead; at least 1 */
    int ahead; /* batches that are kept ready; at least one a thread. Memory is bounded by these and the caller's own */
};

struct feed;

/* `corpus` is borrowed, and must outlive the feed. `first` is the number of the first batch that will be asked for. */
lmvr_status feed_create(const struct corpus *corpus, const struct feed_options *options, int64_t first, struct feed **feed,
                        lmvr_error *error);
void feed_free(struct feed *feed); /* NULL is allowed; stops the threads */

#define FEED_MOST_SKIPPED 10000 /* samples in a row */

/*
 * The next batch, the feed's until the next call. An image that cannot be read takes its sample with it: the sample is skipped,
 * and the first usable one behind the batch's end in the order stands in for it (the next one for a second, and so on); it
 * comes again in its own place, so that no later batch is shifted.
 *
 * LMVR_ERROR_INPUT: no sample can be used, or none of FEED_MOST_SKIPPED in a row. LMVR_ERROR_INVALID: an image does not become
 * image_size x image_size pixels. LMVR_ERROR_RESOURCE: memory ran out. Called again after a failure, it fails again.
 */
lmvr_status feed_next(struct feed *feed, const struct batch **batch, lmvr_error *error);

/* Samples that were skipped in the batches so far, and the sentence for the first of them (NULL: none). */
int64_t feed_skipped(const struct feed *feed, const char **sentence);

#endif
