"""What the checkpoints of make_golden_today.py are: configurations, files, names of weights, cases."""
import torch
from make_golden import CLIP_MEAN, CLIP_STD, GRADIENT, GRAY16, NOISE, ORIENTED, PALETTE, SHAPES
from today_tokenizers import QWEN25_ADDED, QWEN3_ADDED, QWEN_ADDED, SMOLVLM_ADDED, TEMPLATES, llama2, llama3, qwen, smollm

LARGE, TALL, TINY, WIDE = "large.jpg", "tall.png", "tiny.png", "wide.jpg"
HALF = [0.5, 0.5, 0.5]
PROMPT = "Describe the image."
SYSTEM = "Represent the user's input."


def case(image, prompt=PROMPT, system=None, max_new_tokens=5):
    return {"image": image, "prompt": prompt, "system": system, "max_new_tokens": max_new_tokens}


def same_names(name):
    return name


# --------------------------------------------------------------------------------------- SmolVLM and Idefics3


def idefics_preprocessor(kind, edge, tile, **changes):
    return {"do_convert_rgb": True, "do_image_splitting": True, "do_normalize": True, "do_pad": True, "do_rescale": True,
            "do_resize": True, "image_mean": HALF, "image_processor_type": f"{kind}ImageProcessor", "image_std": HALF,
            "max_image_size": {"longest_edge": tile}, "processor_class": f"{kind}Processor", "resample": 1,
            "rescale_factor": 0.00392156862745098, "size": {"longest_edge": edge}, **changes}


def smolvlm_tokenizer_config(**changes):
    return {"add_prefix_space": False, "additional_special_tokens": ["<fake_token_around_image>", "<image>", "<end_of_utterance>"],
            "bos_token": "<|im_start|>", "clean_up_tokenization_spaces": False, "eos_token": "<end_of_utterance>",
            "legacy": False, "model_max_length": 8192, "pad_token": "<|im_end|>", "tokenizer_class": "GPT2Tokenizer",
            "truncation_side": "left", "unk_token": "<|endoftext|>", "vocab_size": 420, **changes}


