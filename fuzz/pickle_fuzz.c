/* Bytes as a pickle, in which the state dicts' names are known: either refused, or a dict of tensors, or something else. */
#include "format/torch_state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    lmvr_error error;
    struct pickle *pickle;
    struct torch_state state;
    size_t used;
    if (pickle_read("fuzz", data, size, torch_globals, torch_global_count, &pickle, &used, &error) != LMVR_OK)
        return 0;
    if (torch_state_read("fuzz", pickle, &state, &error) == LMVR_OK)
        torch_state_free(&state);
    pickle_free(pickle);
    return 0;
}
