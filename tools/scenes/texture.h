/* Noise textures. All are functions of position, so any thread can compute any pixel. */
#ifndef LMVR_TOOLS_SCENES_TEXTURE_H
#define LMVR_TOOLS_SCENES_TEXTURE_H

#include <stdint.h>

/* Smooth noise between 0 and 1, with features about one unit apart. */
float noise(uint32_t seed, float x, float y);

/* The sum of `octaves` noises, each with half the size and half the amplitude; between 0 and 1. */
float noise_octaves(uint32_t seed, float x, float y, int octaves);

/* A random number between 0 and 1 for a cell of the plane; `which` tells several per cell apart. */
float noise_cell(uint32_t seed, int x, int y, int which);

/* A dot at a random position in each unit cell, with a radius from `least` to `most` (at most 0.5). */
struct dot {
    float distance; /* to its center, divided by its radius: below 1 inside */
    float value;    /* the dot's own random number, between 0 and 1 */
};

/* The dot that (x, y) is deepest inside, or nearest to. */
struct dot noise_dot(uint32_t seed, float x, float y, float least, float most);

/* 0 below `low`, 1 above `high`, smooth between. */
float smooth_step(float low, float high, float x);

/* The fractional part: x - floor(x). */
float fraction(float x);

#endif
