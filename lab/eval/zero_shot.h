/*
 * Classification by texts, without training (Radford et al. 2021, section 3.1): the names of classes are filled into templates,
 * the texts get vectors in the images' space, and a class's vector, the mean of those of its templates, is compared with the
 * image's by the cosine. As a probe, the class's unit vector is the weights of a linear classifier of unit vectors.
 */
#ifndef LMVR_LAB_EVAL_ZERO_SHOT_H
#define LMVR_LAB_EVAL_ZERO_SHOT_H

#include "lab/dataset/dataset.h"
#include "lab/eval/score.h"
#include "lmvr.h"

#define ZERO_SHOT_TEMPLATE "a photo of a {}."

struct templates {
    char **texts; /* (count), each with one {} for the name; owned */
    int count;
};

/* Reads a template a line; empty lines are skipped. `file` NULL: ZERO_SHOT_TEMPLATE alone. LMVR_ERROR_INVALID: a line has not
 * exactly one {}, or there are none. */
lmvr_status templates_read(const char *file, struct templates *templates, lmvr_error *error);
void templates_finish(struct templates *templates);

/* How a class is called in a text, malloc'ed: without a WordNet id in front and without synonyms after a comma, with spaces for
 * underscores. NULL: out of memory. */
char *zero_shot_name(const char *class);

/* Makes probes of all tasks, one for each of the session's features: probes[i] is feature i's. All must be finished, even after
 * a failure. LMVR_ERROR_INVALID: the model cannot read a text. */
lmvr_status zero_shot_probes(lmvr_session *session, const struct dataset *set, const struct templates *templates,
                             struct probes *const *probes, lmvr_error *error);

/* Scales each row to length 1; a row of zeros stays. */
void zero_shot_normalize(float *rows, int64_t count, int64_t dim);

#endif
