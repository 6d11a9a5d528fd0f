/* Canonical names for weights, which transformers' versions have called differently. */
#ifndef LMVR_SRC_MODEL_WEIGHT_NAME_H
#define LMVR_SRC_MODEL_WEIGHT_NAME_H

#include <stdbool.h>

/* The canonical name, as described in checkpoint.h, to be freed. An unknown name only loses a leading "model.". NULL: out of
 * memory. */
char *weight_name_canonical(const char *name);

/* Whether a weight of this canonical name may be left unused: tables that old versions saved although they are computed. */
bool weight_name_is_harmless(const char *canonical);

/* The part that a weight belongs to and that may be left unused as a whole, since no picture needs it on its way through CLIP's
 * or SigLIP's encoder: a static prefix. NULL: it belongs to none. */
const char *weight_name_optional_part(const char *canonical);

/* Whether `name` is `prefix`, or `prefix` followed by a dot and more. */
bool weight_name_is_under(const char *name, const char *prefix);

#endif
