/* A set's folder: it must be empty, or have an earlier generated set that may be removed. */
#ifndef LMVR_TOOLS_SCENES_SCENES_FOLDER_H
#define LMVR_TOOLS_SCENES_SCENES_FOLDER_H

#include "tools/scenes/set.h"

/* The set's options; written first, and again when the set is complete. */
#define FOLDER_RECORD   "made.json"
#define FOLDER_SYNONYMS "synonyms.json"

/* Creates the folder, or with options->force removes an earlier set in it. Files that no set has are never removed: it then
 * fails. */
lmvr_status folder_prepare(const struct scenes_options *options, lmvr_error *error);

lmvr_status folder_write_record(const struct scenes_options *options, bool complete, lmvr_error *error);

/* Writes an object: each kind's name, with a list of all words for it. */
lmvr_status folder_write_synonyms(const struct scenes_options *options, lmvr_error *error);

#endif
