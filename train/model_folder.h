/* Writes a trained model as a Hugging Face folder, which transformers can load. */
#ifndef LMVR_TRAIN_MODEL_FOLDER_H
#define LMVR_TRAIN_MODEL_FOLDER_H

#include "image/preprocess.h"
#include "model/checkpoint.h"
#include "train/tape/parameter.h"

#include <jansson.h>

/* Renames: canonical names that begin with `from` begin with `to` in the file. */
struct folder_naming {
    const char *from, *to;
};

/* A file that is copied as it is: the first of the names, ending with NULL, that the folder has. */
struct folder_copy {
    const char *folder;
    const char *const *names;
};
#define FOLDER_MOST_COPIES 4
extern const char *const folder_processors[], *const folder_generation[]; /* names for folder_copy */

struct folder_write {
    const char *folder;
    enum dtype dtype;                    /* of all tensors in the file */
    const struct parameters *parameters; /* those whose names contain one of `left_out` are not written */
    const char *const *left_out;         /* ends with NULL; NULL: none */
    const char *left_out_file;           /* the safetensors file in the folder for those instead; NULL: none */
    const struct folder_naming *naming;  /* ends with {NULL}; the first match applies; NULL: names are canonical */
    const struct checkpoint *like;       /* tensors that it has too have its names; NULL: unused */
    const struct checkpoint *rest; /* a checkpoint whose tensors with the prefix `rest_prefix` are written too, unless they are
                                    * parameters; NULL: none */
    const char *rest_prefix;
    json_t *config;                                /* for config.json; its dtype is set here */
    struct folder_copy copies[FOLDER_MOST_COPIES]; /* unused if without a folder */
    struct folder_copy beside;                     /* unused if without a folder; all of its names are copied */
    const char *tokenizer, *tokenizer_name;        /* the vocabulary file and its name in the folder; NULL: none */
    const struct preprocess *preprocess;           /* NULL: none; written unless a processor's file was copied */
};

/* Creates the folder if it is missing. Each file is complete or absent. */
lmvr_status folder_write(const struct folder_write *write, lmvr_error *error);

/* Copies a file, atomically; does nothing if both names are the same file. */
lmvr_status folder_copy_file(const char *from, const char *to, lmvr_error *error);

/* Writes FOLDER/NAME atomically. */
lmvr_status folder_write_json(const char *folder, const char *name, json_t *json, lmvr_error *error);

/* Reads the config.json of a folder, or the file itself; release with json_decref(). */
lmvr_status folder_read_config(const char *path, json_t **config, lmvr_error *error);

/* Writes the folder's preprocessor_config.json, for CLIPImageProcessor. */
lmvr_status folder_write_preprocess(const char *folder, const struct preprocess *preprocess, lmvr_error *error);

/* A copy of an object in a configuration, empty if there is none. NULL: out of memory. */
json_t *folder_config_part(json_t *config, const char *key);

/* FOLDER/NAME for the first of the names that exists, malloc'ed; NULL: none, or out of memory. names ends with NULL. */
char *folder_find(const char *folder, const char *const *names);

#endif
