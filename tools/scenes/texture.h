/* Patterns of noise. All are functions of a place, so that any thread can compute any pixel. */
#ifndef LMVR_TOOLS_SCENES_TEXTURE_H
#define LMVR_TOOLS_SCENES_TEXTURE_H

#include <stdint.h>

/* Smooth noise between 0 and 1 whose bumps are about one unit apart. */
float noise(uint32_t seed, float x, float y);

/* The sum of `octaves` noises, each twice as fine and half as strong; between 0 and 1. */
float noise_octaves(uint32_t seed, float x, float y, int octaves);

/* A number between 0 and 1 that belongs to a cell of the plane; `which` tells several of one cell apart. */
float noise_cell(uint32_t seed, int x, int y, int which);

/* A dot at a random place in each unit cell, of a radius from `least` to `most` (at most 0.5). */
struct dot {
    float distance; /* from its middle, over its radius: below 1 inside */
    float value;    /* of the dot, between 0 and 1 */
};

/* The dot that (x, y) is deepest in, or nearest to. */
struct dot noise_dot(uint32_t seed, float x, float y, float least, float most);

/* 0 below `low`, 1 above `high`, smooth between. */
float smooth_step(float low, float high, float x);

/* x less the whole number below it. */
float fraction(float x);

#endif
