/* Encodes images as JPEG files. */
#ifndef LMVR_TOOLS_SCENES_JPEG_H
#define LMVR_TOOLS_SCENES_JPEG_H

#include "error.h"

/* libjpeg's quality 90, with chroma at half resolution like most photographs. */
#define JPEG_QUALITY 90

/* Encodes 8-bit RGB, (height, width, 3). Release *bytes with free(). */
lmvr_status jpeg_encode(const uint8_t *rgb, int width, int height, unsigned char **bytes, size_t *size, lmvr_error *error);

#endif
