#include "train/nets/front_end.h"

#include "model/load.h"

#include <string.h>

#define AT_ONCE 4096 /* positions of the encoder, to keep its working memory small; a picture may have more */

lmvr_status front_end_load(struct front_end *front, struct checkpoint *checkpoint, const struct model_config *config,
                           enum dtype dtype, lmvr_error *error)
{
    struct loader loader = {.device = device_cpu(), .checkpoint = checkpoint, .dtypes = {dtype, dtype, dtype}, .error = error};
    *front = (struct front_end){.config = config};
    TRY(arena_init_on(&front->arena, device_cpu(), dtype, error));
    TRY(load_encoder(&loader, &config->vision, &front->encoder));
    return load_connector(&loader, config, &front->connector);
}

void front_end_finish(struct front_end *front)
{
    encoder_finish(&front->encoder);
    connector_finish(&front->connector);
    arena_finish(&front->arena);
    *front = (struct front_end){0};
}

static int64_t positions_of(const struct front_end *front, const struct picture *picture)
{
    int64_t positions = 0;
    for (int v = 0; v < picture->view_count; v++)
        positions += encoder_positions(&front->encoder, picture->views[v].width, picture->views[v].height);
    return positions;
}

/* Pictures that go through the encoder together. */
struct group {
    const struct picture *pictures;
    int count, views;
    int64_t positions;
};

static struct group take_group(const struct front_end *front, const struct batch *batch, int first)
{
    struct group group = {.pictures = batch->pictures + first};
    while (first + group.count < batch->image_count) {
        const struct picture *next = &group.pictures[group.count];
        int64_t positions = positions_of(front, next);
        if (group.count > 0 && group.positions + positions > AT_ONCE)
            break;
        group.count++;
        group.views += next->view_count;
        group.positions += positions;
    }
    return group;
}

static void list_views(const struct group *group, const struct picture **pictures, struct encoder_view *views)
{
    for (int i = 0; i < group->count; i++) {
        const struct picture *p = pictures[i] = &group->pictures[i];
        for (int v = 0; v < p->view_count; v++)
            *views++ = (struct encoder_view){p->pixels + p->views[v].first, p->views[v].width, p->views[v].height};
    }
}

static lmvr_status encode(struct front_end *front, const struct group *group, float *tokens, lmvr_error *error)
{
    const struct encoder *encoder = &front->encoder;
    const struct connector *connector = &front->connector;
    struct arena *arena = &front->arena;
    const struct picture **pictures = arena_alloc(arena, group->count, sizeof *pictures);
    struct encoder_view *views = arena_alloc(arena, group->views, sizeof *views);
    float **states = arena_alloc(arena, encoder->block_count + 1, sizeof *states);
    if (!pictures || !views || !states)
        return error_no_memory(error, "the encoder");
    memset(states, 0, (size_t)(encoder->block_count + 1) * sizeof *states);
    for (int i = 0; i < connector->state_count; i++) {
        states[connector->states[i]] = arena_floats(arena, group->positions * encoder->width);
        if (!states[connector->states[i]])
            return error_no_memory(error, "the encoder");
    }
    list_views(group, pictures, views);
    TRY(encoder->forward(encoder->model, arena, views, group->views, states, error));
    struct encoded_pictures encoded = {group->count, pictures, states, group->positions};
    return connector->forward(connector, encoder, arena, &encoded, tokens, NULL, error);
}

static lmvr_status encode_all(struct front_end *front, const struct batch *batch, float *tokens, lmvr_error *error)
{
    for (int first = 0; first < batch->image_count;) {
        struct group group = take_group(front, batch, first);
        struct arena_mark mark = arena_mark(&front->arena);
        TRY(encode(front, &group, tokens, error));
        arena_release(&front->arena, mark);
        for (int i = 0; i < group.count; i++)
            tokens += config_visual_tokens(front->config, &group.pictures[i], NULL) * front->config->language.width;
        first += group.count;
    }
    return LMVR_OK;
}

struct value *front_end_run(struct front_end *front, struct tape *tape, const struct batch *batch)
{
    int64_t rows = 0, width = front->config->language.width;
    lmvr_error error;
    for (int i = 0; i < batch->image_count; i++)
        rows += config_visual_tokens(front->config, &batch->pictures[i], NULL);
    float *tokens = tape_memory(tape, rows * width, sizeof *tokens);
    if (!tokens)
        return NULL;
    lmvr_status status = encode_all(front, batch, tokens, &error);
    if (status != LMVR_OK) {
        tape_fail(tape, status, error.message);
        return NULL;
    }
    return tape_constant(tape, rows, width, tokens);
}
