#include "serve/sessions.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PAUSE_NS 10000000 /* after memory ran out for a result */

struct work_input {
    struct work *work;
    size_t index; /* in the session */
    bool in_session;
};

/* Works in order. */
struct work_list {
    struct work *first, *last;
};

/* A session, or the place for one. */
struct slot {
    struct sessions *sessions;
    pthread_t thread;
    bool started;
    pthread_cond_t changed;
    char *key;    /* of the features that it is for; NULL: none */
    bool due;     /* the session is not made for that key yet, */
    char *former; /* but for this one */
    lmvr_session *session;
    struct work_list waiting; /* with inputs that are not in the session yet */
    struct work_list over;    /* to be released, or to end with an error */
    size_t works, in_session; /* that have not been released */
    size_t unanswered;        /* of the works */
    uint64_t used;            /* when, compared to others */
};

struct sessions {
    struct sessions_options options;
    struct sessions_defaults defaults;
    char **features; /* the defaults', and so the next */
    char *prompt;
    pthread_mutex_t lock; /* of all that follows, of slots, and of works but for what the caller fills in */
    struct slot *slots;   /* (options.most) */
    size_t inputs;        /* of works that are not over */
    uint64_t clock;
    bool closing;
};

/* ---- lists ----------------------------------------------------------------------------------------------------------- */

static void append(struct work_list *list, struct work *work)
{
    work->next = NULL;
    *(list->last ? &list->last->next : &list->first) = work;
    list->last = work;
}

static struct work *take_first(struct work_list *list)
{
    struct work *work = list->first;
    if (work) {
        list->first = work->next;
        if (!list->first)
            list->last = NULL;
    }
    return work;
}

static void remove_from(struct work_list *list, const struct work *work)
{
    struct work_list left = {0};
    for (struct work *next, *w = list->first; w; w = next) {
        next = w->next;
        if (w != work)
            append(&left, w);
    }
    *list = left;
}

/* ---- the life of a work, under the lock ------------------------------------------------------------------------------ */

/* Before the client is told, which may ask for as much again at once, and finds room. */
static void mark_answered(struct sessions *s, struct work *work)
{
    if (work->answered)
        return;
    work->answered = true;
    if (!work->slot) /* it has not been submitted, and will be refused */
        return;
    work->slot->unanswered--;
    s->inputs -= work->count - work->done;
}

/* Takes back what of it has not been computed. */
static void finish_work(struct sessions *s, struct work *work)
{
    struct slot *slot = work->slot;
    if (work->over)
        return;
    mark_answered(s, work);
    work->over = true;
    if (!slot)
        return;
    if (work->submitted < work->count)
        remove_from(&slot->waiting, work);
    for (size_t i = 0; i < work->submitted; i++)
        if (work->inputs[i].in_session)
            lmvr_session_cancel(slot->session, work->inputs[i].index);
    if (work->in_session == 0) {
        append(&slot->over, work);
        pthread_cond_signal(&slot->changed);
    }
}

/* Puts inputs into the session as long as there is room, one of each work in turn. A work whose input is refused is returned,
 * with the refusal. */
static struct work *feed(struct slot *slot, lmvr_status *status, lmvr_error *error)
{
    while (slot->session && !slot->due && slot->waiting.first) {
        struct work *work = slot->waiting.first;
        struct work_input *input = &work->inputs[work->submitted];
        lmvr_image image = work->images[work->submitted];
        image.user = input;
        *status = lmvr_session_submit(slot->session, &image, &input->index, error);
        if (*status == LMVR_FULL)
            return NULL;
        take_first(&slot->waiting);
        if (*status != LMVR_OK)
            return work;
        input->in_session = true;
        work->in_session++;
        slot->in_session++;
        if (++work->submitted < work->count)
            append(&slot->waiting, work);
    }
    return NULL;
}

/* ---- a slot's thread ------------------------------------------------------------------------------------------------- */

/* Ends a work with an error. The lock is given up meanwhile, as in the next functions. */
static void fail_work(struct sessions *s, struct work *work, lmvr_status status, size_t input, const char *message)
{
    if (work->over)
        return;
    work->in_session++; /* keeps it */
    mark_answered(s, work);
    pthread_mutex_unlock(&s->lock);
    work->ended(work, status, input, message);
    pthread_mutex_lock(&s->lock);
    finish_work(s, work);
    if (--work->in_session == 0)
        append(&work->slot->over, work);
}

