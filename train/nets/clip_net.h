/* CLIP's two encoders for training (Radford et al. 2021; transformers' CLIPModel); vision/clip.h has the encoder for inference.
 * The vision encoder may be an EVA instead of CLIP's (vision/eva.h), for BLIP-2. */
#ifndef LMVR_TRAIN_NETS_CLIP_NET_H
#define LMVR_TRAIN_NETS_CLIP_NET_H

#include "model/config.h"
#include "train/corpora/batch.h"
#include "train/nets/net.h"
#include "train/tape/tape.h"

struct clip_net_block {
    struct net_norm norm1, norm2;
    struct net_linear qkv, attention_out, fc1, fc2;
};

struct clip_net_tower {
    int width, heads, mlp_width, block_count;
    enum activation activation;
    float eps;
    bool causal;
    bool fused, qkv_bias;          /* fused: queries, keys and values are one tensor, as in EVA */
    struct clip_net_block *blocks; /* owned */
};

struct clip_net {
    struct vision_config vision;
    struct text_config text;
    int projection;
    bool recompute;                    /* recompute blocks in the backward pass instead of keeping activations */
    struct net_linear patch_embedding; /* only EVA has a bias */
    struct parameter *class_embedding, *vision_positions, *token_embedding, *text_positions;
    struct net_norm pre_norm, post_norm, final_norm; /* pre_norm: not in EVA */
    struct clip_net_tower vision_tower, text_tower;
    struct net_linear visual_projection, text_projection;
    struct parameter *logit_scale;
};

/* Declares the parameters. Call clip_net_finish() even after a failure. */
lmvr_status clip_net_init(struct clip_net *clip, const struct clip_config *config, struct net *net);
/* The vision encoder alone, whose hidden states after `state` blocks (0..N) are used: later blocks are declared too, but not
 * trained. The checkpoint's position embeddings are for images of stored_image_size, and are resized to config->image_size. */
lmvr_status clip_net_init_encoder(struct clip_net *clip, const struct vision_config *config, int stored_image_size, int state,
                                  struct net *net);
void clip_net_finish(struct clip_net *clip);

/* Embeddings (image_count, projection) and (sequence_count, projection), rows of length 1. A text is pooled at its last
 * token. */
struct value *clip_net_images(const struct clip_net *clip, struct tape *tape, const struct batch *batch);
struct value *clip_net_texts(const struct clip_net *clip, struct tape *tape, const struct batch *batch);

/* (image_count * (positions - skipped), width): the hidden states after `state` blocks, without the first `skipped` positions
 * of every image. */
struct value *clip_net_states(const struct clip_net *clip, struct tape *tape, const struct batch *batch, int state,
                              int skipped);

#endif
