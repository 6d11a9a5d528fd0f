#include "option_table.h"

#include <limits.h>

#define AT(member) offsetof(struct options, member)

/* Groups of commands that have options in common. */
#define FOR_BLIP2 (FOR_TRAIN_QFORMER | FOR_TRAIN_QFORMER_LANGUAGE)
#define FOR_TRAIN                                                                                                              \
    (FOR_TRAIN_CONTRASTIVE | FOR_TRAIN_LANGUAGE | FOR_TRAIN_ALIGN | FOR_TRAIN_INSTRUCT | FOR_TRAIN_FINETUNE | FOR_BLIP2)
#define FOR_IMAGES (FOR_EMBED | FOR_DESCRIBE)                       /* give a list of images */
#define FOR_MODEL  (FOR_IMAGES | FOR_ATTEND | FOR_EVAL | FOR_SERVE) /* to a model */
#define FOR_PROBE  (FOR_PROBE_FIT | FOR_PROBE_SCORE | FOR_PROBE_PREDICT)
#define FOR_LABELS (FOR_PROBE_FIT | FOR_PROBE_SCORE)
/* ... and those that write results to files. */
#define FOR_FILES    (FOR_EMBED | FOR_ATTEND | FOR_EVAL | FOR_SCENES | FOR_TRAIN)
#define FOR_PROGRESS (FOR_IMAGES | FOR_EVAL | FOR_CORRUPT | FOR_PROBE_FIT | FOR_SCENES | FOR_ATTEND | FOR_TRAIN | FOR_CONVERT)
#define FOR_TUNING   (FOR_TRAIN_INSTRUCT | FOR_TRAIN_FINETUNE)
#define FOR_ALL      UINT_MAX

#define FLAG(member)                  NULL, OPTION_FLAG, AT(member), 0, 0
#define TEXT(value, member)           value, OPTION_TEXT, AT(member), 0, 0
#define PATH(value, member)           value, OPTION_PATH, AT(member), 0, 0
#define CHOICE(value, member)         value, OPTION_CHOICE, AT(member), 0, 0
#define SEED(member)                  "N", OPTION_SEED, AT(member), 0, 0x1p63
#define INTEGER(member, from, to)     "N", OPTION_INTEGER, AT(member), from, to
#define QUERY(value, kind)            value, OPTION_QUERY, 0, kind, 0
#define REAL(value, member, from, to) value, OPTION_REAL, AT(member), from, to

