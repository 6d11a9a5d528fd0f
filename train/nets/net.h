/* The parameters of a model that is trained: declared one by one, filled from a checkpoint or at random. */
#ifndef LMVR_TRAIN_NETS_NET_H
#define LMVR_TRAIN_NETS_NET_H

#include "format/random.h"
#include "model/checkpoint.h"
#include "train/tape/parameter.h"

#define NET_NAME_SIZE 160

/* How a net is made, whatever it is. */
struct net_options {
    enum dtype products; /* BF16: products run in bf16, with f32 weights behind them */
    enum dtype saved;    /* of the file that is written */
    uint64_t seed;       /* of what begins at random */
    bool recompute;
    double noise; /* a T5's */
};

/* Where parameters come from and go. After a failure, which is kept, nothing more is declared and NULL is returned. */
struct net {
    struct parameters *parameters;
    struct checkpoint *checkpoint; /* NULL: they begin at random */
    struct random random;
    bool trained; /* those declared from here on */
    lmvr_status status;
    lmvr_error *error;
};

/* A linear layer; bias is NULL where it has none. */
struct net_linear {
    struct parameter *weight, *bias;
};

struct net_norm {
    struct parameter *weight, *bias; /* bias: NULL in an RMS norm */
};

/* One tensor of a stacked layer. */
struct net_part {
    char prefix[NET_NAME_SIZE]; /* ".weight" and ".bias" follow */
    int64_t out;
};

/* The part PREFIX, filled in from the format; it has one %d, for the block's number. */
struct net_part net_part(int64_t out, const char *format, int block) __attribute__((format(printf, 2, 0)));

/* Values of `deviation` around 0 where there is no checkpoint; a NAN deviation: all ones. */
struct parameter *net_tensor(struct net *net, const char *name, int dims, const int64_t *shape, double deviation);

/* A table (rows, width) of which a file may hold fewer rows: the others begin at random. */
struct parameter *net_table(struct net *net, const char *name, int64_t rows, int64_t stored_rows, int64_t width,
                            double deviation);

/* `count` parts stacked to one layer; biases begin at 0. */
struct net_linear net_stacked(struct net *net, const struct net_part *parts, int count, int64_t in, bool bias,
                              double deviation);
struct net_linear net_linear(struct net *net, const char *prefix, int64_t out, int64_t in, bool bias, double deviation);

/* Ones, and zeros. */
struct net_norm net_norm(struct net *net, const char *prefix, int64_t width, bool bias);

#endif
