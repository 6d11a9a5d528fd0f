#include "train/nets/llava_net.h"

#include "language/input.h"
#include "train/nets/frozen.h"

#include <stdlib.h>
#include <string.h>

void llava_net_init_projector(struct llava_net *llava, const struct projector_config *config, int64_t width, struct net *net)
{
    int64_t to = llava->llama.config.width;
    llava->activation = config->activation;
    llava->linear1 = net_linear(net, "multi_modal_projector.linear_1", to, width, config->bias, 0.02);
    llava->linear2 = net_linear(net, "multi_modal_projector.linear_2", to, to, config->bias, 0.02);
}

void llava_net_finish(struct llava_net *net)
{
    llama_net_finish(&net->llama);
    clip_net_finish(&net->clip);
    arena_finish(&net->arena);
    *net = (struct llava_net){0};
}

/* The projector's output, (image_count * tokens, width of the embeddings). */
static struct value *project(struct llava_net *net, struct tape *tape, const struct batch *batch)
{
    struct value *x = net->trains_vision
                          ? clip_net_states(&net->clip, tape, batch, net->feature_state, net->skipped)
                          : frozen_states(net->vision, &net->arena, net->feature_state, net->skipped, tape, batch);
    x = tape_linear(tape, x, net->linear1.weight, net->linear1.bias);
    x = tape_activation(tape, net->activation, x);
    return tape_linear(tape, x, net->linear2.weight, net->linear2.bias);
}

/* An image's visual tokens among those of the batch. */
struct visual {
    int64_t first, count;
    int rows, columns; /* as in struct input_piece */
};

/* Where each part of a batch is among the rows of a pass. */
struct layout {
    int64_t rows, learned; /* rows of the pass; predictions in the loss */
    struct visual *visual; /* (image_count) */
    struct gradient_place *places;
    struct position *positions;
    int32_t *predicting, *targets; /* predicting (learned): rows whose next token is a target */
    struct gradient_segment *segments;
    struct input_piece *pieces; /* of one sequence */
};

static bool list_visual(const struct llava_net *net, struct tape *tape, const struct batch *batch, struct layout *layout)
{
    int64_t first = 0;
    layout->visual = tape_memory(tape, batch->image_count + 1, sizeof *layout->visual);
    for (int i = 0; layout->visual && i < batch->image_count; i++) {
        struct visual *v = &layout->visual[i];
        *v = (struct visual){first, net->visual_tokens, 0, 0};
        if (net->front) {
            const struct rope_config *rope = &net->llama.config.rope;
            struct token_grid grid = {0};
            v->count = config_visual_tokens(net->front->config, &batch->pictures[i], &grid);
            bool has_grid = rope->sections[0] + rope->sections[1] + rope->sections[2] > 0;
            v->rows = has_grid ? grid.rows : 0;
            v->columns = has_grid ? grid.columns : 0;
        }
        first += v->count;
    }
    return layout->visual != NULL;
}

static bool make_room(const struct llava_net *net, struct tape *tape, const struct batch *batch, struct layout *layout)
{
    int64_t used = 0, tokens = 0, spans = 0;
    if (!list_visual(net, tape, batch, layout))
        return false;
    for (int i = 0; i < batch->sequence_count; i++) {
        const struct batch_sequence *s = &batch->sequences[i];
        tokens += s->count;
        used += s->count + (s->span_count ? layout->visual[s->image].count : 0);
        spans = s->span_count > spans ? s->span_count : spans;
    }
    layout->rows = batch_padded(used);
    layout->places = tape_memory(tape, layout->rows, sizeof *layout->places);
    layout->positions = tape_memory(tape, layout->rows, sizeof *layout->positions);
    layout->predicting = tape_memory(tape, tokens, sizeof *layout->predicting);
    layout->targets = tape_memory(tape, tokens, sizeof *layout->targets);
    layout->segments = tape_memory(tape, batch->sequence_count, sizeof *layout->segments);
    layout->pieces = tape_memory(tape, 2 * spans + 1, sizeof *layout->pieces);
    return layout->pieces != NULL;
}

/* Tokens from .. to - 1 of a sequence whose first row is `first`; returns the next row. */
static int64_t lay_out_text(const struct batch_sequence *s, int from, int to, int64_t first, int64_t row, struct layout *layout)
{
    for (int t = from; t < to; t++) {
        if (s->learned[t] && row > first) {
            layout->predicting[layout->learned] = (int32_t)(row - 1);
            layout->targets[layout->learned++] = s->tokens[t];
        }
        layout->places[row++] = (struct gradient_place){0, s->tokens[t]};
    }
    return row;
}

