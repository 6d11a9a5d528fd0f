"""What the checkpoints of make_golden_today.py are: configurations, files, names of weights, cases."""
import torch
from make_golden import CLIP_MEAN, CLIP_STD, GRADIENT, GRAY16, NOISE, ORIENTED, PALETTE, SHAPES, old_names
from today_tokenizers import QWEN25_ADDED, QWEN3_ADDED, QWEN_ADDED, SMOLVLM_ADDED, TEMPLATES, llama2, llama3, qwen, smollm

LARGE, TALL, TINY, WIDE = "large.jpg", "tall.png", "tiny.png", "wide.jpg"
HALF = [0.5, 0.5, 0.5]
PROMPT = "Describe the image."
SYSTEM = "Represent the user's input."


def case(image, prompt=PROMPT, system=None, max_new_tokens=5):
    return {"image": image, "prompt": prompt, "system": system, "max_new_tokens": max_new_tokens}


def same_names(name):
    return name


def siglip_preprocessor(edge, **changes):
    return {"do_convert_rgb": None, "do_normalize": True, "do_rescale": True, "do_resize": True, "image_mean": HALF,
            "image_processor_type": "SiglipImageProcessor", "image_std": HALF, "processor_class": "SiglipProcessor", "resample": 3,
            "rescale_factor": 0.00392156862745098, "size": {"height": edge, "width": edge}, **changes}


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
        "cases": [case(GRADIENT), case(NOISE, "Cafe\u0301 — what's in it?\n\n"), case(WIDE, system=SYSTEM),
                  case(TINY, "It's", max_new_tokens=4), case(None, "Who are you?"), case(None, "Answer in one word.", SYSTEM, 4)]},

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


# ------------------------------------------------------------------------------------- LLaVA-NeXT, LLaVA on SigLIP


def llava_next_preprocessor(edge, pinpoints, **changes):
    return {"aspect_ratio_setting": "anyres", "crop_size": {"height": edge, "width": edge}, "do_center_crop": True,
            "do_convert_rgb": True, "do_normalize": True, "do_pad": True, "do_rescale": True, "do_resize": True,
            "image_grid_pinpoints": pinpoints, "image_mean": CLIP_MEAN, "image_processor_type": "LlavaNextImageProcessor",
            "image_std": CLIP_STD, "processor_class": "LlavaNextProcessor", "resample": 3,
            "rescale_factor": 0.00392156862745098, "size": {"shortest_edge": edge}, **changes}


def llava_processor(kind, patch, extra=1, select="default", **changes):
    return {"image_token": "<image>", "num_additional_image_tokens": extra, "patch_size": patch, "processor_class": kind,
            "vision_feature_select_strategy": select, **changes}


def grid(edge, *shapes):
    return [[rows * edge, columns * edge] for rows, columns in shapes]


FIVE = [(1, 2), (2, 1), (2, 2), (3, 1), (1, 3)]

