#include "made_as.h"

#include "cli.h"
#include "engine.h"
#include "error.h"
#include "record/settings.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* The model at `path` has to be the one that made the rows. */
static lmvr_status check_model(const struct stored *stored, const char *path, const char *mmproj,
                               const struct settings *settings, lmvr_error *error)
{
    lmvr_model_options opened;
    lmvr_model_info info;
    lmvr_model_options_default(&opened);
    opened.mmproj = mmproj;
    TRY(lmvr_model_inspect_with(path, &opened, &info, error));
    if (info.fingerprint == settings->fingerprint)
        return LMVR_OK;
    return error_set(
        error, LMVR_ERROR_INVALID,
        "%s: was made by another model (%s, fingerprint %016" PRIx64 ") than %s (%s, %016" PRIx64 "); -m has to name that",
        stored->place.output, settings->architecture, settings->fingerprint, path, info.architecture, info.fingerprint);
}

lmvr_status made_as(const struct stored *stored, const struct options *given, struct options *as, char **path,
                    lmvr_error *error)
{
    struct settings settings;
    *path = NULL;
    TRY(settings_read(stored->run, stored->place.run_path, &settings, error));
    TRY(engine_model_path(given, path, error));
    *as = *given;
    as->dtype = settings.dtype;
    as->cache_dtype = settings.cache_dtype;
    as->device = settings.gpu ? NULL : "cpu";
    as->fast = settings.fast;
    as->session = settings.session;
    as->session.features = &((struct stored *)stored)->spec;
    as->session.feature_count = 1;
    as->session.batch = given->session.batch;
    as->session.threads = given->session.threads;
    lmvr_status status = check_model(stored, *path, given->mmproj, &settings, error);
    if (status != LMVR_OK) {
        free(*path);
        *path = NULL;
    }
    return status;
}

void made_as_hint(const struct stored *stored, const lmvr_model *model, bool quiet)
{
    lmvr_model_info info;
    const char *gpu = json_string_value(json_object_get(stored->run, "device"));
    lmvr_model_get_info(model, &info);
    if (gpu && strcmp(info.gpu, gpu) != 0 && !quiet)
        complain("%s: was made on a %s, whose last bits differ from those of this device", stored->place.output, gpu);
}
