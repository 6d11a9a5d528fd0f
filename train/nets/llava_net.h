/* LLaVA for training (Liu et al. 2023): the encoder frozen, or trained too; the projector and the language model on the tape.
 * Or a model whose encoder and connector are both frozen: the language model on the tape behind its front end. Or the language
 * model alone, without images. */
#ifndef LMVR_TRAIN_NETS_LLAVA_NET_H
#define LMVR_TRAIN_NETS_LLAVA_NET_H

#include "train/corpora/batch.h"
#include "train/nets/clip_net.h"
#include "train/nets/front_end.h"
#include "train/nets/llama_net.h"
#include "vision/encoder.h"

struct llava_net {
    struct front_end *front;      /* if it is frozen as a whole, else NULL; borrowed. The next fields are then unused */
    int visual_tokens;            /* per image; 0: the language model alone */
    int feature_state;            /* which hidden state of the encoder, 0..N */
    int skipped;                  /* positions left out: 1, the class token, or 0 */
    const struct encoder *vision; /* if it is frozen; borrowed */
    struct arena arena;           /* the frozen encoder's */
    struct clip_net clip;         /* if it is trained */
    bool trains_vision;
    enum activation activation;
    struct net_linear linear1, linear2; /* the projector */
    struct llama_net llama;
    struct net_linear head; /* for fine-tuning, (labels, width); NULL: none */
    bool single_label;
};

/* Declares the parameters of the projector for encoder states of this width. */
void llava_net_init_projector(struct llava_net *llava, const struct projector_config *config, int64_t width, struct net *net);

/* The mean over all target tokens of the batch of -log p(token | the tokens before it). */
struct value *llava_net_loss(struct llava_net *net, struct tape *tape, const struct batch *batch);

/* The loss of the labels, predicted from the mean of each sequence's last hidden states. */
struct value *llava_net_label_loss(struct llava_net *net, struct tape *tape, const struct batch *batch);

void llava_net_finish(struct llava_net *net);

#endif
