/* Loads the parts of a model from the tensors of a checkpoint, and counts their parameters. */
#ifndef LMVR_SRC_MODEL_LOAD_H
#define LMVR_SRC_MODEL_LOAD_H

#include "connector/merger.h"
#include "connector/projector.h"
#include "connector/qformer.h"
#include "language/llama.h"
#include "language/t5.h"
#include "language/text_tower.h"
#include "model/checkpoint.h"
#include "model/config.h"
#include "model/plan.h"
#include "vision/joint.h"
#include "vision/vit.h"

/* The source of the weights. */
struct loader {
    const struct device *device;
    struct checkpoint *checkpoint; /* NULL: random weights */
    struct plan *plan;             /* not NULL: nothing is read, what would be is planned, and there are no matrices */
    uint64_t random;
    struct dtypes dtypes;
    lmvr_error *notice; /* a sentence on what works, but not as well as it should */
    lmvr_error *error;
};

/* The type of matrices outside a language model's blocks, where those are in `weights`: 4 bits are too few for them. */
enum dtype model_outer_dtype(enum dtype weights);
/* And of the head, whose errors are the logits' own, and of a T5's last products: wider than the blocks' where those are
 * integers. */
enum dtype model_wide_dtype(const struct dtypes *dtypes);
/* And of a decoder's word embedding. */
enum dtype model_word_dtype(const struct dtypes *dtypes);
/* Whether a matrix is stored in 5 to 8 bits. Beside others in 4, which whoever wrote the file took for too few here, it stays
 * in 8 where blocks are in 4. */
bool model_is_finer(const struct weight_entry *entry);

/* What blocks of a stack have in common. */
struct block_plan {
    const struct block_names *names;
    int width, mlp_width;
    float norm_eps;
    bool rms, qkv_bias;
};

/* The part must be freed by its finish function, even after a failure. */
lmvr_status load_block(struct loader *loader, const struct block_plan *plan, int index, struct block *block);
lmvr_status load_vit(struct loader *loader, const struct vision_config *config, struct vit *vit);
lmvr_status load_encoder(struct loader *loader, const struct vision_config *config, struct encoder *encoder);
/* Whichever the model has. */
lmvr_status load_connector(struct loader *loader, const struct model_config *config, struct connector *connector);
lmvr_status load_projector(struct loader *loader, const struct model_config *config, struct projector *projector);
lmvr_status load_qformer(struct loader *loader, const struct model_config *config, struct qformer *qformer);

/* How a merger's weights are called: prefix, with %d for its number, and the layers behind it. */
struct merger_names {
    const char *prefix, *norm, *fc1, *fc2; /* norm and fc2: NULL if there are none */
    bool norm_merged;
};

lmvr_status load_merger(struct loader *loader, const struct model_config *config, const struct merger_names *names, int index,
                        struct merger *merger);
lmvr_status load_t5(struct loader *loader, const struct language_config *config, struct t5 *t5);
lmvr_status load_llama(struct loader *loader, const struct language_config *config, struct llama *llama);
/* Whichever of the two it is. */
lmvr_status load_language(struct loader *loader, const struct language_config *config, struct language *language);

/* A dual encoder's two sides of the joint space, and whether a checkpoint has them at all. */
lmvr_status load_joint(struct loader *loader, const struct model_config *config, struct joint *joint);
lmvr_status load_text_tower(struct loader *loader, const struct text_config *config, struct text_tower *tower);
bool joint_is_in(const struct joint_config *config, const struct checkpoint *checkpoint);
bool text_tower_is_in(const struct checkpoint *checkpoint);

/* All parts of a model, whose configuration fits the checkpoint. */
struct lmvr_model;
lmvr_status model_load_parts(struct loader *loader, struct lmvr_model *model);

/* Numbers of parameters: in matrices, which are held in the model's dtype, and in vectors, which are held in f32. */
struct counts {
    int64_t matrices, vectors;
};

struct counts count_block(const struct block_plan *plan);
struct counts count_vit(const struct vision_config *config);
struct counts count_projector(const struct model_config *config);
struct counts count_merger(const struct model_config *config, const struct merger_names *names);
struct counts count_qformer(const struct model_config *config);
struct counts count_joint(const struct model_config *config);
struct counts count_text_tower(const struct text_config *config);
/* Without embedding and head; those of a T5's matrices that are held in 4 bits where weights are; and its blocks' last ones. */
struct counts count_t5(const struct language_config *config);
int64_t count_t5_narrow(const struct language_config *config);
int64_t count_t5_last(const struct language_config *config);
struct counts count_decoder(const struct language_config *config);

#endif
