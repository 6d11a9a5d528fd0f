/* The weights of a Hugging Face folder, one file or many, found by one canonical name whatever transformers called them. */
#ifndef LMVR_SRC_MODEL_CHECKPOINT_H
#define LMVR_SRC_MODEL_CHECKPOINT_H

#include "format/safetensors.h"

struct checkpoint;

/* Opens model.safetensors, or the shards that model.safetensors.index.json names. */
lmvr_status checkpoint_open(const char *folder, struct checkpoint **checkpoint, lmvr_error *error);
void checkpoint_close(struct checkpoint *checkpoint); /* NULL is allowed */

/*
 * Canonical names are the oldest ones without any leading "model.":
 *   vision_tower.vision_model.encoder.layers.0.self_attn.q_proj.weight     multi_modal_projector.linear_1.weight
 *   language_model.model.layers.0.mlp.up_proj.weight                       language_model.lm_head.weight
 * A CLIP folder alone has vision_model.… (CLIPModel, CLIPVisionModel) or bare names, canonically the vision_tower's.
 * Each prefix varies on its own (docs/formats.md, Weights).
 */
bool checkpoint_has(const struct checkpoint *checkpoint, const char *canonical);

/* Where a tensor lies. Valid while the checkpoint is open. */
struct checkpoint_tensor {
    const struct safetensors *file;
    const struct safetensors_entry *entry;
};

/* Finds a tensor and checks that its shape is exactly shape[0..dims-1] and its type F32, F16 or BF16; marks it used.
 * A missing, misshapen or wrongly typed tensor is LMVR_ERROR_INVALID and names the tensor, both shapes and the file.
 * Parts of it are then read with checkpoint_read_part(), so that a large one needs no copy. */
lmvr_status checkpoint_find(struct checkpoint *checkpoint, const char *canonical, int dims, const int64_t *shape,
                            struct checkpoint_tensor *tensor, lmvr_error *error);

/* Reads `count` elements from element `first` on as f32. A value that is not finite is LMVR_ERROR_INVALID. Thread-safe. */
lmvr_status checkpoint_read_part(const struct checkpoint_tensor *tensor, uint64_t first, uint64_t count, float *out,
                                 lmvr_error *error);

/* checkpoint_find, then the whole tensor as f32 into `out`, finite values only. */
lmvr_status checkpoint_read(struct checkpoint *checkpoint, const char *canonical, int dims, const int64_t *shape, float *out,
                            lmvr_error *error);

/* Every tensor, by canonical name: for copying. The name is the checkpoint's. */
size_t checkpoint_count(const struct checkpoint *checkpoint);
const char *checkpoint_at(const struct checkpoint *checkpoint, size_t index, struct checkpoint_tensor *tensor);

/* Tensors that nothing has read nor was told to expect: LMVR_ERROR_INVALID naming the first and their count, unless each is
 * known to be harmless (position_ids, rotary inv_freq, the ViT's post-layernorm, CLIP's text tower). Call after loading. */
lmvr_status checkpoint_check_unused(const struct checkpoint *checkpoint, lmvr_error *error);
void checkpoint_mark_used(struct checkpoint *checkpoint, const char *canonical_prefix);

/* The types of all tensors, most bytes first, such as "BF16, F32"; cut to `size`. */
void checkpoint_list_dtypes(const struct checkpoint *checkpoint, char *text, size_t size);

/* Hashes every tensor's name, shape and type, and some of its bytes: what a fine-tune of the same shape changes. */
lmvr_status checkpoint_hash(const struct checkpoint *checkpoint, uint64_t *hash, lmvr_error *error);

#endif
