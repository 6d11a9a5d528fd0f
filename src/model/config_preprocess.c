#include "model/config_parts.h"

#include <limits.h>
#include <stdio.h>
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

/* ---- the processors --------------------------------------------------------------------------------------------------- */

static void init_half(struct preprocess *p)
{
    for (int c = 0; c < 3; c++)
        p->mean[c] = p->std[c] = 0.5; /* IMAGENET_STANDARD_MEAN and _STD */
}

/* CLIPImageProcessor, LlavaImageProcessor */
static lmvr_status parse_crop(const struct json_node *node, struct preprocess *p, lmvr_error *error)
{
    TRY(parse_size(node, p, error));
    return parse_crop_size(node, p, error);
}

static void init_blip(struct preprocess *p)
{
    p->do_center_crop = false;
    p->shortest_edge = 0;
    p->width = p->height = 384;
}

/* BlipImageProcessor: whatever the aspect; a bare number is the side of a square. */
static lmvr_status parse_blip(const struct json_node *node, struct preprocess *p, lmvr_error *error)
{
    if (!json_is_number(json_node_get(node, "size")))
        return parse_crop(node, p, error);
    TRY(json_node_int(node, "size", 1, CONFIG_MAX_IMAGE, &p->width, error));
    p->height = p->width;
    return parse_crop_size(node, p, error);
}

static void init_siglip(struct preprocess *p)
{
    init_half(p);
    p->do_center_crop = false;
    p->shortest_edge = 0;
    p->width = p->height = 224;
}

static void init_qwen2_vl(struct preprocess *p)
{
    p->do_center_crop = false;
    p->patch = 14;
    p->merge = p->temporal_patch = 2;
    p->min_pixels = 56 * 56;
    p->max_pixels = 28 * 28 * 1280;
}

/* Qwen2VLImageProcessor: `size` has the limits, which are pixels and not edges, unless the older keys beside it have them. */
static lmvr_status parse_qwen2_vl(const struct json_node *node, struct preprocess *p, lmvr_error *error)
{
    struct json_node size;
    bool has_size = json_node_get(node, "size"), min = json_node_get(node, "min_pixels"),
         max = json_node_get(node, "max_pixels");
    TRY(json_node_object(node, "size", &size, error));
    if (has_size && ((!min && !json_node_get(&size, "shortest_edge")) || (!max && !json_node_get(&size, "longest_edge"))))
        return json_refuse(node, "size", "shortest_edge and longest_edge", error);
    TRY(json_node_int(&size, "shortest_edge", 1, INT_MAX, &p->min_pixels, error));
    TRY(json_node_int(&size, "longest_edge", 1, INT_MAX, &p->max_pixels, error));
    const struct json_int numbers[] = {
        {"min_pixels", 1, INT_MAX, &p->min_pixels},
        {"max_pixels", 1, INT_MAX, &p->max_pixels},
        {"patch_size", 1, 1024, &p->patch},
        {"merge_size", 1, 64, &p->merge},
        {"temporal_patch_size", 1, 64, &p->temporal_patch},
    };
    return json_node_int_table(node, numbers, COUNT(numbers), error);
}

static void init_idefics3(struct preprocess *p)
{
    init_half(p);
    p->do_center_crop = false;
    p->filter = FILTER_LANCZOS;
    p->tile = 364;
    p->longest_edge = 4 * p->tile;
    p->do_split = true;
}

/* Idefics3ImageProcessor, SmolVLMImageProcessor */
static lmvr_status parse_idefics3(const struct json_node *node, struct preprocess *p, lmvr_error *error)
{
    struct json_node size, tile;
    TRY(json_node_object(node, "size", &size, error));
    TRY(json_node_object(node, "max_image_size", &tile, error));
    TRY(json_node_bool(node, "do_image_splitting", &p->do_split, error));
    if (tile.object && !json_node_get(&tile, "longest_edge"))
        return json_refuse(node, "max_image_size", "longest_edge", error);
    TRY(json_node_int(&tile, "longest_edge", 1, CONFIG_MAX_IMAGE, &p->tile, error));
    if (!size.object || json_node_get(&size, "longest_edge"))
        return json_node_int(&size, "longest_edge", 1, CONFIG_MAX_IMAGE, &p->longest_edge, error);
    if (!json_node_get(&size, "height") || !json_node_get(&size, "width"))
        return json_refuse(node, "size", "longest_edge, or height and width", error);
    p->longest_edge = 0;
    return parse_height_width(node, "size", &p->width, &p->height, error);
}

static void init_llava_next(struct preprocess *p)
{
    static const struct pixel_size grids[] = {{672, 336}, {336, 672}, {672, 672}, {336, 1008}, {1008, 336}};
    memcpy(p->grids, grids, sizeof grids);
    p->grid_count = COUNT(grids);
}

/* A list of lists [height, width], or, as LLaVA's own code reads it, [width, height]. */
static lmvr_status parse_grids(const struct json_node *node, bool width_first, struct preprocess *p, lmvr_error *error)
{
    const char *key = "image_grid_pinpoints";
    const json_t *list = json_node_get(node, key);
    size_t count = json_array_size(list);
    if (!list)
        return LMVR_OK;
    bool good = count >= 1 && count <= PREPROCESS_MAX_GRIDS;
    for (size_t i = 0; i < count && good; i++) {
        const json_t *pair = json_array_get(list, i), *height = json_array_get(pair, width_first),
                     *width = json_array_get(pair, !width_first);
        json_int_t h = json_integer_value(height), w = json_integer_value(width); /* 0 for what is no integer */
        good = json_array_size(pair) == 2 && h >= 1 && h <= CONFIG_MAX_IMAGE && w >= 1 && w <= CONFIG_MAX_IMAGE;
        p->grids[i] = (struct pixel_size){(int)w, (int)h};
    }
    p->grid_count = (int)count;
    return good ? LMVR_OK : json_refuse(node, key, "1 to 64 pairs [height, width] of pixels from 1 to 16384", error);
}

