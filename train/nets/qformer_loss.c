/* The three losses of stage 1 (Li et al. 2023, section 3.1, figure 2; LAVIS's Blip2Qformer.forward). */
#include "train/nets/qformer_net.h"

#include "format/hash.h"

#include <math.h>
#include <string.h>

#define SMOOTHING 0.1f /* of the contrastive and generation losses' labels */
#define LEAST     1e-4 /* of a negative's weight */

/* ---- contrastive embeddings ------------------------------------------------------------------------------------------- */

struct contrasted {
    struct value *images, *texts; /* (n * queries, projection), (n, projection), rows of length 1 */
};

/* Embeds the texts on their own, bidirectionally; a text's vector is its first token's. */
static struct value *project_texts(const struct qformer_net *q, struct tape *tape, const struct batch *batch)
{
    int n = batch->sequence_count;
    struct qformer_pair *pairs = tape_memory(tape, n, sizeof *pairs);
    if (!pairs)
        return NULL;
    for (int i = 0; i < n; i++)
        pairs[i] = (struct qformer_pair){-1, i};
    struct qformer_states states =
        qformer_net_run(q, tape, &(struct qformer_pass){.batch = batch, .pairs = pairs, .pair_count = n});
    struct value *x = tape_rows(tape, states.text, n, states.text_first);
    return tape_normalize(tape, tape_linear(tape, x, q->text.text_projection.weight, q->text.text_projection.bias));
}

static struct value *contrastive_loss(const struct qformer_net *q, struct tape *tape, const struct contrasted *c)
{
    struct tape_contrast contrast = {
        .scale = q->text.temperature, .temperature = true, .queries = q->config.queries, .smoothing = SMOOTHING};
    return tape_contrastive(tape, c->images, c->texts, &contrast);
}

/* ---- hard negatives ----------------------------------------------------------------------------------------------------- */

static float dot(const float *a, const float *b, int64_t n)
{
    float sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

/* scores (n, n) of image i and text t: the best query's product divided by the temperature. */
static void score_pairs(const struct qformer_net *q, const struct contrasted *c, double *scores)
{
    int64_t n = c->texts->rows, width = c->texts->columns, queries = q->config.queries;
    double temperature = (double)*q->text.temperature->value;
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < n; i++)
        for (int64_t t = 0; t < n; t++) {
            float best = -INFINITY;
            for (int64_t k = i * queries; k < (i + 1) * queries; k++)
                best = fmaxf(best, dot(c->images->data + k * width, c->texts->data + t * width, width));
            scores[i * n + t] = (double)best / temperature;
        }
}

/* Draws an index below n other than `own` by the softmax of scores[0], scores[stride], ... */
static int32_t draw(struct random *random, const double *scores, int n, int stride, int own)
{
    double most = -INFINITY, sum = 0, total = 0;
    for (int i = 0; i < n; i++)
        most = fmax(most, scores[i * stride]);
    for (int i = 0; i < n; i++)
        sum += exp(scores[i * stride] - most);
    for (int i = 0; i < n; i++)
        total += i == own ? 0 : exp(scores[i * stride] - most) / sum + LEAST;
    double at = random_uniform(random, 0, total);
    int drawn = own == 0 ? 1 : 0;
    for (int i = 0; i < n && at >= 0; i++) {
        if (i == own)
            continue;
        at -= exp(scores[i * stride] - most) / sum + LEAST;
        drawn = i;
    }
    return drawn;
}

/* The same seed and the same batch give the same draws. */
static uint64_t seed_of(const struct qformer_net *q, const struct batch *batch)
{
    uint64_t hash = hash_bytes(HASH_START, &q->seed, sizeof q->seed);
    for (int i = 0; i < batch->sequence_count; i++) {
        const struct batch_sequence *s = &batch->sequences[i];
        hash = hash_bytes(hash, s->tokens, (size_t)s->count * sizeof *s->tokens);
    }
    return hash;
}

/* False: the tape has failed. */
static bool draw_negatives(const struct qformer_net *q, struct tape *tape, const struct batch *batch,
                           const struct contrasted *c, struct qformer_negatives *negatives)
{
    int n = batch->sequence_count;
    double *scores = tape_memory(tape, (int64_t)n * n, sizeof *scores);
    int32_t *images = tape_memory(tape, n, sizeof *images), *texts = tape_memory(tape, n, sizeof *texts);
    if (!texts || !c->images || !c->texts)
        return false;
    struct random random;
    random_init(&random, seed_of(q, batch));
    score_pairs(q, c, scores);
    for (int t = 0; t < n; t++)
        images[t] = draw(&random, scores + t, n, n, t);
    for (int i = 0; i < n; i++)
        texts[i] = draw(&random, scores + (int64_t)i * n, n, 1, i);
    *negatives = (struct qformer_negatives){images, texts};
    return true;
}

/* ---- matching ----------------------------------------------------------------------------------------------------------- */

