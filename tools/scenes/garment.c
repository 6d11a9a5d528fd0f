#include "tools/scenes/garment.h"

const struct garment garments[] = {
    {.glyph = "👕", .name = "t-shirt", .role = GARMENT_UPPER, .value = 1, .neckline = 2},
    {.glyph = "🎽", .name = "tank top", .role = GARMENT_UPPER, .value = 0, .neckline = 2},
    {.glyph = "🥋", .name = "wrap jacket", .role = GARMENT_UPPER, .value = 3, .neckline = 0},
    {.glyph = "👘", .name = "kimono", .role = GARMENT_UPPER, .value = 3, .neckline = 0},
    {.glyph = "👗", .name = "dress", .role = GARMENT_UPPER, .value = 0, .neckline = 1},
    {.glyph = "👖", .name = "trousers", .role = GARMENT_LOWER, .value = 3},
    {.glyph = "🩳", .name = "shorts", .role = GARMENT_LOWER, .value = 0},
    {.glyph = "🧥", .name = "coat", .role = GARMENT_OUTER},
    {.glyph = "🥼", .name = "overcoat", .role = GARMENT_OUTER},
    {.glyph = "🧦", .name = "a pair of socks", .role = GARMENT_ACCESSORY, .label = SHAPE_SOCKS, .value = 1},
    {.glyph = "👒", .name = "a hat", .role = GARMENT_ACCESSORY, .label = SHAPE_HAT, .value = 1},
    {.glyph = "🎩", .name = "a top hat", .role = GARMENT_ACCESSORY, .label = SHAPE_HAT, .value = 1},
    {.glyph = "🧢", .name = "a cap", .role = GARMENT_ACCESSORY, .label = SHAPE_HAT, .value = 1},
    {.glyph = "👓", .name = "a pair of eyeglasses", .role = GARMENT_ACCESSORY, .label = SHAPE_GLASSES, .value = 1},
    {.glyph = "🕶️", .name = "a pair of sunglasses", .role = GARMENT_ACCESSORY, .label = SHAPE_GLASSES, .value = 2},
    {.glyph = "🧣", .name = "a scarf", .role = GARMENT_ACCESSORY, .label = SHAPE_NECKWEAR, .value = 1},
    {.glyph = "⌚", .name = "a wristwatch", .role = GARMENT_ACCESSORY, .label = SHAPE_WRIST, .value = 1},
    {.glyph = "💍", .name = "a ring", .role = GARMENT_ACCESSORY, .label = SHAPE_RING, .value = 1},
};
const int garment_count = sizeof garments / sizeof *garments;
