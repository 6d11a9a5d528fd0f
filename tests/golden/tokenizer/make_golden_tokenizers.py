#!/usr/bin/env python3
"""Makes small tokenizers with the structure of today's models', and what the tokenizers library says of lines of text.

    make_golden_tokenizers.py OUT                     OUT/NAME.json, OUT/NAME.cases.json, OUT/lines.json
    make_golden_tokenizers.py OUT --lines N [SEED]    N more lines, for a comparison that is not committed

lines.json: hexadecimal UTF-8 or other bytes, a string a line. NAME.cases.json: for each line [ids, decoded text], what is
decoded leaving out the special tokens; "decoded": the same of ids drawn at random; "frame": the ids before and after a text. Two
runs give the same bytes.
"""
import json
import os
import random
import sys
from collections import Counter

os.environ["TOKENIZERS_PARALLELISM"] = "false"
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

# ---- text ----------------------------------------------------------------------------------------------------------------

WORDS = """the a an of image picture shows dog cat running red small describe this photo there are two people walking street
with their umbrella it's don't we'll they're I'm you've he'd SHE'S naïve café résumé über straße façade coöperate ŒUVRE İstanbul
ſharp Kelvin ﬁne ﬀ Ångström кошка собака изображение на картинке быстро бежит Москва Привет γάτα σκύλος εικόνα ΟΔΟΣ λόγος
图像 描述 一只 猫 狗 在 街上 跑 你好 世界 犬 画像 猫が いる カメラ ﾊﾝｶｸ がぎぐ 한국어 그림 고양이 개 שלום כלב قطة صورة السلام עליכם
नमस्ते चित्र कुत्ता ภาพ แมว สวัสดี ảnh tiếng Việt đẹp አማርኛ ქართული հայերեն бъдеще ψυχή""".split()
COMBINED = ["e\u0301", "a\u0300\u0323", "o\u0323\u0302", "n\u0303", "A\u030a", "\u1100\u1161\u11a8", "क\u093c", "q\u0307\u0323", "\u0301x",
            "\u212b", "\u2126", "s\u0323\u0307", "\u1e9b\u0323"]
EMOJI = ["😀", "👍🏽", "👨‍👩‍👧‍👦", "🏳️‍🌈", "🇩🇪🇯🇵", "❤️", "🤷🏻‍♀️", "🦊", "1️⃣", "☺", "🧑‍🚀"]
CODE = ["def f(x):\n    return x + 1\n", "if (a != b) {\n\tc[i]++;\n}", "#include <stdio.h>", "x = {'a': [1, 2]}", "<div class=\"x\">",
        "https://example.org/a?b=c&d=%20e#f", "/* ... */", "a->b::c", "\\n\\t\\\\", "SELECT * FROM t WHERE a>=1;", "__init__", "camelCaseWord"]
NUMBERS = ["0", "7", "42", "1976", "3.14159", "1,000,000", "2024-02-29", "٣٤٥", "१२३", "②", "½", "Ⅻ", "x²", "10%", "$9.99", "1e-5", "0xFF", "123456789"]
SPACES = [" ", " ", " ", " ", " ", " ", "  ", "   ", "\t", "\n", "\n\n", "\r\n", " \n ", "\u00a0", "\u3000", "\u2003", "\u200b", "\u180e", "\u2028",
          "\u0085", "\u000b", "", "", "-", "_", " \t\t"]
PUNCTUATION = [".", ",", "!", "?", "...", "…", "—", "“", "”", "«", "»", "¿", "。", "、", "！", "()", "[]", "{}", "'", "\"", "`", "~", "^", "|", "&", "@", "#",
               "€", "+", "=", "<", ">", "/", "\\", "'S", "'Ll", "'\u017f", "▁", "Ġ", "</w>", "##", "<0x41>", "\ufffd", "\u0300", "\u200d"]
TOKENS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|image_pad|>", "<|vision_end|>", "<tool_call>", "<image>", "<pad>",
          "<fake_token_around_image>", "<row_1_col_1>", "<row_1_col_10>", "<row_1_col_", "<global-img>", "<end_of_utterance>", "<s>", "</s>", "<unk>",
          "<|begin_of_text|>", "<|eot_id|>", "<|startoftext|>", "<start_of_turn>", "<bos>", "<unused3>", "<unused", "<|im_start|", "[MASK]",
          "[Mask]", "<left>", "<right>", "<both>", "word", "wordy", "Ünit", "<|IM_END|>"]
BROKEN = [b"\xff", b"\xe2\x82", b"\xf0\x9f\xa6", b"\xc3", b"\x80", b"\xed\xa0\x80", b"\xc0\xaf", b"\xf5\x80", b"\xe2\x28\xa1", b"\xf0\x9f\x98a"]