LLAVA = {
    # llava-v1.6-mistral's spelling: old names, Mistral, a SentencePiece vocabulary as tokenizer.model and tokenizer.json.
    "llavanext-mistral-f16": {
        "seed": 68, "dtype": torch.float16, "shards": 1, "names": old_names, "tokenizer": llama2, "pieces": 360,
        "added": [("<image>", True), ("<pad>", True)], "embedding_std": 0.7, "patch_gain": 1.0, "class_token": True,
        "unused": r"vision_tower\.(encoder\.layers\.2|post_layernorm)",
        "config": {
            "architectures": ["LlavaNextForConditionalGeneration"], "ignore_index": -100, "image_grid_pinpoints": grid(28, *FIVE),
            "image_token_index": 360, "model_type": "llava_next", "projector_hidden_act": "gelu", "text_config": {
                "_name_or_path": "mistralai/Mistral-7B-Instruct-v0.2", "architectures": ["MistralForCausalLM"], "hidden_size": 40,
                "intermediate_size": 72, "max_position_embeddings": 32768, "model_type": "mistral", "num_attention_heads": 5,
                "num_hidden_layers": 3, "num_key_value_heads": 1, "rms_norm_eps": 1e-05, "rope_theta": 1000000.0,
                "sliding_window": None, "torch_dtype": "float16", "vocab_size": 364},
            "tie_word_embeddings": False, "torch_dtype": "float16", "transformers_version": "4.39.0.dev0",
            "use_image_newline_parameter": True, "vision_config": {
                "hidden_size": 24, "image_size": 28, "intermediate_size": 56, "model_type": "clip_vision_model",
                "num_attention_heads": 2, "num_hidden_layers": 3, "patch_size": 7, "projection_dim": 24, "vocab_size": 32000},
            "vision_feature_layer": -2, "vision_feature_select_strategy": "default", "vocab_size": 364},
        "files": {
            "preprocessor_config.json": llava_next_preprocessor(28, grid(28, *FIVE)),
            "processor_config.json": llava_processor("LlavaNextProcessor", 7),
            "chat_template.json": {"chat_template": TEMPLATES["llava-mistral"]},
            "generation_config.json": {"_from_model_config": True, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 361},
            "tokenizer_config.json": {
                "add_bos_token": True, "add_eos_token": False, "bos_token": "<s>", "clean_up_tokenization_spaces": False,
                "eos_token": "</s>", "legacy": True, "model_max_length": 4096, "pad_token": "<pad>", "padding_side": "left",
                "processor_class": "LlavaNextProcessor", "sp_model_kwargs": {}, "tokenizer_class": "LlamaTokenizer",
                "unk_token": "<unk>", "use_default_system_prompt": False}},
        "cases": [case(GRADIENT), case(NOISE, "What is in the picture?"), case(TALL, system=SYSTEM), case(TINY, "It's a", max_new_tokens=4),
                  case(LARGE, "")]},

    # On LLaMA-3, with scaled positions; new names in shards; two feature layers side by side; a projector without biases.
    "llavanext-llama3-bf16": {
        "seed": 31, "dtype": torch.bfloat16, "shards": 3, "names": same_names, "tokenizer": llama3, "pieces": 350,
        "added": [("<image>", True), ("<pad>", True)], "embedding_std": 0.7, "patch_gain": 1.0, "class_token": True,
        "unused": r"vision_tower\.(encoder\.layers\.2|post_layernorm)",
        "config": {
            "architectures": ["LlavaNextForConditionalGeneration"], "dtype": "bfloat16", "image_grid_pinpoints": grid(20, *FIVE, (2, 3)),
            "image_seq_length": 16, "image_token_index": 356, "model_type": "llava_next", "multimodal_projector_bias": False,
            "projector_hidden_act": "gelu", "text_config": {
                "bos_token_id": 350, "dtype": "bfloat16", "eos_token_id": 355, "hidden_size": 48, "intermediate_size": 80,
                "max_position_embeddings": 8192, "model_type": "llama", "num_attention_heads": 3, "num_hidden_layers": 3,
                "num_key_value_heads": 1, "rms_norm_eps": 1e-05, "rope_parameters": {
                    "factor": 8.0, "high_freq_factor": 4.0, "low_freq_factor": 1.0, "original_max_position_embeddings": 64,
                    "rope_theta": 500.0, "rope_type": "llama3"}, "vocab_size": 360},
            "tie_word_embeddings": False, "transformers_version": "5.12.1", "vision_config": {
                "hidden_act": "quick_gelu", "hidden_size": 28, "image_size": 20, "intermediate_size": 50, "layer_norm_eps": 1e-05,
                "model_type": "clip_vision_model", "num_attention_heads": 2, "num_channels": 3, "num_hidden_layers": 3, "patch_size": 5,
                "projection_dim": 28}, "vision_feature_layer": [0, -2], "vision_feature_select_strategy": "default"},
        "files": {
            "processor_config.json": llava_processor("LlavaNextProcessor", 5,
                                                     image_processor=llava_next_preprocessor(20, grid(20, *FIVE, (2, 3)))),
            "chat_template.jinja": TEMPLATES["llava-llama3"],
            "generation_config.json": {"bos_token_id": 350, "eos_token_id": [355, 351], "pad_token_id": 357},
            "tokenizer_config.json": {
                "bos_token": "<|begin_of_text|>", "clean_up_tokenization_spaces": True, "eos_token": "<|eot_id|>",
                "model_input_names": ["input_ids", "attention_mask"], "pad_token": "<pad>", "processor_class": "LlavaNextProcessor",
                "tokenizer_class": "PreTrainedTokenizerFast"}},
        "cases": [case(SHAPES), case(WIDE, system=SYSTEM), case(PALETTE, "What is in the picture?"),
                  case(LARGE, "In 2024, 1234567 of them!"), case(ORIENTED, max_new_tokens=4)]},

    # On Qwen2, with a tied head; the base view's size as height and width.
    "llavanext-qwen2-f32": {
        "seed": 200, "dtype": torch.float32, "shards": 2, "names": old_names, "tokenizer": qwen, "pieces": 340,
        "added": QWEN_ADDED[:3] + [("<image>", True)], "embedding_std": 0.4, "patch_gain": 1.0, "class_token": True,
        "unused": r"vision_tower\.post_layernorm",
        "config": {
            "architectures": ["LlavaNextForConditionalGeneration"], "image_grid_pinpoints": grid(20, (2, 2), (1, 2), (1, 3), (1, 4)),
            "image_token_index": 343, "model_type": "llava_next", "text_config": {
                "attention_dropout": 0.0, "bos_token_id": 340, "eos_token_id": 342, "hidden_size": 36, "intermediate_size": 66,
                "max_window_layers": 2, "model_type": "qwen2", "num_attention_heads": 3, "num_hidden_layers": 3,
                "num_key_value_heads": 3, "rms_norm_eps": 1e-06, "rope_theta": 10000.0, "sliding_window": 8,
                "use_sliding_window": False, "vocab_size": 346},
            "tie_word_embeddings": True, "torch_dtype": "float32", "vision_config": {
                "hidden_size": 20, "image_size": 20, "intermediate_size": 44, "model_type": "clip_vision_model",
                "num_attention_heads": 2, "num_hidden_layers": 2, "patch_size": 4}, "vision_feature_layer": -1},
        "files": {
            "preprocessor_config.json": llava_next_preprocessor(20, grid(20, (2, 2), (1, 2), (1, 3), (1, 4)),
                                                                size={"height": 20, "width": 20}),
            "processor_config.json": llava_processor("LlavaNextProcessor", 4), "chat_template.jinja": TEMPLATES["llava-qwen"],
            "tokenizer_config.json": qwen_tokenizer_config("llava-qwen", additional_special_tokens=["<|im_start|>", "<|im_end|>"]),
            "generation_config.json": {"bos_token_id": 340, "eos_token_id": [342, 340], "pad_token_id": 340}},
        "cases": [case(SHAPES), case(GRAY16, system=SYSTEM), case(WIDE, "What is in the picture?"), case(TALL, max_new_tokens=4)]},

    # LLaVA on SigLIP, as llava-interleave-qwen: no class token, so the whole state is the visual tokens; no pooling head.
    "llava-siglip-bf16": {
        "seed": 6, "dtype": torch.bfloat16, "shards": 1, "names": old_names, "tokenizer": qwen, "pieces": 340,
        "added": QWEN_ADDED[:3] + [("<image>", True)], "embedding_std": 0.7, "patch_gain": 1.0,
        "unused": r"vision_tower\.(encoder\.layers\.2|post_layernorm)",
        "config": {
            "architectures": ["LlavaForConditionalGeneration"], "ignore_index": -100, "image_token_index": 343, "model_type": "llava",
            "projector_hidden_act": "gelu", "text_config": {
                "bos_token_id": 340, "eos_token_id": 342, "hidden_size": 40, "intermediate_size": 66, "model_type": "qwen2",
                "num_attention_heads": 4, "num_hidden_layers": 3, "num_key_value_heads": 2, "rms_norm_eps": 1e-06,
                "rope_theta": 1000000.0, "torch_dtype": "bfloat16", "vocab_size": 346},
            "tie_word_embeddings": False, "torch_dtype": "bfloat16", "vision_config": {
                "hidden_size": 24, "image_size": 30, "intermediate_size": 50, "model_type": "siglip_vision_model",
                "num_attention_heads": 3, "num_hidden_layers": 3, "patch_size": 6, "vision_use_head": False},
            "vision_feature_layer": -2, "vision_feature_select_strategy": "full"},
        "files": {
            "preprocessor_config.json": siglip_preprocessor(30, processor_class="LlavaProcessor"),
            "processor_config.json": llava_processor("LlavaProcessor", 6, extra=0, select="full"),
            "chat_template.json": {"chat_template": TEMPLATES["llava-qwen"]},
            "tokenizer_config.json": qwen_tokenizer_config("llava-qwen", additional_special_tokens=["<|im_start|>", "<|im_end|>"]),
            "generation_config.json": {"bos_token_id": 340, "eos_token_id": [342, 340], "pad_token_id": 340}},
        "cases": [case(GRADIENT), case(SHAPES, system=SYSTEM), case(TALL, "What is in the picture?"), case(TINY, max_new_tokens=4)]},

    # All states of SigLIP's encoder, the last one without the post-layernorm; new names, among them a pooling head's; LLaMA's template.
    "llava-siglip-f32": {
        "seed": 76, "dtype": torch.float32, "shards": 1, "names": same_names, "tokenizer": llama2, "pieces": 360,
        "added": [("<image>", True), ("<pad>", True)], "embedding_std": 0.7, "patch_gain": 1.0,
        "unused": r"vision_tower\.(head|post_layernorm)",
        "config": {
            "architectures": ["LlavaForConditionalGeneration"], "dtype": "float32", "image_token_index": 360, "model_type": "llava",
            "text_config": {
                "hidden_size": 36, "intermediate_size": 60, "model_type": "llama", "num_attention_heads": 3, "num_hidden_layers": 3,
                "num_key_value_heads": 3, "rms_norm_eps": 1e-05, "vocab_size": 363},
            "tie_word_embeddings": False, "vision_config": {
                "hidden_size": 22, "image_size": 21, "intermediate_size": 37, "layer_norm_eps": 1e-03,
                "model_type": "siglip_vision_model", "num_attention_heads": 2, "num_hidden_layers": 3, "patch_size": 7},
            "vision_feature_layer": -1, "vision_feature_select_strategy": "full"},
        "files": {
            "preprocessor_config.json": siglip_preprocessor(21, processor_class="LlavaProcessor"),
            "processor_config.json": llava_processor("LlavaProcessor", 7, extra=0, select="full"),
            "chat_template.json": {"chat_template": TEMPLATES["llava-vicuna"]},
            "tokenizer_config.json": {"add_bos_token": True, "bos_token": "<s>", "eos_token": "</s>", "legacy": True,
                                      "pad_token": "<pad>", "tokenizer_class": "LlamaTokenizer", "unk_token": "<unk>"},
            "generation_config.json": {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 361}},
        "cases": [case(GRADIENT), case(SHAPES, system=SYSTEM), case(LARGE, "What is in the picture?"), case(PALETTE, max_new_tokens=4)]},
}

CHECKPOINTS = {**IDEFICS, **QWEN, **LLAVA}