static void feed_and_fail(struct slot *slot)
{
    lmvr_status status;
    lmvr_error error;
    struct work *refused;
    while ((refused = feed(slot, &status, &error)))
        fail_work(slot->sessions, refused, status, refused->submitted, error.message);
}

static void release_over(struct slot *slot)
{
    struct sessions *s = slot->sessions;
    struct work *work;
    while ((work = take_first(&slot->over))) {
        slot->works--;
        pthread_mutex_unlock(&s->lock);
        free(work->inputs);
        work->released(work);
        pthread_mutex_lock(&s->lock);
    }
}

/* A result, or tokens, of an input whose work wants them. */
static void pass_on(struct sessions *s, struct work *work, size_t input, const lmvr_event *event, const lmvr_session *session)
{
    const lmvr_result *result = event->result;
    if (result && result->status != LMVR_OK) {
        fail_work(s, work, result->status, input, result->error);
        return;
    }
    bool last = result && work->done + 1 == work->count;
    work->in_session++;
    if (result) {
        work->done++;
        s->inputs--;
    }
    if (last)
        mark_answered(s, work);
    pthread_mutex_unlock(&s->lock);
    work->happened(work, input, event, session);
    pthread_mutex_lock(&s->lock);
    if (last && !work->over) {
        pthread_mutex_unlock(&s->lock);
        work->ended(work, LMVR_OK, 0, NULL);
        pthread_mutex_lock(&s->lock);
        finish_work(s, work);
    }
    if (--work->in_session == 0 && work->over)
        append(&work->slot->over, work);
}

static void take_event(struct slot *slot, const lmvr_event *event)
{
    struct work_input *input = event->user;
    struct work *work = input->work;
    if (event->result) {
        input->in_session = false;
        work->in_session--;
        slot->in_session--;
    }
    if (!work->over)
        pass_on(slot->sessions, work, (size_t)(input - work->inputs), event, slot->session);
    else if (work->in_session == 0)
        append(&slot->over, work);
}

static void wait_for_event(struct slot *slot)
{
    const lmvr_event *event = NULL;
    lmvr_error error;
    pthread_mutex_unlock(&slot->sessions->lock);
    lmvr_status status = lmvr_session_next(slot->session, -1, &event, &error);
    if (status != LMVR_OK)
        nanosleep(&(struct timespec){.tv_nsec = PAUSE_NS}, NULL);
    pthread_mutex_lock(&slot->sessions->lock);
    if (event)
        take_event(slot, event);
}

/* The features of a key, which is theirs one after another. */
static const char **split_key(char *text, size_t *count)
{
    const char **features = calloc(strlen(text) + 1, sizeof *features);
    *count = 0;
    for (char *at = text, *end; features && *at; at = end) {
        features[(*count)++] = at;
        end = strchr(at, '\n');
        *end++ = '\0';
    }
    return features;
}

/* A key is 'u' for the server's own features; else 'a' for attention, 'd' for a session that describes, or 'f', and then a line
 * a feature. */
static lmvr_status create_session(const struct sessions *s, const char *key, lmvr_session **session, lmvr_error *error)
{
    lmvr_session_options options = s->options.session;
    size_t count = 0;
    char *copy = strdup(key + 1);
    const char **features = copy ? split_key(copy, &count) : NULL;
    lmvr_status status = error_no_memory(error, "a session");
    if (features) {
        if (*key != 'u') {
            options.describe = *key == 'd';
            options.attention = *key == 'a';
            options.features = features;
            options.feature_count = count;
        }
        status = lmvr_session_create(s->options.model, &options, session, error);
    }
    free(features);
    free(copy);
    return status;
}

/* Makes the session that the slot is due. If its features are wrong, the slot stays what it was. */
static void make_session(struct slot *slot)
{
    struct sessions *s = slot->sessions;
    lmvr_error error;
    lmvr_session *made = NULL, *old = slot->session;
    slot->session = NULL;
    pthread_mutex_unlock(&s->lock);
    lmvr_status status = create_session(s, slot->key, &made, &error);
    if (status == LMVR_ERROR_RESOURCE && old) {
        lmvr_session_free(old);
        old = NULL;
        status = create_session(s, slot->key, &made, &error);
    }
    if (made)
        lmvr_session_free(old);
    pthread_mutex_lock(&s->lock);
    bool keeps = !made && old;
    slot->session = keeps ? old : made;
    /* Still due for the key: what comes for it meanwhile fails, too, and nothing for the former one comes. */
    struct work *work;
    while (!made && (work = take_first(&slot->waiting)))
        fail_work(s, work, status, work->count, error.message);
    free(made ? slot->former : slot->key);
    if (!made)
        slot->key = keeps ? slot->former : NULL;
    if (!made && !keeps)
        free(slot->former);
    slot->former = NULL;
    slot->due = false;
}

