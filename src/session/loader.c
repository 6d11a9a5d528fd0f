#include "arguments.h"
#include "format/hash.h"
#include "session/jobs.h"

#include <stdlib.h>
#include <string.h>

static bool is_size(int width, int height)
{
    return width > 0 && height > 0 && (int64_t)width * height <= IMAGE_MAX_PIXELS;
}

static lmvr_status read_image(const lmvr_image *from, int most_pixels, struct image *image, uint64_t *hash, lmvr_error *error)
{
    const char *name = from->path ? from->path : "image";
    if (from->bytes && from->rgb)
        return error_set(error, LMVR_ERROR_INPUT, "%s: has both a file's bytes and pixels", name);
    if (from->bytes) {
        *hash = hash_bytes(HASH_START, from->bytes, from->byte_count);
        return image_decode_within(from->bytes, from->byte_count, most_pixels, name, image, error);
    }
    if (!from->rgb) {
        if (!from->path)
            return error_set(error, LMVR_ERROR_INPUT, "an input has neither a path nor bytes nor pixels nor a text");
        return image_read_within(from->path, most_pixels, image, hash, error);
    }
    if (!is_size(from->width, from->height) || (int64_t)from->width * from->height > most_pixels)
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

/* What a filter is given. */
struct filtered {
    lmvr_pixels pixels; /* the first member */
    struct image *image;
};

lmvr_status lmvr_pixels_replace(lmvr_pixels *pixels, int width, int height, const uint8_t *rgb, lmvr_error *error)
{
    REQUIRE_ARGUMENT(pixels, error);
    REQUIRE_ARGUMENT(rgb, error);
    if (!is_size(width, height))
        return error_set(error, LMVR_ERROR_INPUT, "the filter gives %d x %d pixels", width, height);
    struct image *image = ((struct filtered *)pixels)->image;
    size_t size = 3 * (size_t)width * (size_t)height;
    uint8_t *copy = malloc(size);
    if (!copy)
        return error_no_memory(error, "an image");
    memcpy(copy, rgb, size);
    image_finish(image);
    *image = (struct image){width, height, copy};
    *pixels = (lmvr_pixels){width, height, copy};
    return LMVR_OK;
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
    struct filtered filtered = {{image->width, image->height, image->rgb}, image};
    lmvr_status status = session->options.filter(&filtered.pixels, job->index, job->hash, session->options.filter_user, &error);
    if (status == LMVR_OK)
        return LMVR_OK;
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
    job->status = read_image(from, session->options.max_file_pixels, &image, &job->hash, &job->error);
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
