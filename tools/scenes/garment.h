/* Outfits for DeepFashion-MultiModal: clothes laid out flat, each made of a fabric with a pattern, and accessories. Labels are
 * numbered as in https://github.com/yumingj/DeepFashion-MultiModal#labels. */
#ifndef LMVR_TOOLS_SCENES_GARMENT_H
#define LMVR_TOOLS_SCENES_GARMENT_H

#include "tools/scenes/cloth.h"
#include "tools/scenes/draw.h"
#include "tools/scenes/scene_text.h"

/* The columns of shape_anno_all.txt, in order. */
enum shape_label {
    SHAPE_SLEEVES,
    SHAPE_LOWER_LENGTH,
    SHAPE_SOCKS,
    SHAPE_HAT,
    SHAPE_GLASSES,
    SHAPE_NECKWEAR,
    SHAPE_WRIST,
    SHAPE_RING,
    SHAPE_WAIST,
    SHAPE_NECKLINE,
    SHAPE_CARDIGAN,
    SHAPE_NAVEL,
    SHAPE_LABELS
};

/* The three garments described in fabric_ann.txt and pattern_ann.txt. */
enum piece { PIECE_UPPER, PIECE_LOWER, PIECE_OUTER, PIECES };

enum garment_role { GARMENT_UPPER, GARMENT_LOWER, GARMENT_OUTER, GARMENT_ACCESSORY };

struct garment {
    const char *glyph;
    const char *name; /* "t-shirt" */
    enum garment_role role;
    enum shape_label label; /* accessory: the label that it sets */
    int value;              /* accessory: that label's value; lower garment: length; upper garment: sleeves */
    int neckline;           /* upper garments only */
};
extern const struct garment garments[];
extern const int garment_count;

#define OUTFIT_MAX_ACCESSORIES 4

struct outfit {
    struct background background;
    int garments[PIECES]; /* indices in garments[]; -1: none */
    struct cloth cloths[PIECES];
    bool cropped, belt; /* the upper garment ends above the navel; the lower one has a belt */
    int accessories[OUTFIT_MAX_ACCESSORIES];
    int accessory_count;
    bool mirrored; /* the whole layout */
    struct random places, words;

    int shape[SHAPE_LABELS], fabric[PIECES], pattern[PIECES]; /* the labels; some are "not applicable" */
};

/* Chooses an outfit with a generator, which must belong to this image alone. */
void outfit_choose(struct random r, struct outfit *outfit);

/* Like scene_draw(). */
lmvr_status outfit_draw(const struct glyphs *glyphs, const struct outfit *outfit, int size, uint8_t *rgb, lmvr_error *error);

/* Adds a few sentences in the style of the set's captions. */
void outfit_describe(const struct outfit *outfit, struct text *text);

#endif
