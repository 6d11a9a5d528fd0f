/* LoRA's adapters as Hugging Face's PEFT keeps them: what was trained, without the model that it was trained beside. */
#ifndef LMVR_TRAIN_ADAPTER_H
#define LMVR_TRAIN_ADAPTER_H

#include "train/tape/parameter.h"

struct adapter {
    const char *base; /* the folder of the model that they are adapters of */
    int rank;
    double alpha;
    const struct parameters *parameters; /* those with ".lora_" in their names, and the projector's, are written, as f32 */
};

/* Makes FOLDER/adapter/ with adapter_config.json and adapter_model.safetensors, each whole or not there. Modules are called as
 * in LlavaForConditionalGeneration since transformers 4.52; the projector, which is trained whole, is a module to save. */
lmvr_status adapter_write(const struct adapter *adapter, const char *folder, lmvr_error *error);

/* Removes those that an earlier run may have left there. */
lmvr_status adapter_remove(const char *folder, lmvr_error *error);

#endif
