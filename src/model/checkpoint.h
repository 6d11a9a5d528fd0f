/* The weights of a model, in one file or many. Each has one canonical name, whatever transformers' versions have
 * called it. */
#ifndef LMVR_SRC_MODEL_CHECKPOINT_H
#define LMVR_SRC_MODEL_CHECKPOINT_H

#include "format/weight_file.h"
#include "model/config.h"

struct checkpoint;

/* Opens model.safetensors, or the shards that model.safetensors.index.json names; else pytorch_model.bin, or its shards. */
lmvr_status checkpoint_open(const char *folder, struct checkpoint **checkpoint, lmvr_error *error);
/* Opens both files of a model in GGUF. */
lmvr_status checkpoint_open_gguf(const struct gguf_pair *pair, struct checkpoint **checkpoint, lmvr_error *error);
void checkpoint_close(struct checkpoint *checkpoint); /* NULL is allowed */

/* Whether a matrix is stored in rows of so many bits (format/quantized_rows.h). */
bool checkpoint_holds_rows(const struct checkpoint *checkpoint, int bits);

/* Adds those weights of another folder whose canonical names are under `prefix`, unless the checkpoint has weights there. */
lmvr_status checkpoint_add(struct checkpoint *checkpoint, const char *folder, const char *prefix, lmvr_error *error);

/*
 * Canonical names are the oldest ones, without a leading "model.":
 *   vision_tower.vision_model.encoder.layers.0.self_attn.q_proj.weight     multi_modal_projector.linear_1.weight
 *   language_model.model.layers.0.mlp.up_proj.weight                       language_model.lm_head.weight
 * A CLIP model's own folder has vision_model.… (CLIPModel, CLIPVisionModel) or bare names; canonically they are vision_tower's.
 * The prefixes vary independently (docs/formats.md, Weights).
 */
bool checkpoint_has(const struct checkpoint *checkpoint, const char *canonical);

/* A tensor in its file. Valid while the checkpoint is open. */
struct checkpoint_tensor {
    const struct weight_file *file;
    const struct weight_entry *entry;
};

/* Finds a tensor, checks that its shape is exactly shape[0..dims-1] and its elements floats, and marks it as used.
 * LMVR_ERROR_INVALID, naming file and tensor: it is missing or has another shape or dtype. It can then be read in parts with
 * checkpoint_read_part(), so that a large one needs no copy. */
lmvr_status checkpoint_find(struct checkpoint *checkpoint, const char *canonical, int dims, const int64_t *shape,
                            struct checkpoint_tensor *tensor, lmvr_error *error);

/* Reads `count` elements, starting at element `first`, as f32. LMVR_ERROR_INVALID: a value is not finite. Thread-safe. */
lmvr_status checkpoint_read_part(const struct checkpoint_tensor *tensor, uint64_t first, uint64_t count, float *out,
                                 lmvr_error *error);

/* checkpoint_find(), then checkpoint_read_part() of the whole tensor into `out`. */
lmvr_status checkpoint_read(struct checkpoint *checkpoint, const char *canonical, int dims, const int64_t *shape, float *out,
                            lmvr_error *error);

/* The tensor's name in its file; NULL: there is no such tensor. The checkpoint owns it. */
const char *checkpoint_file_name(const struct checkpoint *checkpoint, const char *canonical);

/* All tensors, sorted by canonical name, for copying. The checkpoint owns the name. */
size_t checkpoint_count(const struct checkpoint *checkpoint);
const char *checkpoint_at(const struct checkpoint *checkpoint, size_t index, struct checkpoint_tensor *tensor);

/* Call after loading. LMVR_ERROR_INVALID, naming the first and their number: tensors are left that were not used, except those
 * known to be harmless (position_ids, rotary inv_freq) and parts of which none was used: the ViT's post-layernorm, CLIP's text
 * tower and the like. */
lmvr_status checkpoint_check_unused(const struct checkpoint *checkpoint, lmvr_error *error);
void checkpoint_mark_used(struct checkpoint *checkpoint, const char *canonical_prefix);

/* The dtypes of all tensors, the one with the most bytes first, such as "BF16, F32"; truncated to `size`. */
void checkpoint_list_dtypes(const struct checkpoint *checkpoint, char *text, size_t size);

/* Hashes every tensor's name, shape and dtype, and some of its bytes, which a fine-tuned model of the same shape changes. */
lmvr_status checkpoint_hash(const struct checkpoint *checkpoint, uint64_t *hash, lmvr_error *error);

#endif
