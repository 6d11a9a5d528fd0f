"""BLIP-2's first stage: the Q-Former against a frozen encoder, as LAVIS's Blip2Qformer trains it."""
import torch
from torch.nn import functional
from transformers import Blip2Config, Blip2ForImageTextRetrieval
from cases_t5 import QFORMER, QUERIES, VISION, VOCABULARY
from train_common import (BATCHES, BLIP_PREPROCESSOR, Case, Training, fill, load_model, make_pixels, pack, padded, random_tensor,
                          random_words, save_model, start_parameters, trained, unpack)

PAD, CLASS, SEPARATOR, DECODE = 0, VOCABULARY - 3, VOCABULARY - 2, VOCABULARY - 1
SMOOTHING, WIDTH = 0.1, QFORMER["hidden_size"]
HEAD = "cls.predictions."  # BERT's head for words; its matrix is the word embeddings

# ------------------------------------------------------------------------------------------------------- the Q-Former


def additive(seen, dtype):
    """(n, 1, queries, keys) of what is added to scores, from booleans (n, queries, keys)."""
    return torch.zeros(seen.shape, dtype=dtype).masked_fill(~seen, torch.finfo(dtype).min)[:, None]


class Stage1:
    """The model's passes. Text is right-padded; pads are seen by none."""

    def __init__(self, model, start, dtype):
        self.model, self.start, self.dtype = model, start, dtype

    def queries(self, count):
        return self.model.query_tokens.expand(count, -1, -1)

    def image_states(self, encoded):
        """Queries alone, which see each other and the picture: (n, queries, width)."""
        return self.model.qformer(query_embeds=self.queries(len(encoded)), encoder_hidden_states=encoded).last_hidden_state

    def text_states(self, ids, mask):
        """Text alone, which sees itself in both directions: (n, tokens, width)."""
        return self.model.qformer(query_embeds=self.model.embeddings(input_ids=ids), query_length=0,
                                  attention_mask=mask).last_hidden_state

    def joint_states(self, encoded, ids, attention_mask):
        """Queries and then text, (n, queries + tokens, width); only queries see the picture."""
        embedded = self.model.embeddings(input_ids=ids, query_embeds=self.queries(len(ids)))
        return self.model.qformer(query_embeds=embedded, query_length=QUERIES, attention_mask=attention_mask,
                                  encoder_hidden_states=encoded).last_hidden_state

    def word_logits(self, states):
        start = self.start
        hidden = functional.gelu(functional.linear(states, start[HEAD + "transform.dense.weight"],
                                                   start[HEAD + "transform.dense.bias"]))
        hidden = functional.layer_norm(hidden, (WIDTH,), start[HEAD + "transform.LayerNorm.weight"],
                                       start[HEAD + "transform.LayerNorm.bias"], QFORMER["layer_norm_eps"])
        return functional.linear(hidden, self.model.embeddings.word_embeddings.weight, start[HEAD + "bias"])


# ------------------------------------------------------------------------------------------------------- three losses


def contrastive_loss(stage, encoded, ids, mask):
    """The best query counts; both directions; divided by the temperature."""
    image = functional.normalize(stage.model.vision_projection(stage.image_states(encoded)), dim=-1)
    text = functional.normalize(stage.model.text_projection(stage.text_states(ids, mask)[:, 0]), dim=-1)
    scores = torch.einsum("iqd,td->itq", image, text).max(dim=-1).values / stage.start["temp"]
    targets = torch.arange(len(ids))
    return (functional.cross_entropy(scores, targets, label_smoothing=SMOOTHING)
            + functional.cross_entropy(scores.T, targets, label_smoothing=SMOOTHING)) / 2


def matching_loss(stage, encoded, ids, mask, negative_image, negative_text):
    """Pairs that belong together (1), a text with another picture (0), a picture with another text (0); all see all."""
    images = torch.cat([encoded, encoded[negative_image], encoded])
    texts, masks = torch.cat([ids, ids, ids[negative_text]]), torch.cat([mask, mask, mask[negative_text]])
    all_seen = torch.cat([torch.ones(len(texts), QUERIES, dtype=masks.dtype), masks], dim=1)
    states = stage.joint_states(images, texts, all_seen)[:, :QUERIES]
    logits = stage.model.itm_head(states).mean(dim=1)
    return functional.cross_entropy(logits, torch.tensor([1] * len(ids) + [0] * (2 * len(ids))))


def generation_mask(mask, dtype):
    """Queries see queries; a token sees queries, itself and what stands before it."""
    count, length = mask.shape
    to_query = torch.ones(count, QUERIES + length, QUERIES, dtype=torch.bool)
    to_text = torch.zeros(count, QUERIES + length, length, dtype=torch.bool)
    to_text[:, QUERIES:] = torch.ones(length, length, dtype=torch.bool).tril() & (mask[:, None] > 0)
    return additive(torch.cat([to_query, to_text], dim=-1), dtype)


