/* Canonical names for weights, which transformers' versions have called differently. */
#ifndef LMVR_SRC_MODEL_WEIGHT_NAME_H
#define LMVR_SRC_MODEL_WEIGHT_NAME_H

#include <stdbool.h>

/* The canonical name, as described in checkpoint.h, to be freed. An unknown name only loses a leading "model.". NULL: out of
 * memory. */
char *weight_name_canonical(const char *name);

/* Whether a weight of this canonical name may be left unused: tables that old versions saved although they are computed, and
 * the parts of CLIP that take no part in encoding images. */
bool weight_name_is_harmless(const char *canonical);

/* Whether `name` is `prefix`, or `prefix` followed by a dot and more. */
bool weight_name_is_under(const char *name, const char *prefix);

#endif
