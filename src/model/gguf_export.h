/* Writes a model as llama.cpp reads it: the language model in one GGUF file, the encoder and the projector in another. */
#ifndef LMVR_SRC_MODEL_GGUF_EXPORT_H
#define LMVR_SRC_MODEL_GGUF_EXPORT_H

#include "model/plan.h"

/* Whether an output is such a file, by its name. */
bool gguf_export_is_named(const char *output);

/*
 * Writes FOLDER/NAME.gguf, as `output` says, and FOLDER/mmproj-NAME.gguf beside it, both or neither. `path` is where the model
 * is from, and `plan` that of a loader in f32. Of the options the type is what the language model's matrices are written in:
 * F32, F16, BF16, INT8 (Q8_0) or INT4 (Q4_0); the encoder's are F32 if that is F32, else F16. Weights are read and written part
 * by part. LMVR_ERROR_INVALID: GGUF cannot say what the model is, or a file is there already and not to be replaced.
 */
lmvr_status gguf_export(const char *path, const struct model_config *config, const struct plan *plan,
                        const lmvr_convert_options *options, const char *output, lmvr_error *error);

#endif
