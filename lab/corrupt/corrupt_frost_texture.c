/* Draws frost as on a window: feathers of ice whose branches leave at 60 degrees, and have branches themselves. */
#include "format/random.h"
#include "lab/corrupt/corrupt_frost.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>

#define SIDE   FROST_SIDE
#define PIXELS ((size_t)SIDE * SIDE)

/* The parameters that tell the five textures apart: number and length of feathers, and cloudiness. */
static const struct look {
    int feathers;
    double length, clouds;
} looks[FROST_MADE] = {{60, 260, 0.6}, {260, 120, 0.7}, {34, 360, 0.5}, {480, 80, 0.6}, {120, 180, 0.8}};

struct pane {
    float *ice; /* (SIDE, SIDE) */
    struct random random;
};

static double between(struct pane *pane, double least, double most)
{
    return random_uniform(&pane->random, least, most);
}

/* Spreads a spot over the four pixels around it. */
static void put(const struct pane *pane, double x, double y, double amount)
{
    int left = (int)floor(x), top = (int)floor(y);
    if (left < 0 || top < 0 || left + 1 >= SIDE || top + 1 >= SIDE)
        return;
    double right = x - left, bottom = y - top;
    float *at = pane->ice + (size_t)top * SIDE + left;
    at[0] += (float)(amount * (1 - right) * (1 - bottom));
    at[1] += (float)(amount * right * (1 - bottom));
    at[SIDE] += (float)(amount * (1 - right) * bottom);
    at[SIDE + 1] += (float)(amount * right * bottom);
}

/* Draws a line of ice and its branches, which are shorter toward the tip, as older branches have grown longer. */
static void grow(struct pane *pane, double x, double y, double direction, double length, int order)
{
    static const double amounts[] = {0.7, 0.4, 0.3}, reach[] = {0.3, 0.35}, spacing[] = {3, 3};
    double bend = between(pane, -0.006, 0.006), next = spacing[0], side = 1;
    for (int step = 0; step * 0.75 < length; step++) {
        double done = step * 0.75;
        put(pane, x, y, amounts[order] * (1 - 0.7 * done / length));
        x += 0.75 * cos(direction);
        y += 0.75 * sin(direction);
        direction += bend + between(pane, -0.03, 0.03);
        if (order < 2 && done > next) {
            double angle = direction + side * (M_PI / 3 + between(pane, -0.15, 0.15));
            grow(pane, x, y, angle, (length - done) * reach[order] * between(pane, 0.2, 1), order + 1);
            side = -side;
            next = done + spacing[order] * between(pane, 0.3, 1.7);
        }
    }
}

/* Half of the feathers start anywhere; the others are clustered around a few spots, where the pane is coldest. */
static void grow_feathers(struct pane *pane, const struct look *look)
{
    double x = 0, y = 0;
    for (int i = 0; i < look->feathers; i++) {
        if (i % 2 == 0 || i % 16 == 1) {
            x = between(pane, 0, SIDE);
            y = between(pane, 0, SIDE);
        }
        grow(pane, x, y, between(pane, 0, 2 * M_PI), look->length * between(pane, 0.5, 1.2), 0);
    }
}

/* Value noise in several octaves, roughly 0 to 1: random values on a lattice, interpolated; each halving of the lattice has
 * half the amplitude. */
static void add_clouds(struct pane *pane, float *clouds)
{
    double lattice[17][17], amplitude = 0.5;
    for (int cells = 2; cells <= 16; cells *= 2, amplitude /= 2) {
        for (int i = 0; i <= cells; i++)
            for (int j = 0; j <= cells; j++)
                lattice[i][j] = between(pane, 0, 1);
        for (int y = 0; y < SIDE; y++)
            for (int x = 0; x < SIDE; x++) {
                double u = (double)x * cells / SIDE, v = (double)y * cells / SIDE;
                int i = (int)v, j = (int)u;
                u = (u - j) * (u - j) * (3 - 2 * (u - j));
                v = (v - i) * (v - i) * (3 - 2 * (v - i));
                double top = lattice[i][j] + u * (lattice[i][j + 1] - lattice[i][j]);
                double bottom = lattice[i + 1][j] + u * (lattice[i + 1][j + 1] - lattice[i + 1][j]);
                clouds[(size_t)y * SIDE + x] += (float)(amplitude * (top + v * (bottom - top)));
            }
    }
}

/* Scatters the ice's light: its mean over a square of side 2 RADIUS + 1, twice, along rows and columns. */
#define RADIUS 5
static void scatter(const float *ice, float *glow, float *line)
{
    for (int pass = 0; pass < 4; pass++) {
        const float *in = pass ? glow : ice;
        ptrdiff_t step = pass % 2 ? SIDE : 1, turn = pass % 2 ? 1 : SIDE;
        for (int i = 0; i < SIDE; i++) {
            for (int j = 0; j < SIDE; j++) {
                double sum = 0;
                for (int t = -RADIUS; t <= RADIUS; t++)
                    sum += j + t >= 0 && j + t < SIDE ? in[i * turn + (j + t) * step] : 0;
                line[j] = (float)(sum / (2 * RADIUS + 1));
            }
            for (int j = 0; j < SIDE; j++)
                glow[i * turn + j * step] = line[j];
        }
    }
}

/* From bare glass to dense ice: blue gray to nearly white. */
static void paint(const struct pane *pane, const float *glow, const float *clouds, const struct look *look, uint8_t *rgb)
{
    static const double glass[3] = {66, 80, 98}, ice[3] = {238, 245, 252};
    for (size_t i = 0; i < PIXELS; i++) {
        double clear = (1 - look->clouds * clouds[i] * clouds[i]) * exp(-0.9 * pane->ice[i] - 0.9 * glow[i]);
        for (int c = 0; c < 3; c++)
            rgb[3 * i + c] = (uint8_t)(ice[c] + (glass[c] - ice[c]) * clear);
    }
}

lmvr_status frost_draw(int index, struct image *texture, lmvr_error *error)
{
    struct pane pane = {.ice = calloc(PIXELS, sizeof *pane.ice)};
    float *clouds = calloc(PIXELS, sizeof *clouds), *glow = malloc(PIXELS * sizeof *glow), line[SIDE];
    uint8_t *rgb = malloc(3 * PIXELS);
    bool ready = pane.ice && clouds && glow && rgb;
    if (ready) {
        random_init(&pane.random, (uint64_t)index);
        grow_feathers(&pane, &looks[index]);
        add_clouds(&pane, clouds);
        scatter(pane.ice, glow, line);
        paint(&pane, glow, clouds, &looks[index], rgb);
        *texture = (struct image){SIDE, SIDE, rgb};
    } else {
        free(rgb);
    }
    free(pane.ice);
    free(clouds);
    free(glow);
    return ready ? LMVR_OK : error_no_memory(error, "the textures of frost");
}
