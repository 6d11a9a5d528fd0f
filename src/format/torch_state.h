/* The tensors of a state dict as PyTorch's torch.save() pickles it: where in which storage each of them lies. */
#ifndef LMVR_SRC_FORMAT_TORCH_STATE_H
#define LMVR_SRC_FORMAT_TORCH_STATE_H

#include "format/pickle.h"

#define TORCH_MAX_DIMS 8

/* An element's type, by safetensors' names. */
struct torch_type {
    const char *name;
    size_t size;
    bool is_float; /* one that half.h widens, or f32 */
};

/* The memory that one or more tensors lie in. */
struct torch_storage {
    const struct pickle_value *key; /* the text that names its bytes */
    uint64_t size;                  /* bytes */
};

struct torch_tensor {
    char *name;
    const struct torch_type *type;
    struct torch_storage storage;
    uint64_t offset, elements; /* the first element's place in the storage, in elements; how many there are */
    int dims;
    int64_t shape[TORCH_MAX_DIMS], stride[TORCH_MAX_DIMS]; /* stride in elements */
};

struct torch_state {
    size_t count;
    struct torch_tensor *tensors; /* sorted by name, each once; they lie within their storages and repeat no element */
};

/* What the pickle of a state dict may name. */
extern const struct pickle_global torch_globals[];
extern const size_t torch_global_count;

/* Lists the tensors of a state dict, or of one in a dict as "state_dict", "model" and the like; other entries are ignored. Free
 * with torch_state_free(), which takes an empty one. Keys are the pickle's. */
lmvr_status torch_state_read(const char *path, const struct pickle *pickle, struct torch_state *state, lmvr_error *error);
void torch_state_free(struct torch_state *state);

/* The storage that a value of PICKLE_PERSISTENT stands for. */
lmvr_status torch_storage_read(const char *path, const struct pickle_value *value, struct torch_storage *storage,
                               lmvr_error *error);

#endif
