#include "arguments.h"
#include "session/jobs.h"

#include <stdlib.h>
#include <string.h>

lmvr_status lmvr_session_submit_sized(lmvr_session *session, const lmvr_image *image, size_t size, size_t *index,
                                      lmvr_error *error)
{
    lmvr_image own;
    size_t number;
    REQUIRE_ARGUMENT_OF("lmvr_session_submit", session, error);
    REQUIRE_ARGUMENT_OF("lmvr_session_submit", image, error);
    TRY(struct_read(&own, sizeof own, image, size, "lmvr_image", error));
    TRY(jobs_submit(session->jobs, &own, &number, error));
    if (index)
        *index = number;
    return LMVR_OK;
}

bool lmvr_session_cancel(lmvr_session *session, size_t index)
{
    return session && jobs_cancel(session->jobs, &index);
}

size_t lmvr_session_count(const lmvr_session *session, lmvr_stage stage)
{
    static const enum job_stage first[] = {JOB_QUEUED, JOB_TAKEN, JOB_ENDED, JOB_QUEUED},
                                last[] = {JOB_READ, JOB_TAKEN, JOB_ENDED, JOB_ENDED};
    return session && (unsigned)stage <= LMVR_STAGE_ANY ? jobs_count(session->jobs, first[stage], last[stage]) : 0;
}

/* ---- events ---------------------------------------------------------------------------------------------------------- */

/* The size of a text without what more tokens may change: the marks of broken characters at its end. */
static size_t settled_size(const char *text)
{
    static const char mark[] = "\xEF\xBF\xBD";
    size_t size = strlen(text);
    while (size >= 3 && memcmp(text + size - 3, mark, 3) == 0)
        size -= 3;
    return size;
}

/* Where what is new begins in a text of so many bytes, of whose beginning `told` has been told: behind what both have, at a
 * character's beginning. A text that no longer has all that was told, since its bytes have become other characters, has nothing
 * new until it ends. */
static size_t find_new(const char *told, const char *text, size_t size, bool ended)
{
    size_t same = 0;
    while (same < size && told[same] && told[same] == text[same])
        same++;
    if (told[same] && !ended)
        return size;
    while (same > 0 && same < size && ((unsigned char)text[same] & 0xC0) == 0x80)
        same--;
    return same;
}

static lmvr_status decode(const struct jobs *jobs, const struct job *job, int count, char **text, lmvr_error *error)
{
    const struct tokenizer *tokenizer = jobs->session->model->tokenizer;
    if (tokenizer)
        return tokenizer_decode(tokenizer, job->tokens, (size_t)count, text, error);
    *text = calloc(1, 1);
    return *text ? LMVR_OK : error_no_memory(error, "a response");
}

/* Makes the event of new tokens. */
static lmvr_status tell(struct jobs *jobs, struct job *job, const struct news *news, lmvr_error *error)
{
    struct job_event *shown = &jobs->shown;
    char *text;
    TRY(decode(jobs, job, news->tokens, &text, error));
    size_t whole = strlen(text), size = news->ended ? whole : settled_size(text);
    size_t from = find_new(job->text ? job->text : "", text, size, news->ended);
    text[size] = '\0';
    shown->text = strdup(text + from);
    if (!shown->text) {
        free(text);
        return error_no_memory(error, "an event");
    }
    shown->event = (lmvr_event){.index = job->index,
                                .user = job->image.user,
                                .tokens = job->tokens + job->told,
                                .token_count = (size_t)(news->tokens - job->told),
                                .text = shown->text};
    jobs_told(jobs, job, news->tokens, !news->ended && from + strlen(shown->text) < whole);
    if (from < size) {
        free(job->text);
        job->text = text;
    } else {
        free(text);
    }
    return LMVR_OK;
}

static lmvr_status show_result(struct jobs *jobs, struct job *job, lmvr_error *error)
{
    struct job_event *shown = &jobs->shown;
    lmvr_status status = job_result_init(&shown->result, jobs->session, job, error);
    if (status != LMVR_OK) {
        job_result_finish(&shown->result);
        jobs_put_back(jobs, job);
        return status;
    }
    shown->job = job;
    shown->event = (lmvr_event){.index = job->index, .user = job->image.user, .result = &shown->result.result, .text = ""};
    return LMVR_OK;
}

void job_event_finish(struct jobs *jobs)
{
    struct job_event *shown = &jobs->shown;
    job_result_finish(&shown->result);
    free(shown->text);
    if (shown->job)
        jobs_release(jobs, shown->job);
    *shown = (struct job_event){0};
}

lmvr_status lmvr_session_next(lmvr_session *session, int milliseconds, const lmvr_event **event, lmvr_error *error)
{
    REQUIRE_ARGUMENT(event, error);
    *event = NULL;
    REQUIRE_ARGUMENT(session, error);
    struct jobs *jobs = session->jobs;
    struct news news;
    job_event_finish(jobs);
    struct job *job = jobs_next(jobs, milliseconds, &news);
    if (!job)
        return LMVR_OK;
    TRY(news.tokens < 0 ? show_result(jobs, job, error) : tell(jobs, job, &news, error));
    *event = &jobs->shown.event;
    return LMVR_OK;
}
