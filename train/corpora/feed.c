#include "train/corpora/feed.h"

#include "train/corpora/order.h"
#include "train/corpora/tokens.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define MAX_THREADS 64

/* A slot for a batch that is being made, ready, or lent to the caller. Batch n has slot n % place_count. */
struct place {
    struct batch batch;
    bool ready;
    lmvr_status status; /* of making it, with its error message */
    lmvr_error error;
    int64_t skipped;
    lmvr_error first_skipped;
};

struct feed {
    struct corpus corpus;
    struct feed_options options;
    struct preprocess preprocess; /* a copy of *options.preprocess, if set; options then points to it */
    struct place *places;
    int place_count;
    int64_t claimed, asked; /* the next batch that a thread will start; the next one that the caller will take */
    bool lent;              /* the batch before `asked` is with the caller, so its slot is in use */
    int64_t skipped;
    lmvr_error first_skipped;
    atomic_bool stop;
    pthread_mutex_t lock;
    pthread_cond_t filled, emptied;
    pthread_t threads[MAX_THREADS];
    int thread_count;
};

/* ---- samples ------------------------------------------------------------------------------------------------------------ */

static int64_t floats_of_image(const struct feed *feed)
{
    return (int64_t)3 * feed->options.image_size * feed->options.image_size;
}

static lmvr_status preprocess_to(const struct feed *feed, const char *path, const struct image *image, float *pixels,
                                 lmvr_error *error)
{
    int width, height, size = feed->options.image_size;
    lmvr_error why;
    preprocess_output_size(&feed->preprocess, image->width, image->height, &width, &height);
    if (width != size || height != size)
        return error_set(error, LMVR_ERROR_INVALID, "%s: is preprocessed to %d x %d pixels, but the encoder takes %d x %d",
                         path, width, height, size, size);
    lmvr_status status = preprocess_image(&feed->preprocess, image, pixels, &why);
    if (status != LMVR_OK)
        error_write(error, "%s: %.512s", path, why.message);
    return status;
}

static bool has_pictures(const struct feed *feed)
{
    return feed->options.preprocess && feed->preprocess.way != VIEWS_FIXED;
}

static lmvr_status make_room(const struct feed *feed, struct batch *batch, lmvr_error *error)
{
    size_t images = (size_t)feed->options.batch;
    if (has_pictures(feed) && !batch->pictures)
        batch->pictures = calloc(images, sizeof *batch->pictures);
    else if (!has_pictures(feed) && !batch->pixels)
        batch->pixels = malloc(images * (size_t)floats_of_image(feed) * sizeof *batch->pixels);
    return batch->pictures || batch->pixels ? LMVR_OK : error_no_memory(error, "a batch of images");
}

static lmvr_status make_picture(const struct feed *feed, const char *path, const struct image *image, struct picture *picture,
                                lmvr_error *error)
{
    lmvr_error why;
    lmvr_status status = preprocess_picture(&feed->preprocess, image, picture, &why);
    if (status != LMVR_OK)
        error_write(error, "%s: %.512s", path, why.message);
    return status;
}

/* Decodes the image into the batch's next free image. */
static lmvr_status read_image(const struct feed *feed, const char *path, struct batch *batch, lmvr_error *error)
{
    struct image image;
    int next = batch->image_count;
    TRY(make_room(feed, batch, error));
    TRY(image_read(path, &image, NULL, error));
    lmvr_status status = has_pictures(feed)
                             ? make_picture(feed, path, &image, &batch->pictures[next], error)
                             : preprocess_to(feed, path, &image, batch->pixels + next * floats_of_image(feed), error);
    image_finish(&image);
    return status;
}

/* Reads sample `index`, and its image into the batch's next free one. */
static lmvr_status read_sample(const struct feed *feed, int64_t index, struct batch *batch, struct batch_sequence *sequence,
                               lmvr_error *error)
{
    const struct corpus *corpus = &feed->corpus;
    char *path = NULL;
    lmvr_status status = corpus->read(corpus->self, index, sequence, &path, error);
    bool pictured = path && feed->options.preprocess;
    if (status == LMVR_OK && pictured)
        status = read_image(feed, path, batch, error);
    free(path);
    if (status == LMVR_OK && corpus->place)
        status = corpus->place(corpus->self, index, pictured ? &batch->pictures[batch->image_count] : NULL, sequence, error);
    sequence->image = pictured ? batch->image_count : -1;
    return status;
}

