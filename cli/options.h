/* The options of every command, parsed and printed as help from one table. */
#ifndef LMVR_CLI_OPTIONS_H
#define LMVR_CLI_OPTIONS_H

#include "lmvr.h"
#include "serve/server.h"

struct options;

/* A command is a bit, so that an option can belong to several. */
enum {
    FOR_EMBED = 1 << 0,
    FOR_DESCRIBE = 1 << 1,
    FOR_ATTEND = 1 << 2,
    FOR_CORRUPT = 1 << 3,
    FOR_PROBE_FIT = 1 << 4,
    FOR_PROBE_SCORE = 1 << 5,
    FOR_PROBE_PREDICT = 1 << 6,
    FOR_EVAL = 1 << 7,
    FOR_INFO = 1 << 8,
    FOR_BENCH = 1 << 9,
    FOR_SCENES = 1 << 10,
    FOR_TRAIN_CONTRASTIVE = 1 << 11, /* the train commands are contiguous */
    FOR_TRAIN_LANGUAGE = 1 << 12,
    FOR_TRAIN_ALIGN = 1 << 13,
    FOR_TRAIN_INSTRUCT = 1 << 14,
    FOR_TRAIN_FINETUNE = 1 << 15,
    FOR_TRAIN_QFORMER = 1 << 16,
    FOR_TRAIN_QFORMER_LANGUAGE = 1 << 17,
    FOR_CONVERT = 1 << 18,
    FOR_SERVE = 1 << 19,
    FOR_SEARCH = 1 << 20,
    FOR_MERGE = 1 << 21,
};

struct command {
    const char *name, *synopsis, *summary;
    unsigned bit;
    int (*run)(const struct options *options); /* NULL: run lmvr-NAME, a program in the same folder, with the arguments */
    const char *notes;                         /* printed at the end of the help */
};

/* For the train commands; what is not given is 0, NAN or NULL and means the objective's default. */
struct train_numbers {
    const char *config, *vision, *language, *images, *validation, *vocabulary;
    int vocabulary_size, accumulation, most_tokens, steps, readers, lora_rank, image_size;
    int keep, validate_every, checkpoint_every, validation_batches; /* -1: not given */
    double epochs, learning_rate, weight_decay, beta2, warmup, clip, lora_alpha, prompted, noise, checkpoint_minutes;
    int saved; /* position in "f32|bf16" */
    bool recompute, constant, trains_vision, trains_language;
};

/* What search looks for besides its inputs, which are images. */
enum query_kind { QUERY_IMAGE, QUERY_TEXT, QUERY_ROW, QUERY_PATH };

struct query_option {
    enum query_kind kind;
    const char *value;
};

struct options {
    struct train_numbers train;
    const char *model;   /* NULL: the one shipped with lmvr */
    const char *mmproj;  /* NULL: not given */
    const char **models; /* eval: each -m; to be freed */
    int model_count;
    lmvr_dtype dtype, cache_dtype;
    const char *device; /* NULL: the default */
    bool fast;
    lmvr_session_options session;
    const char **features; /* session.features, to be freed */
    double temperature, top_p;
    const char *output;
    const char *texts;                         /* embed: a file of texts */
    const char *share;                         /* embed: "I/N"; NULL: not given */
    int rows_per_part;                         /* 0: not given */
    int layout;                                /* embed: 1 if it is clip-retrieval's */
    int index_form;                            /* embed: position in "jsonl|parquet"; 0: not given */
    int dtype_out;                             /* embed: position in "f32|f16|int8"; 0: not given */
    const char *words, *tokens, *blocks;       /* attend: comma lists, and A:B */
    const char *templates;                     /* eval: a file */
    const char *types, *severities, *textures; /* for corruptions, as given */
    const char *corrupt, *sheet;               /* describe: corruptions as NAME:SEVERITY,..., and an image file */
    double angle;                              /* NAN: not given */
    int size, format;                          /* -1: not given; position in "png|jpg", 0: not given */
    const char *dataset, *data, *task, *test_part, *corrupted, *finetuned;
    int limit, seeds;                                  /* 0: not given */
    const char *probe, *feature_file, *labels, *index; /* probe commands: paths */
    double c;                                          /* NAN: choose */
    const char *shape;                                 /* bench: of a random model */
    int layers;
    bool resume, force, force_device, strict, quiet, json, quick;
    const char *scenes_manners;
    int scenes_layout, scenes_count, scenes_test_count, scenes_size; /* 0: not given */
    bool corruptions, bench_train;                                   /* bench, instead of a model */
    bool time;                                                       /* info */
    struct server_options server;
    struct query_option *queries; /* search: in their order; to be freed */
    size_t query_count;
    int top, metric;           /* 0: not given; metric: position in "cosine|dot" */
    const char *page;          /* NULL: none */
    const char *index_feature; /* serve; NULL: the first */
    char *const *inputs;
    size_t input_count;
};

/* Parses argv[1..]; argv[0] is the command's name. Returns true to continue; false with *exit_status set after --help or an
 * error message. Call options_finish() in any case. */
bool options_parse(const struct command *command, int argc, char **argv, struct options *options, int *exit_status);
void options_finish(struct options *options);

#endif