lmvr_status config_parse_own_grids(const struct json_node *node, struct preprocess *p, lmvr_error *error)
{
    init_llava_next(p);
    p->way = VIEWS_ANYRES;
    p->tile = p->crop_height;
    return parse_grids(node, true, p, error);
}

/* LlavaNextImageProcessor: a tile is a square, as high as the crop. */
static lmvr_status parse_llava_next(const struct json_node *node, struct preprocess *p, lmvr_error *error)
{
    TRY(parse_crop(node, p, error));
    p->tile = p->crop_height;
    return parse_grids(node, false, p, error);
}

static const struct processor {
    enum preprocess_way way;
    void (*init)(struct preprocess *p); /* what differs from CLIP's defaults */
    lmvr_status (*parse)(const struct json_node *node, struct preprocess *p, lmvr_error *error); /* its own keys */
} processors[] = {
    [PROCESSOR_CLIP] = {VIEWS_FIXED, NULL, parse_crop},
    [PROCESSOR_LLAVA] = {VIEWS_FIXED, NULL, parse_crop},
    [PROCESSOR_BLIP] = {VIEWS_FIXED, init_blip, parse_blip},
    [PROCESSOR_SIGLIP] = {VIEWS_FIXED, init_siglip, parse_crop},
    [PROCESSOR_QWEN2_VL] = {VIEWS_ANY_SIZE, init_qwen2_vl, parse_qwen2_vl},
    [PROCESSOR_IDEFICS3] = {VIEWS_TILES, init_idefics3, parse_idefics3},
    [PROCESSOR_LLAVA_NEXT] = {VIEWS_ANYRES, init_llava_next, parse_llava_next},
};

/* Names may have Fast or Pil behind them, which is another implementation of the same. */
static const struct json_name types[] = {
    {"CLIPImageProcessor", PROCESSOR_CLIP},
    {"CLIPFeatureExtractor", PROCESSOR_CLIP},
    {"LlavaImageProcessor", PROCESSOR_LLAVA},
    {"BlipImageProcessor", PROCESSOR_BLIP},
    {"SiglipImageProcessor", PROCESSOR_SIGLIP},
    {"Qwen2VLImageProcessor", PROCESSOR_QWEN2_VL},
    {"Idefics3ImageProcessor", PROCESSOR_IDEFICS3},
    {"SmolVLMImageProcessor", PROCESSOR_IDEFICS3},
    {"LlavaNextImageProcessor", PROCESSOR_LLAVA_NEXT},
};

static bool is_type(const char *name, const char *type)
{
    size_t length = strlen(type);
    if (strncmp(name, type, length) != 0)
        return false;
    const char *rest = name + length;
    return *rest == '\0' || strcmp(rest, "Fast") == 0 || strcmp(rest, "Pil") == 0;
}

/* Only types that make views in the same way as the default can replace it. */
static lmvr_status parse_type(const struct json_node *node, enum config_processor *processor, lmvr_error *error)
{
    const char *key = json_node_get(node, "image_processor_type") ? "image_processor_type" : "feature_extractor_type";
    const char *name = json_string_value(json_node_get(node, key));
    enum preprocess_way way = processors[*processor].way;
    char expected[256] = "";
    if (!json_node_get(node, key))
        return LMVR_OK;
    for (size_t i = 0; i < COUNT(types); i++) {
        if (processors[types[i].value].way != way)
            continue;
        if (name && is_type(name, types[i].name)) {
            *processor = (enum config_processor)types[i].value;
            return LMVR_OK;
        }
        size_t length = strlen(expected);
        snprintf(expected + length, sizeof expected - length, "%s%s", length > 0 ? " or " : "", types[i].name);
    }
    return json_refuse(node, key, expected, error);
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

/* Pillow's number of a filter, or its name, which people write when they edit the file. */
static lmvr_status parse_filter(const struct json_node *node, enum image_filter *filter, lmvr_error *error)
{
    static const char *const names[] = {"nearest", "lanczos", "bilinear", "bicubic", "box", "hamming"};
    const char *key = "resample", *name = json_string_value(json_node_get(node, key));
    int value = (int)*filter;
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

/* The keys of every processor, whichever it is. */
static lmvr_status parse_values(const struct json_node *node, struct preprocess *p, lmvr_error *error)
{
    TRY(parse_flags(node, p, error));
    TRY(parse_filter(node, &p->filter, error));
    TRY(json_node_double(node, "rescale_factor", 1e-9, 1e9, &p->rescale_factor, error));
    TRY(parse_channels(node, "image_mean", true, p->mean, error));
    return parse_channels(node, "image_std", false, p->std, error);
}

lmvr_status config_parse_preprocess(const struct json_node *node, int image_size, enum config_processor processor,
                                    struct preprocess *p, lmvr_error *error)
{
    TRY(parse_type(node, &processor, error));
    preprocess_init_clip(p);
    p->way = processors[processor].way;
    if (processors[processor].init)
        processors[processor].init(p);
    TRY(processors[processor].parse(node, p, error));
    TRY(parse_values(node, p, error));
    if (p->way == VIEWS_FIXED)
        TRY(parse_padding(node, processor, p, error));
    if (image_size == 0 || p->way == VIEWS_ANY_SIZE || p->way == VIEWS_TILES)
        return LMVR_OK;
    return check_output(node, image_size, p, error);
}
