/* Outfits for DeepFashion-MultiModal: clothes laid out flat, each made of a fabric with a pattern, and things worn with them.
 * The numbers are those of https://github.com/yumingj/DeepFashion-MultiModal#labels. */
#ifndef LMVR_TOOLS_SCENES_GARMENT_H
#define LMVR_TOOLS_SCENES_GARMENT_H

#include "tools/scenes/cloth.h"
#include "tools/scenes/draw.h"
#include "tools/scenes/scene_text.h"

/* What shape_anno_all.txt says, in its order. */
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

/* The three pieces of clothing that fabric_ann.txt and pattern_ann.txt are about. */
enum piece { PIECE_UPPER, PIECE_LOWER, PIECE_OUTER, PIECES };

enum garment_role { GARMENT_UPPER, GARMENT_LOWER, GARMENT_OUTER, GARMENT_ACCESSORY };

struct garment {
    const char *glyph;
    const char *name; /* "t-shirt" */
    enum garment_role role;
    enum shape_label label; /* of an accessory: what it changes, and to what */
    int value;              /* of an accessory; a lower garment's length; an upper one's sleeves */
    int neckline;           /* of an upper one */
};
extern const struct garment garments[];
extern const int garment_count;

#define OUTFIT_MAX_ACCESSORIES 4

struct outfit {
    struct background background;
    int garments[PIECES]; /* into garments[]; -1: none */
    struct cloth cloths[PIECES];
    bool cropped, belt; /* the upper one ends above the navel; the lower one has a belt */
    int accessories[OUTFIT_MAX_ACCESSORIES];
    int accessory_count;
    bool mirrored; /* the whole arrangement */
    struct random places, words;

    int shape[SHAPE_LABELS], fabric[PIECES], pattern[PIECES]; /* the labels, "not applicable" among them */
};

/* The outfit of a generator, which belongs to one picture alone. */
void outfit_choose(struct random r, struct outfit *outfit);

/* As scene_draw(). */
lmvr_status outfit_draw(const struct glyphs *glyphs, const struct outfit *outfit, int size, uint8_t *rgb, lmvr_error *error);

/* Adds a few sentences in the manner of the set's captions. */
void outfit_describe(const struct outfit *outfit, struct text *text);

#endif