def line(draw):
    parts = []
    for _ in range(draw.randint(1, 9)):
        kind = draw.random()
        source = (WORDS if kind < 0.5 else COMBINED if kind < 0.56 else EMOJI if kind < 0.63 else CODE if kind < 0.68 else
                  NUMBERS if kind < 0.76 else PUNCTUATION if kind < 0.88 else TOKENS)
        part = draw.choice(source)
        change = draw.random()
        part = part.upper() if change < 0.04 else part.capitalize() if change < 0.1 else part * draw.randint(2, 4) if change < 0.14 else part
        parts.append(part.encode())
        if draw.random() < 0.02:
            parts.append(draw.choice(BROKEN))
        parts.append(draw.choice(SPACES).encode())
    if draw.random() < 0.7:
        parts.pop()
    return b"".join(parts).replace(b"\0", b"")


def fixed_lines():
    """Each kind of thing on its own, before the mixtures."""
    lines = ["", " ", "  ", "\n", " \n\n  \n", "a", " a", "a ", "  a  ", "Hello world", "Hi HI hi x²-", "Describe the image.", "USER: <image>\nWhat is this? ASSISTANT:",
             "<|im_start|>user\n<|vision_start|><|image_pad|><|image_pad|><|vision_end|>Describe it.<|im_end|>\n<|im_start|>assistant\n",
             "<|im_start|>User:<fake_token_around_image><global-img><image><image><fake_token_around_image>Hi<end_of_utterance>\nAssistant:",
             "<row_1_col_1><row_1_col_10><row_1_col_99>", "<s>a</s> b <s> c", " <s> ", "a<s>\n<s>b", "it's IT'S it'S we'll WE'LL '\u017f '\u017fx I'd I'D",
             "<both> x <both>  <left>   <right>  y<left> <right> z", "a <left>b  <both>", "word words sword word-word word's wordy foo.word", "[MASK] [mask] [Mask]",
             "ünit Ünit U\u0308nit", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "the the the thethethe thetheThe", "<unused3><unused", "\n\n\n\n \t\t\t  ▁▁▁",
             "12345 1 12 123 1234 12 345", "x1y22z333", "a.b,c;d", "--a--b-", "-", "a-", "\u180ex\u180e y", "\u200d\u200d", "a\u0301\u0301 \u0301", "#", "####"]
    lines += WORDS[::7] + COMBINED + EMOJI[:6] + NUMBERS[::2] + CODE[:4] + PUNCTUATION[::5]
    return [text.encode() for text in lines] + [b"a" + broken + b"b" for broken in BROKEN] + [b"\xe2", b"x \xf0\x9f", b"\x01\x7f\x02"]


def lines(count, seed):
    draw = random.Random(seed)
    return [line(draw) for _ in range(count)]


# ---- tokenizers ------------------------------------------------------------------------------------------------------------

GPT = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}%s| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
CLIP = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
GPT4O = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
         r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}|"
         r" ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
BYTES = [f"<0x{i:02X}>" for i in range(256)]


def corpus():
    draw = random.Random(1)
    texts = []
    for _ in range(4000):
        words = [draw.choice(WORDS) for _ in range(draw.randint(2, 12))]
        texts.append(draw.choice(["", " "]) + draw.choice([" ", " ", " ", "  ", ", ", "\n"]).join(words) + draw.choice([".", "!", "", "\n"]))
    return texts + [text.decode("utf-8", "replace") for text in lines(1000, 2)]


def symbols(word, prefix, suffix):
    last = len(word) - 1
    return tuple((prefix if i else "") + c + (suffix if i == last else "") for i, c in enumerate(word))


def words_of(tokenizer):
    """The corpus cut into words, and how often each stands there."""
    counts = Counter()
    for text in corpus():
        if tokenizer.normalizer:
            text = tokenizer.normalizer.normalize_str(text)
        pieces = tokenizer.pre_tokenizer.pre_tokenize_str(text) if tokenizer.pre_tokenizer else [(text, None)]
        counts.update(piece for piece, _ in pieces)
    return counts


