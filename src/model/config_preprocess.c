#include "model/config_parts.h"

#include <string.h>
#include <strings.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- sizes ------------------------------------------------------------------------------------------------------------ */

/* A list [height, width]. */
static lmvr_status parse_pair(const struct json_node *node, const char *key, int *width, int *height, lmvr_error *error)
{
    int pair[2], count = 0;
    TRY(json_node_ints(node, key, 1, CONFIG_MAX_IMAGE, 2, pair, &count, error));
    if (count != 2)
        return json_refuse(node, key, "a height and a width", error);
    *height = pair[0];
    *width = pair[1];
    return LMVR_OK;
}

static lmvr_status parse_height_width(const struct json_node *node, const char *key, int *width, int *height, lmvr_error *error)
{
    struct json_node size;
    TRY(json_node_object(node, key, &size, error));
    if (!json_node_get(&size, "height") || !json_node_get(&size, "width"))
        return json_refuse(node, key, "height and width", error);
    TRY(json_node_int(&size, "height", 1, CONFIG_MAX_IMAGE, height, error));
    return json_node_int(&size, "width", 1, CONFIG_MAX_IMAGE, width, error);
}

/* A number is the shortest edge; an object names its edges. */
static lmvr_status parse_size(const struct json_node *node, struct preprocess *p, lmvr_error *error)
{
    const json_t *value = json_node_get(node, "size");
    if (!value)
        return LMVR_OK;
    if (json_is_number(value))
        return json_node_int(node, "size", 1, CONFIG_MAX_IMAGE, &p->shortest_edge, error);
    p->width = p->height = 0;
    if (json_is_object(value) && json_object_size(value) == 1 && json_object_get(value, "shortest_edge")) {
        struct json_node size;
        TRY(json_node_object(node, "size", &size, error));
        return json_node_int(&size, "shortest_edge", 1, CONFIG_MAX_IMAGE, &p->shortest_edge, error);
    }
    p->shortest_edge = 0;
    if (json_is_array(value))
        return parse_pair(node, "size", &p->width, &p->height, error);
    if (json_object_size(value) != 2)
        return json_refuse(node, "size", "shortest_edge, or height and width", error);
    return parse_height_width(node, "size", &p->width, &p->height, error);
}

/* A number is the side of a square. */
static lmvr_status parse_crop_size(const struct json_node *node, struct preprocess *p, lmvr_error *error)
{
    const json_t *value = json_node_get(node, "crop_size");
    if (!value)
        return LMVR_OK;
    if (json_is_array(value))
        return parse_pair(node, "crop_size", &p->crop_width, &p->crop_height, error);
    if (!json_is_number(value))
        return parse_height_width(node, "crop_size", &p->crop_width, &p->crop_height, error);
    TRY(json_node_int(node, "crop_size", 1, CONFIG_MAX_IMAGE, &p->crop_width, error));
    p->crop_height = p->crop_width;
    return LMVR_OK;
}

/* The encoder takes only one size, whatever the picture's. */
static lmvr_status check_output(const struct json_node *node, int size, const struct preprocess *p, lmvr_error *error)
{
    const char *path = node->path, *file = node->file;
    if (p->do_center_crop) {
        if (p->crop_width == size && p->crop_height == size)
            return LMVR_OK;
        return error_set(error, LMVR_ERROR_INVALID, "%s: %scrop_size is %d x %d pixels, but config.json's image_size %d", file,
                         path, p->crop_width, p->crop_height, size);
    }
    if (!p->do_resize)
        return error_set(error, LMVR_ERROR_INVALID,
                         "%s: %sdo_resize and %sdo_center_crop are both false, but the encoder takes "
                         "%d x %d pixels only",
                         file, path, path, size, size);
    if (p->shortest_edge > 0 && !p->pad_to_square)
        return error_set(error, LMVR_ERROR_INVALID,
                         "%s: %sdo_center_crop is false and %ssize a shortest edge, but the encoder "
                         "takes %d x %d pixels only",
                         file, path, path, size, size);
    int width = p->shortest_edge > 0 ? p->shortest_edge : p->width, height = p->shortest_edge > 0 ? width : p->height;
    if (width == size && height == size)
        return LMVR_OK;
    return error_set(error, LMVR_ERROR_INVALID, "%s: %ssize is %d x %d pixels, but config.json's image_size %d", file, path,
                     width, height, size);
}

/* ---- values ----------------------------------------------------------------------------------------------------------- */

/* Three numbers, one per channel, or a single one for all. */
static lmvr_status parse_channels(const struct json_node *node, const char *key, bool zero_allowed, double *values,
                                  lmvr_error *error)
{
    const json_t *value = json_node_get(node, key);
    if (!value)
        return LMVR_OK;
    bool good = json_is_number(value) || json_array_size(value) == 3;
    for (size_t i = 0; i < 3 && good; i++) {
        const json_t *number = json_is_array(value) ? json_array_get(value, i) : value;
        values[i] = json_number_value(number);
        good = json_is_number(number) && values[i] >= -1e6 && values[i] <= 1e6;
        good = good && (zero_allowed || values[i] > 1e-6 || values[i] < -1e-6);
    }
    return good ? LMVR_OK : json_refuse(node, key, zero_allowed ? "three numbers" : "three numbers other than zero", error);
}

