/* The folder of a set: it must be empty, or hold a set that was made here and may be removed. */
#ifndef LMVR_TOOLS_SCENES_SCENES_FOLDER_H
#define LMVR_TOOLS_SCENES_SCENES_FOLDER_H

#include "tools/scenes/set.h"

/* What the set was made with; written first, and once more when all is there. */
#define FOLDER_RECORD   "made.json"
#define FOLDER_SYNONYMS "synonyms.json"

/* Makes the folder, or with options->force removes an earlier set in it. What no set has is never removed, and refused. */
lmvr_status folder_prepare(const struct scenes_options *options, lmvr_error *error);

lmvr_status folder_write_record(const struct scenes_options *options, const char *layout, bool complete, lmvr_error *error);

/* An object: every kind's name, and a list of all words that stand for it. */
lmvr_status folder_write_synonyms(const struct scenes_options *options, lmvr_error *error);

#endif
