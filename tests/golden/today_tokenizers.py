"""Small tokenizers of the structure of the real ones, and the real ones' chat templates."""
import collections
import io
import json

import sentencepiece
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

TEXT = [
    "Describe the image.", "What is in the picture?", "You are a helpful assistant.", "A photo of a small red ball on the grass.",
    "user system assistant User System Assistant", "The image shows a blue box, a dog and a cat near the table.",
    "There are two people; a bird sits on a tree. It's 12 o'clock, isn't it?", "Is this a car, a bus, a train or a boat?",
    "Look at the color of the ball: red, green or blue?\n\nAnswer in one word.", "Represent the user's input. Represent the image.",
    "Summarize the picture above in one word:", "0 1 2 3 4 5 6 7 8 9 10 2024", "Café naïve über straße", "    def f(x):\n\t\treturn x",
] * 4


def save(path, tokenizer, added, extra):
    """Adds (content, special) tokens and writes tokenizer.json; `extra` changes keys of its model."""
    for content, special in added:
        tokenizer.add_tokens([AddedToken(content, normalized=False, special=special)])
    data = json.loads(tokenizer.to_str())
    data["model"].update(extra)
    with open(path, "w") as file:
        json.dump(data, file, indent=0, ensure_ascii=False)
        file.write("\n")


def train_bytes(tokenizer, pieces, first=()):
    """Byte-level BPE of `pieces` entries, among them the 256 bytes and the special tokens that stand first."""
    trainer = trainers.BpeTrainer(vocab_size=pieces, special_tokens=list(first), show_progress=False,
                                  initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()))
    tokenizer.train_from_iterator(TEXT, trainer)


def split_bytes(pattern, trim_offsets):
    return pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(pattern), "isolated"),
                                    pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=trim_offsets, use_regex=False)])


QWEN_PATTERN = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
LLAMA3_PATTERN = QWEN_PATTERN.replace(r"|\p{N}|", r"|\p{N}{1,3}|")

QWEN_ADDED = [(f"<|{name}|>", True) for name in (
    "endoftext", "im_start", "im_end", "object_ref_start", "object_ref_end", "box_start", "box_end", "quad_start", "quad_end",
    "vision_start", "vision_end", "vision_pad", "image_pad", "video_pad")]
QWEN25_ADDED = QWEN_ADDED + [("<tool_call>", False), ("</tool_call>", False), ("<|fim_prefix|>", False)]
QWEN3_ADDED = QWEN25_ADDED + [("<tool_response>", False), ("</tool_response>", False), ("<think>", False), ("</think>", False)]


def qwen(folder, pieces, added):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = split_bytes(QWEN_PATTERN, trim_offsets=False)
    train_bytes(tokenizer, pieces)
    tokenizer.decoder = decoders.ByteLevel(add_prefix_space=False, trim_offsets=False, use_regex=False)
    tokenizer.post_processor = processors.ByteLevel(add_prefix_space=False, trim_offsets=False, use_regex=False)
    save(f"{folder}/tokenizer.json", tokenizer, added, {})


SMOLLM_FIRST = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<repo_name>", "<reponame>", "<file_sep>", "<filename>", "<gh_stars>",
                "<issue_start>", "<issue_comment>", "<issue_closed>", "<jupyter_start>", "<jupyter_text>", "<jupyter_code>",
                "<jupyter_output>", "<jupyter_script>", "<empty_output>"]
SMOLVLM_ADDED = [(name, True) for name in
                 ["<global-img>"] + [f"<row_{r}_col_{c}>" for r in range(1, 7) for c in range(1, 7)]
                 + ["<fake_token_around_image>", "<image>", "<|reserved_special_token_0|>", "<end_of_utterance>"]]


def smollm(folder, pieces, added):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)])
    train_bytes(tokenizer, pieces, SMOLLM_FIRST)
    tokenizer.decoder = decoders.ByteLevel(add_prefix_space=True, trim_offsets=True, use_regex=True)
    save(f"{folder}/tokenizer.json", tokenizer, added, {})


LLAMA3_ADDED = [(f"<|{name}|>", True) for name in (
    "begin_of_text", "end_of_text", "reserved_special_token_0", "start_header_id", "end_header_id", "eot_id")]


