#include "session/session.h"

#include "format/hash.h"

#include <omp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define MAX_THREADS 8 /* for each replica of the model */

/* A ring of images that are being read, or wait to be taken. Image i is at i % size. */
struct image_loader {
    const struct lmvr_session *session;
    const lmvr_image *images;
    size_t count, size;
    struct loaded *ring;
    bool *ready;
    size_t claimed, taken; /* images claimed by a thread so far; handed to the session so far */
    bool stop;
    pthread_mutex_t lock;
    pthread_cond_t filled, emptied;
    pthread_t *threads;
    int thread_count;
};

static bool has_pixels(const lmvr_pixels *p)
{
    return p->rgb && p->width > 0 && p->height > 0 && (int64_t)p->width * p->height <= IMAGE_MAX_PIXELS;
}

static lmvr_status read_image(const lmvr_image *from, struct image *image, uint64_t *hash, lmvr_error *error)
{
    if (!from->rgb) {
        if (!from->path)
            return error_set(error, LMVR_ERROR_INPUT, "an input has neither a path nor pixels nor a text");
        return image_read(from->path, image, hash, error);
    }
    const char *name = from->path ? from->path : "image";
    if (!has_pixels(&(lmvr_pixels){from->width, from->height, (uint8_t *)from->rgb}))
        return error_set(error, LMVR_ERROR_INPUT, "%s: has %d x %d pixels", name, from->width, from->height);
    size_t size = 3 * (size_t)from->width * (size_t)from->height;
    /* borrowed: preprocessing does not write to the pixels, and nobody here frees them */
    *image = (struct image){from->width, from->height, (uint8_t *)from->rgb};
    *hash = hash_bytes(HASH_START, from->rgb, size);
    return LMVR_OK;
}

/* Adds the image's name to the error sentence, which preprocess_picture() does not know. */
static lmvr_status preprocess(const struct lmvr_session *session, const lmvr_image *from, const struct image *image,
                              struct loaded *loaded)
{
    lmvr_error error;
    lmvr_status status = preprocess_picture(&session->preprocess, image, &loaded->picture, &error);
    if (status != LMVR_OK)
        error_write(&loaded->error, "%s: %.512s", from->path ? from->path : "image", error.message);
    return status;
}

/* Applies the session's filter. *owned says whether the image's pixels are ours; afterwards they are. */
static lmvr_status filter(const struct lmvr_session *session, const lmvr_image *from, struct image *image, bool *owned,
                          struct loaded *loaded)
{
    lmvr_error error = {{0}};
    if (!*owned) {
        size_t size = 3 * (size_t)image->width * (size_t)image->height;
        uint8_t *copy = malloc(size);
        if (!copy)
            return error_no_memory(&loaded->error, "an image");
        image->rgb = memcpy(copy, image->rgb, size);
        *owned = true;
    }
    lmvr_pixels pixels = {image->width, image->height, image->rgb};
    lmvr_status status = session->options.filter(&pixels, loaded->index, loaded->hash, session->options.filter_user, &error);
    *image = (struct image){pixels.width, pixels.height, pixels.rgb};
    if (status == LMVR_OK && has_pixels(&pixels))
        return LMVR_OK;
    if (status == LMVR_OK)
        status = error_set(&error, LMVR_ERROR_INPUT, "the filter left %d x %d pixels%s", pixels.width, pixels.height,
                           pixels.rgb ? "" : " and no memory for them");
    error_write(&loaded->error, "%s: %.512s", from->path ? from->path : "image", error.message);
    return status == LMVR_ERROR_RESOURCE ? status : LMVR_ERROR_INPUT;
}

