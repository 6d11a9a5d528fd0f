/* Figure 4 for a few examples: where in the image words of the response attend. */
#include "lab/eval/examples.h"

#include "lab/figure/heat.h"
#include "lab/figure/picture.h"
#include "lab/figure/word_maps.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_IMAGES  3
#define MOST_WORDS   5
#define PICTURE_SIDE 320
#define NOTE                                                                                                                   \
    "Attention to the visual tokens where a word is predicted, the mean over heads and blocks; each map on its own scale."

/* One image's attention maps, valid while its result is. */
struct maps {
    struct report *report;
    const struct example *example;
    const struct image *image;
    lmvr_status status;
    lmvr_error *error;
};

/* Chooses the words to show: the true classes' names if the response has them, else probable nouns. */
static lmvr_status choose_words(const struct example *e, const lmvr_result *result, struct word_maps *words, lmvr_error *error)
{
    for (int i = 0; i < e->word_count && words->count < MOST_WORDS; i++) {
        bool found;
        TRY(word_maps_add(words, result, e->words[i], &found, error));
    }
    return words->count > 0 ? LMVR_OK : word_maps_add_noun_like(words, result, MOST_WORDS, error);
}

/* Adds one word's map over the downscaled image. */
static lmvr_status add_map(struct report_gallery *gallery, const struct image *image, const struct heat *heat,
                           const char *title, lmvr_error *error)
{
    struct image small, overlay;
    struct report_picture picture = {.title = title, .width = image->width, .height = image->height};
    uint8_t *bytes = NULL;
    TRY(picture_fit(image, PICTURE_SIDE, PICTURE_SIDE, false, &small, error));
    struct heat fitting = heat_resized(heat, image->width, image->height, small.width, small.height);
    lmvr_status status = heat_overlay(&small, &fitting, &overlay, error);
    image_finish(&small);
    if (status != LMVR_OK)
        return status;
    status = thumbnail(&overlay, PICTURE_SIDE, THUMBNAIL_JPEG, &bytes, &picture.size, error);
    image_finish(&overlay);
    picture.bytes = bytes;
    if (status == LMVR_OK)
        report_gallery_add(gallery, &picture);
    free(bytes);
    return status;
}

static lmvr_status add_maps(struct maps *maps, const lmvr_result *result, lmvr_error *error)
{
    struct word_maps words = {0};
    const char *slash = strrchr(maps->example->path, '/');
    lmvr_status status = choose_words(maps->example, result, &words, error);
    if (status == LMVR_OK && words.count > 0) {
        struct report_gallery *gallery =
            report_add_gallery(maps->report, "attention", slash ? slash + 1 : maps->example->path, NOTE, 200);
        for (size_t i = 0; i < words.count && status == LMVR_OK; i++) {
            struct heat heat = {words.items[i].weights, words.rows, words.columns, result->view};
            status = add_map(gallery, maps->image, &heat, words.items[i].label, error);
        }
    }
    word_maps_finish(&words);
    return status;
}

static int on_result(const lmvr_result *result, void *user)
{
    struct maps *maps = user;
    maps->status = LMVR_OK;
    if (result->status == LMVR_OK)
        maps->status = add_maps(maps, result, maps->error);
    return maps->status != LMVR_OK;
}

/* Runs the image through the model again, as pixels, keeping the attention this time. */
static lmvr_status look(struct report *report, lmvr_session *session, const struct example *example,
                        struct corrupting *corrupting, lmvr_error *error)
{
    struct image image;
    lmvr_error ignored;
    lmvr_status status = example_read(example, corrupting, &image, error);
    if (status != LMVR_OK)
        return status == LMVR_ERROR_INPUT ? LMVR_OK : status;
    struct maps maps = {.report = report, .example = example, .image = &image, .error = error};
    lmvr_image pixels = {.path = example->path, .rgb = image.rgb, .width = image.width, .height = image.height};
    status = lmvr_embed(session, &pixels, 1, on_result, &maps, &ignored);
    image_finish(&image);
    if (status == LMVR_STOPPED)
        return maps.status;
    if (status != LMVR_OK)
        *error = ignored;
    return status;
}

lmvr_status examples_add_attention(struct report *report, const struct examples *examples, const struct eval_options *options,
                                   struct corrupting *corrupting, lmvr_error *error)
{
    lmvr_model_info info;
    lmvr_session *session;
    lmvr_session_options session_options = options->session;
    lmvr_model_get_info(options->models[0].model, &info);
    if (info.language.blocks == 0)
        return LMVR_OK;
    session_options.features = NULL;
    session_options.feature_count = 0;
    session_options.filter = NULL;
    session_options.attention = true;
    session_options.before_generation = false;
    session_options.batch = 1;
    TRY(lmvr_session_create(options->models[0].model, &session_options, &session, error));
    report_add_section(report, "Attention");
    lmvr_status status = LMVR_OK;
    for (int i = 0; i < examples->count && i < MOST_IMAGES && status == LMVR_OK; i++)
        status = look(report, session, &examples->items[i * (examples->count - 1) / MOST_IMAGES], corrupting, error);
    lmvr_session_free(session);
    return status;
}
