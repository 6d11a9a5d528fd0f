/* scenes.json: what is in every picture of a set, and where. Sets of outfits have none. */
#ifndef LMVR_TOOLS_SCENES_TRUTH_H
#define LMVR_TOOLS_SCENES_TRUTH_H

#include "tools/scenes/set.h"

#define TRUTH_FILE "scenes.json"

/* In this order: open, add for every picture that was drawn, close; drop in any case, which removes what was not closed. */
lmvr_status truth_open(struct set *set, lmvr_error *error);
lmvr_status truth_add(struct set *set, const struct picture *picture, lmvr_error *error);
lmvr_status truth_close(struct set *set, lmvr_error *error);
void truth_drop(struct set *set);

#endif