def llama3(folder, pieces, added):
    """Begins every text with <|begin_of_text|>; a word of the vocabulary is taken whole, whatever the merges say."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = split_bytes(LLAMA3_PATTERN, trim_offsets=True)
    train_bytes(tokenizer, pieces)
    tokenizer.decoder = decoders.ByteLevel(add_prefix_space=True, trim_offsets=True, use_regex=True)
    tokenizer.add_special_tokens([AddedToken(content, normalized=False) for content, _ in LLAMA3_ADDED])
    begin = "<|begin_of_text|>"
    tokenizer.post_processor = processors.Sequence([
        processors.ByteLevel(add_prefix_space=True, trim_offsets=False, use_regex=True),
        processors.TemplateProcessing(single=f"{begin} $A", pair=f"{begin} $A {begin} $B",
                                      special_tokens=[(begin, tokenizer.token_to_id(begin))])])
    save(f"{folder}/tokenizer.json", tokenizer, LLAMA3_ADDED + added, {"ignore_merges": True})


def sentencepiece_model(path, **settings):
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=(line for text in TEXT for line in text.splitlines() if line.strip()),
                                             model_writer=model, num_threads=1, minloglevel=2, **settings)
    with open(path, "wb") as file:
        file.write(model.getvalue())
    return sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())


def llama2(folder, pieces, added):
    """LLaMA's and Mistral's: tokenizer.model, and what the conversion to tokenizer.json makes of it."""
    model = sentencepiece_model(
        f"{folder}/tokenizer.model", model_type="bpe", vocab_size=pieces, byte_fallback=True, split_digits=True,
        normalization_rule_name="identity", remove_extra_whitespaces=False, allow_whitespace_only_pieces=True, add_dummy_prefix=True,
        character_coverage=1.0, unk_id=0, bos_id=1, eos_id=2, pad_id=-1)
    vocabulary = {model.id_to_piece(i): i for i in range(model.piece_size())}
    scores = {model.id_to_piece(i): model.get_score(i) for i in range(model.piece_size())}
    merges = []
    for piece in vocabulary:
        if model.is_control(vocabulary[piece]) or model.is_byte(vocabulary[piece]):
            continue
        halves = [(piece[:at], piece[at:]) for at in range(1, len(piece)) if piece[:at] in vocabulary and piece[at:] in vocabulary]
        merges += [(scores[piece], vocabulary[a], vocabulary[b], a, b) for a, b in halves]
    merges.sort(key=lambda merge: (-merge[0], merge[1], merge[2]))
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[merge[3:] for merge in merges], unk_token="<unk>", fuse_unk=True,
                                     byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(),
                                           decoders.Strip(" ", 1, 0)])
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 1)])
    save(f"{folder}/tokenizer.json", tokenizer, [("<unk>", True), ("<s>", True), ("</s>", True)] + added, {})


def siglip(folder, pieces, _):
    """T5's kind: <pad> 0, </s> 1, <unk> 2, and no begin token."""
    sentencepiece_model(f"{folder}/spiece.model", model_type="unigram", vocab_size=pieces, hard_vocab_limit=False,
                        character_coverage=1.0, normalization_rule_name="nmt_nfkc", pad_id=0, eos_id=1, unk_id=2, bos_id=-1)


CLIP_PATTERN = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"


def train_suffixed(words, count):
    """BPE's merges over words whose last letter carries </w>. The library's trainer numbers such letters anew in every run."""
    parts, merges = {word: [*word[:-1], word[-1] + "</w>"] for word in words}, []
    while len(merges) < count:
        pairs = collections.Counter()
        for word, pieces in parts.items():
            for pair in zip(pieces, pieces[1:]):
                pairs[pair] += words[word]
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        for pieces in parts.values():
            for at in range(len(pieces) - 2, -1, -1):
                if tuple(pieces[at:at + 2]) == best:
                    pieces[at:at + 2] = ["".join(best)]
    return merges


