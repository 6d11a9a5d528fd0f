/* lmvr-scenes, which `lmvr scenes` runs: generates data sets drawn from the color emoji font. It parses options like lmvr. */
#include "cli/front.h"
#include "cli/interrupt.h"
#include "cli/progress.h"
#include "error.h"
#include "tools/scenes/scenes.h"

static int on_progress(int64_t done, int64_t total, void *user)
{
    (void)total;
    progress_step(user, (size_t)done);
    return interrupt_came();
}

static lmvr_status check_call(const struct options *o, lmvr_error *error)
{
    if (o->input_count > 0)
        return error_set(error, LMVR_ERROR_INVALID, "takes no inputs, so not \"%s\"; -o names the folder", o->inputs[0]);
    if (!o->scenes_layout)
        return error_set(error, LMVR_ERROR_INVALID,
                         "no layout: --layout has to be voc2007, coco, visda, imagenet, deepfashion or llava");
    if (!o->scenes_count)
        return error_set(error, LMVR_ERROR_INVALID, "no count: --count must give the number of training images");
    if (!o->output)
        return error_set(error, LMVR_ERROR_INVALID, "no output: -o has to name a folder");
    return LMVR_OK;
}

/* The total number of images, for the progress line. */
static size_t picture_count(const struct options *o)
{
    size_t count = (size_t)o->scenes_count, test = (size_t)o->scenes_test_count;
    test = test ? test : count < 8 ? 1 : count / 4;
    return count + (o->scenes_layout == SCENES_VISDA ? 2 : 1) * test;
}

static int make(const struct options *options)
{
    lmvr_error error;
    struct progress progress;
    struct scenes_options scenes = {.layout = (enum scenes_layout)options->scenes_layout,
                                    .output = options->output,
                                    .count = options->scenes_count,
                                    .test_count = options->scenes_test_count,
                                    .seed = options->session.seed,
                                    .size = options->scenes_size,
                                    .threads = options->session.threads,
                                    .force = options->force,
                                    .progress = on_progress,
                                    .user = &progress};
    lmvr_status status = check_call(options, &error);
    if (status == LMVR_OK && options->scenes_manners)
        status = scenes_manners(options->scenes_manners, &scenes.manners, &error);
    if (status != LMVR_OK)
        return cannot(status, &error);
    interrupt_install();
    progress_begin(&progress, !options->quiet, 0, picture_count(options));
    status = scenes_make(&scenes, &error);
    if (status == LMVR_OK) {
        progress_end(&progress, picture_count(options));
        return EXIT_DONE;
    }
    progress_clear(&progress);
    complain("%s", error.message);
    return status == LMVR_ERROR_INVALID ? EXIT_CANNOT : EXIT_STOPPED;
}

static const struct command command = {
    "scenes",
    "scenes --layout NAME --count N [options] -o DIR",
    "Draws data sets of images with known contents.",
    FOR_SCENES,
    make,
    "Exit status: 0 all done, 2 nothing could be started, 3 stopped midway; --force then starts over."};

int main(int argc, char **argv)
{
    front_begin();
    return front_run(&command, argc, argv);
}
