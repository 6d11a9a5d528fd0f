"""The cases of T5, and of BLIP-2's second stage, whose language model it is."""
import torch
from torch.nn import functional
from transformers import Blip2Config, Blip2ForConditionalGeneration, T5Config, T5ForConditionalGeneration
from train_common import (BATCHES, BLIP_PREPROCESSOR, Case, Training, fill, load_model, make_pixels, pack, padded, random_tensor,
                          random_words, save_model, trained, unpack)

VOCABULARY, START, END = 64, 0, 1
IMAGE_TOKEN = VOCABULARY - 1  # stands for a query in transformers alone; not in the batches
QUERIES = 4
T5 = {"vocab_size": VOCABULARY, "d_model": 24, "d_kv": 10, "num_heads": 2, "d_ff": 32, "num_layers": 2, "num_decoder_layers": 2,
      "relative_attention_num_buckets": 8, "relative_attention_max_distance": 10, "dropout_rate": 0.0,
      "decoder_start_token_id": START, "pad_token_id": START, "eos_token_id": END}
VISION = {"hidden_size": 27, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 3, "image_size": 16,
          "patch_size": 4, "layer_norm_eps": 1e-6}
QFORMER = {"vocab_size": VOCABULARY, "hidden_size": 24, "num_hidden_layers": 3, "num_attention_heads": 3, "intermediate_size": 32,
           "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0, "max_position_embeddings": 24,
           "encoder_hidden_size": 27, "cross_attention_frequency": 2, "layer_norm_eps": 1e-12}


def flat(t5, gated):
    """T5 leaves out the root of the head's size: its queries are smaller."""
    with torch.no_grad():
        for name, parameter in t5.named_parameters():
            if name.endswith(".q.weight"):
                parameter *= t5.config.d_kv ** -0.5
    if gated:  # an untied head of its own
        t5.lm_head.weight = torch.nn.Parameter(random_tensor(7, VOCABULARY, t5.config.d_model, deviation=t5.config.d_model ** -0.5))


def check_head(t5, untied):
    assert (t5.lm_head.weight.data_ptr() != t5.shared.weight.data_ptr()) == untied
    assert t5.encoder.embed_tokens.weight.data_ptr() == t5.decoder.embed_tokens.weight.data_ptr() == t5.shared.weight.data_ptr()
    assert t5.config.scale_decoder_outputs != untied


def pair(generator, inputs, targets, **more):
    """What the encoder reads, its end token last; and what the decoder is to say, which is learned, end token included."""
    before = random_words(generator, inputs, 2, 62) + [END]
    target = random_words(generator, targets, 2, 62) + [END]
    return {"tokens": before + target, "learned": [0] * len(before) + [1] * len(target), **more}


def encoder_decoder(batch):
    """(encoder ids, targets) of each sequence: the unlearned tokens and the learned ones."""
    for tokens, learned, *_ in unpack(batch):
        yield [t for t, x in zip(tokens, learned) if not x], [t for t, x in zip(tokens, learned) if x]


def target_loss(logits, targets):
    """The mean over all target tokens of the batch."""
    return torch.cat([functional.cross_entropy(logits[b, :len(t)], torch.tensor(t), reduction="none")
                      for b, t in enumerate(targets)]).mean()


def decoder_inputs(targets):
    return padded([[START] + t[:-1] for t in targets], START)[0]


def labels_of(targets):
    ids, mask = padded(targets, START)
    return ids.masked_fill(mask == 0, -100)


def t5_case(out, name, gated, blocks):
    config = T5Config(**{**T5, "num_layers": blocks, "num_decoder_layers": blocks, "tie_word_embeddings": not gated,
                         "feed_forward_proj": "gated-gelu" if gated else "relu"})
    model = fill(T5ForConditionalGeneration(config), 81)
    flat(model, gated)
    save_model(model, f"{out}/{name}/model")
    generator = torch.Generator().manual_seed(82)
    batches = [pack([pair(generator, i, t) for i, t in ((6, 4), (13, 9), (3, 14))]) for _ in range(BATCHES)]

    def build(dtype, start):
        model, parameters = load_model(T5ForConditionalGeneration, f"{out}/{name}/model", dtype)
        check_head(model, gated)

        def inputs(batch):
            pairs = list(encoder_decoder(batch))
            ids, mask = padded([i for i, _ in pairs], START)
            return [t for _, t in pairs], {"input_ids": ids, "attention_mask": mask}

        def loss(batch):
            targets, read = inputs(batch)
            return target_loss(model(**read, decoder_input_ids=decoder_inputs(targets)).logits, targets)

        def own(batch):
            targets, read = inputs(batch)
            return model(**read, labels=labels_of(targets)).loss
        return Training(trained(parameters, ""), loss, own=own)

    return Case(name, {"models": {"language": "model"}, "decoder_start": START, "end": END}, batches, build,
                ["encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight",
                 "decoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight", "decoder.final_layer_norm.weight"])


def t5_language(out):
    return t5_case(out, "t5-language", True, 2)


def t5_language_tied(out):
    return t5_case(out, "t5-language-tied", False, 1)


# ------------------------------------------------------------------------------------------------- BLIP-2, stage two


def blip2_folder(out):
    config = Blip2Config(vision_config=VISION, qformer_config=QFORMER, num_query_tokens=QUERIES, image_token_index=IMAGE_TOKEN,
                         text_config={"model_type": "t5", **T5, "feed_forward_proj": "gated-gelu", "tie_word_embeddings": False},
                         tie_word_embeddings=False)
    model = fill(Blip2ForConditionalGeneration(config), 91)
    flat(model.language_model, True)
    save_model(model, f"{out}/qformer-language/model", BLIP_PREPROCESSOR)


def stage2_case(out, name, *prefixes):
    """The parameters that begin with one of the prefixes are trained."""
    blip2_folder(out)
    generator = torch.Generator().manual_seed(92)
    batches = [pack([pair(generator, i, t, image=n, visual_at=0) for n, (i, t) in enumerate(((3, 5), (0, 9), (5, 3)))],
                    make_pixels(900 + 2 * number, 3)) for number in range(BATCHES)]

    def build(dtype, start):
        model, parameters = load_model(Blip2ForConditionalGeneration, f"{out}/qformer-language/model", dtype)
        check_head(model.language_model, True)

        def inputs(batch):
            pairs = list(encoder_decoder(batch))
            ids, mask = padded([[IMAGE_TOKEN] * QUERIES + i for i, _ in pairs], START)
            return [t for _, t in pairs], {"input_ids": ids, "attention_mask": mask, "pixel_values": batch["pixels"]}

        def loss(batch):
            targets, read = inputs(batch)
            return target_loss(model(**read, decoder_input_ids=decoder_inputs(targets)).logits, targets)

        def own(batch):
            targets, read = inputs(batch)
            return model(**read, labels=labels_of(targets)).loss
        return Training(trained(parameters, *prefixes), loss, own=own)

    folder = "model" if name == "qformer-language" else "../qformer-language/model"
    return Case(name, {"models": {"blip2": folder}, "decoder_start": START, "end": END, "queries": QUERIES}, batches, build,
                ["query_tokens", "language_projection.bias", "qformer.layernorm.weight"])


def qformer_language(out):
    return stage2_case(out, "qformer-language", "query_tokens", "qformer.", "language_projection.")


def qformer_language_whole(out):
    return stage2_case(out, "qformer-language-whole", "query_tokens", "qformer.", "language_projection.", "language_model.")
