/*
 * A picture's vector in the space that a dual encoder's pictures share with its texts, from the last state of the vision
 * encoder: CLIP projects the class token (Radford et al. 2021; transformers' CLIPModel), SigLIP pools all positions by
 * attention, with a learned query (Zhai et al. 2022; SiglipMultiheadAttentionPoolingHead).
 */
#ifndef LMVR_SRC_VISION_JOINT_H
#define LMVR_SRC_VISION_JOINT_H

#include "nn/elementwise.h"
#include "nn/linear.h"

struct joint {
    const struct device *device;
    int width;        /* of the encoder */
    struct norm norm; /* of the encoder's state; its weight is NULL where the encoder has applied it */

    struct linear projection; /* CLIP's; else the weight is NULL, and these are SigLIP's: */
    int heads, mlp_width;
    enum activation activation;
    float *query; /* (width), projected, on the device */
    struct linear kv, attention_out;
    struct norm mlp_norm;
    struct linear fc1, fc2;
};

/* The width of the space. */
int64_t joint_width(const struct joint *joint);

/* vectors (count, joint_width), not normalized, from x (count, positions, width), class token first if there is one. */
lmvr_status joint_forward(const struct joint *joint, struct arena *arena, int64_t count, int64_t positions, const float *x,
                          float *vectors, lmvr_error *error);

void joint_finish(struct joint *joint);

#endif