def trained(tokenizer, size, special=(), alphabet=(), pre_tokenizer=None, **options):
    """Trains a BPE, perhaps with another pre-tokenizer than the tokenizer's. The library's own trainer breaks ties at random."""
    prefix, suffix = options.get("continuing_subword_prefix") or "", options.get("end_of_word_suffix") or ""
    source = Tokenizer(models.BPE())
    source.normalizer, source.pre_tokenizer = tokenizer.normalizer or normalizers.Sequence([]), pre_tokenizer or tokenizer.pre_tokenizer
    words = {symbols(word, prefix, suffix): count for word, count in words_of(source).items() if word}
    letters = Counter()
    for word, count in words.items():
        for symbol in word:
            letters[symbol] += count
    common = sorted(letters, key=lambda c: (-letters[c], c))[:320]
    if alphabet:
        common = list(alphabet) + [c + suffix for c in alphabet if suffix]
    vocab = {piece: i for i, piece in enumerate(dict.fromkeys([*special, *sorted(common)]))}
    merges = []
    while len(vocab) < size:
        pairs = Counter()
        for word, count in words.items():
            for pair in zip(word, word[1:]):
                if pair[0] in vocab and pair[1] in vocab:
                    pairs[pair] += count
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merged = best[0] + best[1][len(prefix):]
        merges.append(best)
        vocab.setdefault(merged, len(vocab))
        words = {merge(word, best, merged): count for word, count in words.items()}
    tokenizer.model = models.BPE(vocab=vocab, merges=merges, **options)
    tokenizer.add_special_tokens([AddedToken(piece, special=True, normalized=False) for piece in special if piece not in BYTES])
    return tokenizer


def merge(word, pair, merged):
    if pair[0] not in word:
        return word
    out, i = [], 0
    while i < len(word):
        found = word[i:i + 2] == pair
        out.append(merged if found else word[i])
        i += 2 if found else 1
    return tuple(out)


def byte_level_model(tokenizer, size, **options):
    return trained(tokenizer, size, alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), **options)


def special(*contents, **options):
    return [AddedToken(content, special=True, normalized=False, **options) for content in contents]


def qwen():
    t = Tokenizer(models.BPE())
    t.normalizer = normalizers.NFC()
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(GPT % ""), "isolated"), pre_tokenizers.ByteLevel(False, use_regex=False)])
    t.decoder = decoders.ByteLevel()
    t.post_processor = processors.ByteLevel(trim_offsets=False)
    byte_level_model(t, 700)
    t.add_special_tokens(special("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>"))
    t.add_tokens([AddedToken("<tool_call>", special=False, normalized=False)])
    return t


def smolvlm():
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    t.decoder = decoders.ByteLevel()
    byte_level_model(t, 640, special=["<|endoftext|>", "<|im_start|>", "<|im_end|>"])
    rows = [f"<row_{r}_col_{c}>" for r in (1, 2) for c in (1, 2, 10)]
    t.add_tokens([AddedToken("<global-img>", special=True)] + [AddedToken(row, special=True, normalized=False) for row in rows])
    t.add_special_tokens(special("<fake_token_around_image>", "<image>", "<end_of_utterance>"))
    return t


def llama3():
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(GPT % "{1,3}"), "isolated"), pre_tokenizers.ByteLevel(False, use_regex=False)])
    t.decoder = decoders.ByteLevel()
    byte_level_model(t, 660, ignore_merges=True)
    t.add_special_tokens(special("<|begin_of_text|>", "<|eot_id|>", "<image>"))
    t.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=False), processors.TemplateProcessing(
        single="<|begin_of_text|> $A", pair="<|begin_of_text|> $A $B", special_tokens=[("<|begin_of_text|>", t.token_to_id("<|begin_of_text|>"))])])
    return t


def gpt4o():
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(GPT4O), "removed", invert=True), pre_tokenizers.ByteLevel(True, use_regex=False)])
    t.decoder = decoders.ByteLevel()
    return byte_level_model(t, 560)


def sentencepiece_like(normalizer, pre_tokenizer, decoder, bos, size, extra=()):
    t = Tokenizer(models.BPE())
    t.normalizer = normalizer
    trained(t, size, special=["<unk>", bos, "</s>"] + BYTES, pre_tokenizer=pre_tokenizers.Metaspace("▁", "always"), unk_token="<unk>",
            fuse_unk=True, byte_fallback=True)
    if pre_tokenizer:
        t.pre_tokenizer = pre_tokenizer
    t.decoder = decoder
    t.add_special_tokens(list(extra))
    t.post_processor = processors.TemplateProcessing(single=bos + " $A", pair=f"{bos} $A {bos}:1 $B:1", special_tokens=[(bos, 1)])
    return t


def fallback_decoder(strip):
    steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    return decoders.Sequence(steps + ([decoders.Strip(content=" ", left=1, right=0)] if strip else []))


def llama2():
    normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    return sentencepiece_like(normalizer, None, fallback_decoder(True), "<s>", 1000, special("<image>", "<pad>"))


def mistral():
    return sentencepiece_like(None, pre_tokenizers.Metaspace("▁", "first", split=False), fallback_decoder(True), "<s>", 900, special("<image>"))


def gemma():
    normalizer = normalizers.Sequence([normalizers.Lowercase(), normalizers.Replace(" ", "▁")])
    t = sentencepiece_like(normalizer, pre_tokenizers.Split(" ", "merged_with_previous"), fallback_decoder(False), "<bos>", 960,
                           special("<start_of_turn>"))
    t.add_tokens([AddedToken(text, normalized=False) for text in ["\n\n", "\n\n\n", "▁▁", "▁▁▁", "\t\t"] + [f"<unused{i}>" for i in range(12)]])
    return t