static void *run(void *argument)
{
    struct slot *slot = argument;
    struct sessions *s = slot->sessions;
    pthread_mutex_lock(&s->lock);
    for (;;) {
        if (slot->due && !slot->in_session)
            make_session(slot);
        feed_and_fail(slot);
        release_over(slot);
        if (slot->in_session)
            wait_for_event(slot);
        else if (s->closing && !slot->works)
            break;
        else if (!slot->due && !slot->over.first && !slot->waiting.first)
            pthread_cond_wait(&slot->changed, &s->lock);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

/* ---- submitting ------------------------------------------------------------------------------------------------------ */

/* NULL: out of memory. */
static char *key_of(const struct work *work)
{
    char *key = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&key, &size);
    if (!out)
        return NULL;
    fputc(work->usual ? 'u' : work->attention ? 'a' : work->describe ? 'd' : 'f', out);
    for (size_t i = 0; i < work->feature_count && !work->usual; i++)
        fprintf(out, "%s\n", work->features[i]);
    if (fclose(out) == 0)
        return key;
    free(key);
    return NULL;
}

/* The slot for a key, which is taken over: one that has it, or the one without work that was used longest ago. */
static lmvr_status find_slot(struct sessions *s, char *key, struct slot **found, lmvr_error *error)
{
    struct slot *best = NULL;
    for (int i = 0; i < s->options.most; i++) {
        struct slot *slot = &s->slots[i];
        if (slot->key && strcmp(slot->key, key) == 0) {
            free(key);
            *found = slot;
            return LMVR_OK;
        }
        if (!slot->unanswered && !slot->due && (!best || slot->used < best->used))
            best = slot;
    }
    *found = best;
    if (!best) {
        free(key);
        return error_set(error, LMVR_FULL, "all %d sessions are busy with other features; try again later", s->options.most);
    }
    best->former = best->key;
    best->key = key;
    best->due = true;
    return LMVR_OK;
}

static lmvr_status start_slot(struct slot *slot, lmvr_error *error)
{
    if (!slot->started && pthread_create(&slot->thread, NULL, run, slot) != 0)
        return error_no_memory(error, "a session's thread");
    slot->started = true;
    return LMVR_OK;
}

static lmvr_status add(struct sessions *s, struct work *work, char *key, lmvr_error *error)
{
    lmvr_status status;
    struct slot *slot;
    if (work->over) {
        free(key);
        return error_set(error, LMVR_STOPPED, "the server is stopping");
    }
    if (s->inputs + work->count > s->options.queue) {
        free(key);
        return error_set(error, LMVR_FULL, "%zu inputs are waiting, and the server takes %zu; try again later", s->inputs,
                         s->options.queue);
    }
    TRY(find_slot(s, key, &slot, error));
    TRY(start_slot(slot, error));
    s->inputs += work->count;
    slot->works++;
    slot->unanswered++;
    slot->used = ++s->clock;
    work->slot = slot;
    append(&slot->waiting, work);
    pthread_cond_signal(&slot->changed);
    /* The slot's thread may be waiting for a result: what there is room for goes in from here. */
    lmvr_error why;
    struct work *refused = feed(slot, &status, &why);
    if (refused) { /* of which its thread has to tell */
        refused->next = slot->waiting.first;
        slot->waiting.first = refused;
        if (!slot->waiting.last)
            slot->waiting.last = refused;
    }
    return LMVR_OK;
}

lmvr_status sessions_submit(struct sessions *sessions, struct work *work, lmvr_error *error)
{
    char *key = key_of(work);
    if (work->count > sessions->options.queue) {
        free(key);
        return error_set(error, LMVR_ERROR_INVALID, "there are %zu inputs, and the server takes %zu at a time", work->count,
                         sessions->options.queue);
    }
    work->inputs = calloc(work->count + 1, sizeof *work->inputs);
    if (!key || !work->inputs) {
        free(key);
        free(work->inputs);
        return error_no_memory(error, "the inputs");
    }
    for (size_t i = 0; i < work->count; i++)
        work->inputs[i].work = work;
    pthread_mutex_lock(&sessions->lock);
    lmvr_status status = add(sessions, work, key, error);
    pthread_mutex_unlock(&sessions->lock);
    if (status != LMVR_OK)
        free(work->inputs);
    return status;
}

void sessions_cancel(struct sessions *sessions, struct work *work)
{
    pthread_mutex_lock(&sessions->lock);
    finish_work(sessions, work);
    pthread_mutex_unlock(&sessions->lock);
}

/* ---- beginning, end and state ---------------------------------------------------------------------------------------- */

/* The texts of the server's features: as they were given, or the model's default. */
static lmvr_status read_defaults(struct sessions *s, const lmvr_session *session, lmvr_error *error)
{
    const lmvr_session_options *given = &s->options.session;
    lmvr_session_options used;
    size_t count = lmvr_session_feature_count(session);
    lmvr_session_get_options(session, &used);
    s->features = calloc(count + 1, sizeof *s->features);
    if (!s->features)
        return error_no_memory(error, "the features");
    s->defaults = (struct sessions_defaults){.features = (const char *const *)s->features,
                                             .feature_count = count,
                                             .max_new_tokens = used.max_new_tokens,
                                             .generates = !used.before_generation};
    s->prompt = used.prompt ? strdup(used.prompt) : NULL; /* the session's own can make room for another */
    if (used.prompt && !s->prompt)
        return error_no_memory(error, "the prompt");
    s->defaults.prompt = s->prompt;
    for (size_t i = 0; i < count; i++) {
        lmvr_feature_info info;
        lmvr_session_get_feature(session, i, &info);
        s->features[i] = strdup(given->feature_count ? given->features[i] : info.spec);
        if (!s->features[i])
            return error_no_memory(error, "the features");
    }
    return LMVR_OK;
}

/* The first slot has the server's own features. */
static lmvr_status start_first(struct sessions *s, struct slot *first, lmvr_error *error)
{
    TRY(lmvr_session_create(s->options.model, &s->options.session, &first->session, error));
    TRY(read_defaults(s, first->session, error));
    first->key = key_of(&(struct work){.usual = true});
    return first->key ? start_slot(first, error) : error_no_memory(error, "the sessions");
}

static lmvr_status start(struct sessions *s, lmvr_error *error)
{
    s->slots = calloc((size_t)s->options.most, sizeof *s->slots);
    if (!s->slots)
        return error_no_memory(error, "the sessions");
    for (int i = 0; i < s->options.most; i++) {
        s->slots[i].sessions = s;
        pthread_cond_init(&s->slots[i].changed, NULL);
    }
    return start_first(s, &s->slots[0], error);
}

lmvr_status sessions_create(const struct sessions_options *options, struct sessions **sessions, lmvr_error *error)
{
    struct sessions *s = *sessions = calloc(1, sizeof *s);
    if (!s)
        return error_no_memory(error, "the sessions");
    s->options = *options;
    pthread_mutex_init(&s->lock, NULL);
    lmvr_status status = start(s, error);
    if (status != LMVR_OK) {
        sessions_free(s);
        *sessions = NULL;
    }
    return status;
}

void sessions_free(struct sessions *sessions)
{
    if (!sessions)
        return;
    pthread_mutex_lock(&sessions->lock);
    sessions->closing = true;
    for (int i = 0; sessions->slots && i < sessions->options.most; i++)
        pthread_cond_signal(&sessions->slots[i].changed);
    pthread_mutex_unlock(&sessions->lock);
    for (int i = 0; sessions->slots && i < sessions->options.most; i++) {
        struct slot *slot = &sessions->slots[i];
        if (slot->started)
            pthread_join(slot->thread, NULL);
        lmvr_session_free(slot->session);
        pthread_cond_destroy(&slot->changed);
        free(slot->key);
    }
    for (size_t i = 0; sessions->features && i < sessions->defaults.feature_count; i++)
        free(sessions->features[i]);
    free(sessions->features);
    free(sessions->prompt);
    free(sessions->slots);
    pthread_mutex_destroy(&sessions->lock);
    free(sessions);
}

void sessions_get_state(struct sessions *sessions, struct sessions_state *state)
{
    *state = (struct sessions_state){0};
    pthread_mutex_lock(&sessions->lock);
    for (int i = 0; i < sessions->options.most; i++) {
        const struct slot *slot = &sessions->slots[i];
        if (!slot->session)
            continue;
        state->sessions++;
        state->batch += lmvr_session_batch(slot->session);
        state->running += lmvr_session_count(slot->session, LMVR_STAGE_RUNNING);
    }
    state->waiting = sessions->inputs > state->running ? sessions->inputs - state->running : 0;
    pthread_mutex_unlock(&sessions->lock);
}

const struct sessions_defaults *sessions_defaults(const struct sessions *sessions)
{
    return &sessions->defaults;
}