static void load(const struct lmvr_session *session, const lmvr_image *from, struct loaded *loaded)
{
    if (is_text(from)) {
        loaded->hash = hash_bytes(HASH_START, from->text, strlen(from->text));
        return;
    }
    bool owned = !from->rgb;
    struct image image = {0};
    loaded->status = read_image(from, &image, &loaded->hash, &loaded->error);
    if (loaded->status != LMVR_OK)
        return;
    if (from->text)
        loaded->hash = hash_bytes(loaded->hash, from->text, strlen(from->text));
    if (session->options.filter)
        loaded->status = filter(session, from, &image, &owned, loaded);
    if (loaded->status == LMVR_OK)
        loaded->status = preprocess(session, from, &image, loaded);
    if (owned)
        image_finish(&image);
}

static void *work(void *argument)
{
    struct image_loader *l = argument;
    pthread_mutex_lock(&l->lock);
    for (;;) {
        while (!l->stop && l->claimed < l->count && l->claimed >= l->taken + l->size)
            pthread_cond_wait(&l->emptied, &l->lock);
        if (l->stop || l->claimed >= l->count)
            break;
        size_t index = l->claimed++;
        pthread_mutex_unlock(&l->lock);
        struct loaded loaded = {.index = index};
        load(l->session, &l->images[index], &loaded);
        pthread_mutex_lock(&l->lock);
        l->ring[index % l->size] = loaded;
        l->ready[index % l->size] = true;
        pthread_cond_broadcast(&l->filled);
    }
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

lmvr_status image_loader_start(const struct lmvr_session *session, int replicas, const lmvr_image *images, size_t count,
                               struct image_loader **loader, lmvr_error *error)
{
    struct image_loader *l = *loader = calloc(1, sizeof *l);
    if (!l)
        return error_no_memory(error, "reading images");
    int wanted = omp_get_max_threads(), most = MAX_THREADS * replicas;
    wanted = wanted < most ? wanted : most;
    *l = (struct image_loader){.session = session,
                               .images = images,
                               .count = count,
                               .size = 2 * (size_t)session->encode_batch * (size_t)replicas + (size_t)wanted};
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->filled, NULL);
    pthread_cond_init(&l->emptied, NULL);
    l->ring = calloc(l->size, sizeof *l->ring);
    l->ready = calloc(l->size, sizeof *l->ready);
    l->threads = calloc((size_t)wanted, sizeof *l->threads);
    while (l->ring && l->ready && l->threads && l->thread_count < wanted &&
           pthread_create(&l->threads[l->thread_count], NULL, work, l) == 0)
        l->thread_count++;
    if (l->thread_count > 0)
        return LMVR_OK;
    image_loader_stop(l);
    *loader = NULL;
    return error_no_memory(error, "reading images");
}

bool image_loader_next(struct image_loader *loader, struct loaded *loaded)
{
    pthread_mutex_lock(&loader->lock);
    while (loader->taken < loader->count && !loader->ready[loader->taken % loader->size])
        pthread_cond_wait(&loader->filled, &loader->lock);
    bool any = loader->taken < loader->count;
    if (any) {
        size_t place = loader->taken++ % loader->size;
        *loaded = loader->ring[place];
        loader->ring[place] = (struct loaded){0};
        loader->ready[place] = false;
        pthread_cond_broadcast(&loader->emptied);
    }
    pthread_mutex_unlock(&loader->lock);
    return any;
}

void image_loader_stop(struct image_loader *loader)
{
    if (!loader)
        return;
    pthread_mutex_lock(&loader->lock);
    loader->stop = true;
    pthread_cond_broadcast(&loader->emptied);
    pthread_mutex_unlock(&loader->lock);
    for (int i = 0; i < loader->thread_count; i++)
        pthread_join(loader->threads[i], NULL);
    for (size_t i = 0; loader->ring && i < loader->size; i++)
        picture_finish(&loader->ring[i].picture);
    pthread_cond_destroy(&loader->filled);
    pthread_cond_destroy(&loader->emptied);
    pthread_mutex_destroy(&loader->lock);
    free(loader->ring);
    free(loader->ready);
    free(loader->threads);
    free(loader);
}
