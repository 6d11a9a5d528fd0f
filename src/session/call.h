/*
 * One call of lmvr_embed(): its images, of which the replicas of the model, one or one on each GPU, take the next whenever they
 * have room, and the results, which wait until all images before them have been reported. All functions but call_begin(),
 * call_run() and call_finish() may be called from the replicas' threads.
 */
#ifndef LMVR_SRC_SESSION_CALL_H
#define LMVR_SRC_SESSION_CALL_H

#include "session/session.h"

#include <pthread.h>

struct call {
    struct lmvr_session *session; /* the first replica's; the others follow it */
    int replicas;
    const lmvr_image *images;
    size_t count;
    lmvr_result_fn *on_result;
    void *user;
    struct image_loader *loader;
    const float **rows; /* (features), and so is the next: of the result that is being reported */
    size_t *row_counts;

    struct outcome *outcomes; /* (window): image i at i % window */
    size_t window;
    pthread_mutex_t lock; /* of outcomes' ready, and all that follows */
    pthread_cond_t changed;
    size_t loaded, reported; /* images that were taken, or are about to be; results that were reported */
    bool stopped;
    lmvr_status status; /* of the first replica that failed */
    lmvr_error error;
};

/* Starts to read the images ahead. call_finish() is needed whatever it returns. */
lmvr_status call_begin(struct call *call, lmvr_error *error);
void call_finish(struct call *call);

/* What a replica does until there are no more images, or it fails. */
typedef lmvr_status replica_fn(struct call *call, struct lmvr_session *session, lmvr_error *error);

/* Runs all replicas, each in a thread of its own where there are several. Results are reported from the calling thread. */
lmvr_status call_run(struct call *call, replica_fn *replica, lmvr_error *error);

/* How many images a replica should take at most, so that some are left for the others. */
size_t call_share(struct call *call);
/* Waits for the next image, whose picture the caller finishes. False: no image is left, or none may be taken before others are
 * reported. */
bool call_take(struct call *call, struct loaded *loaded);
struct outcome *call_outcome(const struct call *call, size_t index);
/* Says that an image's outcome is complete. */
void call_settle(struct call *call, struct outcome *outcome);
/* Reports what is complete, where there is one replica only. */
lmvr_status call_report(struct call *call, lmvr_error *error);
/* For a replica that has nothing to do: waits until there is an image to take. False: there will be none. */
bool call_wait(struct call *call);
/* Whether replicas are to end, as one has failed, or the caller wants no more. */
bool call_stopped(struct call *call);

#endif