const struct option_row option_table[] = {
    /* models and outputs */
    {'m', "model", PATH("PATH", model), FOR_BENCH, "Hugging Face model folder or GGUF file, instead of a --shape"},
    {'m', "model", PATH("PATH", model), (FOR_MODEL & ~FOR_EVAL) | FOR_INFO | FOR_CONVERT,
     "Hugging Face model folder or GGUF file (default: the model that ships with lmvr)"},
    {'m', "model", PATH("PATH", model), FOR_SEARCH,
     "model that DIR was made with, for queries of images and texts (default: the model that ships with lmvr)"},
    {'m', "model", "PATH", OPTION_MODEL, 0, 0, 0, FOR_EVAL,
     "Hugging Face model folder or GGUF file; repeat to compare models in one report (default: the model that ships with "
     "lmvr)"},
    {0, "mmproj", PATH("FILE", mmproj), FOR_MODEL | FOR_INFO | FOR_BENCH | FOR_CONVERT | FOR_SEARCH,
     "GGUF file of the image encoder, where -m is the language model's; -m may also be a folder with the two"},
    {'f', "feature", "[NAME=]SPEC", OPTION_FEATURE, 0, 0, 0, FOR_EMBED | FOR_SERVE,
     "representation to compute, repeatable: source[:tokens[:pool[:layer]]], with a row per token for the pool none (default: "
     "llm:all:mean:-1; for a CLIP model encoder:patches:mean:-2)"},
    {0, "normalize", FLAG(session.normalize), FOR_EMBED | FOR_SERVE, "divide each row by its L2 norm"},
    {0, "dims", INTEGER(session.dims, 1, INT_MAX), FOR_EMBED | FOR_SERVE,
     "keep only the first N numbers of each row, before normalizing (default: all)"},
    {'o', "output", PATH("PLACE", output), FOR_EMBED, "output folder, or a .npy file for a single feature"},
    {0, "dtype-out", CHOICE("f32|f16|int8", dtype_out), FOR_EMBED,
     "data type of the rows in the files; int8 has a scale for each, in NAME.scale.npy (default: f32)"},
    {0, "index", CHOICE("jsonl|parquet", index_form), FOR_EMBED,
     "parquet: write the index in Parquet, too, by Python's pyarrow (default: jsonl)"},
    {0, "layout", CHOICE("clip-retrieval", layout), FOR_EMBED,
     "write one feature as clip-retrieval does, in DIR/img_emb (or text_emb) and DIR/metadata, for its index (default: lmvr's "
     "own)"},
    {0, "rows-per-part", INTEGER(rows_per_part, 1, INT_MAX), FOR_EMBED,
     "write results in parts, DIR/NAME/part-00000.npy and so on, of N inputs each (default: all in one; of tars, one part "
     "each)"},
    {0, "shard", TEXT("I/N", share), FOR_EMBED,
     "do the I-th of N shares of the parts, from 1; N processes, on any machines, write into one DIR"},
    {'o', "output", PATH("DIR", output), FOR_ATTEND, "output folder for pictures and maps"},
    {'o', "output", PATH("DIR", output), FOR_CORRUPT, "output folder"},
    {'o', "output", PATH("PLACE", output), FOR_CONVERT,
     "folder for the new model, or a file that ends in .gguf, beside which the encoder's is made"},
    {'o', "output", PATH("REPORT", output), FOR_EVAL, "folder for the report and the features"},

    /* what search looks for */
    {'i', "index", PATH("DIR", index), FOR_SERVE,
     "folder that embed has filled, to be searched; what its rows depend on is as in it"},
    {0, "index-feature", TEXT("FEATURE", index_feature), FOR_SERVE, "feature of DIR to search (default: its first)"},
    {'i', "index", PATH("DIR", index), FOR_SEARCH, "folder to search, or FILE.npy, instead of the first argument"},
    {'f', "feature", "FEATURE", OPTION_FEATURE, 0, 0, 0, FOR_SEARCH, "feature to compare (default: the first in DIR)"},
    {0, "image", QUERY("FILE", QUERY_IMAGE), FOR_SEARCH, "image to look for, as a QUERY"},
    {0, "text", QUERY("TEXT", QUERY_TEXT), FOR_SEARCH, "text to look for, where the feature is one that texts have"},
    {0, "row", QUERY("N", QUERY_ROW), FOR_SEARCH, "row of DIR to look for, counted from 0"},
    {0, "path", QUERY("PATH", QUERY_PATH), FOR_SEARCH, "row of DIR to look for, by its path in the index"},
    {'k', "top", INTEGER(top, 1, 10000), FOR_SEARCH, "neighbors per query (default: 10)"},
    {0, "metric", CHOICE("cosine|dot", metric), FOR_SEARCH, "what is greatest for the nearest (default: cosine)"},
    {0, "html", PATH("FILE", page), FOR_SEARCH, "also write a page with the pictures"},

    /* what attend looks at */
    {0, "words", TEXT("WORD,...", words), FOR_ATTEND,
     "words to show, each at its first occurrence (default: words of the response that look like nouns)"},
    {0, "token", TEXT("N,...", tokens), FOR_ATTEND, "response tokens to show, counted from 0, instead of words"},
    {0, "query", CHOICE("predicting|own", session.attention_query), FOR_ATTEND,
     "position whose attention is shown for a token: the one before it, which predicts it, or its own (default: predicting)"},
    {0, "layers", TEXT("A:B", blocks), FOR_ATTEND,
     "language model blocks to average over, counted from 1: A:B, A, A: or :B (default: all)"},

    /* corruptions */
    {0, "type", TEXT("NAME,...", types), FOR_CORRUPT,
     "corruptions, by ImageNet-C's names; all: the 15 of the benchmark, extra: the 4 of its extra set"},
    {0, "severity", TEXT("N,...", severities), FOR_CORRUPT, "from 1 (mild) to 5 (strong), or all"},
    {0, "corrupt", TEXT("NAME:N,...", corrupt), FOR_DESCRIBE,
     "describe each image as it is and under these corruptions, by ImageNet-C's names and severities (fog:3)"},
    {0, "sheet", PATH("FILE.png", sheet), FOR_DESCRIBE, "also draw the images with their responses side by side"},
    {0, "seed", SEED(session.seed), FOR_CORRUPT, "random seed, combined with each image's bytes (default: 0)"},
    {0, "angle", REAL("DEG", angle, -360, 360), FOR_CORRUPT, "angle of motion blur and snow (default: drawn from the seed)"},
    {0, "size", INTEGER(size, 1, 16384), FOR_CORRUPT,
     "apply ImageNet-C's resize and center crop first; theirs is to 224 (default: keep the image's size)"},
    {0, "format", CHOICE("png|jpg", format), FOR_CORRUPT,
     "output format; jpg is of quality 85, as in ImageNet-C (default: png)"},
    {0, "textures", PATH("DIR", textures), FOR_CORRUPT | FOR_DESCRIBE,
     "folder of frost pictures (default: generated textures)"},

    /* data sets and labels */
    {0, "dataset", TEXT("NAME", dataset), FOR_EVAL,
     "data set layout: voc2007, coco, visda, imagenet, imagenet-c, deepfashion, folder or csv (default: the experiment's own)"},
    {0, "dataset", TEXT("NAME", dataset), FOR_LABELS,
     "take the labels from a data set instead of --labels; needs --index: voc2007, coco, visda, imagenet, imagenet-c, "
     "deepfashion, folder or csv"},
    {0, "data", PATH("PATH", data), FOR_EVAL | FOR_LABELS, "path of the data set as downloaded"},
    {0, "task", TEXT("NAME", task), FOR_LABELS, "task to use, if the data set has several"},
    {0, "test-part", TEXT("NAME", test_part), FOR_EVAL | FOR_LABELS, "test split to use, if the data set has several"},
    {0, "limit", INTEGER(limit, 1, INT_MAX), FOR_EVAL, "maximum number of images per split"},

    /* experiments */
    {0, "type", TEXT("NAME,...", types), FOR_EVAL,
     "corruption: which ones to test, by ImageNet-C's names; all: the 15 of the benchmark, extra: the 4 of its extra set "
     "(default: all, or those in --corrupted)"},
    {0, "severity", TEXT("N,...", severities), FOR_EVAL, "corruption: which severities, 1 to 5 (default: all)"},
    {0, "corrupted", PATH("PATH", corrupted), FOR_EVAL,
     "corruption: ImageNet-C folder (default: corrupt the test images on the fly)"},
    {0, "size", INTEGER(size, 0, 16384), FOR_EVAL,
     "corruption: crop to this size first; 0: no crop (default: 224 if each image has one class, else 0)"},
    {0, "templates", PATH("FILE", templates), FOR_EVAL,
     "zero-shot: texts with {} for the class's name, a line each (default: \"a photo of a {}.\")"},
    {0, "textures", PATH("DIR", textures), FOR_EVAL, "corruption: folder of frost pictures (default: generated textures)"},
    {0, "finetuned", PATH("PATH", finetuned), FOR_EVAL, "attributes: fine-tuned model to add as a row"},

    /* probes */
    {'p', "probe", PATH("P.safetensors", probe), FOR_PROBE_SCORE | FOR_PROBE_PREDICT, "probe file written by probe fit"},
    {0, "features", PATH("F.npy", feature_file), FOR_PROBE,
     "feature matrix, one row per image; of results in parts, their folder DIR/NAME"},
    {0, "labels", PATH("L.csv", labels), FOR_LABELS,
     "labels, one line per row: a column label, or one column per class with 1, -1, or 0 (difficult, ignored)"},
    {0, "index", PATH("INDEX.jsonl", index), FOR_LABELS,
     "match labels to rows by path through this index (in parts, DIR/index), not by line"},
    {'o', "output", PATH("P.safetensors", output), FOR_PROBE_FIT, "output file for the probe"},
    {'o', "output", PATH("S.npy", output), FOR_PROBE_PREDICT, "output file for the probabilities, one column per class"},
    {0, "c", REAL("C", c, 1e-12, 1e12), FOR_PROBE_FIT | FOR_EVAL,
     "inverse regularization strength (default: chosen on a held-out fifth)"},
    {0, "seed", SEED(session.seed), FOR_PROBE_FIT, "random seed of the held-out split (default: 0)"},

    /* generated data sets */
    {0, "layout", CHOICE("voc2007|coco|visda|imagenet|deepfashion|llava", scenes_layout), FOR_SCENES,
     "data set layout to write"},
    {0, "count", INTEGER(scenes_count, 1, 1e7), FOR_SCENES, "number of training images"},
    {0, "test-count", INTEGER(scenes_test_count, 1, 1e7), FOR_SCENES,
     "number of test images (default: a quarter of --count, at least 1)"},
    {0, "seed", SEED(session.seed), FOR_SCENES, "random seed (default: 0)"},
    {'o', "output", PATH("DIR", output), FOR_SCENES, "new or empty output folder"},
    {0, "manners", TEXT("NAME,...", scenes_manners), FOR_SCENES,
     "painting styles, one of which each image gets: colors, photo, flat, gray, pencil (default: colors)"},
    {0, "size", INTEGER(scenes_size, 112, 2048), FOR_SCENES, "width and height in pixels (default: 224)"},

    /* training */
    {'m', "model", PATH("DIR", model), FOR_TRAIN_CONTRASTIVE, "CLIP folder to continue from, instead of --config"},
    {'m', "model", PATH("DIR", model), FOR_TRAIN_LANGUAGE, "LLaMA or T5 folder to continue from, instead of --config"},
    {'m', "model", PATH("DIR", model), FOR_TRAIN_ALIGN, "LLaVA folder, instead of --vision and --language"},
    {'m', "model", PATH("DIR", model), FOR_TRAIN_INSTRUCT, "folder of a LLaVA, SmolVLM, Idefics3, Qwen2-VL or Qwen2.5-VL"},
    {'m', "model", PATH("DIR", model), FOR_TRAIN_FINETUNE, "LLaVA folder"},
    {'m', "model", PATH("DIR", model), FOR_TRAIN_QFORMER, "stage 1 folder to continue from, instead of --vision and --config"},
    {'m', "model", PATH("DIR", model), FOR_TRAIN_QFORMER_LANGUAGE,
     "stage 1 folder, with --language; or a BLIP-2 folder to continue from"},
    {0, "config", PATH("FILE", train.config), FOR_TRAIN_QFORMER, "config.json with the Q-Former's architecture"},
    {0, "vision", PATH("DIR", train.vision), FOR_TRAIN_QFORMER,
     "vision encoder: a BLIP-2 folder, or a CLIP folder with an EVA encoder"},
    {0, "language", PATH("DIR", train.language), FOR_TRAIN_QFORMER_LANGUAGE, "language model: a T5 folder"},
    {0, "prompt", TEXT("TEXT", session.prompt), FOR_TRAIN_QFORMER_LANGUAGE,
     "text between image and caption (default: a photo of)"},
    {0, "prompt-share", REAL("X", train.prompted, 0, 1), FOR_TRAIN_QFORMER_LANGUAGE,
     "fraction of captions that follow the prompt; of the others, the T5's encoder reads the first part (default: 0.5)"},
    {0, "config", PATH("FILE", train.config), FOR_TRAIN_CONTRASTIVE | FOR_TRAIN_LANGUAGE,
     "config.json with the architecture; weights start at random"},
    {0, "vision", PATH("DIR", train.vision), FOR_TRAIN_ALIGN, "vision encoder: a CLIP folder"},
    {0, "language", PATH("DIR", train.language), FOR_TRAIN_ALIGN, "language model: a LLaMA folder"},
    {0, "train-language", FLAG(train.trains_language), FOR_TRAIN_QFORMER_LANGUAGE, "train the T5 as well (default: frozen)"},
    {0, "data", PATH("FILE", data), FOR_TRAIN_CONTRASTIVE | FOR_TRAIN_ALIGN | FOR_TRAIN_INSTRUCT | FOR_BLIP2,
     "training data: LLaVA's JSON, or lines of {\"image\", \"caption\"}"},
    {0, "data", PATH("FILE", data), FOR_TRAIN_LANGUAGE,
     "training text, one document per line; for a T5 also input and target, separated by a tab"},
    {0, "noise", REAL("X", train.noise, 0, 100), FOR_TRAIN_LANGUAGE,
     "Gaussian noise on the input embeddings of a T5's encoder, up to X times their standard deviation (default: 0)"},
    {0, "data", PATH("PATH", data), FOR_TRAIN_FINETUNE, "path of the data set as downloaded"},
    {0, "dataset", TEXT("NAME", dataset), FOR_TRAIN_FINETUNE,
     "layout of the labelled data set: voc2007, coco, visda, imagenet, deepfashion, folder or csv"},
    {0, "prompt", TEXT("TEXT", session.prompt), FOR_TRAIN_FINETUNE, "prompt given with each image (default: the model's own)"},
    {0, "images", PATH("DIR", train.images), FOR_TRAIN_CONTRASTIVE | FOR_TRAIN_ALIGN | FOR_TRAIN_INSTRUCT | FOR_BLIP2,
     "root directory for image paths (default: that of the data file)"},
    {0, "validation", PATH("FILE", train.validation), FOR_TRAIN & ~FOR_TRAIN_FINETUNE, "validation data, in the same format"},
    {0, "vocabulary", PATH("FILE", train.vocabulary), FOR_TRAIN,
     "tokenizer.model (default: the model's; if it has none, one is trained on the data)"},
    {0, "vocabulary-size", INTEGER(train.vocabulary_size, 16, 1 << 20),
     FOR_TRAIN_CONTRASTIVE | FOR_TRAIN_LANGUAGE | FOR_TRAIN_QFORMER,
     "size of a tokenizer trained on the data (default: the configuration's vocabulary size)"},
    {'o', "output", PATH("DIR", output), FOR_TRAIN, "output folder for the model, its checkpoints and its loss"},
    /* {a|b|...}: the default for each train command, in the order of their bits */
    {0, "epochs", REAL("N", train.epochs, 1e-6, 1e6), FOR_TRAIN, "passes over the data (default: {32|1|1|3|3|10|10})"},
    {0, "steps", INTEGER(train.steps, 1, INT_MAX), FOR_TRAIN, "number of steps, instead of --epochs"},
    {0, "batch", INTEGER(session.batch, 1, 65536), FOR_TRAIN, "samples per batch (default: {256|64|128|32|32|100|64})"},
    {0, "accumulate", INTEGER(train.accumulation, 1, 65536), FOR_TRAIN, "batches per optimizer step (default: 1)"},
    {0, "max-tokens", INTEGER(train.most_tokens, 2, 1 << 20), FOR_TRAIN,
     "maximum text length in tokens, at most the model's positions (default: {77|512|2048|2048|2048|32|32})"},
    {0, "lr", REAL("X", train.learning_rate, 0, 1e3), FOR_TRAIN,
     "peak learning rate (default: {5e-4|3e-4|2e-3|2e-5|2e-5|1e-4|1e-4})"},
    {0, "warmup", REAL("X", train.warmup, 0, 1e9), FOR_TRAIN,
     "length of the warmup: below 1 a fraction of the steps, else a number of steps (default: 0.03)"},
    {0, "constant", FLAG(train.constant), FOR_TRAIN, "constant learning rate after the warmup (default: cosine decay to 0)"},
    {0, "weight-decay", REAL("X", train.weight_decay, 0, 10), FOR_TRAIN,
     "AdamW's weight decay (default: {0.2|0.1|0|0|0|0.05|0.05})"},
    {0, "beta2", REAL("X", train.beta2, 0, 1), FOR_TRAIN, "AdamW's beta2 (default: {0.98|0.95|0.999|0.999|0.999|0.98|0.98})"},
    {0, "clip", REAL("X", train.clip, 0, 1e9), FOR_TRAIN, "maximum gradient norm; 0: no limit (default: {0|1|1|1|1|0|0})"},
    {0, "lora", INTEGER(train.lora_rank, 1, 65536), FOR_TUNING,
     "train LoRA adapters of this rank; the language model is frozen"},
    {0, "lora-alpha", REAL("X", train.lora_alpha, 0, 1e6), FOR_TUNING, "LoRA alpha (default: 16)"},
    {0, "train-vision", FLAG(train.trains_vision), FOR_TUNING, "train the vision encoder as well (default: frozen)"},
    {0, "image-size", INTEGER(train.image_size, 1, 1 << 14), FOR_TUNING,
     "new input size in pixels; position embeddings are interpolated; needs --train-vision"},
    {0, "recompute", FLAG(train.recompute), FOR_TRAIN,
     "recompute activations in the backward pass: a third slower, less memory"},
    {0, "save-dtype", CHOICE("f32|bf16", train.saved), FOR_TRAIN, "data type of the saved model (default: f32)"},
    {0, "validate-every", INTEGER(train.validate_every, 0, INT_MAX), FOR_TRAIN,
     "steps between validations; 0: never (default: 0)"},
    {0, "validation-batches", INTEGER(train.validation_batches, 1, INT_MAX), FOR_TRAIN, "batches per validation (default: 8)"},
    {0, "checkpoint-every", INTEGER(train.checkpoint_every, 0, INT_MAX), FOR_TRAIN,
     "steps between checkpoints; 0: by time alone (default: 0)"},
    {0, "checkpoint-minutes", REAL("X", train.checkpoint_minutes, 0, 1e6), FOR_TRAIN,
     "minutes between checkpoints, the most that an interruption can lose; 0: by steps alone (default: 10)"},
    {0, "keep", INTEGER(train.keep, 1, INT_MAX), FOR_TRAIN, "number of checkpoints to keep (default: 2)"},
    {0, "readers", INTEGER(train.readers, 1, 1024), FOR_TRAIN, "threads that read images (default: 1)"},
    {0, "seed", SEED(session.seed), FOR_TRAIN, "random seed of initialization and sample order (default: 0)"},

    /* prompt and response */
    {0, "prompt", TEXT("TEXT", session.prompt), FOR_MODEL, "prompt given to the model (default: the model's own)"},
    {0, "template", TEXT("NAME", session.template_name), FOR_MODEL,
     "prompt template: vicuna_v1, llava_hf, qwen2_vl, qwen3_vl, gme, smolvlm, idefics3, mistral, llama3, plain or none "
     "(default: "
     "the model's own)"},
    {0, "system", TEXT("TEXT", session.system), FOR_MODEL, "system turn of the prompt (default: the template's own)"},
    {0, "text", PATH("FILE", texts), FOR_EMBED,
     "embed the lines of FILE, or of standard input (-); in a .jsonl, objects with text, image and instruction"},
    {0, "before-generation", FLAG(session.before_generation), FOR_EMBED | FOR_SERVE,
     "features of the prompt alone; generate nothing"},
    {0, "max-new-tokens", INTEGER(session.max_new_tokens, 1, 1 << 20), FOR_MODEL,
     "maximum response length in tokens (default: 128)"},
    {0, "temperature", REAL("T", temperature, 0, 100), FOR_MODEL,
     "sampling temperature; 0: greedy (default: 0, or 1 with --top-p)"},
    {0, "top-p", REAL("P", top_p, 1e-6, 1), FOR_MODEL, "sample from the most likely tokens that add up to P (default: 1)"},
    {0, "seed", SEED(session.seed), FOR_EMBED | FOR_ATTEND | FOR_SERVE,
     "random seed of sampling, combined with each image's bytes (default: 0)"},
    {0, "seed", SEED(session.seed), FOR_DESCRIBE,
     "random seed of sampling and corruptions, combined with each image's bytes (default: 0)"},
    {0, "seeds", INTEGER(seeds, 1, 100), FOR_EVAL,
     "repeat with N seeds, from --seed on: random splits and held-out data; report mean and spread (default: 1)"},
    {0, "seed", SEED(session.seed), FOR_EVAL, "random seed of subsets, probes, corruptions and sampling (default: 0)"},
    {0, "aspect", CHOICE("crop|pad|stretch", session.aspect), FOR_MODEL,
     "how an image is made square, for models of one image size (default: the model's own)"},
    {0, "min-pixels", INTEGER(session.min_pixels, 1, 1 << 26), FOR_MODEL | FOR_TRAIN_INSTRUCT,
     "least pixels of what the encoder sees, for models of any image size (default: the model's own)"},
    {0, "max-pixels", INTEGER(session.max_pixels, 1, 1 << 26), FOR_MODEL | FOR_TRAIN_INSTRUCT,
     "most pixels of what the encoder sees, for models of any image size (default: the model's own)"},

    /* serving */
    {0, "host", TEXT("NAME", server.host), FOR_SERVE,
     "name or address to listen at (default: 127.0.0.1, which only this machine reaches)"},
    {0, "port", INTEGER(server.port, 0, 65535), FOR_SERVE, "port to listen at; 0: a free one (default: 8080)"},
    {0, "api-key", TEXT("KEY", server.key), FOR_SERVE,
     "key that clients have to send (default: that of the environment's LMVR_API_KEY, or none)"},
    {0, "media-path", PATH("DIR", server.media_path), FOR_SERVE, "folder of images that requests may name (default: none)"},
    {0, "no-page", FLAG(server.no_page), FOR_SERVE, "serve no page at /"},
    {0, "max-body", INTEGER(server.max_body, 1, 65536), FOR_SERVE, "longest request in MiB (default: 64)"},
    {0, "max-file-pixels", INTEGER(session.max_file_pixels, 1, 178956970), FOR_SERVE,
     "most pixels of an image, width times height, as it is in its file (default: 178956970)"},
    {0, "queue", INTEGER(server.queue, 1, 1 << 20), FOR_SERVE, "most inputs that wait or are computed (default: 1024)"},
    {0, "request-time", INTEGER(server.request_time, 1, 1 << 20), FOR_SERVE, "seconds that an answer may take (default: 600)"},
    {0, "receive-time", INTEGER(server.receive_time, 1, 1 << 20), FOR_SERVE,
     "seconds that a client has to send its request, or the next (default: 60)"},
    {0, "connections", INTEGER(server.connections, 1, 65536), FOR_SERVE, "most connections (default: 256)"},
    {0, "connections-per-address", INTEGER(server.address_connections, 1, 65536), FOR_SERVE,
     "most connections of one address (default: no other limit)"},
    {0, "sessions", INTEGER(server.sessions, 1, 64), FOR_SERVE,
     "most sets of features that are computed at once, each with memory of its own (default: 4)"},

    /* bench */
    {0, "shape", TEXT("NAME", shape), FOR_BENCH,
     "random weights of this shape: llava-1.5-7b, vicuna-7b-224, blip2-flan-t5-xxl, blip2-flan-t5-xl, qwen3-vl-2b, "
     "qwen2.5-vl-3b, smolvlm-256m, llava-next-7b, tiny, llava-1b or lmvr-small (default: llava-1.5-7b; with --train "
     "lmvr-small)"},
    {0, "layers", INTEGER(layers, 1, 1024), FOR_BENCH,
     "number of language model blocks, with --train of encoder blocks too (default: all)"},
    {0, "corruptions", FLAG(corruptions), FOR_BENCH, "measure the image corruptions instead, on one thread"},
    {0, "train", FLAG(bench_train), FOR_BENCH, "measure training steps instead, of a LLaVA shape"},
    {0, "quick", FLAG(quick), FOR_BENCH, "skip end to end, and batches above 4; with --train all but LLaVA's two stages"},

    /* computation */
    {0, "dtype", CHOICE("f32|bf16", dtype), FOR_TRAIN,
     "data type of matrix products; weights are f32 (default: bf16 if the device computes in it, else f32)"},
    {0, "dtype", CHOICE("f32|bf16|int8|int4", dtype), FOR_MODEL | FOR_BENCH,
     "data type of the weights (default: bf16 if the device computes in it, else f32)"},
    {0, "dtype", CHOICE("f32|bf16|int8|int4|f16", dtype), FOR_CONVERT,
     "data type of the weights that are written; in GGUF int8 is Q8_0 and int4 Q4_0, and only there is f16"},
    {0, "cache-dtype", CHOICE("f32|bf16|int8", cache_dtype), FOR_MODEL | FOR_BENCH,
     "data type of the key-value cache (default: f32 if the weights are, else bf16)"},
    {0, "device", TEXT("NAME", device), FOR_MODEL,
     "where the model runs: cpu, cuda (the first GPU), cuda:N, or cuda:all (a replica on every GPU) (default: a GPU if one can "
     "be used and the model fits, else cpu)"},
    {0, "device", TEXT("NAME", device), FOR_BENCH,
     "where the model runs: cpu, cuda (the first GPU) or cuda:N (default: a GPU if one can be used and the model fits, else "
     "cpu)"},
    {0, "device", TEXT("NAME", device), FOR_TRAIN,
     "where the model is trained: cpu, or, for LLaVA's two stages, cuda (the first GPU) or cuda:N (default: cpu)"},
    {0, "fast", FLAG(fast), FOR_MODEL | FOR_BENCH,
     "let a GPU multiply as is fastest for the number of rows: a result then depends on its company in its last bits"},
    {0, "batch", INTEGER(session.batch, 1, 4096), FOR_IMAGES | FOR_EVAL | FOR_SERVE,
     "images decoded together (default: from the model and the memory)"},
    {0, "threads", INTEGER(session.threads, 1, 4096),
     FOR_MODEL | FOR_BENCH | FOR_PROBE | FOR_CORRUPT | FOR_SCENES | FOR_TRAIN | FOR_CONVERT | FOR_SEARCH,
     "processor threads (default: one per processor)"},

    /* resuming and reporting */
    {0, "resume", FLAG(resume), FOR_EMBED | FOR_EVAL | FOR_TRAIN, "continue an interrupted run, or start one"},
    {0, "resume", FLAG(resume), FOR_CORRUPT, "keep existing results, and add the missing ones"},
    {0, "force-device", FLAG(force_device), FOR_EMBED | FOR_EVAL | FOR_TRAIN,
     "continue what another device has begun, whose last bits differ"},
    {0, "force", FLAG(force), FOR_FILES, "remove existing results, and start over"},
    {0, "force", FLAG(force), FOR_CORRUPT | FOR_DESCRIBE | FOR_SEARCH, "replace existing results"},
    {0, "force", FLAG(force), FOR_CONVERT, "replace the model that is there"},
    {0, "strict", FLAG(strict), FOR_IMAGES | FOR_EVAL | FOR_CORRUPT, "stop at the first input that fails"},
    {0, "time", FLAG(time), FOR_INFO,
     "also measure about how long an image takes in each type, which takes from seconds to a minute"},
    {0, "json", FLAG(json), FOR_DESCRIBE | FOR_ATTEND | FOR_INFO | FOR_BENCH | FOR_LABELS | FOR_SEARCH, "print JSON"},
    {'q', "quiet", FLAG(quiet), FOR_SEARCH, "show no hints"},
    {'q', "quiet", FLAG(quiet), FOR_PROGRESS | FOR_SERVE, "show no progress, and no hints"},
    {'h', "help", NULL, OPTION_FLAG, 0, 0, 0, FOR_ALL, "print this help and exit"},
};
const size_t option_count = sizeof option_table / sizeof *option_table;
_Static_assert(sizeof option_table / sizeof *option_table <= OPTION_MOST_ROWS, "the parser's arrays hold all rows");
