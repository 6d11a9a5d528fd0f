/*
 * The pointing game (Zhang et al., "Top-down neural attention by excitation backprop", ECCV 2016) with attention maps of made
 * scenes: pointing SET MODEL [COUNT]
 *
 * SET is a folder of `lmvr scenes --layout llava`, of whose pictures to train on the first COUNT are described (default: all).
 * For each kind of object that a response names (named.h) and that is in the picture, the attention map of the place where it
 * is named first, the mean over the word's tokens, points at the center of the cell with the largest weight. It is a hit where
 * this point lies in the box of an object of that kind, no box being made larger. Printed is the share of hits with the
 * attention of the position that predicts a token, with that of the token's own, and by chance: the points of the other
 * pictures' words, from predicting positions, in the same boxes.
 */
#include "lab/figure/heat.h"
#include "lab/words/words.h"
#include "named.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_BOXES 16

struct box {
    double x, y, width, height; /* pixels */
};

/* A word that names what is in the picture. */
struct pointed {
    size_t image;
    struct box boxes[MOST_BOXES]; /* of all objects of its kind */
    int box_count;
    double x, y; /* where its map is largest, pixels */
};

struct game {
    const struct named_set *set;
    const lmvr_image *images;
    struct named_place *places; /* (kinds), for a response at a time */
    struct pointed *words;
    size_t count;
};

static void complain(const char *sentence)
{
    fprintf(stderr, "pointing: %s\n", sentence);
}

/* Memory, or the end of the program. */
static void *need(void *memory)
{
    if (memory)
        return memory;
    complain("out of memory");
    exit(3);
}

/* ---- words and boxes -------------------------------------------------------------------------------------------------- */

static int find_boxes(const struct named_set *set, const json_t *scene, int kind, struct box *boxes)
{
    json_t *object;
    size_t i;
    int count = 0;
    json_array_foreach(json_object_get(scene, "objects"), i, object)
    {
        double sides[4];
        if (named_kind(set, object) != kind || count == MOST_BOXES)
            continue;
        for (size_t s = 0; s < 4; s++)
            sides[s] = json_number_value(json_array_get(json_object_get(object, "box"), s));
        boxes[count++] = (struct box){sides[0], sides[1], sides[2], sides[3]};
    }
    return count;
}

/* Where the tokens' mean map is largest. */
static void point(const lmvr_result *result, struct token_range tokens, const json_t *scene, struct pointed *word)
{
    size_t cells = (size_t)result->grid_rows * (size_t)result->grid_columns;
    float *mean = need(calloc(cells, sizeof *mean));
    for (size_t t = tokens.first; t < tokens.first + tokens.count; t++)
        for (size_t c = 0; c < cells; c++)
            mean[c] += result->attention[t * cells + c] / (float)tokens.count;
    struct heat heat = {mean, result->grid_rows, result->grid_columns, result->view};
    struct heat_peak peak = heat_peak(&heat, (int)json_integer_value(json_object_get(scene, "width")),
                                      (int)json_integer_value(json_object_get(scene, "height")));
    word->x = peak.x;
    word->y = peak.y;
    free(mean);
}

static int on_result(const lmvr_result *result, void *user)
{
    struct game *game = user;
    if (result->status != LMVR_OK) {
        complain(result->error);
        return 0;
    }
    const json_t *scene = named_scene(game->set, game->images[result->index].path);
    named_find(game->set, result->response, game->places);
    for (int kind = 0; kind < game->set->kinds; kind++) {
        if (game->places[kind].end == 0)
            continue;
        struct pointed word = {.image = result->index};
        struct word place = {(uint32_t)game->places[kind].begin, (uint32_t)game->places[kind].end};
        struct token_range tokens = words_tokens(&place, result->token_ends, result->token_count);
        word.box_count = find_boxes(game->set, scene, kind, word.boxes);
        if (word.box_count == 0 || tokens.count == 0)
            continue;
        point(result, tokens, scene, &word);
        game->words = need(realloc(game->words, (game->count + 1) * sizeof *game->words));
        game->words[game->count++] = word;
    }
    return 0;
}

/* ---- hits ------------------------------------------------------------------------------------------------------------- */