IDEFICS = {
    # The first SmolVLM's spelling (256M, 500M): Idefics3's classes, pixel shuffle by four, pictures cut in tiles.
    "smolvlm-hub-bf16": {
        "seed": 48, "dtype": torch.bfloat16, "shards": 1, "names": same_names, "tokenizer": smollm, "pieces": 380,
        "added": SMOLVLM_ADDED, "end": "<end_of_utterance>", "embedding_std": 0.7, "patch_gain": 1.0,
        "config": {
            "architectures": ["Idefics3ForConditionalGeneration"], "image_token_id": 418, "model_type": "idefics3",
            "scale_factor": 4, "text_config": {
                "_name_or_path": "None", "architectures": ["VLlama3ForCausalLM"], "bos_token_id": 1, "eos_token_id": 2,
                "head_dim": 16, "hidden_size": 48, "intermediate_size": 88, "max_position_embeddings": 8192,
                "model_type": "llama", "num_attention_heads": 3, "num_hidden_layers": 3, "num_key_value_heads": 1,
                "pad_token_id": 2, "rms_norm_eps": 1e-05, "rope_scaling": None, "rope_theta": 100000,
                "torch_dtype": "bfloat16", "vocab_size": 424},
            "tie_word_embeddings": False, "torch_dtype": "bfloat16", "transformers_version": "4.46.0", "use_cache": True,
            "vision_config": {
                "hidden_size": 24, "image_size": 24, "initializer_range": 0.02, "intermediate_size": 60, "max_image_size":
                {"longest_edge": 24}, "model_type": "idefics3", "num_attention_heads": 3, "num_hidden_layers": 3,
                "patch_size": 3, "size": {"longest_edge": 96}, "tie_word_embeddings": False, "use_base_siglip": False},
            "vocab_size": 424},
        "files": {
            "preprocessor_config.json": idefics_preprocessor("Idefics3", 72, 24),
            "processor_config.json": {"image_seq_len": 4, "processor_class": "Idefics3Processor"},
            "chat_template.json": {"chat_template": TEMPLATES["smolvlm"]},
            "tokenizer_config.json": smolvlm_tokenizer_config(chat_template=TEMPLATES["smolvlm"], processor_class="Idefics3Processor"),
            "generation_config.json": {"_from_model_config": True, "bos_token_id": 1, "eos_token_id": 420, "pad_token_id": 2}},
        "cases": [case(GRADIENT), case(NOISE, "What is in the picture?"), case(WIDE, system="You are a helpful assistant."),
                  case(TINY, "It's a", max_new_tokens=4), case(None, "Who are you?"),
                  case(None, "Say a word.", SYSTEM, 4)]},

    # SmolVLM2's: pixel shuffle by two, a tied head, more tiles; digits in the prompt.
    "smolvlm2-f32": {
        "seed": 13, "dtype": torch.float32, "shards": 2, "names": same_names, "tokenizer": smollm, "pieces": 360,
        "added": SMOLVLM_ADDED, "end": "<end_of_utterance>", "embedding_std": 0.3, "patch_gain": 1.0,
        "config": {
            "architectures": ["SmolVLMForConditionalGeneration"], "dtype": "float32", "image_token_id": 398,
            "model_type": "smolvlm", "pad_token_id": 2, "scale_factor": 2, "text_config": {
                "attention_bias": False, "head_dim": 10, "hidden_act": "silu", "hidden_size": 40, "intermediate_size": 72,
                "mlp_bias": False, "model_type": "llama", "num_attention_heads": 4, "num_hidden_layers": 3,
                "num_key_value_heads": 2, "rms_norm_eps": 1e-05, "rope_parameters": {"rope_theta": 130000.0, "rope_type": "default"},
                "vocab_size": 401},
            "tie_word_embeddings": True, "transformers_version": "5.12.1", "use_cache": False, "vision_config": {
                "attention_dropout": 0.0, "hidden_act": "gelu_pytorch_tanh", "hidden_size": 22, "image_size": 20,
                "initializer_range": 0.02, "intermediate_size": 50, "layer_norm_eps": 1e-06, "model_type": "smolvlm_vision",
                "num_attention_heads": 2, "num_channels": 3, "num_hidden_layers": 4, "patch_size": 5}},
        "files": {
            "preprocessor_config.json": idefics_preprocessor(
                "SmolVLM", 80, 20, video_sampling={"fps": 1, "max_frames": 8, "video_size": {"longest_edge": 20}}),
            "processor_config.json": {"image_seq_len": 4, "processor_class": "SmolVLMProcessor"},
            "chat_template.jinja": TEMPLATES["smolvlm"],
            "tokenizer_config.json": smolvlm_tokenizer_config(tokenizer_class="PreTrainedTokenizerFast", vocab_size=401,
                                                              processor_class="SmolVLMProcessor"),
            "generation_config.json": {"_from_model_config": True, "bos_token_id": 1, "eos_token_id": [2, 400], "pad_token_id": 2}},
        "cases": [case(SHAPES), case(GRADIENT, "In 2024, 12 of 365: what's this?"), case(TALL, system=SYSTEM),
                  case(LARGE, "Summarize the picture above in one word:", max_new_tokens=4), case(None, "1 2 34"), ]},

    # Idefics3's own: LLaMA-3's tokenizer, in which <global-img> is text; pictures not cut; llama3's scaled positions.
    "idefics3-whole-f16": {
        "seed": 93, "dtype": torch.float16, "shards": 1, "names": same_names, "tokenizer": llama3, "pieces": 360,
        "added": [("<fake_token_around_image>", True), ("<image>", True), ("<end_of_utterance>", True)],
        "end": "<end_of_utterance>", "embedding_std": 0.7, "patch_gain": 1.0,
        "config": {
            "architectures": ["Idefics3ForConditionalGeneration"], "image_token_id": 367, "model_type": "idefics3",
            "pad_token_id": 362, "scale_factor": 2, "text_config": {
                "bos_token_id": 360, "eos_token_id": 361, "hidden_size": 36, "intermediate_size": 70,
                "max_position_embeddings": 1024, "model_type": "llama", "num_attention_heads": 3, "num_hidden_layers": 3,
                "num_key_value_heads": 3, "rms_norm_eps": 1e-05, "rope_theta": 500000.0, "rope_scaling": {
                    "factor": 8.0, "high_freq_factor": 4.0, "low_freq_factor": 1.0, "original_max_position_embeddings": 32,
                    "rope_type": "llama3"}, "vocab_size": 371},
            "tie_word_embeddings": False, "torch_dtype": "float16", "vision_config": {
                "hidden_size": 32, "image_size": 28, "intermediate_size": 54, "model_type": "idefics3", "num_attention_heads": 4,
                "num_hidden_layers": 3, "patch_size": 7, "layer_norm_eps": 1e-03}},
        "files": {
            "preprocessor_config.json": idefics_preprocessor("Idefics3", 44, 28, do_image_splitting=False),
            "processor_config.json": {"image_seq_len": 4, "processor_class": "Idefics3Processor"},
            "tokenizer_config.json": {
                "bos_token": "<|begin_of_text|>", "chat_template": TEMPLATES["idefics3"], "clean_up_tokenization_spaces": True,
                "eos_token": "<end_of_utterance>", "model_input_names": ["input_ids", "attention_mask"],
                "pad_token": "<|reserved_special_token_0|>", "tokenizer_class": "PreTrainedTokenizerFast"},
            "generation_config.json": {"_from_model_config": True, "bos_token_id": 360, "eos_token_id": [368, 361], "pad_token_id": 362}},
        "cases": [case(GRADIENT), case(ORIENTED, "What is in the picture?"), case(PALETTE, system=SYSTEM), case(TALL, "", max_new_tokens=4),
                  case(GRAY16, "In 2024, 1234567 of them!")]},
}


