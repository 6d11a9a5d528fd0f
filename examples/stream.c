/* Prints each image's response as it is generated, several at once: stream MODEL IMAGE... */
#include <lmvr.h>
#include <stdio.h>

/* Submits images as long as there is room; returns how many have been by now. */
static int submit(lmvr_session *session, char **paths, int count, int submitted)
{
    for (; submitted < count; submitted++) {
        lmvr_image image = {.path = paths[submitted], .stream = true, .user = paths[submitted]};
        if (lmvr_session_submit(session, &image, NULL, NULL) != LMVR_OK)
            break; /* LMVR_FULL: later */
    }
    return submitted;
}

static void print(const lmvr_event *event)
{
    if (!event->result)
        printf("%s\t+ %s\n", (const char *)event->user, event->text);
    else if (event->result->status != LMVR_OK)
        fprintf(stderr, "%s\n", event->result->error);
    else
        printf("%s\t= %s\n", (const char *)event->user, event->result->response);
}

int main(int argc, char **argv)
{
    lmvr_error error = {{0}};
    lmvr_model *model = NULL;
    lmvr_session *session = NULL;
    lmvr_session_options options;
    lmvr_session_options_default(&options);
    options.describe = true;
    int count = argc - 2, submitted = 0, ended = 0;
    int failed = count < 1 || lmvr_model_open(argv[1], LMVR_DTYPE_DEFAULT, 0, &model, &error) ||
                 lmvr_session_create(model, &options, &session, &error);
    while (!failed && ended < count) {
        const lmvr_event *event;
        submitted = submit(session, argv + 2, count, submitted);
        failed = submitted == ended || lmvr_session_next(session, -1, &event, &error);
        if (failed)
            break;
        print(event);
        ended += event->result != NULL;
    }
    if (failed)
        fprintf(stderr, "%s\n", count < 1 ? "usage: stream MODEL IMAGE..." : error.message);
    lmvr_session_free(session);
    lmvr_model_free(model);
    return failed;
}