def clip(folder, pieces, _):
    """Bytes, bytes that end a word, what is merged, and the two special tokens last; also as vocab.json and merges.txt."""
    start, end = "<|startoftext|>", "<|endoftext|>"
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(CLIP_PATTERN), "removed", invert=True),
                                                       pre_tokenizers.ByteLevel(add_prefix_space=False)])
    words = collections.Counter(word for text in TEXT for word, _ in
                                tokenizer.pre_tokenizer.pre_tokenize_str(tokenizer.normalizer.normalize_str(text)))
    merges = train_suffixed(words, pieces - 512 - 2)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    letters = alphabet + [letter + "</w>" for letter in alphabet]
    vocabulary = {piece: i for i, piece in enumerate(letters + [a + b for a, b in merges] + [start, end])}
    tokenizer.model = models.BPE(vocab=vocabulary, merges=merges, unk_token=end, continuing_subword_prefix="",
                                 end_of_word_suffix="</w>", fuse_unk=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.RobertaProcessing((end, vocabulary[end]), (start, vocabulary[start]),
                                                            trim_offsets=False, add_prefix_space=False)
    save(f"{folder}/tokenizer.json", tokenizer, [(start, True), (end, True)], {})
    with open(f"{folder}/vocab.json", "w") as file:
        json.dump(vocabulary, file, ensure_ascii=False)
    with open(f"{folder}/merges.txt", "w") as file:
        file.write("#version: 0.2\n" + "".join(" ".join(merge) + "\n" for merge in merges))


# ------------------------------------------------------------------------------------------------------- templates

IMAGES_FIRST = ("{# Render all images first #}{% for content in message['content'] | selectattr('type', 'equalto', 'image') %}"
                "{{ '%s' }}{% endfor %}{# Render all text next #}")
EACH_TEXT = "{% for content in message['content'] | selectattr('type', 'equalto', 'text') %}"

TEMPLATES = {
    "smolvlm": (
        "<|im_start|>{% for message in messages %}{{message['role'] | capitalize}}{% if message['content'][0]['type'] == 'image' %}"
        "{{':'}}{% else %}{{': '}}{% endif %}{% for line in message['content'] %}{% if line['type'] == 'text' %}{{line['text']}}"
        "{% elif line['type'] == 'image' %}{{ '<image>' }}{% endif %}{% endfor %}<end_of_utterance>\n{% endfor %}"
        "{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}"),
    "idefics3": (
        "<|begin_of_text|>{% for message in messages %}{{message['role'].capitalize()}}{% if message['content'][0]['type'] == 'image' %}"
        "{{':'}}{% else %}{{': '}}{% endif %}{% for line in message['content'] %}{% if line['type'] == 'text' %}{{line['text']}}"
        "{% elif line['type'] == 'image' %}{{ '<image>' }}{% endif %}{% endfor %}<end_of_utterance>\n{% endfor %}"
        "{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}"),
    "qwen2": (
        "{% set image_count = namespace(value=0) %}{% set video_count = namespace(value=0) %}{% for message in messages %}"
        "{% if loop.first and message['role'] != 'system' %}<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n{% endif %}"
        "<|im_start|>{{ message['role'] }}\n{% if message['content'] is string %}{{ message['content'] }}<|im_end|>\n{% else %}"
        "{% for content in message['content'] %}"
        "{% if content['type'] == 'image' or 'image' in content or 'image_url' in content %}"
        "{% set image_count.value = image_count.value + 1 %}{% if add_vision_id %}Picture {{ image_count.value }}: {% endif %}"
        "<|vision_start|><|image_pad|><|vision_end|>{% elif content['type'] == 'video' or 'video' in content %}"
        "{% set video_count.value = video_count.value + 1 %}{% if add_vision_id %}Video {{ video_count.value }}: {% endif %}"
        "<|vision_start|><|video_pad|><|vision_end|>{% elif 'text' in content %}{{ content['text'] }}{% endif %}{% endfor %}<|im_end|>\n"
        "{% endif %}{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"),
    "llava-mistral": (
        "{% for message in messages %}{% if message['role'] == 'system' %}"
        "{{ '<<SYS>>\n' + message['content'][0]['text'] + '\n<</SYS>>\n\n' }}{% elif message['role'] == 'user' %}{{ '[INST] ' }}"
        + IMAGES_FIRST.replace("%s", "<image>\n") + EACH_TEXT + "{{ content['text'] }}{% endfor %}{{' [/INST]' }}"
        "{% elif message['role'] == 'assistant' %}{{ ' ' + message['content'][0]['text'] + '</s> '}}{% else %}"
        "{{ raise_exception('Only user and assistant roles are supported!') }}{% endif %}{% endfor %}"),
    "llava-llama3": (
        "{% for message in messages %}{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'}}"
        + IMAGES_FIRST.replace("%s", "<image>") + EACH_TEXT + "{{ '\n' + content['text'] + '<|eot_id|>' }}{% endfor %}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"),
    "llava-qwen": (
        "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n'}}" + IMAGES_FIRST.replace("%s", "<image>\n")
        + EACH_TEXT + "{{ content['text'] }}{% endfor %}{{'<|im_end|>\n'}}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"),
    "llava-vicuna": (
        "{% for message in messages %}{% if message['role'] == 'system' %}{{ message['content'][0]['text'] }}{% else %}"
        "{{ message['role'].upper() + ': '}}{% endif %}" + IMAGES_FIRST.replace("%s", "<image>\n")
        + "{% if message['role'] != 'assistant' %}" + EACH_TEXT + "{{ content['text'] + ' '}}{% endfor %}{% else %}" + EACH_TEXT
        + "{% generation %}{{ content['text'] + ' '}}{% endgeneration %}{% endfor %}{% endif %}{% endfor %}"
        "{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}"),
    "qwen3": r"""{%- if tools %}
    {{- '<|im_start|>system\n' }}
    {%- if messages[0].role == 'system' %}
        {%- if messages[0].content is string %}
            {{- messages[0].content }}
        {%- else %}
            {%- for content in messages[0].content %}
                {%- if 'text' in content %}
                    {{- content.text }}
                {%- endif %}
            {%- endfor %}
        {%- endif %}
        {{- '\n\n' }}
    {%- endif %}
    {{- "# Tools\n\nYou may call one or more functions to assist with the user query.\n\nYou are provided with function signatures within <tools></tools> XML tags:\n<tools>" }}
    {%- for tool in tools %}
        {{- "\n" }}
        {{- tool | tojson }}
    {%- endfor %}
    {{- "\n</tools>\n\nFor each function call, return a json object with function name and arguments within <tool_call></tool_call> XML tags:\n<tool_call>\n{\"name\": <function-name>, \"arguments\": <args-json-object>}\n</tool_call><|im_end|>\n" }}
{%- else %}
    {%- if messages[0].role == 'system' %}
        {{- '<|im_start|>system\n' }}
        {%- if messages[0].content is string %}
            {{- messages[0].content }}
        {%- else %}
            {%- for content in messages[0].content %}
                {%- if 'text' in content %}
                    {{- content.text }}
                {%- endif %}
            {%- endfor %}
        {%- endif %}
        {{- '<|im_end|>\n' }}
    {%- endif %}
{%- endif %}
{%- set image_count = namespace(value=0) %}
{%- set video_count = namespace(value=0) %}
{%- for message in messages %}
    {%- if message.role == "user" %}
        {{- '<|im_start|>' + message.role + '\n' }}
        {%- if message.content is string %}
            {{- message.content }}
        {%- else %}
            {%- for content in message.content %}
                {%- if content.type == 'image' or 'image' in content or 'image_url' in content %}
                    {%- set image_count.value = image_count.value + 1 %}
                    {%- if add_vision_id %}Picture {{ image_count.value }}: {% endif -%}
                    <|vision_start|><|image_pad|><|vision_end|>
                {%- elif content.type == 'video' or 'video' in content %}
                    {%- set video_count.value = video_count.value + 1 %}
                    {%- if add_vision_id %}Video {{ video_count.value }}: {% endif -%}
                    <|vision_start|><|video_pad|><|vision_end|>
                {%- elif 'text' in content %}
                    {{- content.text }}
                {%- endif %}
            {%- endfor %}
        {%- endif %}
        {{- '<|im_end|>\n' }}
    {%- elif message.role == "assistant" %}
        {{- '<|im_start|>' + message.role + '\n' }}
        {%- if message.content is string %}
            {{- message.content }}
        {%- else %}
            {%- for content_item in message.content %}
                {%- if 'text' in content_item %}
                    {{- content_item.text }}
                {%- endif %}
            {%- endfor %}
        {%- endif %}
        {%- if message.tool_calls %}
            {%- for tool_call in message.tool_calls %}
                {%- if (loop.first and message.content) or (not loop.first) %}
                    {{- '\n' }}
                {%- endif %}
                {%- if tool_call.function %}
                    {%- set tool_call = tool_call.function %}
                {%- endif %}
                {{- '<tool_call>\n{"name": "' }}
                {{- tool_call.name }}
                {{- '", "arguments": ' }}
                {%- if tool_call.arguments is string %}
                    {{- tool_call.arguments }}
                {%- else %}
                    {{- tool_call.arguments | tojson }}
                {%- endif %}
                {{- '}\n</tool_call>' }}
            {%- endfor %}
        {%- endif %}
        {{- '<|im_end|>\n' }}
    {%- elif message.role == "tool" %}
        {%- if loop.first or (messages[loop.index0 - 1].role != "tool") %}
            {{- '<|im_start|>user' }}
        {%- endif %}
        {{- '\n<tool_response>\n' }}
        {%- if message.content is string %}
            {{- message.content }}
        {%- else %}
            {%- for content in message.content %}
                {%- if content.type == 'image' or 'image' in content or 'image_url' in content %}
                    {%- set image_count.value = image_count.value + 1 %}
                    {%- if add_vision_id %}Picture {{ image_count.value }}: {% endif -%}
                    <|vision_start|><|image_pad|><|vision_end|>
                {%- elif content.type == 'video' or 'video' in content %}
                    {%- set video_count.value = video_count.value + 1 %}
                    {%- if add_vision_id %}Video {{ video_count.value }}: {% endif -%}
                    <|vision_start|><|video_pad|><|vision_end|>
                {%- elif 'text' in content %}
                    {{- content.text }}
                {%- endif %}
            {%- endfor %}
        {%- endif %}
        {{- '\n</tool_response>' }}
        {%- if loop.last or (messages[loop.index0 + 1].role != "tool") %}
            {{- '<|im_end|>\n' }}
        {%- endif %}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\n' }}
{%- endif %}
""",
}
