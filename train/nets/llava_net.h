/* LLaVA as it is trained (Liu et al. 2023): a frozen encoder as it runs, the projector and the language model on the tape; or
 * the encoder on the tape as well. The language model alone, too: then there are no images. */
#ifndef LMVR_TRAIN_NETS_LLAVA_NET_H
#define LMVR_TRAIN_NETS_LLAVA_NET_H

#include "train/corpora/batch.h"
#include "train/nets/clip_net.h"
#include "train/nets/llama_net.h"
#include "vision/encoder.h"

struct llava_net {
    int visual_tokens;            /* of an image; 0: the language model alone */
    int feature_state;            /* of the encoder's, 0..N */
    int skipped;                  /* positions that are left out: 1, the class, or 0 */
    const struct encoder *vision; /* where it is frozen; borrowed */
    struct arena arena;           /* that one's */
    struct clip_net clip;         /* where it is trained */
    bool trains_vision;
    enum activation activation;
    struct net_linear linear1, linear2; /* the projector */
    struct llama_net llama;
    struct net_linear head; /* of fine-tuning, (labels, width); NULL where there is none */
    bool single_label;
};

/* Declares the parameters of the projector of an encoder's states `width` wide. */
void llava_net_init_projector(struct llava_net *llava, const struct projector_config *config, int64_t width, struct net *net);

/* The mean over all learned tokens of the batch of -log p(token | what stands before it). */
struct value *llava_net_loss(struct llava_net *net, struct tape *tape, const struct batch *batch);

/* The loss of the labels given the mean of each sequence's last states. */
struct value *llava_net_label_loss(struct llava_net *net, struct tape *tape, const struct batch *batch);

void llava_net_finish(struct llava_net *net);

#endif
