/*
 * The images in a tar, plain or gzipped, in its order and without unpacking it: as webdataset and img2dataset write shards.
 * Files that follow one another and are named alike but for the part from the last period on are a sample: its images, each
 * with the companions "json" (any value), "txt" (a text) and "cls" (a whole number, else a text) from its files of these names.
 * Members are images as the files of a folder are (input_list.h); hidden ones and what is no file is left out, and but for
 * folders counted. What is no image is not read.
 */
#ifndef LMVR_LAB_DATASET_TAR_READER_H
#define LMVR_LAB_DATASET_TAR_READER_H

#include "lab/dataset/passed_over.h"
#include "record/source.h"

struct tar_reader;

/* Opens a tar; "-" is standard input. LMVR_ERROR_INPUT: it cannot be used. */
lmvr_status tar_reader_open(const char *path, struct tar_reader **reader, lmvr_error *error);

/* The next image, whose path is that of the tar, a slash and the member's name. *found is false after the last. An image that
 * is too large to be one is an item with its error. Members that are neither are counted in `passed_over`. LMVR_ERROR_INPUT:
 * the tar is damaged from here on, or ends too early; the samples that came before are whole. */
lmvr_status tar_reader_next(struct tar_reader *reader, struct passed_over *passed_over, struct source_item *item, bool *found,
                            lmvr_error *error);

/* NULL is allowed. */
void tar_reader_close(struct tar_reader *reader);

#endif
