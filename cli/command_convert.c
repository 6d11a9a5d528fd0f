/* lmvr convert: saves a model with its weights in another type. */
#include "cli.h"
#include "engine.h"
#include "error.h"
#include "hints.h"
#include "interrupt.h"
#include "progress.h"

#include <stdio.h>
#include <stdlib.h>

static lmvr_status check_call(const struct options *o, lmvr_error *error)
{
    if (o->input_count > 0)
        return error_set(error, LMVR_ERROR_INVALID, "takes no inputs, so not \"%s\"; -m names the model", o->inputs[0]);
    if (!o->output)
        return error_set(error, LMVR_ERROR_INVALID, "no output: -o has to name a folder or a .gguf file");
    if (o->dtype == LMVR_DTYPE_DEFAULT)
        return error_set(error, LMVR_ERROR_INVALID, "no type: --dtype has to say how the weights are stored");
    return LMVR_OK;
}

static int show_progress(uint64_t done, uint64_t total, void *user)
{
    char line[PROGRESS_LINE];
    snprintf(line, sizeof line, "%.2f of %.2f GB written", (double)done * 1e-9, (double)total * 1e-9);
    progress_say(user, line);
    return interrupt_came();
}

int command_convert(const struct options *options)
{
    lmvr_error error;
    char *path = NULL;
    struct progress progress;
    lmvr_convert_options convert;
    lmvr_status status = check_call(options, &error);
    if (status == LMVR_OK)
        status = engine_model_path(options, &path, &error);
    if (status != LMVR_OK)
        return cannot(status, &error);
    if (!options->model)
        hint_shipped_model(options->quiet);
    lmvr_convert_options_default(&convert);
    convert.dtype = options->dtype;
    convert.threads = options->session.threads;
    convert.mmproj = options->mmproj;
    convert.replace = options->force;
    convert.progress = show_progress;
    convert.user = &progress;
    interrupt_install();
    progress_begin_saying(&progress, !options->quiet);
    status = lmvr_model_convert(path, &convert, options->output, &error);
    progress_end_saying(&progress);
    free(path);
    if (status == LMVR_STOPPED) {
        complain("stopped by a signal; nothing is left of the new model");
        return EXIT_STOPPED;
    }
    return status == LMVR_OK ? EXIT_DONE : cannot(status, &error);
}
