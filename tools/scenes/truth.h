/* Writes scenes.json: what is in every image of a set, and where. Sets of outfits have none. */
#ifndef LMVR_TOOLS_SCENES_TRUTH_H
#define LMVR_TOOLS_SCENES_TRUTH_H

#include "tools/scenes/set.h"

#define TRUTH_FILE "scenes.json"

/* Call open, then add for every image that was drawn, then close; and in any case drop, which removes an unfinished file. */
lmvr_status truth_open(struct set *set, lmvr_error *error);
lmvr_status truth_add(struct set *set, const struct picture *picture, lmvr_error *error);
lmvr_status truth_close(struct set *set, lmvr_error *error);
void truth_drop(struct set *set);

#endif
