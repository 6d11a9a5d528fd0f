#include "vision/vit.h"

#include "vision/patches.h"

#include <stdlib.h>
#include <string.h>

/* The positions of a batch of views, in the order in which the blocks have them: window after window. */
struct layout {
    int64_t count;
    struct patch *patches; /* (count) */
    int64_t *places;       /* (count): where the position stands among the encoder's, which know nothing of windows */
    int64_t view_count, window_count;
    int64_t *view_ends, *window_ends; /* (count of them + 1), from 0 on */
    const float *angles;              /* (count, head_dim), on the device; NULL: no rotary embedding */
    const int64_t *order;             /* (count): the reverse of places */
};

static int64_t count_positions(const struct vit *vit, const struct encoder_view *view)
{
    int64_t patches = (int64_t)(view->height / vit->patch_size) * (view->width / vit->patch_size);
    return patches + (vit->class_embedding ? 1 : 0);
}

/* ---- layout ------------------------------------------------------------------------------------------------------------- */

/* Where patch y, x stands in a view whose blocks of patches are in row-major order. */
static int64_t place_of(const struct patch *p, int columns, int merge)
{
    int64_t across = columns / merge, block = p->y / merge * across + p->x / merge;
    return (block * merge + p->y % merge) * merge + p->x % merge;
}

static void lay_out_view(const struct vit *vit, const struct encoder_view *view, int index, struct layout *l)
{
    int rows = view->height / vit->patch_size, columns = view->width / vit->patch_size;
    int64_t begin = l->count, first = begin + (vit->class_embedding ? 1 : 0);
    if (first > begin) {
        l->patches[begin] = (struct patch){.y = -1};
        l->places[begin] = begin;
    }
    int64_t *ends = l->window_ends + l->window_count + 1;
    int windows = patches_list(rows, columns, vit->merge, vit->window, l->patches + first, ends);
    for (int i = 0; i < windows && vit->window; i++)
        ends[i] += first;
    l->window_count += vit->window ? windows : 0;
    l->count = first + (int64_t)rows * columns;
    for (int64_t i = begin; i < l->count; i++) {
        l->patches[i].view = index;
        if (i >= first)
            l->places[i] = first + place_of(&l->patches[i], columns, vit->merge);
    }
    l->view_ends[++l->view_count] = l->count;
}

static lmvr_status add_angles(const struct vit *vit, struct arena *arena, struct layout *l, lmvr_error *error)
{
    if (vit->rope.pairs == 0)
        return LMVR_OK;
    struct position *positions = arena_alloc(arena, l->count, sizeof *positions);
    if (!positions)
        return error_no_memory(error, "the image's patches");
    for (int64_t i = 0; i < l->count; i++)
        positions[i] = (struct position){{0, l->patches[i].y, l->patches[i].x}};
    l->angles = rope_angles_on(&vit->rope, arena, l->count, positions);
    return l->angles ? LMVR_OK : error_no_memory(error, "the image's patches");
}

static lmvr_status lay_out(const struct vit *vit, struct arena *arena, const struct encoder_view *views, int count,
                           struct layout *l, lmvr_error *error)
{
    int64_t positions = 0;
    for (int i = 0; i < count; i++)
        positions += count_positions(vit, &views[i]);
    *l = (struct layout){.patches = arena_alloc(arena, positions, sizeof *l->patches),
                         .places = arena_alloc(arena, positions, sizeof *l->places),
                         .view_ends = arena_alloc(arena, count + 1, sizeof *l->view_ends),
                         .window_ends = arena_alloc(arena, (vit->window ? positions : 0) + 1, sizeof *l->window_ends)};
    int64_t *order = arena_alloc(arena, positions, sizeof *order);
    if (!l->patches || !l->places || !l->view_ends || !l->window_ends || !order)
        return error_no_memory(error, "the image's patches");
    l->view_ends[0] = l->window_ends[0] = 0;
    for (int i = 0; i < count; i++)
        lay_out_view(vit, &views[i], i, l);
    for (int64_t r = 0; r < l->count; r++)
        order[l->places[r]] = r;
    l->order = order;
    return add_angles(vit, arena, l, error);
}

/* ---- embedding ---------------------------------------------------------------------------------------------------------- */

/* Which position embeddings, 4 at most, make up that of a patch, or of the class token. */
static void find_position(const struct vit *vit, const struct encoder_view *view, const struct patch *p, int32_t *indexes,
                          float *weights)
{
    int rows = view->height / vit->patch_size, columns = view->width / vit->patch_size, side = vit->position_side;
    int first = vit->class_embedding ? 1 : 0;
    for (int t = 0; t < 4; t++)
        indexes[t] = -1;
    weights[0] = 1;
    if (p->y < 0) {
        indexes[0] = 0;
    } else if (rows == side && columns == side) {
        indexes[0] = first + p->y * side + p->x;
    } else {
        patches_interpolate(side, rows, columns, p->y, p->x, indexes, weights);
        for (int t = 0; t < 4; t++)
            indexes[t] += first;
    }
}

static lmvr_status add_positions(const struct vit *vit, struct arena *arena, const struct encoder_view *views,
                                 const struct layout *l, float *x, lmvr_error *error)
{
    int32_t *indexes = arena_alloc(arena, l->count * 4, sizeof *indexes);
    float *weights = arena_alloc(arena, l->count * 4, sizeof *weights);
    if (!indexes || !weights)
        return error_no_memory(error, "the image's patches");
    for (int64_t r = 0; r < l->count; r++)
        find_position(vit, &views[l->patches[r].view], &l->patches[r], indexes + r * 4, weights + r * 4);
    struct table_rows rows = {vit->position_embedding, 4, indexes, weights};
    vit->device->operations->add_table(arena, l->count, vit->width, &rows, x);
    return LMVR_OK;
}