/* Reads sample `index` and adds it to the batch, which is unchanged on failure. */
static lmvr_status add_sample(const struct feed *feed, int64_t index, struct batch *batch, lmvr_error *error)
{
    struct batch_sequence sequence = {.image = -1};
    lmvr_status status = read_sample(feed, index, batch, &sequence, error);
    if (status != LMVR_OK) {
        tokens_finish(&sequence);
        if (batch->pictures)
            picture_finish(&batch->pictures[batch->image_count]);
        return status;
    }
    if (sequence.image < 0)
        sequence.span_count = 0;
    batch->image_count += sequence.image >= 0;
    batch->sequences[batch->sequence_count++] = sequence;
    batch->tokens += sequence.count;
    return LMVR_OK;
}

/* ---- batches ------------------------------------------------------------------------------------------------------------ */

static void empty_batch(struct batch *batch)
{
    for (int i = 0; i < batch->sequence_count; i++)
        tokens_finish(&batch->sequences[i]);
    for (int i = 0; batch->pictures && i < batch->image_count; i++)
        picture_finish(&batch->pictures[i]);
    batch->sequence_count = batch->image_count = 0;
    batch->tokens = 0;
}

/* Adds the first usable sample from position *next of the order on. Two epochs of positions include every sample. */
static lmvr_status add_substitute(const struct feed *feed, struct order *order, int64_t *next, struct place *place)
{
    lmvr_error error;
    int64_t tried, most = 2 * feed->corpus.count < FEED_MOST_SKIPPED ? 2 * feed->corpus.count : FEED_MOST_SKIPPED;
    for (tried = 0; tried < most; tried++) {
        if (atomic_load(&feed->stop))
            return LMVR_OK;
        lmvr_status status = add_sample(feed, order_at(order, (*next)++), &place->batch, &error);
        if (status != LMVR_ERROR_INPUT)
            return status == LMVR_OK ? status : error_set(&place->error, status, "%s", error.message);
    }
    return error_set(&place->error, LMVR_ERROR_INPUT, "none of %lld samples tried can be used: %.700s",
                     (long long)(tried < feed->corpus.count ? tried : feed->corpus.count), place->first_skipped.message);
}

/*
 * Batch `number` has positions number * batch to number * batch + batch - 1 of the order. Unusable samples are replaced by
 * samples from after the batch, not by their neighbors in it, and the choice depends on this batch alone.
 */
static void make_batch(const struct feed *feed, int64_t number, struct order *order, struct place *place)
{
    int64_t first = number * feed->options.batch, next = first + feed->options.batch;
    lmvr_error error;
    place->status = LMVR_OK;
    place->skipped = 0;
    empty_batch(&place->batch);
    for (int64_t position = first; position < first + feed->options.batch && place->status == LMVR_OK; position++) {
        if (atomic_load(&feed->stop))
            return;
        lmvr_status status = add_sample(feed, order_at(order, position), &place->batch, &error);
        if (status == LMVR_ERROR_INPUT) {
            if (place->skipped++ == 0)
                place->first_skipped = error;
            place->status = add_substitute(feed, order, &next, place);
        } else if (status != LMVR_OK) {
            place->status = error_set(&place->error, status, "%s", error.message);
        }
    }
}

/* ---- threads ------------------------------------------------------------------------------------------------------------ */

static bool has_room(const struct feed *feed)
{
    return feed->claimed < feed->asked - feed->lent + feed->place_count;
}

static void *work(void *argument)
{
    struct feed *f = argument;
    struct order order;
    order_init(&order, f->corpus.count, f->options.seed, f->options.in_order);
    pthread_mutex_lock(&f->lock);
    for (;;) {
        while (!atomic_load(&f->stop) && !has_room(f))
            pthread_cond_wait(&f->emptied, &f->lock);
        if (atomic_load(&f->stop))
            break;
        int64_t number = f->claimed++;
        struct place *place = &f->places[number % f->place_count];
        pthread_mutex_unlock(&f->lock);
        if (order_allocate(&order))
            make_batch(f, number, &order, place);
        else
            place->status = error_no_memory(&place->error, "the order of the samples");
        pthread_mutex_lock(&f->lock);
        place->ready = true;
        pthread_cond_broadcast(&f->filled);
    }
    pthread_mutex_unlock(&f->lock);
    order_finish(&order);
    return NULL;
}

/* ---- the feed ----------------------------------------------------------------------------------------------------------- */