static int64_t lay_out_sequence(const struct batch_sequence *s, int64_t first, struct layout *layout)
{
    struct visual visual = s->span_count ? layout->visual[s->image] : (struct visual){0};
    int64_t each = s->span_count ? visual.count / s->span_count : 0, row = first, source = visual.first;
    int from = 0, pieces = 0;
    for (int i = 0; i <= s->span_count; i++) {
        int to = i < s->span_count ? s->spans[i] : s->count;
        row = lay_out_text(s, from, to, first, row, layout);
        layout->pieces[pieces++] = (struct input_piece){.tokens = s->tokens + from, .count = to - from};
        if (i == s->span_count)
            break;
        for (int64_t v = 0; v < each; v++)
            layout->places[row++] = (struct gradient_place){1, (int32_t)source++};
        layout->pieces[pieces++] = (struct input_piece){.count = each, .rows = visual.rows, .columns = visual.columns};
        from = to;
    }
    input_place(layout->pieces, pieces, layout->positions + first);
    return row;
}

static bool lay_out(const struct llava_net *net, struct tape *tape, const struct batch *batch, struct layout *layout)
{
    *layout = (struct layout){0};
    if (!make_room(net, tape, batch, layout))
        return false;
    int64_t row = 0;
    for (int i = 0; i < batch->sequence_count; i++) {
        int64_t first = row;
        row = lay_out_sequence(&batch->sequences[i], first, layout);
        layout->segments[i] = (struct gradient_segment){first, row - first, first, row - first, 0};
    }
    for (; row < layout->rows; row++) {
        layout->places[row] = (struct gradient_place){-1, 0};
        layout->positions[row] = position_in_text(0);
    }
    return true;
}

/* The visual tokens of the batch's images, (tokens, width of the embeddings). */
static struct value *visual_tokens(struct llava_net *net, struct tape *tape, const struct batch *batch)
{
    return net->front ? front_end_run(net->front, tape, batch) : project(net, tape, batch);
}

/* The last hidden states of all sequences, (layout->rows, width). */
static struct value *run(struct llava_net *net, struct tape *tape, const struct batch *batch, const struct layout *layout)
{
    struct value *sources[2] = {tape_parameter(tape, net->llama.embedding), NULL};
    int count = 1;
    if (batch->image_count)
        sources[count++] = visual_tokens(net, tape, batch);
    struct value *x = tape_assemble(tape, sources, count, layout->rows, layout->places);
    return llama_net_run(&net->llama, tape, x, layout->positions, layout->segments, batch->sequence_count);
}

struct value *llava_net_loss(struct llava_net *net, struct tape *tape, const struct batch *batch)
{
    struct layout layout;
    if (!lay_out(net, tape, batch, &layout))
        return NULL;
    struct value *x = run(net, tape, batch, &layout);
    x = tape_rows(tape, x, layout.learned, layout.predicting);
    return tape_cross_entropy(tape, tape_linear(tape, x, net->llama.head, NULL), layout.targets, 0);
}

static struct value *single_label_loss(struct tape *tape, struct value *logits, const struct batch *batch)
{
    int32_t *targets = tape_memory(tape, batch->sequence_count, sizeof *targets);
    if (!targets)
        return NULL;
    for (int i = 0; i < batch->sequence_count; i++) {
        const struct batch_sequence *s = &batch->sequences[i];
        targets[i] = 0;
        for (int c = 0; c < s->label_count; c++)
            if (s->labels[c] > 0.5f)
                targets[i] = c;
    }
    return tape_cross_entropy(tape, logits, targets, 0);
}

struct value *llava_net_label_loss(struct llava_net *net, struct tape *tape, const struct batch *batch)
{
    struct layout layout;
    int64_t count = batch->sequence_count;
    struct tape_span *spans = tape_memory(tape, count, sizeof *spans);
    if (!lay_out(net, tape, batch, &layout))
        return NULL;
    for (int64_t i = 0; i < count; i++)
        spans[i] = (struct tape_span){layout.segments[i].q_first, layout.segments[i].q_count};
    struct value *x = tape_mean_rows(tape, run(net, tape, batch, &layout), count, spans);
    struct value *logits = tape_linear(tape, x, net->head.weight, net->head.bias);
    if (net->single_label)
        return single_label_loss(tape, logits, batch);
    int64_t labels = net->head.weight->rows;
    float *targets = tape_memory(tape, count * labels, sizeof *targets);
    if (!targets)
        return NULL;
    for (int64_t i = 0; i < count; i++)
        memcpy(targets + i * labels, batch->sequences[i].labels, (size_t)labels * sizeof *targets);
    return tape_binary_cross_entropy(tape, logits, targets);
}
