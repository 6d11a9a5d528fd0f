#include "train/run/run_folder.h"

#include "format/file.h"
#include "format/input.h"
#include "format/json.h"
#include "format/replace.h"
#include "train/run/run_checkpoint.h"
#include "train/run/run_log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- run.json ---- */

static int add_corpus(json_t *run, const char *samples, const char *data, const struct corpus *corpus)
{
    char fingerprint[17];
    if (!corpus)
        return 0;
    snprintf(fingerprint, sizeof fingerprint, "%016" PRIx64, corpus->fingerprint);
    return json_object_set_new(run, samples, json_integer(corpus->count)) |
           json_object_set_new(run, data, json_string(fingerprint));
}

static lmvr_status make_run(struct run_folder *folder, const struct objective *objective, const struct corpus *corpus,
                            const struct corpus *validation, const struct run_options *run, lmvr_error *error)
{
    json_t *options;
    TRY(json_parse("the run's settings", run->settings, strlen(run->settings), &options, error));
    folder->run = json_pack("{s:s, s:s}", "lmvr", LMVR_VERSION, "objective", objective->name);
    int failed = folder->run ? json_object_update(folder->run, options) : 1;
    json_decref(options);
    failed = failed || add_corpus(folder->run, "samples", "data_hash", corpus) ||
             add_corpus(folder->run, "validation_samples", "validation_hash", validation);
    folder->settings = failed ? NULL : json_dumps(folder->run, JSON_COMPACT);
    if (folder->settings && run->gpu && json_object_set_new(folder->run, "device", json_string(run->gpu)) != 0)
        return error_no_memory(error, "run.json");
    return folder->settings ? LMVR_OK : error_no_memory(error, "run.json");
}

/* ---- existing contents ---- */

static bool has_results(const struct run_folder *folder)
{
    struct stat st;
    return (stat(folder->log_path, &st) == 0 && st.st_size > (off_t)(sizeof RUN_LOG_HEADER - 1)) ||
           run_checkpoint_count(folder->checkpoints) > 0;
}

/* A model of unknown origin would be overwritten. */
static lmvr_status refuse_model(const struct run_folder *folder, lmvr_error *error)
{
    char *path = input_path(folder->place.output, "config.json");
    if (!path)
        return error_no_memory(error, "a file name");
    lmvr_status status = input_exists(path) ? place_refuse_unknown(&folder->place, path, error) : LMVR_OK;
    free(path);
    return status;
}

/* Without run.json, there must be neither a model nor files of a run. */
static lmvr_status check_unknown(const struct run_folder *folder, lmvr_error *error)
{
    if (has_results(folder))
        return place_refuse_unknown(&folder->place, folder->checkpoints, error);
    return refuse_model(folder, error);
}

/* Whether a run may start or continue in the folder of the run `begun`. */
static lmvr_status check_begun(struct run_folder *folder, json_t *begun, const struct run_options *options, lmvr_error *error)
{
    const char *output = folder->place.output;
    if (!json_object_get(begun, "objective"))
        return error_set(error, LMVR_ERROR_INVALID, "%s: has the results of another command, not of training", output);
    if (options->force)
        return LMVR_OK;
    bool finished = json_is_true(json_object_get(begun, "finished"));
    if (!options->resume)
        return finished || has_results(folder) ? place_refuse_results(&folder->place, error) : LMVR_OK;
    json_object_del(begun, "finished");
    TRY(manifest_compare_options(begun, folder->run, options->any_device, output, error));
    folder->finished = finished;
    return LMVR_OK;
}

/* ---- taking the folder ---- */

static lmvr_status remove_file(const char *path, lmvr_error *error)
{
    return unlink(path) == 0 || errno == ENOENT ? LMVR_OK : file_error(error, path, "remove");
}

/* Removes run.json first, so that remains of an interruption are not taken for a run. */
static lmvr_status remove_old(const struct run_folder *folder, lmvr_error *error)
{
    TRY(file_truncate(folder->run_fd, folder->place.run_path, 0, error));
    TRY(run_checkpoint_prune(folder->checkpoints, 0, error));
    TRY(remove_file(folder->curve_path, error));
    return remove_file(folder->log_path, error);
}

