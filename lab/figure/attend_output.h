/* The folder that lmvr attend writes: pictures, maps, and attend.json, which says what they are. */
#ifndef LMVR_LAB_FIGURE_ATTEND_OUTPUT_H
#define LMVR_LAB_FIGURE_ATTEND_OUTPUT_H

#include "lab/figure/heat.h"
#include "lab/figure/word_maps.h"

#include <jansson.h>

struct attend_output {
    const char *folder;
    const char *path;          /* of the image */
    const struct image *image; /* made smaller where it was large */
    int width, height;         /* of the image as it came */
    const lmvr_model *model;
    const lmvr_session *session;
    const lmvr_result *result;
    const struct word_maps *maps;
    json_t *missing; /* an array of what was asked for and is not in the response */
};

/* Whether `folder` can be written, and holds no results or may lose them (`force`). Writes nothing. */
lmvr_status attend_output_check(const char *folder, bool force, lmvr_error *error);

/* Where the map of this place is largest, in pixels of the image as it came. */
struct heat_peak attend_output_peak(const struct attend_output *output, size_t map);

/* What attend.json holds; NULL: out of memory. */
json_t *attend_output_describe(const struct attend_output *output);

/* Removes the results that are there, if any, and writes new ones. attend.json comes first: it names the others, so that all
 * that was written can be removed again. */
lmvr_status attend_output_write(const struct attend_output *output, const json_t *description, lmvr_error *error);

#endif