def clip():
    t = Tokenizer(models.BPE())
    t.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()])
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(CLIP), "removed", invert=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    t.decoder = decoders.ByteLevel()
    byte_level_model(t, 900, special=["<|startoftext|>", "<|endoftext|>"], end_of_word_suffix="</w>", unk_token="<|endoftext|>")
    t.post_processor = processors.RobertaProcessing(("<|endoftext|>", 1), ("<|startoftext|>", 0), trim_offsets=False, add_prefix_space=False)
    return t


def odd():
    """No model's: what the others leave out. Unknown characters are not fused."""
    t = Tokenizer(models.BPE())
    t.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Strip(True, True), normalizers.Replace(Regex("[0-9]{2,}+|…"), "#"), normalizers.Lowercase()])
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Punctuation("contiguous"), pre_tokenizers.Split("-", "merged_with_next"),
                                               pre_tokenizers.Split(Regex(r"\s|\b(?=[ab])"), "removed"), pre_tokenizers.Digits(False)])
    t.decoder = decoders.BPEDecoder("</w>")
    trained(t, 800, special=["[UNK]"], end_of_word_suffix="</w>", continuing_subword_prefix="##", unk_token="[UNK]")
    t.add_tokens([AddedToken("[MASK]", special=True), AddedToken("word", single_word=True), AddedToken("Ünit"), AddedToken("<left>", lstrip=True, normalized=False),
                  AddedToken("<right>", rstrip=True, normalized=False), AddedToken("<both>", lstrip=True, rstrip=True, special=True, normalized=False)])
    return t


def odd_spaces():
    """The other settings of Metaspace, NFD, and unknown characters that are fused."""
    t = Tokenizer(models.BPE())
    t.normalizer = normalizers.Sequence([normalizers.NFD(), normalizers.Strip(False, True)])
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Metaspace("▁", "always"), pre_tokenizers.Split(Regex(r"\p{Han}|[\w-]\W|(Hi)"), "merged_with_previous")])
    t.decoder = decoders.Metaspace("▁", "always")
    trained(t, 520, special=["<unk>"], unk_token="<unk>", fuse_unk=True)
    t.add_tokens([AddedToken("word", single_word=True, rstrip=True), AddedToken("<both>", lstrip=True, rstrip=True, normalized=False)])
    return t


MAKERS = [qwen, smolvlm, llama3, gpt4o, llama2, mistral, gemma, clip, odd, odd_spaces]

# ---- files -------------------------------------------------------------------------------------------------------------------


def write(path, value):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(value, file, ensure_ascii=False, separators=(",", ":"))
        file.write("\n")


def write_cases(out, name, tokenizer, texts):
    cases, decoded, draw = [], [], random.Random(4)
    for text in texts:
        ids = tokenizer.encode(text.decode("utf-8", "replace"), add_special_tokens=False).ids
        cases.append([ids, tokenizer.decode(ids, skip_special_tokens=True)])
    for _ in range(max(40, len(texts) // 10)):
        ids = [draw.randrange(tokenizer.get_vocab_size() + 3) for _ in range(draw.randint(1, 6))]
        decoded.append([ids, tokenizer.decode(ids, skip_special_tokens=True).replace("\0", " ")])  # as a C string needs
    whole, alone = tokenizer.encode("a").ids, tokenizer.encode("a", add_special_tokens=False).ids
    before = next(i for i in range(len(whole) + 1) if whole[i:i + len(alone)] == alone)
    write(os.path.join(out, name + ".cases.json"), {"frame": [whole[:before], whole[before + len(alone):]], "cases": cases, "decoded": decoded})


def write_tokenizer(path, name, tokenizer):
    """Two have the older spelling of merges."""
    state = json.loads(tokenizer.to_str())
    if name in ("llama3", "clip"):
        state["model"]["merges"] = [" ".join(pair) for pair in state["model"]["merges"]]
    write(path, state)


def main():
    out = sys.argv[1]
    more = int(sys.argv[3]) if len(sys.argv) > 3 else 0
    texts = lines(more, int(sys.argv[4]) if len(sys.argv) > 4 else 3) if more else fixed_lines() + lines(110, 0)
    os.makedirs(out, exist_ok=True)
    write(os.path.join(out, "lines.json"), [text.hex() for text in texts])
    for make in MAKERS:
        path = os.path.join(out, make.__name__ + ".json")
        if not more:
            write_tokenizer(path, make.__name__, make())
        write_cases(out, make.__name__, Tokenizer.from_file(path), texts)


main()
