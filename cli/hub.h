/* Models by their names on the Hugging Face hub, out of the cache that `hf download` and transformers fill. */
#ifndef LMVR_CLI_HUB_H
#define LMVR_CLI_HUB_H

#include "lmvr.h"

/* The folder of a model that is given as a path, or as org/name where there is no such path: then the snapshot of it in the
 * cache, below HF_HUB_CACHE, HF_HOME/hub, or ~/.cache/huggingface/hub. One that is not there is refused, and how to fetch it is
 * said; nothing is fetched here. *path is to be freed; NULL stays NULL. */
lmvr_status hub_find(const char *given, char **path, lmvr_error *error);

#endif
