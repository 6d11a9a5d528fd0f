#include "bench/work.h"

static void add(struct work *work, int64_t rows, int64_t out, int64_t in, int uses, bool single_row)
{
    if (work->count < WORK_MOST_PRODUCTS)
        work->products[work->count++] =
            (struct work_product){.rows = rows, .out = out, .in = in, .uses = uses, .single_row = single_row};
}

/* Says what type the weights of all products from one on have. */
static void set_weights(struct work *work, int from, enum work_weights weights)
{
    for (int i = from; i < work->count; i++)
        work->products[i].weights = weights;
}

/* The sum over the windows of a grid of the squares of their patches; without windows there is one. */
static double squares(const struct vision_config *v, int rows, int columns, bool windowed)
{
    int side = windowed ? v->window * v->merge : rows > columns ? rows : columns;
    double sum = 0;
    for (int y = 0; y < rows; y += side)
        for (int x = 0; x < columns; x += side) {
            double count = (double)(y + side < rows ? side : rows - y) * (x + side < columns ? side : columns - x);
            sum += (count + (v->family->class_token ? 1 : 0)) * (count + (v->family->class_token ? 1 : 0));
        }
    return sum;
}

static void add_view(const struct vision_config *v, const struct view *view, int blocks, struct work *work, int64_t *patches)
{
    int rows = view->height / v->patch_size, columns = view->width / v->patch_size;
    for (int b = 0; b < blocks; b++) {
        bool windowed = v->window && !(v->whole[b / 64] >> b % 64 & 1);
        work->attention += 4.0 * squares(v, rows, columns, windowed) * v->width;
    }
    *patches += (int64_t)rows * columns;
}

void work_encode(const struct model_config *config, const struct picture *picture, int images, struct work *work)
{
    const struct vision_config *v = &config->vision;
    int blocks = config->encoder_state;
    int64_t patches = 0, width = v->width;
    *work = (struct work){0};
    for (int i = 0; i < picture->view_count; i++)
        add_view(v, &picture->views[i], blocks, work, &patches);
    int64_t rows = patches + (v->family->class_token ? picture->view_count : 0);
    work->attention *= images;
    add(work, images * patches, width, 3 * (int64_t)v->patch_size * v->patch_size, 1, false);
    add(work, images * rows, 3 * width, width, blocks, false);
    add(work, images * rows, width, width, blocks, false);
    add(work, images * rows, (v->family->names.mlp[1] ? 2 : 1) * (int64_t)v->mlp_width, width, blocks, false);
    add(work, images * rows, width, v->mlp_width, blocks, false);
    set_weights(work, 0, WORK_OUTER);
    work->products[0].weights = WORK_COMPUTE;
}

/* Self-attention and MLP products. */
static void add_blocks(const struct language_config *l, int64_t rows, int blocks, bool single_row, struct work *work)
{
    int64_t heads = (int64_t)l->heads * l->head_dim, kv = (int64_t)l->kv_heads * l->head_dim;
    bool gated = !l->encoder_decoder || l->t5.gated;
    add(work, rows, heads + 2 * kv, l->width, blocks, single_row);
    add(work, rows, l->width, heads, blocks, single_row);
    add(work, rows, (gated ? 2 : 1) * (int64_t)l->mlp_width, l->width, blocks, single_row);
    add(work, rows, l->width, l->mlp_width, blocks, single_row);
}

/* Of the last of the products that add_blocks() has added from one on, in a T5. */
static void set_last_weights(struct work *work, int from)
{
    work->products[from + 3].weights = WORK_WIDE;
}

/* One row through the decoder of an encoder-decoder, including cross-attention. */
static void add_decoder(const struct language_config *l, int64_t rows, bool single_row, struct work *work)
{
    int64_t inner = (int64_t)l->heads * l->head_dim;
    int from = work->count;
    add_blocks(l, rows, l->blocks, single_row, work);
    add(work, rows, inner, l->width, l->blocks, single_row);
    add(work, rows, l->width, inner, l->blocks, single_row);
    set_weights(work, from, WORK_OUTER);
    set_last_weights(work, from);
}

static void add_head(const struct language_config *l, int64_t rows, bool single_row, struct work *work)
{
    add(work, rows, l->vocabulary, l->width, 1, single_row);
    set_weights(work, work->count - 1, WORK_WIDE);
}

void work_prompt(const struct model_config *config, int64_t rows, struct work *work)
{
    const struct language_config *l = &config->language;
    double inner = (double)l->heads * l->head_dim;
    *work = (struct work){0};
    if (l->encoder_decoder) {
        add_blocks(l, rows, l->t5.encoder_blocks, false, work);
        set_last_weights(work, 0);
        add(work, rows, 2 * (int64_t)l->heads * l->head_dim, l->width, l->blocks, false);
        set_weights(work, work->count - 1, WORK_OUTER); /* the decoder's keys and values of the prompt */
        add_decoder(l, 1, true, work);
        work->attention = 4.0 * (double)(rows * rows) * inner * l->t5.encoder_blocks;
    } else {
        add_blocks(l, rows, l->blocks, false, work);
        work->attention = 2.0 * (double)(rows * (rows + 1)) * inner * l->blocks;
    }
    add_head(l, 1, true, work);
}

void work_decode(const struct model_config *config, int batch, int64_t rows, int64_t done, struct work *work)
{
    const struct language_config *l = &config->language;
    double positions = (double)(rows + done);
    *work = (struct work){0};
    if (l->encoder_decoder)
        add_decoder(l, batch, false, work);
    else
        add_blocks(l, batch, l->blocks, false, work);
    add_head(l, batch, false, work);
    work->attention = 4.0 * batch * positions * l->heads * l->head_dim * l->blocks;
    work->cache_values = 2.0 * batch * positions * l->kv_heads * l->head_dim * l->blocks;
}
