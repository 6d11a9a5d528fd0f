#include "train/nets/llava_net.h"

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

/* Where each part of a batch is among the rows of a pass. */
struct layout {
    int64_t rows, learned; /* rows of the pass; predictions in the loss */
    struct tape_place *places;
    int32_t *positions, *predicting, *targets; /* predicting (learned): rows whose next token is a target */
    struct tape_segment *segments;
};

static int64_t visual_count(const struct llava_net *net, const struct batch_sequence *s)
{
    return s->image >= 0 ? net->visual_tokens : 0;
}

static bool make_room(const struct llava_net *net, struct tape *tape, const struct batch *batch, struct layout *layout)
{
    int64_t used = 0, tokens = 0;
    for (int i = 0; i < batch->sequence_count; i++) {
        tokens += batch->sequences[i].count;
        used += batch->sequences[i].count + visual_count(net, &batch->sequences[i]);
    }
    layout->rows = batch_padded(used);
    layout->places = tape_memory(tape, layout->rows, sizeof *layout->places);
    layout->positions = tape_memory(tape, layout->rows, sizeof *layout->positions);
    layout->predicting = tape_memory(tape, tokens, sizeof *layout->predicting);
    layout->targets = tape_memory(tape, tokens, sizeof *layout->targets);
    layout->segments = tape_memory(tape, batch->sequence_count, sizeof *layout->segments);
    return layout->segments != NULL;
}

static int64_t lay_out_sequence(const struct llava_net *net, const struct batch_sequence *s, int64_t first,
                                struct layout *layout)
{
    int64_t visual = visual_count(net, s), row = first;
    for (int t = 0; t <= s->count; t++) {
        for (int64_t v = 0; t == s->visual_at && v < visual; v++)
            layout->places[row++] = (struct tape_place){1, (int32_t)(s->image * visual + v)};
        if (t == s->count)
            break;
        if (s->learned[t] && row > first) {
            layout->predicting[layout->learned] = (int32_t)(row - 1);
            layout->targets[layout->learned++] = s->tokens[t];
        }
        layout->places[row++] = (struct tape_place){0, s->tokens[t]};
    }
    for (int64_t r = first; r < row; r++)
        layout->positions[r] = (int32_t)(r - first);
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
        row = lay_out_sequence(net, &batch->sequences[i], first, layout);
        layout->segments[i] = (struct tape_segment){first, row - first, first, row - first, 0};
    }
    for (; row < layout->rows; row++) {
        layout->places[row] = (struct tape_place){-1, 0};
        layout->positions[row] = 0;
    }
    return true;
}

/* The last hidden states of all sequences, (layout->rows, width). */
static struct value *run(struct llava_net *net, struct tape *tape, const struct batch *batch, const struct layout *layout)
{
    struct value *sources[2] = {tape_parameter(tape, net->llama.embedding), NULL};
    int count = 1;
    if (net->visual_tokens && batch->image_count)
        sources[count++] = project(net, tape, batch);
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