static lmvr_status start(struct feed *feed, lmvr_error *error)
{
    feed->places = calloc((size_t)feed->place_count, sizeof *feed->places);
    if (!feed->places)
        return error_no_memory(error, "batches");
    for (int i = 0; i < feed->place_count; i++) {
        feed->places[i].batch.sequences = calloc((size_t)feed->options.batch, sizeof *feed->places[i].batch.sequences);
        if (!feed->places[i].batch.sequences)
            return error_no_memory(error, "batches");
    }
    while (feed->thread_count < feed->options.threads &&
           pthread_create(&feed->threads[feed->thread_count], NULL, work, feed) == 0)
        feed->thread_count++;
    return feed->thread_count > 0 ? LMVR_OK : error_set(error, LMVR_ERROR_RESOURCE, "no thread can be started to read samples");
}

lmvr_status feed_create(const struct corpus *corpus, const struct feed_options *options, int64_t first, struct feed **feed,
                        lmvr_error *error)
{
    *feed = NULL;
    if (corpus->count < 1 || options->batch < 1 || options->threads < 1 || options->ahead < 1 || first < 0)
        return error_set(error, LMVR_ERROR_INVALID,
                         "batches of %d samples from %lld samples, %d ahead by %d threads: all must be at least 1",
                         options->batch, (long long)corpus->count, options->ahead, options->threads);
    struct feed *f = calloc(1, sizeof *f);
    if (!f)
        return error_no_memory(error, "batches");
    *f = (struct feed){.corpus = *corpus, .options = *options, .claimed = first, .asked = first};
    if (options->preprocess) {
        f->preprocess = *options->preprocess;
        f->options.preprocess = &f->preprocess;
    }
    if (f->options.threads > MAX_THREADS)
        f->options.threads = MAX_THREADS;
    f->place_count = 1 + (options->ahead > f->options.threads ? options->ahead : f->options.threads);
    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->filled, NULL);
    pthread_cond_init(&f->emptied, NULL);
    lmvr_status status = start(f, error);
    if (status != LMVR_OK) {
        feed_free(f);
        return status;
    }
    *feed = f;
    return LMVR_OK;
}

void feed_free(struct feed *feed)
{
    if (!feed)
        return;
    pthread_mutex_lock(&feed->lock);
    atomic_store(&feed->stop, true);
    pthread_cond_broadcast(&feed->emptied);
    pthread_mutex_unlock(&feed->lock);
    for (int i = 0; i < feed->thread_count; i++)
        pthread_join(feed->threads[i], NULL);
    for (int i = 0; feed->places && i < feed->place_count; i++) {
        empty_batch(&feed->places[i].batch);
        free(feed->places[i].batch.sequences);
        free(feed->places[i].batch.pixels);
        free(feed->places[i].batch.pictures);
    }
    pthread_cond_destroy(&feed->filled);
    pthread_cond_destroy(&feed->emptied);
    pthread_mutex_destroy(&feed->lock);
    free(feed->places);
    free(feed);
}

/* Waits for the next batch, and takes the previous one back from the caller. */
static struct place *take_place(struct feed *feed)
{
    if (feed->lent)
        feed->places[(feed->asked - 1) % feed->place_count].ready = false;
    feed->lent = false;
    pthread_cond_broadcast(&feed->emptied);
    struct place *place = &feed->places[feed->asked % feed->place_count];
    while (!place->ready)
        pthread_cond_wait(&feed->filled, &feed->lock);
    if (place->status == LMVR_OK) {
        feed->asked++;
        feed->lent = true;
    }
    return place;
}

lmvr_status feed_next(struct feed *feed, const struct batch **batch, lmvr_error *error)
{
    *batch = NULL;
    pthread_mutex_lock(&feed->lock);
    struct place *place = take_place(feed);
    pthread_mutex_unlock(&feed->lock);
    if (feed->skipped == 0 && place->skipped > 0)
        feed->first_skipped = place->first_skipped;
    feed->skipped += place->skipped;
    place->skipped = 0; /* if a batch is asked for again after a failure, it is not counted twice */
    if (place->status != LMVR_OK)
        return error_set(error, place->status, "%s", place->error.message);
    *batch = &place->batch;
    return LMVR_OK;
}

int64_t feed_skipped(const struct feed *feed, const char **sentence)
{
    if (sentence)
        *sentence = feed->skipped > 0 ? feed->first_skipped.message : NULL;
    return feed->skipped;
}