def generation_loss(stage, encoded, ids, mask):
    """The next token, from [DEC] in place of [CLS] on; the mean over all that are predicted in the batch."""
    ids = ids.clone()
    ids[:, 0] = DECODE
    states = stage.joint_states(encoded, ids, generation_mask(mask, stage.dtype))
    # What LAVIS takes from its cache of the contrastive pass: here it has to come out the same.
    assert torch.allclose(states[:, :QUERIES], stage.image_states(encoded), atol=1e-5)
    logits = stage.word_logits(states[:, QUERIES:-1])
    labels = ids[:, 1:].masked_fill(mask[:, 1:] == 0, -100)
    return functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), label_smoothing=SMOOTHING)


def check_retrieval(stage, batch, ids, mask):
    """The passes are those of transformers' own class."""
    with torch.no_grad():
        encoded = stage.model.vision_model(batch["pixels"]).last_hidden_state
        matching = stage.model(batch["pixels"], ids, attention_mask=mask, use_image_text_matching_head=True).logits_per_image
        both = torch.cat([torch.ones(len(ids), QUERIES, dtype=mask.dtype), mask], dim=1)
        here = stage.model.itm_head(stage.joint_states(encoded, ids, both)[:, :QUERIES]).mean(dim=1)
        assert torch.allclose(matching, here, atol=1e-6)
        text = functional.normalize(stage.model.text_projection(stage.text_states(ids, mask)[:, 0]), dim=-1)
        own = stage.model(batch["pixels"], ids, attention_mask=mask)
        assert torch.allclose(own.text_embeds, text, atol=1e-6)


# ---------------------------------------------------------------------------------------------------------- the case


def start_values():
    return {"temp": torch.tensor(0.07), HEAD + "bias": random_tensor(1, VOCABULARY, deviation=0.1),
            HEAD + "transform.dense.weight": random_tensor(2, WIDTH, WIDTH, deviation=WIDTH ** -0.5),
            HEAD + "transform.dense.bias": random_tensor(3, WIDTH, deviation=0.1),
            HEAD + "transform.LayerNorm.weight": 1 + random_tensor(4, WIDTH, deviation=0.1),
            HEAD + "transform.LayerNorm.bias": random_tensor(5, WIDTH, deviation=0.1)}


def retrieval_folder(out):
    config = Blip2Config(vision_config=VISION, qformer_config={**QFORMER, "use_qformer_text_input": True}, num_query_tokens=QUERIES,
                         image_text_hidden_size=20, text_config={"model_type": "t5"})
    save_model(fill(Blip2ForImageTextRetrieval(config), 101), f"{out}/qformer/model", BLIP_PREPROCESSOR)


def with_negatives(generator, batch, count):
    """Another picture for each text, another text for each picture."""
    def others():
        shift = torch.randint(1, count, (count,), generator=generator)
        return ((torch.arange(count) + shift) % count).to(torch.int32)
    return {**batch, "negative_image": others(), "negative_text": others()}


def qformer(out):
    retrieval_folder(out)
    generator = torch.Generator().manual_seed(102)
    batches = []
    for number in range(BATCHES):
        texts = [[CLASS] + random_words(generator, length, 1, 60) + [SEPARATOR] for length in (3, 9, 5, 14)]
        batch = pack([{"tokens": t, "image": i} for i, t in enumerate(texts)], make_pixels(1000 + 2 * number, 4))
        batches.append(with_negatives(generator, batch, 4))

    def build(dtype, start):
        model, parameters = load_model(Blip2ForImageTextRetrieval, f"{out}/qformer/model", dtype)
        own = start_parameters(start, dtype)
        stage = Stage1(model, own, dtype)

        def parts(batch):
            ids, mask = padded([tokens for tokens, *_ in unpack(batch)], PAD)
            check_retrieval(stage, batch, ids, mask)
            encoded = model.vision_model(batch["pixels"]).last_hidden_state
            negatives = batch["negative_image"].long(), batch["negative_text"].long()
            return {"contrastive": contrastive_loss(stage, encoded, ids, mask),
                    "matching": matching_loss(stage, encoded, ids, mask, *negatives),
                    "generation": generation_loss(stage, encoded, ids, mask)}
        chosen = {n: p for n, p in parameters.items() if not n.startswith("vision_model.")}
        return Training({**trained(chosen, ""), **own}, lambda batch: sum(parts(batch).values()), parts)

    return Case("qformer", {"models": {"retrieval": "model"}, "pad": PAD, "class": CLASS, "separator": SEPARATOR, "decode": DECODE,
                            "queries": QUERIES, "smoothing": SMOOTHING}, batches, build,
                ["temp", "query_tokens", "itm_head.weight", HEAD + "bias"], start_values())
