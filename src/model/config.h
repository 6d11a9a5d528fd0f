/*
 * The configuration in the JSON files of a Hugging Face folder, with transformers' defaults for missing keys.
 * Sources: transformers 5.12, LlavaConfig, CLIPVisionConfig, LlamaConfig, CLIPImageProcessor, GenerationConfig; Blip2Config,
 * T5Config, BlipImageProcessor.
 */
#ifndef LMVR_SRC_MODEL_CONFIG_H
#define LMVR_SRC_MODEL_CONFIG_H

#include "image/picture.h"
#include "language/text_tower.h"
#include "nn/elementwise.h"
#include "nn/rope.h"

#define CONFIG_MAX_BLOCKS (1 << 12)

/* The canonical names of a transformer block's weights (checkpoint.h). */
struct block_names {
    const char *block; /* with %d for its number; the names below follow */
    const char *qkv[3], *attention_out, *norm1, *norm2;
    const char *mlp[2], *mlp_out; /* two: the MLP has a gate, the first */
};

/* What a family's vision transformers have in common, and the canonical names of their weights. A name that is NULL: they have
 * no such weight. */
struct vision_family {
    const char *model_type; /* of its configuration */
    const char *patches, *class_token, *positions, *pre_norm, *post_norm;
    struct block_names names;
    int table_dims;       /* 3: class token and positions have leading dimensions of 1 in the file */
    int frames;           /* that the patches' kernels cover; 0: they have no such dimension */
    bool patch_bias, rms; /* rms: norms are RMS norms */
};

struct vision_config { /* a vision transformer */
    const struct vision_family *family;
    int image_size; /* 0: any */
    int patch_size, channels;
    int width, blocks, heads, mlp_width;
    enum activation activation;
    float layer_norm_eps;
    bool qkv_bias;
    int position_side; /* of the square of patches that positions were learned for; 0: no such table */
    int merge;         /* patches come in blocks of merge x merge */
    bool rotary;
    int window;                             /* side of a window in such blocks; 0: none */
    uint64_t whole[CONFIG_MAX_BLOCKS / 64]; /* bit b: block b attends to the whole view in spite of windows */
};

#define CONFIG_MAX_LEVELS 16

struct projector_config { /* LLaVA's two-layer MLP */
    enum activation activation;
    bool bias;
    int feature_layers[CONFIG_MAX_LEVELS]; /* indexes of the encoder's N+1 hidden states, 0..N, which stand side by side */
    int feature_layer_count;
    bool drop_class; /* drop the class token: true for "default" feature selection, false for "full" */
    bool linear;     /* of the two layers only the first */
};

struct qformer_config { /* BLIP-2's Q-Former */
    int queries, width, blocks, heads, mlp_width;
    int cross_every; /* blocks 0, cross_every, 2 * cross_every, ... have cross-attention to the image */
    enum activation activation;
    float layer_norm_eps;
};

struct merger_config {             /* patches become tokens in blocks of vision.merge x vision.merge */
    int levels;                    /* 1, and one more for each of DeepStack's */
    int states[CONFIG_MAX_LEVELS]; /* the encoder's hidden state that each reads */
};

#define CONFIG_MAX_END_TOKENS 16

struct t5_config { /* what a T5 has besides the fields of every language model */
    int encoder_blocks;
    int buckets, max_distance; /* of relative positions */
    bool gated, scale_head;    /* scale_head: states are divided by sqrt(width) before the head */
    int start_token;           /* the decoder's first token */
};

struct language_config {
    bool encoder_decoder;                                                /* a T5; else a decoder of the LLaMA family */
    int vocabulary, width, blocks, heads, kv_heads, head_dim, mlp_width; /* blocks: the decoder's */
    int max_positions;                                                   /* 0: no limit */
    enum activation activation;
    float rms_norm_eps;
    struct rope_config rope;
    bool tied, qkv_bias, out_bias, mlp_bias;
    bool may_lack_head; /* of an embedding model, which generates nothing */
    bool qk_norm;       /* RMS norms of queries and keys, head by head */
    int begin_token;    /* of a prompt; -1: none */
    int final_token;    /* of a prompt; -1: none */
    struct t5_config t5;
    int end_tokens[CONFIG_MAX_END_TOKENS], end_token_count;
};

struct text_config { /* a dual encoder's text tower */
    int vocabulary, width, blocks, heads, mlp_width, positions;
    enum activation activation;
    float layer_norm_eps;
    bool causal;
    enum text_position read;
    int begin_token, end_token; /* around a text; begin_token -1: none */
    bool pads;                  /* texts are filled up with pad_token to the number of positions */
    int pad_token;
    int projection; /* width of the joint space */
};

struct joint_config { /* the space that a dual encoder's pictures and texts share */
    int width;        /* 0: the model has none */
    bool pools;       /* pictures come to it by attention pooling; else their class token is projected */
};

/* What an embedding model's own code does besides what its configuration says. */
struct embedding_config {
    const char *feature; /* the vector that it gives, read before anything is generated; NULL: this is no embedding model */
    bool normalize;
    bool punctuate;  /* an instruction is stripped of blanks and ends in punctuation, a period if it has none */
    int most_tokens; /* of an input; text is cut off there; 0: no limit */
};

struct architecture;

#define CONFIG_MAX_PATH     1024
#define CONFIG_QUANTIZATION "quantization_config" /* a key of config.json */

struct gguf_pair { /* paths of a model's files, where it is in GGUF; else empty */
    char language[CONFIG_MAX_PATH], vision[CONFIG_MAX_PATH];
};

