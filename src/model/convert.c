#include "model/convert.h"

#include "arguments.h"
#include "format/new_folder.h"
#include "model/convert_files.h"
#include "model/convert_weights.h"
#include "model/gguf_export.h"
#include "model/load.h"
#include "model/model.h"

#include <omp.h>
#include <stdlib.h>
#include <sys/stat.h>

/* What a model of this configuration holds in which types. */
static lmvr_status make_plan(const struct model_config *config, struct checkpoint *checkpoint, const struct dtypes *dtypes,
                             struct plan *plan, lmvr_error *error)
{
    lmvr_model *model = calloc(1, sizeof *model);
    if (!model)
        return error_no_memory(error, "the model");
    model->config = *config;
    model->device = device_cpu();
    struct loader loader = {
        .device = model->device, .checkpoint = checkpoint, .plan = plan, .dtypes = *dtypes, .notice = NULL, .error = error};
    lmvr_status status = model_load_parts(&loader, model);
    lmvr_model_free(model);
    return status == LMVR_OK ? checkpoint_check_unused(checkpoint, error) : status;
}

static bool is_same_folder(const char *a, const char *b)
{
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* What a model needs to be opened is there. */
static lmvr_status open_checkpoint(const char *path, struct model_config *config, struct checkpoint **checkpoint,
                                   lmvr_error *error)
{
    uint64_t fingerprint;
    TRY(model_checkpoint_open(path, config, checkpoint, error));
    model_fit_checkpoint(config, *checkpoint);
    return model_fingerprint(path, config, *checkpoint, &fingerprint, error);
}

static lmvr_status write_model(const char *path, const struct model_config *config, const struct convert *convert,
                               const lmvr_convert_options *options, const char *output, lmvr_error *error)
{
    struct new_folder folder;
    TRY(new_folder_begin(output, options->replace, convert_may_hold, &folder, error));
    lmvr_status status = convert_files(path, config, options->dtype, folder.temporary, error);
    if (status == LMVR_OK)
        status = convert_weights(convert, folder.temporary, error);
    if (status == LMVR_OK)
        status = new_folder_finish(&folder, error);
    new_folder_abandon(&folder);
    return status;
}

lmvr_status model_convert(const char *path, const lmvr_convert_options *options, uint64_t shard, const char *output,
                          lmvr_error *error)
{
    bool gguf = gguf_export_is_named(output);
    struct plan plan = {0};
    struct checkpoint *checkpoint = NULL;
    struct model_config config;
    struct convert convert = {.shard = shard, .progress = options->progress, .user = options->user};
    const lmvr_model_options opened = {.dtype = gguf ? LMVR_DTYPE_F32 : options->dtype};
    TRY(model_config_read_any(path, options->mmproj, &config, error));
    TRY(model_dtypes(&config, &opened, NULL, &convert.dtypes, error));
    lmvr_status status = open_checkpoint(path, &config, &checkpoint, error);
    if (status == LMVR_OK)
        status = make_plan(&config, checkpoint, &convert.dtypes, &plan, error);
    convert.checkpoint = checkpoint;
    convert.plan = &plan;
    if (status == LMVR_OK && gguf)
        status = gguf_export(path, &config, &plan, options, output, error);
    else if (status == LMVR_OK)
        status = write_model(path, &config, &convert, options, output, error);
    plan_finish(&plan);
    checkpoint_close(checkpoint);
    return status;
}

void lmvr_convert_options_default_sized(lmvr_convert_options *options, size_t size)
{
    const lmvr_convert_options defaults = {.size = size};
    if (options)
        struct_write(options, size, &defaults, sizeof defaults);
}

/* Of 16-bit floats lmvr itself computes in bf16 alone. */
static lmvr_status check_written_dtype(lmvr_dtype dtype, const char *output, lmvr_error *error)
{
    if (dtype != LMVR_DTYPE_F16)
        return check_dtype(dtype, error);
    if (gguf_export_is_named(output))
        return LMVR_OK;
    return error_set(error, LMVR_ERROR_INVALID, "%s: weights in f16 are for files in GGUF, whose names end in .gguf", output);
}

lmvr_status lmvr_model_convert(const char *path, const lmvr_convert_options *options, const char *output, lmvr_error *error)
{
    REQUIRE_ARGUMENT(path, error);
    REQUIRE_ARGUMENT(options, error);
    REQUIRE_ARGUMENT(output, error);
    lmvr_convert_options own;
    TRY(read_convert_options(&own, options, error));
    TRY(check_written_dtype(own.dtype, output, error));
    TRY(check_threads(own.threads, error));
    if (own.dtype == LMVR_DTYPE_DEFAULT)
        return error_set(error, LMVR_ERROR_INVALID, "dtype is LMVR_DTYPE_DEFAULT, expected the type to convert to");
    if (!*output)
        return error_set(error, LMVR_ERROR_INVALID, "the output's name is empty");
    if (is_same_folder(path, output))
        return error_set(error, LMVR_ERROR_INVALID, "%s: is the model itself, expected another place for the converted one",
                         output);
    int before = omp_get_max_threads();
    if (own.threads > 0)
        omp_set_num_threads(own.threads);
    lmvr_status status = model_convert(path, &own, CONVERT_SHARD, output, error);
    omp_set_num_threads(before);
    return status;
}
