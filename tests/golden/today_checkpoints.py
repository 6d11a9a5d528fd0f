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

CHECKPOINTS = {**IDEFICS}