struct model_config {
    const struct architecture *family;
    struct gguf_pair gguf;
    char tower[CONFIG_MAX_PATH]; /* the folder of the encoder, where it has one of its own (LLaVA's own layout); else empty */
    char architecture[96];       /* architectures[0], else from model_type */
    bool has_language;           /* false: a vision encoder only */
    struct vision_config vision;
    int encoder_state; /* the encoder's hidden state, 0..N, that features read by default: the one that feeds the connector */
    struct projector_config projector; /* of the connectors, the one that the family has */
    struct qformer_config qformer;
    struct merger_config merger;
    struct language_config language;
    struct joint_config joint;
    bool has_text; /* it has a text tower; only with a joint space */
    struct text_config text;
    struct preprocess preprocess;
    const char *prompt, *template_name; /* the defaults */
    const char *system;                 /* the default system turn; NULL: the template's own */
    struct embedding_config embedding;
    lmvr_dtype stored; /* of weights that are quantized in the file; else DEFAULT */
    int64_t finer;     /* weights of a language model's blocks that stay in 8 bits beside others in 4 (model_is_finer()) */
    uint64_t hash;     /* of the JSON files' bytes */
};

struct qformer_text_config { /* what a Q-Former has in addition when it is trained on text */
    int vocabulary, positions;
    int projection; /* width of the joint embedding space of pictures and texts */
};

struct clip_config { /* both towers */
    struct vision_config vision;
    struct text_config text;
    int projection; /* width of the joint embedding space */
    float logit_scale;
};

/* Reads config.json, preprocessor_config.json (or processor_config.json) and generation_config.json of `folder`.
 * Everything is range-checked here (positive, bounded, divisible where necessary), so that the model code need not. */
lmvr_status model_config_read(const char *folder, struct model_config *config, lmvr_error *error);

/* The same of a folder, or of what GGUF files say of a model: `path` and `mmproj` (or NULL) are as in gguf_pair_find(). */
lmvr_status model_config_read_any(const char *path, const char *mmproj, struct model_config *config, lmvr_error *error);

/* The chat template of a model that has been read, in Jinja, malloc'ed; NULL: it has none. */
lmvr_status config_read_chat_template(const char *path, const struct model_config *config, char **text, lmvr_error *error);

/* The cells of a grid over a picture in which its visual tokens lie. */
struct token_grid {
    int rows, columns;
    int view;       /* that the grid covers; -1: it covers the whole image */
    int32_t *cells; /* (visual tokens): row * columns + column; -1: the token has no cell */
};

/* Visual tokens of a picture, of which only the sizes are read. Unless `grid` is NULL, it is filled in; grid->cells, unless
 * NULL, has room for the tokens. Tokens that attend to all patches have no cells, and the grid is the patches'. */
int64_t config_visual_tokens(const struct model_config *config, const struct picture *picture, struct token_grid *grid);

/* The added token that stands for visual tokens in a prompt, such as "<|image_pad|>"; NULL: there is none. */
const char *config_image_token(const struct model_config *config);

/* Whether a picture becomes more in the prompt than one span of visual tokens. */
bool config_expands(const struct model_config *config);
/* What it becomes: text with PROMPT_IMAGE for each span, which all have the same number of visual tokens. *text is malloc'ed.
 */
lmvr_status config_expand(const struct model_config *config, const struct picture *picture, char **text, lmvr_error *error);

/* Visual tokens of every picture; 0: it depends on the picture's size, or the model has no language model. */
int config_fixed_visual_tokens(const struct model_config *config);

/* Reads what the folder says of an embedding model (modules.json, 1_Pooling/config.json) and makes its own code's choices the
 * defaults. LMVR_ERROR_INVALID: it pools as no feature does. */
lmvr_status config_read_embedding(const char *folder, struct model_config *config, lmvr_error *error);

/* Whether the model is of this model_type, such as "llava". */
bool model_config_is(const struct model_config *config, const char *model_type);

/* A LLaVA of this encoder, with LLaVA-1.5's choices. The language model's configuration is left as it is. */
void model_config_compose_llava(const struct vision_config *vision, struct model_config *config);

/* Parses a configuration from JSON texts, as from the files; `name` stands for the files in errors. */
lmvr_status model_config_parse(const char *name, const char *config_json, const char *processor_json,
                               struct model_config *config, lmvr_error *error);

/* Configurations of single parts, for training them: a CLIPModel, a LlamaForCausalLM, a T5ForConditionalGeneration. `path` is
 * a folder or a configuration file. */
lmvr_status config_read_clip(const char *path, struct clip_config *config, lmvr_error *error);
lmvr_status config_read_llama(const char *path, struct language_config *config, lmvr_error *error);
lmvr_status config_read_t5(const char *path, struct language_config *config, lmvr_error *error);

/* An EVA encoder, from a BLIP-2 or from a CLIP whose vision_config is an EVA; a Q-Former, from a BLIP-2. */
lmvr_status config_read_eva(const char *path, struct vision_config *config, lmvr_error *error);
lmvr_status config_read_qformer(const char *path, struct qformer_config *config, struct qformer_text_config *text,
                                lmvr_error *error);

/* *model_type is malloc'ed; NULL if there is none. */
lmvr_status config_read_model_type(const char *path, char **model_type, lmvr_error *error);

/* The folder's preprocessor_config.json or processor_config.json; if there is neither, CLIP's preprocessing for this size. */
lmvr_status config_read_preprocess(const char *folder, int image_size, struct preprocess *preprocess, lmvr_error *error);

#endif
