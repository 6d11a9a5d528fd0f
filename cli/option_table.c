#include "option_table.h"

#include "scenes/scenes.h"

#include <limits.h>

#define AT(member) offsetof(struct options, member)

/* Commands that have options in common. */
#define FOR_BLIP2 (FOR_TRAIN_QFORMER | FOR_TRAIN_QFORMER_LANGUAGE)
#define FOR_TRAIN                                                                                                              \
    (FOR_TRAIN_CONTRASTIVE | FOR_TRAIN_LANGUAGE | FOR_TRAIN_ALIGN | FOR_TRAIN_INSTRUCT | FOR_TRAIN_FINETUNE | FOR_BLIP2)
#define FOR_IMAGES (FOR_EMBED | FOR_DESCRIBE)           /* that a list of images */
#define FOR_MODEL  (FOR_IMAGES | FOR_ATTEND | FOR_EVAL) /* is shown to a model */
#define FOR_PROBE  (FOR_PROBE_FIT | FOR_PROBE_SCORE | FOR_PROBE_PREDICT)
#define FOR_LABELS (FOR_PROBE_FIT | FOR_PROBE_SCORE)
/* ... and those whose results lie somewhere afterwards. */
#define FOR_FILES    (FOR_EMBED | FOR_ATTEND | FOR_CORRUPT | FOR_EVAL | FOR_SCENES | FOR_TRAIN)
#define FOR_PROGRESS (FOR_IMAGES | FOR_EVAL | FOR_CORRUPT | FOR_PROBE_FIT | FOR_SCENES | FOR_ATTEND | FOR_TRAIN)
#define FOR_TUNING   (FOR_TRAIN_INSTRUCT | FOR_TRAIN_FINETUNE)
#define FOR_ALL      UINT_MAX

#define FLAG(member)                  NULL, OPTION_FLAG, AT(member), 0, 0
#define TEXT(value, member)           value, OPTION_TEXT, AT(member), 0, 0
#define PATH(value, member)           value, OPTION_PATH, AT(member), 0, 0
#define CHOICE(value, member)         value, OPTION_CHOICE, AT(member), 0, 0
#define SEED(member)                  "N", OPTION_SEED, AT(member), 0, 0
#define INTEGER(member, from, to)     "N", OPTION_INTEGER, AT(member), from, to
#define REAL(value, member, from, to) value, OPTION_REAL, AT(member), from, to

