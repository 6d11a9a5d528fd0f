/* Declares the parameters of a net one by one, and fills them from a checkpoint or at random. */
#ifndef LMVR_TRAIN_NETS_NET_H
#define LMVR_TRAIN_NETS_NET_H

#include "format/random.h"
#include "model/checkpoint.h"
#include "train/tape/parameter.h"

#define NET_NAME_SIZE 160

/* Options common to all nets. */
struct net_options {
    const struct device *device; /* where the net is trained; NULL: the processor */
    enum dtype products;         /* BF16: products run in bf16, with f32 master weights */
    enum dtype saved;            /* of the written file */
    uint64_t seed;               /* of the random initialization */
    bool recompute;
    double noise; /* T5 only */
};

/* The source and destination of parameters. After a failure, which is kept, nothing more is declared and NULL is returned. */
struct net {
    struct parameters *parameters;
    struct checkpoint *checkpoint; /* NULL: initialize at random */
    struct random random;
    bool trained; /* whether the parameters declared next are trained */
    lmvr_status status;
    lmvr_error *error;
};

/* A linear layer; bias may be NULL. */
struct net_linear {
    struct parameter *weight, *bias;
};

struct net_norm {
    struct parameter *weight, *bias; /* bias: NULL for an RMS norm */
};

/* One tensor of a stacked layer. */
struct net_part {
    char prefix[NET_NAME_SIZE]; /* ".weight" and ".bias" follow */
    int64_t out;
};

/* The part PREFIX, formatted with the block's number for its one %d. */
struct net_part net_part(int64_t out, const char *format, int block) __attribute__((format(printf, 2, 0)));

/* Random values with this standard deviation if there is no checkpoint; NAN deviation: all ones. */
struct parameter *net_tensor(struct net *net, const char *name, int dims, const int64_t *shape, double deviation);

/* A table (rows, width) of which a file may have fewer rows: the others are random. */
struct parameter *net_table(struct net *net, const char *name, int64_t rows, int64_t stored_rows, int64_t width,
                            double deviation);

/* `count` parts stacked into one layer; biases are initialized to 0. */
struct net_linear net_stacked(struct net *net, const struct net_part *parts, int count, int64_t in, bool bias,
                              double deviation);
struct net_linear net_linear(struct net *net, const char *prefix, int64_t out, int64_t in, bool bias, double deviation);

/* Initialized to ones, and zeros. */
struct net_norm net_norm(struct net *net, const char *prefix, int64_t width, bool bias);

#endif