# ---------------------------------------------------------------------------------------------------------- Qwen-VL


def qwen_hub_names(name):
    """What is on the hub, and what transformers 5 saves again: the encoder at the top, the language model under `model.`."""
    return name.replace("model.visual.", "visual.", 1).replace("model.language_model.", "model.", 1)


def qwen_ids(pieces):
    """The ids of the added tokens, which stand behind the pieces."""
    return {"image_token_id": pieces + 12, "video_token_id": pieces + 13, "vision_end_token_id": pieces + 10,
            "vision_start_token_id": pieces + 9}


def qwen_generation(pieces):
    return {"bos_token_id": pieces, "do_sample": True, "eos_token_id": [pieces + 2, pieces], "pad_token_id": pieces,
            "repetition_penalty": 1.05, "temperature": 0.1, "top_k": 1, "top_p": 0.001}


def qwen_tokenizer_config(template, **changes):
    return {"add_prefix_space": False, "additional_special_tokens": [content for content, special in QWEN_ADDED if special][1:],
            "bos_token": None, "chat_template": TEMPLATES[template], "clean_up_tokenization_spaces": False, "eos_token": "<|im_end|>",
            "errors": "replace", "model_max_length": 32768, "pad_token": "<|endoftext|>", "split_special_tokens": False,
            "tokenizer_class": "Qwen2Tokenizer", "unk_token": None, **changes}


def qwen_preprocessor(patch, processor="Qwen2VLProcessor", **changes):
    return {"image_mean": CLIP_MEAN, "image_processor_type": "Qwen2VLImageProcessor", "image_std": CLIP_STD, "merge_size": 2,
            "patch_size": patch, "processor_class": processor, "temporal_patch_size": 2, **changes}


