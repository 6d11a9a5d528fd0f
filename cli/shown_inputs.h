/* The images that describe shows, of files and tars, one by one: each goes into a session once for each view, in a row. */
#ifndef LMVR_CLI_SHOWN_INPUTS_H
#define LMVR_CLI_SHOWN_INPUTS_H

#include "lab/dataset/input_source.h"

struct shown_inputs {
    struct input_source source;
    size_t views;             /* of each */
    struct source_item *held; /* (room): input i at i % room, until all its views have been reported */
    size_t room, given;       /* given: images, each a view of an input */
    size_t bytes;             /* that are held */
};

lmvr_status shown_inputs_open(char *const *arguments, size_t count, struct shown_inputs *inputs, lmvr_error *error);

/* Before the first image. */
lmvr_status shown_inputs_begin(struct shown_inputs *inputs, const lmvr_session *session, size_t views, lmvr_error *error);

/* The next image, as an lmvr_image_fn gives it. An input that is `wrong` is an image of nothing, which fails. */
lmvr_status shown_inputs_next(struct shown_inputs *inputs, lmvr_image *image, lmvr_error *error);

/* The input of the session's image `index`, and, with its last view reported, the end of it. */
const struct source_item *shown_inputs_item(const struct shown_inputs *inputs, size_t index);
void shown_inputs_release(struct shown_inputs *inputs, size_t index);

/* All zeros is allowed. */
void shown_inputs_close(struct shown_inputs *inputs);

#endif
