/* What transformers has called the same weight over its versions. */
#ifndef LMVR_SRC_MODEL_WEIGHT_NAME_H
#define LMVR_SRC_MODEL_WEIGHT_NAME_H

#include <stdbool.h>

/* The canonical name, as checkpoint.h describes it, to be freed; a name that is of no known kind stays what it is but for a
 * leading "model.". NULL: out of memory. */
char *weight_name_canonical(const char *name);

/* Whether a weight of this canonical name may be left unread: tables that old versions saved although they are computed, and
 * the parts of CLIP that see no image. */
bool weight_name_is_harmless(const char *canonical);

/* Whether `name` is `prefix` or continues it after a dot. */
bool weight_name_is_under(const char *name, const char *prefix);

#endif