QWEN = {
    # Qwen2-VL-2B's spelling: a flat configuration, old names, a tied head.
    "qwen2vl-hub-bf16": {
        "seed": 34, "dtype": torch.bfloat16, "shards": 1, "names": qwen_hub_names, "tokenizer": qwen, "pieces": 340,
        "added": QWEN_ADDED, "embedding_std": 0.4, "patch_gain": 1.0,
        "config": {
            "architectures": ["Qwen2VLForConditionalGeneration"], "attention_dropout": 0.0, "bos_token_id": 340,
            "eos_token_id": 342, "hidden_act": "silu", "hidden_size": 48, "initializer_range": 0.02, "intermediate_size": 80,
            "max_position_embeddings": 32768, "max_window_layers": 28, "model_type": "qwen2_vl", "num_attention_heads": 3,
            "num_hidden_layers": 3, "num_key_value_heads": 1, "rms_norm_eps": 1e-06, "rope_scaling": {
                "mrope_section": [2, 3, 3], "type": "mrope"}, "rope_theta": 100.0, "sliding_window": 32768,
            "tie_word_embeddings": True, "torch_dtype": "bfloat16", "transformers_version": "4.41.2", "use_cache": True,
            "use_sliding_window": False, "vision_config": {
                "depth": 3, "embed_dim": 32, "hidden_size": 48, "in_chans": 3, "mlp_ratio": 4, "num_heads": 2, "patch_size": 6,
                "spatial_merge_size": 2, "spatial_patch_size": 6, "temporal_patch_size": 2},
            "vision_token_id": 351, "vocab_size": 360, **qwen_ids(340)},
        "files": {
            "preprocessor_config.json": qwen_preprocessor(6, max_pixels=4320, min_pixels=864),
            "chat_template.json": {"chat_template": TEMPLATES["qwen2"]},
            "tokenizer_config.json": qwen_tokenizer_config("qwen2"), "generation_config.json": qwen_generation(340)},
        "cases": [case(GRADIENT), case(NOISE, "Cafe\u0301 — what's in it?\n\n", SYSTEM), case(WIDE), case(TINY, "It's 12 o'clock."),
                  case(None, "Who are you?"), case(None, "Answer in one word.", SYSTEM, 4)]},

    # As transformers saves it: text_config, new names, shards; nothing is a multiple of much; an untied head.
    "qwen2vl-new-f32": {
        "seed": 3, "dtype": torch.float32, "shards": 2, "names": same_names, "tokenizer": qwen, "pieces": 333,
        "added": QWEN_ADDED, "embedding_std": 0.7, "patch_gain": 1.0,
        "config": {
            "architectures": ["Qwen2VLForConditionalGeneration"], "dtype": "float32", "model_type": "qwen2_vl", "text_config": {
                "dtype": "float32", "hidden_size": 40, "intermediate_size": 70, "model_type": "qwen2_vl_text",
                "num_attention_heads": 4, "num_hidden_layers": 3, "num_key_value_heads": 2, "rms_norm_eps": 1e-05,
                "rope_parameters": {"mrope_section": [1, 2, 2], "rope_theta": 60.0, "rope_type": "default"},
                "tie_word_embeddings": False, "vocab_size": 351},
            "tie_word_embeddings": False, "transformers_version": "5.12.1", "vision_config": {
                "depth": 4, "embed_dim": 36, "hidden_act": "gelu_pytorch_tanh", "hidden_size": 40, "in_channels": 3, "mlp_ratio": 2,
                "model_type": "qwen2_vl_vision", "num_heads": 3, "patch_size": 5, "spatial_merge_size": 2, "temporal_patch_size": 2},
            **qwen_ids(333)},
        "files": {
            "preprocessor_config.json": qwen_preprocessor(5, size={"longest_edge": 3600, "shortest_edge": 900}, resample=3,
                                                          image_mean=HALF, image_std=[0.25, 0.3, 0.28]),
            "chat_template.jinja": TEMPLATES["qwen2"],
            "tokenizer_config.json": qwen_tokenizer_config("qwen2"), "generation_config.json": qwen_generation(333)},
        "cases": [case(SHAPES), case(PALETTE, system=SYSTEM), case(TALL, "Is this a car?"), case(GRAY16, "", max_new_tokens=4),
                  case(None, "Is this a car?")]},

    # Qwen2.5-VL's spelling on the hub; windows of three merged patches, with remainders; two blocks see everything.
    "qwen25vl-hub-f16": {
        "seed": 43, "dtype": torch.float16, "shards": 1, "names": qwen_hub_names, "tokenizer": qwen, "pieces": 340,
        "added": QWEN25_ADDED, "embedding_std": 0.7, "patch_gain": 1.0,
        "config": {
            "architectures": ["Qwen2_5_VLForConditionalGeneration"], "attention_dropout": 0.0, "bos_token_id": 340,
            "eos_token_id": 342, "hidden_act": "silu", "hidden_size": 48, "initializer_range": 0.02, "intermediate_size": 80,
            "max_position_embeddings": 128000, "max_window_layers": 70, "model_type": "qwen2_5_vl", "num_attention_heads": 3,
            "num_hidden_layers": 3, "num_key_value_heads": 1, "rms_norm_eps": 1e-06, "rope_scaling": {
                "mrope_section": [2, 3, 3], "type": "mrope"}, "rope_theta": 100.0, "sliding_window": 32768,
            "tie_word_embeddings": False, "torch_dtype": "float16", "transformers_version": "4.41.2", "use_cache": True,
            "use_sliding_window": False, "vision_config": {
                "depth": 4, "fullatt_block_indexes": [1, 3], "hidden_act": "silu", "hidden_size": 24, "in_chans": 3,
                "intermediate_size": 50, "num_heads": 3, "out_hidden_size": 48, "patch_size": 4, "spatial_merge_size": 2,
                "spatial_patch_size": 4, "temporal_patch_size": 2, "tokens_per_second": 2, "window_size": 24},
            "vision_token_id": 351, "vocab_size": 362, **qwen_ids(340)},
        "files": {
            "preprocessor_config.json": qwen_preprocessor(4, "Qwen2_5_VLProcessor", max_pixels=2560, min_pixels=512),
            "chat_template.json": {"chat_template": TEMPLATES["qwen2"]},
            "tokenizer_config.json": qwen_tokenizer_config("qwen2"), "generation_config.json": qwen_generation(340)},
        "cases": [case(GRADIENT), case(NOISE, "What is in the picture?", SYSTEM), case(WIDE), case(TINY, "It's", max_new_tokens=4),
                  case(None, "Who are you?")]},

    # New names in shards; windows of two; one block in the middle sees everything; a tied head.
    "qwen25vl-new-bf16": {
        "seed": 30, "dtype": torch.bfloat16, "shards": 3, "names": same_names, "tokenizer": qwen, "pieces": 333,
        "added": QWEN25_ADDED, "embedding_std": 0.4, "patch_gain": 1.0,
        "config": {
            "architectures": ["Qwen2_5_VLForConditionalGeneration"], "dtype": "bfloat16", "model_type": "qwen2_5_vl", "text_config": {
                "dtype": "bfloat16", "hidden_size": 40, "intermediate_size": 66, "model_type": "qwen2_5_vl_text",
                "num_attention_heads": 4, "num_hidden_layers": 3, "num_key_value_heads": 4, "rms_norm_eps": 1e-06,
                "rope_parameters": {"mrope_section": [2, 1, 2], "rope_theta": 80.0, "rope_type": "default", "type": "default"},
                "vocab_size": 350},
            "tie_word_embeddings": True, "transformers_version": "5.12.1", "vision_config": {
                "depth": 3, "fullatt_block_indexes": [1], "hidden_act": "silu", "hidden_size": 32, "in_channels": 3,
                "intermediate_size": 43, "model_type": "qwen2_5_vl_vision", "num_heads": 2, "out_hidden_size": 40, "patch_size": 5,
                "spatial_merge_size": 2, "temporal_patch_size": 2, "tokens_per_second": 4, "window_size": 30},
            **qwen_ids(333)},
        "files": {
            "processor_config.json": {
                "image_processor": qwen_preprocessor(5, "Qwen2_5_VLProcessor", size={"longest_edge": 3000, "shortest_edge": 400},
                                                     image_processor_type="Qwen2VLImageProcessorFast", do_resize=True, do_rescale=True,
                                                     do_normalize=True, do_convert_rgb=True, resample=3, rescale_factor=1 / 255),
                "processor_class": "Qwen2_5_VLProcessor",
                "video_processor": {"patch_size": 5, "merge_size": 2, "video_processor_type": "Qwen2VLVideoProcessor"}},
            "chat_template.jinja": TEMPLATES["qwen2"],
            "tokenizer_config.json": qwen_tokenizer_config("qwen2", processor_class="Qwen2_5_VLProcessor"),
            "generation_config.json": qwen_generation(333)},
        "cases": [case(SHAPES), case(ORIENTED, system=SYSTEM), case(TALL, "Is this a car?"), case(LARGE, "Summarize it."),
                  case(None, "Is this a car?", SYSTEM)]},

    # Qwen3-VL-2B's spelling; three of four encoder blocks feed DeepStack, not the first; heads wider than hidden/heads; a tied head.
    "qwen3vl-hub-bf16": {
        "seed": 28, "dtype": torch.bfloat16, "shards": 1, "names": same_names, "tokenizer": qwen, "pieces": 340,
        "added": QWEN3_ADDED, "embedding_std": 0.4, "patch_gain": 1.0,
        "config": {
            "architectures": ["Qwen3VLForConditionalGeneration"], "model_type": "qwen3_vl", "text_config": {
                "attention_bias": False, "attention_dropout": 0.0, "bos_token_id": 340, "dtype": "bfloat16", "eos_token_id": 342,
                "head_dim": 16, "hidden_act": "silu", "hidden_size": 40, "initializer_range": 0.02, "intermediate_size": 72,
                "max_position_embeddings": 262144, "model_type": "qwen3_vl_text", "num_attention_heads": 4, "num_hidden_layers": 4,
                "num_key_value_heads": 2, "rms_norm_eps": 1e-06, "rope_scaling": {
                    "mrope_interleaved": True, "mrope_section": [4, 2, 2], "rope_type": "default"}, "rope_theta": 5000000,
                "tie_word_embeddings": True, "use_cache": True, "vocab_size": 366},
            "tie_word_embeddings": True, "transformers_version": "4.57.0.dev0", "vision_config": {
                "deepstack_visual_indexes": [1, 2, 3], "depth": 4, "hidden_act": "gelu_pytorch_tanh", "hidden_size": 24,
                "in_channels": 3, "initializer_range": 0.02, "intermediate_size": 52, "model_type": "qwen3_vl", "num_heads": 3,
                "num_position_embeddings": 36, "out_hidden_size": 40, "patch_size": 6, "spatial_merge_size": 2,
                "temporal_patch_size": 2}, **qwen_ids(340)},
        "files": {
            "preprocessor_config.json": qwen_preprocessor(
                6, "Qwen3VLProcessor", size={"longest_edge": 4320, "shortest_edge": 1152}, image_mean=HALF, image_std=HALF,
                image_processor_type="Qwen2VLImageProcessorFast"),
            "chat_template.json": {"chat_template": TEMPLATES["qwen3"]},
            "tokenizer_config.json": qwen_tokenizer_config("qwen3"), "generation_config.json": qwen_generation(340)},
        "cases": [case(GRADIENT), case(NOISE, "Cafe\u0301 — what's in it?\n\n"), case(WIDE, system=SYSTEM), case(TINY, "It's", max_new_tokens=4),
                  case(None, "Who are you?"), case(None, "Answer in one word.", SYSTEM, 4)]},

    # As many DeepStack features as decoder layers less one; an even grid and a table of odd side; biases; an untied head.
    "qwen3vl-odd-f32": {
        "seed": 25, "dtype": torch.float32, "shards": 2, "names": same_names, "tokenizer": qwen, "pieces": 333,
        "added": QWEN3_ADDED, "embedding_std": 0.7, "patch_gain": 1.0,
        "config": {
            "architectures": ["Qwen3VLForConditionalGeneration"], "dtype": "float32", "model_type": "qwen3_vl", "text_config": {
                "attention_bias": True, "dtype": "float32", "head_dim": 12, "hidden_size": 36, "intermediate_size": 50,
                "model_type": "qwen3_vl_text", "num_attention_heads": 3, "num_hidden_layers": 3, "num_key_value_heads": 1,
                "rms_norm_eps": 1e-03, "rope_parameters": {"mrope_interleaved": True, "mrope_section": [3, 1, 2],
                                                           "rope_theta": 10000.0, "rope_type": "default"}, "vocab_size": 360},
            "tie_word_embeddings": False, "transformers_version": "5.12.1", "vision_config": {
                "deepstack_visual_indexes": [0, 2], "depth": 3, "hidden_act": "gelu_pytorch_tanh", "hidden_size": 20, "in_channels": 3,
                "intermediate_size": 46, "model_type": "qwen3_vl_vision", "num_heads": 1, "num_position_embeddings": 49,
                "out_hidden_size": 36, "patch_size": 5, "spatial_merge_size": 2, "temporal_patch_size": 2}, **qwen_ids(333)},
        "files": {
            "preprocessor_config.json": qwen_preprocessor(
                5, "Qwen3VLProcessor", size={"longest_edge": 4000, "shortest_edge": 900}, image_mean=HALF, image_std=HALF),
            "chat_template.jinja": TEMPLATES["qwen3"],
            "tokenizer_config.json": qwen_tokenizer_config("qwen3"), "generation_config.json": qwen_generation(333)},
        "cases": [case(SHAPES), case(PALETTE, system=SYSTEM), case(TALL, "Is this a car?"), case(LARGE, "", max_new_tokens=4),
                  case(None, "Is this a car?")]},
}

CHECKPOINTS = {**IDEFICS, **QWEN}