/* Whether one word's point lies on what the other one names. */
static bool hits(const struct pointed *pointing, const struct pointed *named)
{
    for (int i = 0; i < named->box_count; i++) {
        const struct box *box = &named->boxes[i];
        if (pointing->x >= box->x && pointing->x < box->x + box->width && pointing->y >= box->y &&
            pointing->y < box->y + box->height)
            return true;
    }
    return false;
}

static double hit_rate(const struct game *game)
{
    size_t right = 0;
    for (size_t i = 0; i < game->count; i++)
        right += hits(&game->words[i], &game->words[i]);
    return game->count > 0 ? (double)right / (double)game->count : 0;
}

static double chance(const struct game *game)
{
    size_t right = 0, pairs = 0;
    for (size_t i = 0; i < game->count; i++)
        for (size_t j = 0; j < game->count; j++)
            if (game->words[i].image != game->words[j].image) {
                right += hits(&game->words[i], &game->words[j]);
                pairs++;
            }
    return pairs > 0 ? (double)right / (double)pairs : 0;
}

/* ---- the program ------------------------------------------------------------------------------------------------------ */

/* Describes the pictures with the attention of this query. */
static lmvr_status play(const lmvr_model *model, lmvr_query query, size_t image_count, struct game *game, lmvr_error *error)
{
    lmvr_session *session;
    lmvr_session_options options;
    lmvr_session_options_default(&options);
    options.attention = true;
    options.attention_query = query;
    lmvr_status status = lmvr_session_create(model, &options, &session, error);
    if (status == LMVR_OK)
        status = lmvr_embed(session, game->images, image_count, on_result, game, error);
    lmvr_session_free(session);
    return status;
}

static lmvr_status play_all(const char *folder, const struct named_set *set, const lmvr_image *images, size_t image_count,
                            lmvr_error *error)
{
    lmvr_model *model;
    lmvr_status status = lmvr_model_open(folder, LMVR_DTYPE_DEFAULT, 0, &model, error);
    if (status != LMVR_OK)
        return status;
    struct named_place *places = need(calloc((size_t)set->kinds + 1, sizeof *places));
    struct game predicting = {.set = set, .images = images, .places = places}, own = predicting;
    status = play(model, LMVR_QUERY_PREDICTING, image_count, &predicting, error);
    if (status == LMVR_OK)
        status = play(model, LMVR_QUERY_OWN, image_count, &own, error);
    if (status == LMVR_OK)
        printf("images %zu   words %zu   predicting %.3f   own %.3f   chance %.3f\n", image_count, predicting.count,
               hit_rate(&predicting), hit_rate(&own), chance(&predicting));
    free(predicting.words);
    free(own.words);
    free(places);
    lmvr_model_free(model);
    return status;
}

/* The first `most` pictures of the set. */
static lmvr_image *list_images(const struct named_set *set, const char *folder, size_t most, size_t *count)
{
    const char *name;
    json_t *scene;
    lmvr_image *images = need(calloc(json_object_size(set->scenes) + 1, sizeof *images));
    *count = 0;
    json_object_foreach(set->scenes, name, scene)
    {
        char *path = NULL;
        if (*count == most)
            break;
        if (asprintf(&path, "%s/%s", folder, name) < 0)
            path = NULL;
        images[(*count)++].path = need(path);
    }
    return images;
}

int main(int argc, char **argv)
{
    struct named_set set;
    lmvr_error error;
    size_t count;
    unsigned long most = argc == 4 ? strtoul(argv[3], NULL, 10) : SIZE_MAX;
    if (argc < 3 || argc > 4 || most == 0) {
        complain("call it as pointing SET MODEL [COUNT]");
        return 2;
    }
    if (!named_open(&set, "pointing", argv[1], "train"))
        return 2;
    lmvr_image *images = list_images(&set, argv[1], most, &count);
    lmvr_status status = play_all(argv[2], &set, images, count, &error);
    if (status != LMVR_OK)
        complain(error.message);
    for (size_t i = 0; i < count; i++)
        free((char *)images[i].path);
    free(images);
    named_close(&set);
    return status == LMVR_OK ? 0 : 2;
}
