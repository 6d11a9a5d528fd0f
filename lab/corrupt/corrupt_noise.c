/* The noises. Each is a table from an input byte to the distribution of the output byte, so a draw costs the same at every
 * level. Values are integers before and after, so nothing is lost by skipping fractions. */
#include "lab/corrupt/corrupt_parts.h"

#include <math.h>
#include <stdlib.h>

/* ---- gaussian noise: x + N(0, c) ---- */

#define STEPS 512 /* -256 to 255; with more, black would become white and white black */

/* The probability that 255 c N(0, 1) is at least `value`. */
static double above(double value, double c)
{
    return 0.5 * erfc(value / (255 * c) * M_SQRT1_2);
}

lmvr_status corrupt_gaussian_noise(struct corrupting *work, lmvr_error *error)
{
    static const double deviations[] = {.08, .12, 0.18, 0.26, 0.38};
    (void)error;
    double c = deviations[work->level], probabilities[STEPS];
    struct alias slots[STEPS];
    int scratch[STEPS];
    /* Truncating after adding the noise moves a byte by the noise's floor; the outermost steps get the tails. */
    for (int i = 0; i < STEPS; i++)
        probabilities[i] = (i == 0 ? 1 : above(i - 256, c)) - (i == STEPS - 1 ? 0 : above(i - 255, c));
    alias_init(probabilities, STEPS, slots, scratch);
    uint8_t *rgb = work->image->rgb;
    for (size_t i = 0, n = image_bytes(work->image); i < n; i++)
        rgb[i] = (uint8_t)clamp_int(rgb[i] + alias_draw(slots, STEPS, random_next(&work->random)) - 256, 0, 255);
    return LMVR_OK;
}

/* ---- speckle noise: x + x N(0, c) ---- */

lmvr_status corrupt_speckle_noise(struct corrupting *work, lmvr_error *error)
{
    static const double deviations[] = {.15, .2, 0.35, 0.45, 0.6};
    double c = deviations[work->level], probabilities[256];
    int scratch[256];
    struct alias(*tables)[256] = malloc(256 * sizeof *tables);
    if (!tables)
        return error_no_memory(error, "speckle noise");
    for (int byte = 1; byte < 256; byte++) {
        double here = 1; /* the probability of this byte or a larger one; the first and the last byte get the tails */
        for (int out = 0; out < 256; out++) {
            double next = out == 255 ? 0 : above(out + 1 - byte, c * byte / 255);
            probabilities[out] = here - next;
            here = next;
        }
        alias_init(probabilities, 256, tables[byte], scratch);
    }
    uint8_t *rgb = work->image->rgb;
    for (size_t i = 0, n = image_bytes(work->image); i < n; i++) {
        uint64_t bits = random_next(&work->random);
        rgb[i] = rgb[i] ? (uint8_t)alias_draw(tables[rgb[i]], 256, bits) : 0;
    }
    free(tables);
    return LMVR_OK;
}

/* ---- shot noise: Poisson(x c) / c ---- */

#define MOST_PHOTONS 60 /* c of the lowest severity; this many or more are white */

/* Fills the distributions of the number of photons for each of the 256 bytes, with c + 1 slots each; slot c means c or more. */
static void count_photons(struct alias *tables, int c)
{
    double probabilities[MOST_PHOTONS + 1];
    int scratch[MOST_PHOTONS + 1];
    for (int byte = 0; byte < 256; byte++) {
        double mean = byte / 255. * c, left = 1;
        probabilities[0] = exp(-mean);
        for (int k = 0; k < c; k++) {
            left -= probabilities[k];
            probabilities[k + 1] = probabilities[k] * mean / (k + 1);
        }
        probabilities[c] = left > 0 ? left : 0;
        alias_init(probabilities, c + 1, tables + byte * (c + 1), scratch);
    }
}

lmvr_status corrupt_shot_noise(struct corrupting *work, lmvr_error *error)
{
    static const int photons[] = {MOST_PHOTONS, 25, 12, 5, 3};
    int c = photons[work->level];
    uint8_t light[MOST_PHOTONS + 1], *rgb = work->image->rgb;
    struct alias *tables = malloc(256 * (size_t)(c + 1) * sizeof *tables);
    if (!tables)
        return error_no_memory(error, "shot noise");
    count_photons(tables, c);
    for (int k = 0; k <= c; k++)
        light[k] = byte_of_unit((double)k / c);
    for (size_t i = 0, n = image_bytes(work->image); i < n; i++)
        rgb[i] = light[alias_draw(tables + rgb[i] * (c + 1), c + 1, random_next(&work->random))];
    free(tables);
    return LMVR_OK;
}

/* ---- impulse noise: salt and pepper, independently per channel ---- */

lmvr_status corrupt_impulse_noise(struct corrupting *work, lmvr_error *error)
{
    static const double amounts[] = {.03, .06, .09, 0.17, 0.27};
    (void)error;
    uint32_t pepper = (uint32_t)(amounts[work->level] / 2 * 0x1p32), either = 2 * pepper;
    uint8_t *rgb = work->image->rgb;
    size_t n = image_bytes(work->image);
    for (size_t i = 0; i < n; i += 2) {
        uint64_t bits = random_next(&work->random);
        uint32_t one = (uint32_t)bits, two = (uint32_t)(bits >> 32);
        rgb[i] = one < pepper ? 0 : one < either ? 255 : rgb[i];
        if (i + 1 < n)
            rgb[i + 1] = two < pepper ? 0 : two < either ? 255 : rgb[i + 1];
    }
    return LMVR_OK;
}