static lmvr_status begin(const struct run_folder *folder, const struct run_options *options, lmvr_error *error)
{
    if (options->force)
        TRY(remove_old(folder, error));
    return manifest_write(folder->run, folder->run_fd, folder->place.run_path, error);
}

/* The lock is held. */
static lmvr_status begin_or_resume(struct run_folder *folder, const struct run_options *options, lmvr_error *error)
{
    json_t *begun = NULL;
    TRY(manifest_read(folder->run_fd, folder->place.run_path, &begun, error));
    bool goes_on = begun && options->resume && !options->force;
    lmvr_status status = LMVR_OK;
    if (begun)
        status = check_begun(folder, begun, options, error);
    else if (!options->force && has_results(folder))
        status = place_refuse_unknown(&folder->place, folder->checkpoints, error);
    json_decref(begun);
    if (status == LMVR_OK && !goes_on)
        status = begin(folder, options, error);
    if (status == LMVR_OK && mkdir(folder->checkpoints, 0777) != 0 && errno != EEXIST)
        status = file_error(error, folder->checkpoints, "make the folder");
    return status;
}

static lmvr_status take(struct run_folder *folder, const struct run_options *options, lmvr_error *error)
{
    bool made;
    TRY(place_check_writable(&folder->place, error));
    if (!options->force && !input_exists(folder->place.run_path))
        TRY(check_unknown(folder, error));
    TRY(place_make_folder(&folder->place, error));
    lmvr_status status = place_open_run(&folder->place, false, &folder->run_fd, &made, error);
    if (status == LMVR_OK)
        status = begin_or_resume(folder, options, error);
    if (status == LMVR_ERROR_INVALID && made)
        unlink(folder->place.run_path);
    return status;
}

static lmvr_status name_files(struct run_folder *folder, const char *output, lmvr_error *error)
{
    TRY(place_init(&folder->place, output, error));
    if (folder->place.single)
        return error_set(error, LMVR_ERROR_INVALID, "%s: training writes a folder, not a .npy file", output);
    folder->log_path = input_path(folder->place.output, "loss.csv");
    folder->curve_path = input_path(folder->place.output, "loss.svg");
    folder->checkpoints = input_path(folder->place.output, "checkpoints");
    bool good = folder->log_path && folder->curve_path && folder->checkpoints;
    return good ? LMVR_OK : error_no_memory(error, "a file name");
}

lmvr_status run_folder_check(const char *output, lmvr_error *error)
{
    struct run_folder folder = {.run_fd = -1};
    lmvr_status status = name_files(&folder, output, error);
    if (status == LMVR_OK)
        status = place_check_writable(&folder.place, error);
    run_folder_close(&folder);
    return status;
}

lmvr_status run_folder_open(struct run_folder *folder, const struct objective *objective, const struct corpus *corpus,
                            const struct corpus *validation, const struct run_options *options, lmvr_error *error)
{
    *folder = (struct run_folder){.run_fd = -1};
    lmvr_status status = name_files(folder, options->output, error);
    if (status == LMVR_OK)
        status = make_run(folder, objective, corpus, validation, options, error);
    if (status == LMVR_OK)
        status = take(folder, options, error);
    if (status != LMVR_OK)
        run_folder_close(folder);
    return status;
}

lmvr_status run_folder_mark_finished(struct run_folder *folder, lmvr_error *error)
{
    size_t length;
    char *text = json_object_set_new(folder->run, "finished", json_true()) == 0 ? manifest_text(folder->run, &length) : NULL;
    if (!text)
        return error_no_memory(error, "run.json");
    lmvr_status status = file_replace(folder->place.run_path, text, length, error);
    free(text);
    return status;
}

void run_folder_close(struct run_folder *folder)
{
    if (folder->run_fd >= 0)
        file_close(folder->run_fd, folder->place.run_path, NULL);
    place_finish(&folder->place);
    json_decref(folder->run);
    free(folder->settings);
    free(folder->log_path);
    free(folder->curve_path);
    free(folder->checkpoints);
    *folder = (struct run_folder){.run_fd = -1};
}