const struct option_row option_table[] = {
    /* the model, and what comes out */
    {'m', "model", PATH("PATH", model), FOR_BENCH, "a Hugging Face folder, in place of a --shape"},
    {'m', "model", PATH("PATH", model), (FOR_MODEL & ~FOR_EVAL) | FOR_INFO,
     "a Hugging Face folder (default: the model that ships with the program)"},
    {'m', "model", "PATH", OPTION_MODEL, 0, 0, 0, FOR_EVAL,
     "a Hugging Face folder, repeated for several models in one report (default: the model that ships with the program)"},
    {'f', "feature", "[NAME=]SPEC", OPTION_FEATURE, 0, 0, 0, FOR_EMBED,
     "what to compute, as often as wanted: source[:tokens[:pool[:layer]]] (default: llm:all:mean:-1)"},
    {'o', "output", PATH("PLACE", output), FOR_EMBED, "a folder, or with one feature a file that ends in .npy"},
    {'o', "output", PATH("DIR", output), FOR_ATTEND, "the folder for the pictures and the maps"},
    {'o', "output", PATH("DIR", output), FOR_CORRUPT, "the folder for the results"},
    {'o', "output", PATH("REPORT", output), FOR_EVAL, "the folder of the report and the features"},

    /* what is looked at */
    {0, "words", TEXT("WORD,...", words), FOR_ATTEND,
     "the words to show, each at its first occurrence (default: those of the response that look like nouns)"},
    {0, "token", TEXT("N,...", tokens), FOR_ATTEND, "tokens of the response to show, counted from 0, in place of words"},
    {0, "layers", TEXT("A:B", blocks), FOR_ATTEND,
     "the language model's blocks to average over, counted from 1: A:B, A, A: or :B (default: all)"},

    /* corruptions */
    {0, "type", TEXT("NAME[,NAME...]|all", types), FOR_CORRUPT, "the corruptions, by ImageNet-C's names"},
    {0, "severity", TEXT("1..5[,...]|all", severities), FOR_CORRUPT, "how strong, from 1 to 5"},
    {0, "seed", SEED(session.seed), FOR_CORRUPT, "of what is random, together with the image's own bytes (default: 0)"},
    {0, "angle", REAL("DEG", angle, -360, 360), FOR_CORRUPT, "of motion blur and snow (default: drawn from the seed)"},
    {0, "size", INTEGER(size, 1, 16384), FOR_CORRUPT,
     "first ImageNet-C's own resize and center crop, theirs being 224 (default: the image as it is)"},
    {0, "format", CHOICE("png|jpg", format), FOR_CORRUPT, "of the results; jpg is of quality 85, as ImageNet-C (default: png)"},
    {0, "textures", PATH("DIR", textures), FOR_CORRUPT, "pictures of frost, in place of made ones"},

    /* data sets and labels */
    {0, "dataset", TEXT("NAME", dataset), FOR_EVAL,
     "voc2007, coco, visda, imagenet, imagenet-c, deepfashion, folder or csv (default: the experiment's own)"},
    {0, "dataset", TEXT("NAME", dataset), FOR_LABELS,
     "labels from a data set in place of --labels, with --index: voc2007, coco, visda, imagenet, imagenet-c, deepfashion, "
     "folder or csv"},
    {0, "data", PATH("PATH", data), FOR_EVAL | FOR_LABELS, "the data set, as it was downloaded"},
    {0, "task", TEXT("NAME", task), FOR_LABELS, "which of its questions, where the set has several"},
    {0, "test-part", TEXT("NAME", test_part), FOR_EVAL | FOR_LABELS, "the part to test on, where the set has several"},
    {0, "limit", INTEGER(limit, 1, INT_MAX), FOR_EVAL, "at most so many images of each part"},

    /* experiments */
    {0, "corrupted", PATH("PATH", corrupted), FOR_EVAL, "corruption: ImageNet-C (default: corrupted on the way)"},
    {0, "size", INTEGER(size, 0, 16384), FOR_EVAL,
     "corruption: crop to this size first, 0 not to (default: 224 with one class an image, else 0)"},
    {0, "textures", PATH("DIR", textures), FOR_EVAL, "corruption: pictures of frost, in place of made ones"},
    {0, "finetuned", PATH("PATH", finetuned), FOR_EVAL, "attributes: a fine-tuned model, for a row of its own"},

    /* probes */
    {'p', "probe", PATH("P.safetensors", probe), FOR_PROBE_SCORE | FOR_PROBE_PREDICT, "what probe fit wrote"},
    {0, "features", PATH("F.npy", feature_file), FOR_PROBE, "the features, a row an image"},
    {0, "labels", PATH("L.csv", labels), FOR_LABELS,
     "the labels, a line a row: a column label, or a column a class with 1, -1, or 0 for difficult"},
    {0, "index", PATH("INDEX.jsonl", index), FOR_LABELS, "join labels to rows by path and this index, not line by line"},
    {'o', "output", PATH("P.safetensors", output), FOR_PROBE_FIT, "the probe's file"},
    {'o', "output", PATH("S.npy", output), FOR_PROBE_PREDICT, "the probabilities' file, a column a class"},
    {0, "c", REAL("C", c, 1e-12, 1e12), FOR_PROBE_FIT | FOR_EVAL,
     "the inverse strength of the regularization (default: chosen on a held-out fifth)"},
    {0, "seed", SEED(session.seed), FOR_PROBE_FIT, "of the held-out fifth (default: 0)"},

    /* made data sets */
    {0, "layout", CHOICE("voc2007|coco|visda|imagenet|deepfashion|llava", scenes_layout), FOR_SCENES,
     "the public set whose files are made"},
    {0, "count", INTEGER(scenes_count, 1, SCENES_MOST), FOR_SCENES, "pictures to train on"},
    {0, "test-count", INTEGER(scenes_test_count, 1, SCENES_MOST), FOR_SCENES,
     "pictures to test on (default: a quarter of --count, at least one)"},
    {0, "seed", SEED(session.seed), FOR_SCENES, "another seed makes another set (default: 0)"},
    {'o', "output", PATH("DIR", output), FOR_SCENES, "a new or an empty folder"},
    {0, "size", INTEGER(scenes_size, 112, 2048), FOR_SCENES, "a picture's width and height in pixels (default: 224)"},

    /* training */
    {'m', "model", PATH("DIR", model), FOR_TRAIN_CONTRASTIVE, "a CLIP folder to go on from, in place of a --config"},
    {'m', "model", PATH("DIR", model), FOR_TRAIN_LANGUAGE, "a LLaMA or T5 folder to go on from, in place of a --config"},
    {'m', "model", PATH("DIR", model), FOR_TRAIN_ALIGN, "a LLaVA folder, in place of --vision and --language"},
    {'m', "model", PATH("DIR", model), FOR_TRAIN_INSTRUCT | FOR_TRAIN_FINETUNE, "a LLaVA folder"},
    {'m', "model", PATH("DIR", model), FOR_TRAIN_QFORMER, "a stage 1 folder to go on from, in place of --vision and --config"},
    {'m', "model", PATH("DIR", model), FOR_TRAIN_QFORMER_LANGUAGE,
     "a stage 1 folder, beside --language; or a BLIP-2 folder to go on from"},
    {0, "config", PATH("FILE", train.config), FOR_TRAIN_QFORMER, "a config.json: the shape of the Q-Former"},
    {0, "vision", PATH("DIR", train.vision), FOR_TRAIN_QFORMER,
     "the folder of the encoder: a BLIP-2, or a CLIP whose encoder is an EVA"},
    {0, "language", PATH("DIR", train.language), FOR_TRAIN_QFORMER_LANGUAGE, "the T5 folder that will describe the images"},
    {0, "prompt", TEXT("TEXT", session.prompt), FOR_TRAIN_QFORMER_LANGUAGE,
     "what stands between image and caption (default: a photo of)"},
    {0, "prompt-share", REAL("X", train.prompted, 0, 1), FOR_TRAIN_QFORMER_LANGUAGE,
     "how many captions stand behind the prompt; of the others the encoder reads a part (default: 0.5)"},
    {0, "config", PATH("FILE", train.config), FOR_TRAIN_CONTRASTIVE | FOR_TRAIN_LANGUAGE,
     "a config.json: the shape of a model that begins at random"},
    {0, "vision", PATH("DIR", train.vision), FOR_TRAIN_ALIGN, "the CLIP folder whose encoder sees the images"},
    {0, "language", PATH("DIR", train.language), FOR_TRAIN_ALIGN, "the LLaMA folder that will describe them"},
    {0, "train-language", FLAG(train.trains_language), FOR_TRAIN_QFORMER_LANGUAGE, "train the T5 too"},
    {0, "data", PATH("FILE", data), FOR_TRAIN_CONTRASTIVE | FOR_TRAIN_ALIGN | FOR_TRAIN_INSTRUCT | FOR_BLIP2,
     "LLaVA's JSON, or lines of {\"image\", \"caption\"}"},
    {0, "data", PATH("FILE", data), FOR_TRAIN_LANGUAGE,
     "plain text, a document a line; for a T5 also a text, a tab, and what is to be said to it"},
    {0, "noise", REAL("X", train.noise, 0, 100), FOR_TRAIN_LANGUAGE,
     "normal noise on what a T5's encoder reads, up to X times its embeddings' deviation (default: 0)"},
    {0, "data", PATH("PATH", data), FOR_TRAIN_FINETUNE, "the data set, as it was downloaded"},
    {0, "dataset", TEXT("NAME", dataset), FOR_TRAIN_FINETUNE,
     "voc2007, coco, visda, imagenet, deepfashion, folder or csv: whose labels are learned"},
    {0, "prompt", TEXT("TEXT", session.prompt), FOR_TRAIN_FINETUNE, "what stands beside the image (default: the model's own)"},
    {0, "images", PATH("DIR", train.images), FOR_TRAIN_CONTRASTIVE | FOR_TRAIN_ALIGN | FOR_TRAIN_INSTRUCT | FOR_BLIP2,
     "the folder below which the data's images are (default: the data's own)"},
    {0, "validation", PATH("FILE", train.validation), FOR_TRAIN & ~FOR_TRAIN_FINETUNE,
     "data of the same kind that is not learned"},
    {0, "vocabulary", PATH("FILE", train.vocabulary), FOR_TRAIN,
     "a tokenizer.model (default: the model's own; where there is none, one is trained on the data)"},
    {0, "vocabulary-size", INTEGER(train.vocabulary_size, 16, 1 << 20),
     FOR_TRAIN_CONTRASTIVE | FOR_TRAIN_LANGUAGE | FOR_TRAIN_QFORMER,
     "pieces of one that is trained (default: as many as the configuration has room for)"},
    {'o', "output", PATH("DIR", output), FOR_TRAIN, "the folder for the model, its checkpoints and its loss"},
    {0, "epochs", REAL("N", train.epochs, 1e-6, 1e6), FOR_TRAIN,
     "how often the data are gone through (default: 32 contrastive, 1 language and align, 10 qformer and qformer-language, 3 "
     "else)"},
    {0, "steps", INTEGER(train.steps, 1, INT_MAX), FOR_TRAIN, "so many steps, in place of --epochs"},
    {0, "batch", INTEGER(session.batch, 1, 65536), FOR_TRAIN,
     "samples at once (default: 256 contrastive, 64 language, 128 align, 100 qformer, 64 qformer-language, 32 else)"},
    {0, "accumulate", INTEGER(train.accumulation, 1, 65536), FOR_TRAIN, "batches a step (default: 1)"},
    {0, "max-tokens", INTEGER(train.most_tokens, 2, 1 << 20), FOR_TRAIN,
     "the longest text (default: 77 contrastive, 512 language, 32 qformer and qformer-language, 2048 else)"},
    {0, "lr", REAL("X", train.learning_rate, 0, 1e3), FOR_TRAIN,
     "the highest learning rate (default: 5e-4 contrastive, 3e-4 language, 2e-3 align, 1e-4 qformer and qformer-language, 2e-5 "
     "else)"},
    {0, "warmup", REAL("X", train.warmup, 0, 1e9), FOR_TRAIN,
     "a share of the steps below 1, or a number of them, on which the rate rises (default: 0.03)"},
    {0, "constant", FLAG(train.constant), FOR_TRAIN, "the rate stays then (default: half a cosine down to 0)"},
    {0, "weight-decay", REAL("X", train.weight_decay, 0, 10), FOR_TRAIN,
     "AdamW's (default: 0.2 contrastive, 0.1 language, 0.05 qformer and qformer-language, 0 else)"},
    {0, "beta2", REAL("X", train.beta2, 0, 1), FOR_TRAIN,
     "AdamW's (default: 0.95 language, 0.999 align, instruct and finetune, 0.98 else)"},
    {0, "clip", REAL("X", train.clip, 0, 1e9), FOR_TRAIN,
     "the longest gradient; 0: any (default: 1 language, align, instruct and finetune, 0 else)"},
    {0, "lora", INTEGER(train.lora_rank, 1, 65536), FOR_TUNING, "train adapters of this rank beside a frozen language model"},
    {0, "lora-alpha", REAL("X", train.lora_alpha, 0, 1e6), FOR_TUNING, "their weight times the rank (default: 16)"},
    {0, "train-vision", FLAG(train.trains_vision), FOR_TUNING, "train the encoder as well, which stays as it is else"},
    {0, "image-size", INTEGER(train.image_size, 1, 1 << 14), FOR_TUNING,
     "sides of the pictures that the encoder is to see from now on; its positions are interpolated; with --train-vision"},
    {0, "recompute", FLAG(train.recompute), FOR_TRAIN, "compute blocks again on the way back: a third slower, less memory"},
    {0, "save-dtype", CHOICE("f32|bf16", train.saved), FOR_TRAIN, "of the model's file (default: f32)"},
    {0, "validate-every", INTEGER(train.validate_every, 0, INT_MAX), FOR_TRAIN, "steps (default: 0, never)"},
    {0, "validation-batches", INTEGER(train.validation_batches, 1, INT_MAX), FOR_TRAIN, "that are looked at (default: 8)"},
    {0, "checkpoint-every", INTEGER(train.checkpoint_every, 0, INT_MAX), FOR_TRAIN, "steps (default: 500)"},
    {0, "keep", INTEGER(train.keep, 1, INT_MAX), FOR_TRAIN, "checkpoints, the newest (default: 2)"},
    {0, "readers", INTEGER(train.readers, 1, 1024), FOR_TRAIN, "threads that read images ahead (default: 1)"},
    {0, "seed", SEED(session.seed), FOR_TRAIN, "of the samples' order, and of what begins at random (default: 0)"},

    /* what is said */
    {0, "prompt", TEXT("TEXT", session.prompt), FOR_MODEL, "what the model is asked (default: the model's own)"},
    {0, "template", TEXT("NAME", session.template_name), FOR_MODEL,
     "what stands around the prompt: vicuna_v1, llava_hf, plain or none (default: the model's own)"},
    {0, "before-generation", FLAG(session.before_generation), FOR_EMBED, "generate nothing: features of the prompt alone"},
    {0, "max-new-tokens", INTEGER(session.max_new_tokens, 1, 1 << 20), FOR_MODEL, "the longest response (default: 128)"},
    {0, "temperature", REAL("T", temperature, 0, 100), FOR_MODEL,
     "sample at this temperature; 0 is greedy (default: 0, or 1 with --top-p)"},
    {0, "top-p", REAL("P", top_p, 1e-6, 1), FOR_MODEL, "sample from the likeliest tokens that add up to P (default: 1)"},
    {0, "seed", SEED(session.seed), FOR_IMAGES | FOR_ATTEND, "of sampling, together with the image's own bytes (default: 0)"},
    {0, "seeds", INTEGER(seeds, 1, 100), FOR_EVAL,
     "repeat with so many seeds, from --seed on: random splits and held-out parts; reports mean and spread (default: 1)"},
    {0, "seed", SEED(session.seed), FOR_EVAL, "of choices among the images, the probes, corruptions and sampling (default: 0)"},
    {0, "aspect", CHOICE("crop|pad|stretch", session.aspect), FOR_MODEL,
     "how an image becomes a square (default: what the model says)"},

    /* the bench */
    {0, "shape", TEXT("NAME", shape), FOR_BENCH,
     "random weights of this shape: llava-1.5-7b, vicuna-7b-224, blip2-flan-t5-xxl, blip2-flan-t5-xl, tiny, llava-1b or "
     "lmvr-small (default: llava-1.5-7b; with --train lmvr-small)"},
    {0, "layers", INTEGER(layers, 1, 1024), FOR_BENCH,
     "cut the language model, with --train the encoder too, to N blocks (default: all)"},
    {0, "corruptions", FLAG(corruptions), FOR_BENCH, "in place of a model, the corruptions, on one thread"},
    {0, "train", FLAG(bench_train), FOR_BENCH, "steps of training, of a shape that is a LLaVA"},
    {0, "quick", FLAG(quick), FOR_BENCH, "leave out end to end, and batches above 4; with --train all but LLaVA's two stages"},

    /* how it is computed */
    {0, "dtype", CHOICE("f32|bf16", dtype), FOR_TRAIN,
     "of products; weights are f32 all the same (default: bf16 where the machine computes in it, else f32)"},
    {0, "dtype", CHOICE("f32|bf16", dtype), FOR_MODEL | FOR_BENCH,
     "the type of the weights (default: bf16 where the machine computes in it, else f32)"},
    {0, "batch", INTEGER(session.batch, 1, 4096), FOR_IMAGES | FOR_EVAL,
     "images at once (default: from the model and the memory)"},
    {0, "threads", INTEGER(session.threads, 1, 4096), FOR_MODEL | FOR_BENCH | FOR_PROBE | FOR_CORRUPT | FOR_SCENES | FOR_TRAIN,
     "processor threads (default: one a processor)"},

    /* how it goes on */
    {0, "resume", FLAG(resume), FOR_EMBED | FOR_EVAL | FOR_TRAIN, "go on with what an interrupted run left, or begin"},
    {0, "resume", FLAG(resume), FOR_CORRUPT, "leave results alone that are there already"},
    {0, "force", FLAG(force), FOR_FILES, "remove the results that are there, and begin"},
    {0, "strict", FLAG(strict), FOR_IMAGES | FOR_EVAL | FOR_CORRUPT, "stop at the first input that fails"},
    {0, "json", FLAG(json), FOR_DESCRIBE | FOR_ATTEND | FOR_INFO | FOR_BENCH | FOR_LABELS, "print JSON"},
    {'q', "quiet", FLAG(quiet), FOR_PROGRESS, "no progress"},
    {'h', "help", NULL, OPTION_FLAG, 0, 0, 0, FOR_ALL, "print this and do nothing"},
};
const size_t option_count = sizeof option_table / sizeof *option_table;
_Static_assert(sizeof option_table / sizeof *option_table <= OPTION_MOST_ROWS, "the parser's arrays hold all rows");
