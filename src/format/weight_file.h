/*
 * A file of named tensors, in any format that models' weights come in. A format is one row of weight_file.c's table and one
 * implementation of struct weight_format.
 */
#ifndef LMVR_SRC_FORMAT_WEIGHT_FILE_H
#define LMVR_SRC_FORMAT_WEIGHT_FILE_H

#include "error.h"

#define WEIGHT_MAX_DIMS 8

/* What a safetensors file with quantized matrices has in its metadata, and the end of the name of a matrix's factors. */
#define WEIGHT_QUANTIZED        "lmvr_quantized"
#define WEIGHT_QUANTIZED_LAYOUT "1"
#define WEIGHT_FACTORS          "_factors"

struct weight_entry {
    const char *name;
    const char *dtype; /* as the format calls it, such as "BF16" */
    bool is_float;     /* it can be read as f32 */
    int dims;
    int64_t shape[WEIGHT_MAX_DIMS]; /* the last one is contiguous */
    uint64_t size;                  /* bytes in the file */
    size_t unit;    /* bytes of an element where they are stored one by one, else 1; 0: its bytes cannot be read */
    int block_bits; /* about that many an element, with its share of a block's scales; 0: it is not stored in blocks */
    /* A matrix that is stored in rows of quantized_rows.h: */
    int row_bits;         /* 8 or 4; 0: it is not */
    const float *factors; /* of its columns, powers of two; the file's. NULL: all are 1 */
    bool inner;           /* it is a part of another entry, and no weight by itself */
};

struct weight_file;

struct weight_format {
    void (*close)(struct weight_file *file); /* frees `content` and `entries` */
    /* `count` elements of an entry that is_float, from element `first` on, as f32. Thread-safe. */
    lmvr_status (*read)(const struct weight_file *file, const struct weight_entry *entry, uint64_t first, uint64_t count,
                        float *out, lmvr_error *error);
    /* `size` of an entry's bytes as they are stored, from byte `first` on. Both are multiples of its unit. Thread-safe. */
    lmvr_status (*read_bytes)(const struct weight_file *file, const struct weight_entry *entry, uint64_t first, uint64_t size,
                              void *out, lmvr_error *error);
    /* `count` of the rows of an entry with row_bits, from row `first` on. NULL: the format has none. Thread-safe. */
    lmvr_status (*read_rows)(const struct weight_file *file, const struct weight_entry *entry, int64_t first, int64_t count,
                             void *out, lmvr_error *error);
};

/* An open file: read-only but for its implementation. */
struct weight_file {
    const struct weight_format *format;
    char *path;
    void *content;
    uint64_t hash; /* of what describes the tensors: names, shapes, dtypes */
    size_t count;
    struct weight_entry *entries; /* sorted by name, in bytes' order */
};

/* Opens and checks a file, whose format shows in its content. */
lmvr_status weight_file_open(const char *path, struct weight_file **file, lmvr_error *error);
void weight_file_close(struct weight_file *file); /* NULL is allowed */

const struct weight_entry *weight_file_find(const struct weight_file *file, const char *name); /* NULL: not there */

/* Elements, which the size of the file bounds. */
uint64_t weight_entry_elements(const struct weight_entry *entry);

/* Implementations, which set all but the path. */
lmvr_status weight_file_open_safetensors(struct weight_file *file, lmvr_error *error);
lmvr_status weight_file_open_torch(struct weight_file *file, lmvr_error *error);
lmvr_status weight_file_open_gguf(struct weight_file *file, lmvr_error *error);

#endif