/* patches (count, 3 * patch * patch), of the host; zeros for class tokens. */
static void cut_patches(const struct vit *vit, const struct encoder_view *views, const struct layout *l, float *patches)
{
    int64_t size = vit->patch_embedding.in;
#pragma omp parallel for schedule(static)
    for (int64_t r = 0; r < l->count; r++) {
        const struct patch *p = &l->patches[r];
        const struct encoder_view *view = &views[p->view];
        if (p->y < 0)
            memset(patches + r * size, 0, (size_t)size * sizeof *patches);
        else
            patch_cut(view->pixels, view->width, view->height, vit->patch_size, p->y, p->x, patches + r * size);
    }
}

/* x (count, width) = pre_norm([class, patches] + positions). */
static lmvr_status embed(const struct vit *vit, struct arena *arena, const struct encoder_view *views, const struct layout *l,
                         float *x, lmvr_error *error)
{
    int64_t width = vit->width, size = vit->patch_embedding.in;
    struct arena_mark mark = arena_mark(arena);
    float *patches = arena_alloc(arena, l->count * size, sizeof *patches);
    if (!patches)
        return error_no_memory(error, "the image's patches");
    cut_patches(vit, views, l, patches);
    const operand *sent = arena_sent(arena, patches, l->count * size);
    if (!sent)
        return error_no_memory(error, "the image's patches");
    TRY(linear_to_states(&vit->patch_embedding, arena, l->count, sent, x, error));
    for (int64_t r = 0; r < l->count; r++)
        if (l->patches[r].y < 0)
            states_copy(arena, width, vit->class_embedding, x + r * width);
    if (vit->position_embedding)
        TRY(add_positions(vit, arena, views, l, x, error));
    if (vit->pre_norm.weight)
        norm_states(&vit->pre_norm, arena, l->count, width, x, x);
    arena_release(arena, mark);
    return LMVR_OK;
}

/* ---- blocks ------------------------------------------------------------------------------------------------------------- */

/* x (count, width) in place: attention stays within each view, or each window. */
static lmvr_status run_block(const struct vit *vit, const struct vit_block *block, struct arena *arena, const struct layout *l,
                             float *x, lmvr_error *error)
{
    struct block_shape shape = {.width = vit->width,
                                .heads = vit->heads,
                                .mlp_width = vit->mlp_width,
                                .activation = vit->activation,
                                .gated = vit->gated};
    struct block_rows rows = {.count = l->count,
                              .group_count = block->windowed ? l->window_count : l->view_count,
                              .ends = block->windowed ? l->window_ends : l->view_ends,
                              .angles = l->angles};
    return block_forward(&block->block, &shape, arena, &rows, x, error);
}

/* Copies the positions to where the encoder has them. */
static void hand_out(const struct layout *l, struct arena *arena, int64_t width, const float *x, float *state)
{
    arena->device->operations->gather(arena, l->count, width, l->order, x, width, RESULT_FLOATS, state, width);
}

lmvr_status vit_forward(const struct vit *vit, struct arena *arena, const struct encoder_view *views, int count,
                        float *const *states, lmvr_error *error)
{
    int last = vit->block_count;
    while (last > 0 && !states[last])
        last--;
    struct arena_mark mark = arena_mark(arena);
    struct layout l;
    TRY(lay_out(vit, arena, views, count, &l, error));
    float *x = arena_floats(arena, l.count * vit->width);
    if (!x)
        return error_no_memory(error, "the encoder");
    TRY(embed(vit, arena, views, &l, x, error));
    for (int i = 0;; i++) {
        if (states[i] && i == vit->block_count && vit->post_norm.weight)
            norm_states(&vit->post_norm, arena, l.count, vit->width, x, x);
        if (states[i])
            hand_out(&l, arena, vit->width, x, states[i]);
        if (i == last)
            break;
        TRY(run_block(vit, &vit->blocks[i], arena, &l, x, error));
    }
    arena_release(arena, mark);
    return LMVR_OK;
}

void vit_finish(struct vit *vit)
{
    for (int i = 0; vit->blocks && i < vit->block_count; i++)
        block_finish(&vit->blocks[i].block);
    free(vit->blocks);
    device_release(vit->device, vit->class_embedding);
    device_release(vit->device, vit->position_embedding);
    norm_finish(&vit->pre_norm);
    norm_finish(&vit->post_norm);
    linear_finish(&vit->patch_embedding);
    rope_finish(&vit->rope);
    *vit = (struct vit){0};
}

/* ---- as an encoder ------------------------------------------------------------------------------------------------------ */

static lmvr_status forward(const void *model, struct arena *arena, const struct encoder_view *views, int count,
                           float *const *states, lmvr_error *error)
{
    return vit_forward(model, arena, views, count, states, error);
}

static void free_model(void *model)
{
    vit_finish(model);
    free(model);
}

struct encoder vit_encoder(struct vit *vit)
{
    return (struct encoder){.image_size = vit->image_size,
                            .patch_size = vit->patch_size,
                            .merge = vit->merge,
                            .width = vit->width,
                            .block_count = vit->block_count,
                            .has_class = vit->class_embedding != NULL,
                            .model = vit,
                            .forward = forward,
                            .free = free_model};
}