/* Each text with its image (1) and another (0), each image with another text (0): 3n pairs, ordered by image. */
static void list_pairs(int n, const struct qformer_negatives *negatives, struct qformer_pair *pairs, int32_t *labels)
{
    int count = 0;
    for (int image = 0; image < n; image++) {
        labels[count] = 1;
        pairs[count++] = (struct qformer_pair){image, image};
        labels[count] = 0;
        pairs[count++] = (struct qformer_pair){image, negatives->texts[image]};
        for (int text = 0; text < n; text++)
            if (negatives->images[text] == image) {
                labels[count] = 0;
                pairs[count++] = (struct qformer_pair){image, text};
            }
    }
}

static struct value *matching_loss(const struct qformer_net *q, struct tape *tape, const struct batch *batch,
                                   struct value **seen, const struct qformer_negatives *negatives)
{
    int n = batch->sequence_count, count = 3 * n;
    struct qformer_pair *pairs = tape_memory(tape, count, sizeof *pairs);
    int32_t *labels = tape_memory(tape, count, sizeof *labels);
    struct tape_span *spans = tape_memory(tape, count, sizeof *spans);
    if (!spans)
        return NULL;
    list_pairs(n, negatives, pairs, labels);
    for (int64_t p = 0; p < count; p++)
        spans[p] = (struct tape_span){p * q->config.queries, q->config.queries};
    struct qformer_pass pass = {.batch = batch, .seen = seen, .pairs = pairs, .pair_count = count};
    struct value *x = qformer_net_run(q, tape, &pass).queries;
    x = tape_linear(tape, x, q->text.itm_head.weight, q->text.itm_head.bias);
    return tape_cross_entropy(tape, tape_mean_rows(tape, x, count, spans), labels, 0);
}

/* ---- generation --------------------------------------------------------------------------------------------------------- */

/* The loss of predicting each text's next tokens, the first being given. `states` are from a pass with `generates`. */
static struct value *generation_loss(const struct qformer_net *q, struct tape *tape, const struct batch *batch,
                                     const struct qformer_states *states)
{
    int64_t count = 0;
    int32_t *predicting = tape_memory(tape, batch->tokens, sizeof *predicting);
    int32_t *targets = tape_memory(tape, batch->tokens, sizeof *targets);
    if (!targets || !states->text)
        return NULL;
    for (int i = 0; i < batch->sequence_count; i++)
        for (int t = 1; t < batch->sequences[i].count; t++) {
            predicting[count] = states->text_first[i] + t - 1;
            targets[count++] = batch->sequences[i].tokens[t];
        }
    const struct qformer_net_text *text = &q->text;
    struct value *x = tape_rows(tape, states->text, count, predicting);
    x = tape_linear(tape, x, text->transform.weight, text->transform.bias);
    x = tape_activation(tape, q->config.activation, x);
    x = tape_layer_norm(tape, x, text->transform_norm.weight, text->transform_norm.bias, q->config.layer_norm_eps);
    return tape_cross_entropy(tape, tape_linear(tape, x, text->words, text->word_bias), targets, SMOOTHING);
}

/* ---- all three ---------------------------------------------------------------------------------------------------------- */

static bool check(struct tape *tape, const struct batch *batch)
{
    if (batch->sequence_count < 2)
        tape_fail(tape, LMVR_ERROR_INVALID, "contrastive training needs a batch of at least two images");
    for (int i = 0; i < batch->sequence_count; i++)
        if (batch->sequences[i].image != i)
            tape_fail(tape, LMVR_ERROR_INVALID, "a text in the batch has no image of its own");
    return tape_status(tape, NULL) == LMVR_OK;
}

struct value *qformer_net_loss(struct qformer_net *q, struct tape *tape, const struct batch *batch)
{
    int n = batch->sequence_count;
    struct qformer_negatives negatives = {0};
    struct qformer_pair *pairs = tape_memory(tape, n, sizeof *pairs);
    struct value **seen = check(tape, batch) ? qformer_net_see(q, tape, batch) : NULL;
    if (!seen)
        return NULL;
    for (int i = 0; i < n; i++)
        pairs[i] = (struct qformer_pair){i, i};
    /* when generating text, queries attend only to queries, so the same states serve the contrastive loss */
    struct qformer_pass pass = {.batch = batch, .seen = seen, .pairs = pairs, .pair_count = n, .generates = true};
    struct qformer_states states = qformer_net_run(q, tape, &pass);
    struct value *images = tape_linear(tape, states.queries, q->text.vision_projection.weight, q->text.vision_projection.bias);
    struct contrasted contrasted = {tape_normalize(tape, images), project_texts(q, tape, batch)};
    if (q->negatives)
        negatives = *q->negatives;
    else if (!draw_negatives(q, tape, batch, &contrasted, &negatives))
        return NULL;
    struct value *loss = contrastive_loss(q, tape, &contrasted);
    loss = tape_add(tape, loss, matching_loss(q, tape, batch, seen, &negatives));
    return tape_add(tape, loss, generation_loss(q, tape, batch, &states));
}
