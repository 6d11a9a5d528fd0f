/* A model and sessions as those that made the rows of a run (store/stored.h): what they compute are the same rows again. */
#ifndef LMVR_CLI_MADE_AS_H
#define LMVR_CLI_MADE_AS_H

#include "options.h"
#include "store/stored.h"

/* Fills in `as`: the given options, but with all from the run that its rows depend on, its one feature included; and the
 * model's path, to be freed. LMVR_ERROR_INVALID: that is another model, or the rows depend on something else, too. `as` points
 * into `stored`. */
lmvr_status made_as(const struct stored *stored, const struct options *given, struct options *as, char **path,
                    lmvr_error *error);

/* A hint where an open model is on another kind of device than the run was. */
void made_as_hint(const struct stored *stored, const lmvr_model *model, bool quiet);

#endif
