/* The weights in a file of GGUF as transformers lays them out, with their canonical names (checkpoint.h). */
#ifndef LMVR_SRC_MODEL_GGUF_WEIGHTS_H
#define LMVR_SRC_MODEL_GGUF_WEIGHTS_H

#include "format/weight_file.h"

/*
 * Opens a language model's or an encoder's file. Entries have the names that errors should tell, those in the file; several of
 * a file's tensors may be one entry, and some are none. names (file->count), to be freed one by one, are the canonical ones.
 */
lmvr_status gguf_weights_open(const char *path, struct weight_file **file, char ***names, lmvr_error *error);
void gguf_weights_free_names(char **names, size_t count); /* NULL is allowed */

/* What the file would call a weight that it lacks, malloc'ed; NULL: it belongs to another file. */
char *gguf_weights_name(const struct weight_file *file, const char *canonical);

#endif
