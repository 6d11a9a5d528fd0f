/* A dual encoder's joint space, the pictures' side: its weights' names, its parameters. */
#include "model/load_tensor.h"

#include <stdlib.h>
#include <string.h>

#define VISION     "vision_tower.vision_model."
#define HEAD       VISION "head."
#define PROJECTION "visual_projection"

bool joint_is_in(const struct joint_config *config, const struct checkpoint *checkpoint)
{
    return checkpoint_has(checkpoint, config->pools ? HEAD "probe" : PROJECTION ".weight");
}

/* query = in_proj's first rows times the probe, kv = the others: (3 width, width), the three projections stacked. */
static lmvr_status divide_projection(struct loader *l, int64_t width, const float *probe, const float *stacked,
                                     const float *bias, struct joint *joint)
{
    float *query = aligned_zeroed(width, sizeof *query), *kv_bias = aligned_zeroed(2 * width, sizeof *kv_bias);
    if (!query || !kv_bias) {
        free(query);
        free(kv_bias);
        return error_no_memory(l->error, "the pooling head");
    }
    for (int64_t row = 0; row < width; row++) {
        double sum = bias[row];
        for (int64_t i = 0; i < width; i++)
            sum += (double)stacked[row * width + i] * (double)probe[i];
        query[row] = (float)sum;
    }
    memcpy(kv_bias, bias + width, (size_t)(2 * width) * sizeof *bias);
    void *taken_query = NULL, *taken_bias = NULL;
    lmvr_status status = load_linear_from(l, 2 * width, width, l->dtypes.weights, stacked + width * width, &joint->kv);
    lmvr_status query_status = device_take(l->device, query, (size_t)width * sizeof *query, &taken_query, l->error);
    lmvr_status bias_status = device_take(l->device, kv_bias, (size_t)(2 * width) * sizeof *kv_bias, &taken_bias, l->error);
    joint->query = taken_query;
    joint->kv.bias = taken_bias;
    return status != LMVR_OK ? status : query_status != LMVR_OK ? query_status : bias_status;
}

static lmvr_status load_query(struct loader *l, int64_t width, struct joint *joint)
{
    float *probe = NULL, *stacked = NULL, *bias = NULL;
    lmvr_status status = load_floats(l, HEAD "probe", 3, (int64_t[]){1, 1, width}, &probe);
    if (status == LMVR_OK)
        status = load_floats(l, HEAD "attention.in_proj_weight", 2, (int64_t[]){3 * width, width}, &stacked);
    if (status == LMVR_OK)
        status = load_floats(l, HEAD "attention.in_proj_bias", 1, (int64_t[]){3 * width}, &bias);
    if (status == LMVR_OK)
        status = divide_projection(l, width, probe, stacked, bias, joint);
    free(probe);
    free(stacked);
    free(bias);
    return status;
}

static lmvr_status load_pool(struct loader *l, const struct vision_config *v, struct joint *joint)
{
    int64_t width = v->width;
    joint->heads = v->heads;
    joint->mlp_width = v->mlp_width;
    joint->activation = v->activation;
    TRY(load_query(l, width, joint));
    TRY(load_linear(l, HEAD "attention.out_proj", width, width, true, &joint->attention_out));
    TRY(load_norm(l, HEAD "layernorm", width, v->layer_norm_eps, false, &joint->mlp_norm));
    TRY(load_linear(l, HEAD "mlp.fc1", v->mlp_width, width, true, &joint->fc1));
    return load_linear(l, HEAD "mlp.fc2", width, v->mlp_width, true, &joint->fc2);
}

lmvr_status load_joint(struct loader *loader, const struct model_config *config, struct joint *joint)
{
    const struct vision_config *v = &config->vision;
    joint->device = loader->device;
    joint->width = v->width;
    if (!v->family->post_norm)
        TRY(load_norm(loader, VISION "post_layernorm", v->width, v->layer_norm_eps, false, &joint->norm));
    if (config->joint.pools)
        return load_pool(loader, v, joint);
    return load_linear(loader, PROJECTION, config->joint.width, v->width, false, &joint->projection);
}

struct counts count_joint(const struct model_config *config)
{
    const struct vision_config *v = &config->vision;
    int64_t width = v->width, norm = v->family->post_norm ? 0 : 2 * width;
    if (!config->joint.pools)
        return (struct counts){.matrices = width * config->joint.width, .vectors = norm};
    /* of the probe and its projection only their product is held */
    return (struct counts){.matrices = 4 * width * width + 2 * width * v->mlp_width,
                           .vectors = norm + width + 3 * width + width + 2 * width + v->mlp_width + width};
}
