#include "session/jobs.h"

#include "format/hash.h"

#include <stdlib.h>
#include <string.h>

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
static lmvr_status preprocess(const struct lmvr_session *session, const struct image *image, struct job *job)
{
    lmvr_error error;
    lmvr_status status = preprocess_picture(&session->preprocess, image, &job->picture, &error);
    if (status != LMVR_OK)
        error_write(&job->error, "%s: %.512s", job->image.path ? job->image.path : "image", error.message);
    return status;
}

/* Applies the session's filter. *owned says whether the image's pixels are ours; afterwards they are. */
static lmvr_status filter(const struct lmvr_session *session, struct image *image, bool *owned, struct job *job)
{
    lmvr_error error = {{0}};
    if (!*owned) {
        size_t size = 3 * (size_t)image->width * (size_t)image->height;
        uint8_t *copy = malloc(size);
        if (!copy)
            return error_no_memory(&job->error, "an image");
        image->rgb = memcpy(copy, image->rgb, size);
        *owned = true;
    }
    lmvr_pixels pixels = {image->width, image->height, image->rgb};
    lmvr_status status = session->options.filter(&pixels, job->index, job->hash, session->options.filter_user, &error);
    *image = (struct image){pixels.width, pixels.height, pixels.rgb};
    if (status == LMVR_OK && has_pixels(&pixels))
        return LMVR_OK;
    if (status == LMVR_OK)
        status = error_set(&error, LMVR_ERROR_INPUT, "the filter left %d x %d pixels%s", pixels.width, pixels.height,
                           pixels.rgb ? "" : " and no memory for them");
    error_write(&job->error, "%s: %.512s", job->image.path ? job->image.path : "image", error.message);
    return status == LMVR_ERROR_RESOURCE ? status : LMVR_ERROR_INPUT;
}

static void load(const struct lmvr_session *session, struct job *job)
{
    const lmvr_image *from = &job->image;
    if (is_text(from)) {
        job->hash = hash_bytes(HASH_START, from->text, strlen(from->text));
        return;
    }
    bool owned = !from->rgb;
    struct image image = {0};
    job->status = read_image(from, &image, &job->hash, &job->error);
    if (job->status != LMVR_OK)
        return;
    if (from->text)
        job->hash = hash_bytes(job->hash, from->text, strlen(from->text));
    if (session->options.filter)
        job->status = filter(session, &image, &owned, job);
    if (job->status == LMVR_OK)
        job->status = preprocess(session, &image, job);
    if (owned)
        image_finish(&image);
}

void *reader_run(void *argument)
{
    struct jobs *jobs = argument;
    for (struct job *job = jobs_claim(jobs); job; job = jobs_claim(jobs)) {
        load(jobs->session, job);
        jobs_give(jobs, job);
    }
    return NULL;
}
