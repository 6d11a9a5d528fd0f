/* A trained model as a Hugging Face folder: what transformers opens. */
#ifndef LMVR_TRAIN_MODEL_FOLDER_H
#define LMVR_TRAIN_MODEL_FOLDER_H

#include "image/preprocess.h"
#include "model/checkpoint.h"
#include "train/tape/parameter.h"

#include <jansson.h>

/* Canonical names beginning with `from` are called `to` in the file. */
struct folder_naming {
    const char *from, *to;
};

struct folder_write {
    const char *folder;
    enum dtype dtype;                    /* of all tensors in the file */
    const struct parameters *parameters; /* those whose names contain one of `left_out` are not written */
    const char *const *left_out;         /* ends with NULL; NULL: none */
    const char *left_out_file;           /* the safetensors file of the folder that they go into; NULL: none */
    const struct folder_naming *naming;  /* ends with {NULL}; the first that fits; NULL: names are canonical */
    const struct checkpoint *rest;       /* NULL, or whose tensors below `rest_prefix` are written too */
    const char *rest_prefix;
    json_t *config;            /* of config.json; its dtype is set here */
    const char *const *copies; /* files to be copied as they are: path, name, path, name, ..., NULL */
};

/* Makes the folder where it is missing. Each file is whole or not there. */
lmvr_status folder_write(const struct folder_write *write, lmvr_error *error);

/* A copy, whole or not there; nothing where both names are of one file. */
lmvr_status folder_copy_file(const char *from, const char *to, lmvr_error *error);

/* FOLDER/NAME, whole or not there. */
lmvr_status folder_write_json(const char *folder, const char *name, json_t *json, lmvr_error *error);

/* preprocessor_config.json in the folder, as CLIPImageProcessor's. */
lmvr_status folder_write_preprocess(const char *folder, const struct preprocess *preprocess, lmvr_error *error);

/* config.json's object of a folder, or of a file; released with json_decref(). */
lmvr_status folder_read_config(const char *path, json_t **config, lmvr_error *error);

/* FOLDER/NAME for the first of the names that exists, malloc'ed; NULL: none, or no memory. names ends with NULL. */
char *folder_find(const char *folder, const char *const *names);

#endif
