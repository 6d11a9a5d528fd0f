/* Writes scenes.json: what is in every image of a set, and where. Sets of outfits have none. */
#ifndef LMVR_TOOLS_SCENES_TRUTH_H
#define LMVR_TOOLS_SCENES_TRUTH_H

#include "tools/scenes/set.h"

#define TRUTH_FILE "scenes.json"

/* Call begin, then add for every image that was drawn, then end. */
void truth_begin(struct set *set);
void truth_add(struct set *set, const struct picture *picture);
void truth_end(struct set *set);

#endif