static lmvr_status parse_flags(const struct json_node *node, struct preprocess *p, lmvr_error *error)
{
    TRY(json_node_bool(node, "do_resize", &p->do_resize, error));
    TRY(json_node_bool(node, "do_center_crop", &p->do_center_crop, error));
    TRY(json_node_bool(node, "do_rescale", &p->do_rescale, error));
    return json_node_bool(node, "do_normalize", &p->do_normalize, error);
}

static lmvr_status parse_type(const struct json_node *node, enum config_processor *processor, lmvr_error *error)
{
    static const struct json_name types[] = {
        {"CLIPImageProcessor", PROCESSOR_CLIP},      {"CLIPImageProcessorFast", PROCESSOR_CLIP},
        {"CLIPImageProcessorPil", PROCESSOR_CLIP},   {"CLIPFeatureExtractor", PROCESSOR_CLIP},
        {"LlavaImageProcessor", PROCESSOR_LLAVA},    {"LlavaImageProcessorFast", PROCESSOR_LLAVA},
        {"LlavaImageProcessorPil", PROCESSOR_LLAVA}, {"BlipImageProcessor", PROCESSOR_BLIP},
        {"BlipImageProcessorFast", PROCESSOR_BLIP},  {"BlipImageProcessorPil", PROCESSOR_BLIP},
    };
    const char *key = json_node_get(node, "image_processor_type") ? "image_processor_type" : "feature_extractor_type";
    int type = (int)*processor;
    TRY(json_node_name(node, key, types, COUNT(types), &type, error));
    *processor = (enum config_processor)type;
    return LMVR_OK;
}

/* LlavaImageProcessor pads to a square if do_pad is true; LLaVA's own code calls this image_aspect_ratio. CLIPImageProcessor's
 * do_pad means something else, which has no effect on pictures of one size. */
static lmvr_status parse_padding(const struct json_node *node, enum config_processor type, struct preprocess *p,
                                 lmvr_error *error)
{
    const char *aspect = NULL;
    bool pad = false;
    TRY(json_node_bool(node, "do_pad", &pad, error));
    TRY(json_node_string(node, "image_aspect_ratio", &aspect, error));
    p->pad_to_square = (pad && type == PROCESSOR_LLAVA) || (aspect && strcmp(aspect, "pad") == 0);
    return LMVR_OK;
}

/* BlipImageProcessor: 384 x 384 by default, whatever the aspect; a bare number is the side of a square. */
static lmvr_status parse_blip_size(const struct json_node *node, struct preprocess *p, lmvr_error *error)
{
    p->do_center_crop = false;
    p->shortest_edge = 0;
    p->width = p->height = 384;
    if (!json_is_number(json_node_get(node, "size")))
        return parse_size(node, p, error);
    TRY(json_node_int(node, "size", 1, CONFIG_MAX_IMAGE, &p->width, error));
    p->height = p->width;
    return LMVR_OK;
}

/* Pillow's number of a filter, or its name, which people write when they edit the file. */
static lmvr_status parse_filter(const struct json_node *node, enum image_filter *filter, lmvr_error *error)
{
    static const char *const names[] = {"nearest", "lanczos", "bilinear", "bicubic", "box", "hamming"};
    const char *key = "resample", *name = json_string_value(json_node_get(node, key));
    int value = FILTER_BICUBIC;
    for (size_t i = 0; name && i < COUNT(names); i++)
        if (strcasecmp(name, names[i]) == 0) {
            *filter = (enum image_filter)i;
            return LMVR_OK;
        }
    if (name)
        return json_refuse(node, key, "nearest, lanczos, bilinear, bicubic, box or hamming, or their number from 0 to 5",
                           error);
    TRY(json_node_int(node, key, FILTER_NEAREST, FILTER_HAMMING, &value, error));
    *filter = (enum image_filter)value;
    return LMVR_OK;
}

lmvr_status config_parse_preprocess(const struct json_node *node, int image_size, enum config_processor processor,
                                    struct preprocess *p, lmvr_error *error)
{
    preprocess_init_clip(p);
    TRY(parse_type(node, &processor, error));
    TRY(parse_padding(node, processor, p, error));
    TRY(processor == PROCESSOR_BLIP ? parse_blip_size(node, p, error) : parse_size(node, p, error));
    TRY(parse_flags(node, p, error));
    TRY(parse_crop_size(node, p, error));
    TRY(parse_filter(node, &p->filter, error));
    TRY(json_node_double(node, "rescale_factor", 1e-9, 1e9, &p->rescale_factor, error));
    TRY(parse_channels(node, "image_mean", true, p->mean, error));
    TRY(parse_channels(node, "image_std", false, p->std, error));
    return check_output(node, image_size, p, error);
}
