#!/usr/bin/env python3
"""Make the golden references of src/image: small files of every kind, and what Pillow and transformers make of them.

    make_image_golden.py OUT            write OUT/files/* and OUT/decode.txt, OUT/resize.txt, OUT/preprocess.txt

It runs in the reference environment (../README.md says how): Pillow, NumPy, transformers. Deterministic; a minute.

decode.txt       FILE WIDTH HEIGHT HASH, or FILE error
avif/            AVIF images, and their pixels as PNG, which other versions of the decoder miss by a level or two
resize.txt       IN_WIDTH IN_HEIGHT OUT_WIDTH OUT_HEIGHT FILTER HASH, of the picture made by noise()
preprocess.txt   IN_WIDTH IN_HEIGHT EDGE WIDTH HEIGHT CROP_WIDTH CROP_HEIGHT PAD FILTER STEPS OUT_WIDTH OUT_HEIGHT HASH;
                 STEPS: 1 resize, 2 crop, 4 rescale, 8 normalize
Hashes are FNV-1a, 64 bits, of the RGB bytes, or of the little-endian float32 tensor (3, height, width).
"""
import io
import os
import random
import struct
import sys
import warnings
import zlib

import numpy as np
from PIL import Image, ImageOps
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.llava.image_processing_pil_llava import LlavaImageProcessorPil

warnings.simplefilter("ignore")


def fnv(data):
    state = 0xCBF29CE484222325
    for byte in data:
        state = (state ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return "%016x" % state


def noise(width, height):
    """The picture that image_test.h makes, too: byte i is a mix of i."""
    v = np.arange(width * height * 3, dtype=np.uint64) * 2654435761 & 0xFFFFFFFF
    v ^= v >> 15
    v = v * 2246822519 & 0xFFFFFFFF
    return Image.fromarray((v >> 24).astype(np.uint8).reshape(height, width, 3))


def picture(width, height):
    """Smooth enough for codecs, different at every corner."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    planes = [255 * x / width, 255 * y / height, 127.5 + 127.5 * np.sin((x + 2 * y) / 5)]
    return Image.fromarray(np.stack(planes, axis=-1).astype(np.uint8))


# ------------------------------------------------------------------------------------------------------------------ JPEG


def jpeg(image, **options):
    out = io.BytesIO()
    image.save(out, "JPEG", **{"quality": 85, **options})
    return out.getvalue()


def after_soi(data, *segments):
    """Puts marker segments (marker, content) behind the first marker."""
    made = b"".join(struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content for marker, content in segments)
    return data[:2] + made + data[2:]


def find_segment(data, marker):
    at = 2
    while data[at + 1] != marker:
        at += 2 + struct.unpack(">H", data[at + 2 : at + 4])[0]
    return at


def patch(data, at, value):
    return data[:at] + value + data[at + len(value) :]


def without_segment(data, marker):
    at = find_segment(data, marker)
    return data[:at] + data[at + 2 + struct.unpack(">H", data[at + 2 : at + 4])[0] :]


def tiff(value, kind=3, count=1, endian="<", tag=274, before=b"", entries=1):
    """A TIFF header and a directory that holds the orientation; `value` is the entry's last four bytes."""
    head = (b"II*\0" if endian == "<" else b"MM\0*") + struct.pack(endian + "L", 8)
    if isinstance(value, int):
        value = struct.pack(endian + "HH", value, 0)
    entry = struct.pack(endian + "HHL", tag, kind, count) + value
    return head + struct.pack(endian + "H", entries) + before + entry + struct.pack(endian + "L", 0)


def exif(block):
    return (0xE1, b"Exif\0\0" + block)


XMP = b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta><rdf:Description %s</x:xmpmeta>"


def jpeg_files():
    base = picture(50, 35)
    plain = jpeg(base)
    yield "baseline-420.jpg", plain
    yield "baseline-422.jpg", jpeg(base, subsampling="4:2:2")
    yield "baseline-444.jpg", jpeg(base, subsampling="4:4:4")
    yield "quality-3.jpg", jpeg(base, quality=3)
    yield "one-pixel.jpg", jpeg(picture(1, 1))
    yield "one-column.jpg", jpeg(picture(1, 61))
    yield "one-row.jpg", jpeg(picture(61, 1))
    yield "odd-17x13.jpg", jpeg(picture(17, 13))
    yield "progressive.jpg", jpeg(base, progressive=True)
    yield "progressive-odd.jpg", jpeg(picture(33, 47), progressive=True, subsampling="4:2:2")
    yield "optimized.jpg", jpeg(base, optimize=True)
    yield "restart-blocks.jpg", jpeg(base, restart_marker_blocks=2)
    yield "restart-rows.jpg", jpeg(base, restart_marker_rows=1)
    yield "gray.jpg", jpeg(base.convert("L"))
    yield "gray-progressive.jpg", jpeg(base.convert("L"), progressive=True)
    yield "rgb.jpg", jpeg(base, keep_rgb=True)
    cmyk = jpeg(base.convert("CMYK"))
    yield "cmyk.jpg", cmyk
    yield "cmyk-ycck.jpg", patch(cmyk, find_segment(cmyk, 0xEE) + 15, b"\2")
    yield "cmyk-without-adobe.jpg", without_segment(cmyk, 0xEE)
    yield "cmyk-progressive.jpg", jpeg(base.convert("CMYK"), progressive=True)
    square = jpeg(picture(32, 32), subsampling="4:2:2")  # as many blocks whichever way they are halved
    yield "sampling-440.jpg", patch(square, find_segment(square, 0xC0) + 11, b"\x12")
    two = io.BytesIO()
    base.save(two, "MPO", save_all=True, append_images=[picture(20, 20)])
    yield "two-pictures.mpo.jpg", two.getvalue()

    for orientation in range(0, 10):
        yield "orientation-%d.jpg" % orientation, after_soi(plain, exif(tiff(orientation)))
    yield "orientation-big-endian.jpg", after_soi(plain, exif(tiff(6, endian=">")))
    yield "orientation-long.jpg", after_soi(plain, exif(tiff(struct.pack("<L", 6), kind=4)))
    yield "orientation-byte.jpg", after_soi(plain, exif(tiff(b"\6\0\0\0", kind=1)))
    yield "orientation-text.jpg", after_soi(plain, exif(tiff(b"6\0\0\0", kind=2, count=2)))
    yield "orientation-float.jpg", after_soi(plain, exif(tiff(struct.pack("<f", 6), kind=11)))
    yield "orientation-two-values.jpg", after_soi(plain, exif(tiff(struct.pack("<HH", 6, 3), count=2)))
    yield "orientation-no-values.jpg", after_soi(plain, exif(tiff(6, count=0)))
    rational = tiff(struct.pack("<L", 26), kind=5) + struct.pack("<LL", 12, 2)
    yield "orientation-rational.jpg", after_soi(plain, exif(rational))
    yield "orientation-outside.jpg", after_soi(plain, exif(tiff(struct.pack("<L", 999), kind=5)))
    yield "orientation-huge-count.jpg", after_soi(plain, exif(tiff(6, count=0x7FFFFFFF)))
    first = struct.pack("<HHLL", 271, 3, 1, 1)
    yield "orientation-second-entry.jpg", after_soi(plain, exif(tiff(6, before=first, entries=2)))
    yield "orientation-many-entries.jpg", after_soi(plain, exif(tiff(6, entries=900)))
    outside = struct.pack("<HHLL", 271, 2, 20, 5000)
    yield "orientation-after-broken.jpg", after_soi(plain, exif(tiff(6, before=outside, entries=2)))
    half = tiff(6)
    yield "orientation-two-segments.jpg", after_soi(plain, exif(half[:14]), exif(half[14:]))
    yield "orientation-twice-exif.jpg", after_soi(plain, exif(b"Exif\0\0" + half))
    yield "orientation-other-tag.jpg", after_soi(plain, exif(tiff(6, tag=273)))
    yield "orientation-cut.jpg", after_soi(plain, exif(half[:15]))
    yield "exif-not-tiff.jpg", after_soi(plain, exif(b"nothing of the kind"))
    yield "exif-short.jpg", after_soi(plain, exif(b"II*"))
    yield "exif-empty.jpg", after_soi(plain, exif(b""))
    yield "exif-bigtiff.jpg", after_soi(plain, exif(b"II+\0" + half[4:]))
    attribute, element = XMP % b'tiff:Orientation="6"/>', XMP % b"><tiff:Orientation>8</tiff:Orientation>"
    yield "xmp-attribute.jpg", after_soi(plain, (0xE1, attribute))
    yield "xmp-element.jpg", after_soi(plain, (0xE1, element))
    yield "xmp-and-exif.jpg", after_soi(plain, (0xE1, attribute), exif(tiff(3)))
    yield "xmp-and-other-exif.jpg", after_soi(plain, (0xE1, attribute), exif(tiff(3, tag=273)))
    yield "progressive-orientation.jpg", after_soi(jpeg(base, progressive=True), exif(tiff(8)))

    end = len(plain)
    for cut in (1, 2, 3, 4, 40, end // 2, end - 500, end - 300, end - 20, end - 2):
        yield "cut-%d.jpg" % cut, plain[: end - cut]
    progressive = jpeg(base, progressive=True)
    for cut in (1, 2, 3, len(progressive) // 3):
        yield "progressive-cut-%d.jpg" % cut, progressive[: len(progressive) - cut]
    yield "only-signature.jpg", plain[:3]
    yield "only-header.jpg", plain[:20] + b"\xff\xd9"
    yield "junk-after.jpg", plain + b"junk" * 100
    yield "junk-between.jpg", plain[:20] + b"\0\1\2" + plain[20:]
    yield "padding.jpg", plain[:20] + b"\xff" * 9 + plain[20:]
    yield "few-stray-bytes.jpg", plain[:-2] + b"\x12\x34" + plain[-2:]
    yield "two-files.jpg", plain + jpeg(picture(9, 9))
    size = find_segment(plain, 0xC0) + 5
    yield "no-height.jpg", patch(plain, size, struct.pack(">HH", 0, 50))
    yield "no-width.jpg", patch(plain, size, struct.pack(">HH", 35, 0))
    yield "huge.jpg", patch(plain, size, struct.pack(">HH", 60000, 60000))
    yield "too-wide.jpg", patch(plain, size, struct.pack(">HH", 1, 65535))
    for name, height, width in (("higher", 70, 50), ("lower", 17, 50), ("wider", 35, 100), ("narrower", 35, 25)):
        yield "header-%s.jpg" % name, patch(plain, size, struct.pack(">HH", height, width))
        yield "progressive-header-%s.jpg" % name, patch(progressive, size, struct.pack(">HH", height, width))
    yield "early-end.jpg", plain[:-200] + b"\xff\xd9"
    yield "progressive-early-end.jpg", progressive[: progressive.rindex(b"\xff\xda")] + b"\xff\xd9"
    yield "twelve-bit.jpg", patch(plain, size - 1, b"\x0c")
    yield "two-components.jpg", patch(plain, size + 4, b"\2")
    yield "no-tables.jpg", without_segment(plain, 0xDB)
    yield "two-headers.jpg", plain[: size - 5] + plain[size - 5 : size + 14] + plain[size - 5 :]
    damaged = bytearray(jpeg(picture(80, 80)))
    for at in (-300, -200, -100):
        damaged[at] ^= 0x55
    yield "damaged.jpg", bytes(damaged)


# ------------------------------------------------------------------------------------------------------------------- PNG


def chunk(kind, content, wrong=0):
    return struct.pack(">L", len(content)) + kind + content + struct.pack(">L", zlib.crc32(kind + content) ^ wrong)


def header(width, height, depth, color, interlaced=0):
    return chunk(b"IHDR", struct.pack(">LLBBBBB", width, height, depth, color, 0, 0, interlaced))


SIGNATURE, END = b"\x89PNG\r\n\x1a\n", chunk(b"IEND", b"")
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
PASSES = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def png_lines(width, height, depth, color, interlaced, seed):
    """Random samples behind filter types that change from line to line."""
    source = random.Random(seed)
    lines = []
    for x0, y0, dx, dy in PASSES if interlaced else [(0, 0, 1, 1)]:
        columns, rows = (width - x0 + dx - 1) // dx, (height - y0 + dy - 1) // dy
        if columns <= 0:
            continue
        for _ in range(max(rows, 0)):
            size = (columns * CHANNELS[color] * depth + 7) // 8
            lines.append(bytes([len(lines) % 5]) + bytes(source.randrange(256) for _ in range(size)))
    return b"".join(lines)


def png(width, height, depth, color, interlaced=0, before=b"", after=b"", seed=1, lines=None):
    data = zlib.compress(png_lines(width, height, depth, color, interlaced, seed) if lines is None else lines, 9)
    return SIGNATURE + header(width, height, depth, color, interlaced) + before + chunk(b"IDAT", data) + after + END


def palette(colors):
    return chunk(b"PLTE", bytes(i * 37 % 256 for i in range(3 * colors)))


def png_files():
    for color, depths in ((0, (1, 2, 4, 8, 16)), (2, (8, 16)), (3, (1, 2, 4, 8)), (4, (8, 16)), (6, (8, 16))):
        for depth in depths:
            before = palette(1 << depth) if color == 3 else b""
            for interlaced in (0, 1):
                yield "color%d-depth%d-%d.png" % (color, depth, interlaced), png(19, 11, depth, color, interlaced, before)
    for width, height in ((1, 1), (2, 1), (1, 9), (5, 3)):
        yield "interlaced-%dx%d.png" % (width, height), png(width, height, 8, 2, 1)
        yield "interlaced-%dx%d-bits.png" % (width, height), png(width, height, 1, 0, 1)
    ramp = b"".join(struct.pack(">BHHHH", 0, v, v + 1, v * 255, 65535 - v) for v in (0, 100, 200, 254, 255))
    yield "gray16-ramp.png", png(4, 5, 16, 0, lines=ramp)
    yield "palette-short.png", png(9, 9, 8, 3, before=palette(5))
    yield "palette-none.png", png(9, 9, 8, 3)
    yield "palette-empty.png", png(9, 9, 8, 3, before=chunk(b"PLTE", b""))
    yield "palette-seven-bytes.png", png(9, 9, 4, 3, before=chunk(b"PLTE", bytes(range(7))))
    yield "palette-long.png", png(9, 9, 1, 3, before=palette(9))
    yield "palette-257.png", png(9, 9, 8, 3, before=palette(257))
    yield "palette-twice.png", png(9, 9, 8, 3, before=palette(9) + chunk(b"PLTE", bytes(range(60))))
    yield "palette-of-gray.png", png(9, 9, 8, 0, before=palette(256))
    yield "transparent-palette.png", png(9, 9, 4, 3, before=palette(16) + chunk(b"tRNS", b"\0\x80\xff\7"))
    yield "transparent-gray.png", png(9, 9, 8, 0, before=chunk(b"tRNS", b"\0\x80"))
    yield "transparent-rgb.png", png(9, 9, 8, 2, before=chunk(b"tRNS", b"\0\x80\0\x80\0\x80"))

    turn = chunk(b"eXIf", tiff(6))
    profile = b"\nexif\n%8d\n" % 38 + (b"Exif\0\0" + tiff(5)).hex().encode() + b"\n"
    raw = b"Raw profile type exif\0"
    packet = b'<x tiff:Orientation="3"/>'
    yield "exif.png", png(12, 7, 8, 2, before=turn)
    yield "exif-after.png", png(12, 7, 8, 2, after=turn)
    yield "exif-animated.png", png(12, 7, 8, 2, before=chunk(b"acTL", struct.pack(">LL", 1, 0)), after=turn)
    yield "exif-raw-profile.png", png(12, 7, 8, 2, before=chunk(b"tEXt", raw + profile))
    yield "exif-raw-profile-packed.png", png(12, 7, 8, 2, after=chunk(b"zTXt", raw + b"\0" + zlib.compress(profile)))
    yield "exif-over-raw-profile.png", png(12, 7, 8, 2, before=chunk(b"tEXt", raw + profile) + turn)
    yield "xmp.png", png(12, 7, 8, 2, before=chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + packet))
    packed = b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(packet)
    yield "xmp-packed.png", png(12, 7, 8, 2, before=chunk(b"iTXt", packed))
    yield "xmp-under-exif.png", png(12, 7, 8, 2, before=chunk(b"iTXt", packed) + turn)

    frames = io.BytesIO()
    picture(20, 12).save(frames, "PNG", save_all=True, append_images=[picture(20, 12).rotate(180)], duration=100)
    yield "animated.png", frames.getvalue()
    frames = io.BytesIO()
    picture(20, 12).save(frames, "PNG", save_all=True, default_image=True, append_images=[noise(20, 12), noise(20, 12)])
    yield "animated-default.png", frames.getvalue()

    whole = png(19, 11, 8, 2)
    lines = png_lines(19, 11, 8, 2, 0, 1)
    data = zlib.compress(lines, 9)
    front = SIGNATURE + header(19, 11, 8, 2)
    for cut in (1, 4, 11, 12, 13, 16, 17, 20, 21, 22, 24, 40, len(whole) // 2, len(whole) - 45, len(whole) - 35, len(whole) - 20):
        yield "cut-%d.png" % cut, whole[:-cut]
    for cut in (17, 22, 30):
        yield "interlaced-cut-%d.png" % cut, png(19, 11, 8, 2, 1)[:-cut]
    parts = b"".join(chunk(b"IDAT", data[i : i + 7]) + chunk(b"IDAT", b"") for i in range(0, len(data), 7))
    yield "many-parts.png", front + parts + END
    yield "parts-apart.png", front + chunk(b"IDAT", data[:50]) + chunk(b"tEXt", b"a\0b") + chunk(b"IDAT", data[50:]) + END
    yield "text-after.png", front + chunk(b"IDAT", data) + chunk(b"tEXt", b"a\0b") + END
    yield "text-after-cut.png", front + chunk(b"IDAT", data) + chunk(b"tEXt", b"a\0bcdefgh")[:-8]
    yield "no-end.png", front + chunk(b"IDAT", data)
    yield "junk-after.png", whole + b"junk" * 50
    yield "wrong-checksum-data.png", front + chunk(b"IDAT", data, wrong=1) + END
    yield "wrong-checksum-header.png", patch(whole, 29, b"\0\0\0\0")
    yield "wrong-checksum-text.png", front + chunk(b"tEXt", b"a\0b", wrong=1) + chunk(b"IDAT", data) + END
    yield "wrong-adler.png", front + chunk(b"IDAT", data[:-1] + bytes([data[-1] ^ 1])) + END
    yield "wrong-filter.png", png(3, 2, 8, 0, lines=b"\0abc\x07abc")
    yield "wrong-zlib.png", front + chunk(b"IDAT", b"\x78\x9c" + bytes(range(200))) + END
    yield "damaged.png", front + chunk(b"IDAT", data[:100] + b"\0\1\2" + data[103:]) + END
    yield "odd-chunk-name.png", front + chunk(b"a-b!", b"") + chunk(b"IDAT", data) + END
    yield "unknown-chunk.png", front + chunk(b"anYt", b"whatever") + chunk(b"IDAT", data) + END
    yield "no-data.png", front + END
    yield "empty-data.png", front + chunk(b"IDAT", b"") + END
    yield "only-signature.png", SIGNATURE
    for width, height in ((0, 11), (19, 0), (100000, 100000), (0x80000000, 1), (13378, 13377)):
        yield "size-%dx%d.png" % (width, height), SIGNATURE + header(width, height, 8, 2) + chunk(b"IDAT", data) + END
    for depth, color in ((3, 0), (4, 2), (16, 3), (2, 4), (8, 1), (8, 5), (8, 7), (0, 0), (32, 2)):
        yield "format-%d-%d.png" % (depth, color), SIGNATURE + header(19, 11, depth, color) + chunk(b"IDAT", data) + END
    yield "header-higher.png", SIGNATURE + header(19, 12, 8, 2) + chunk(b"IDAT", data) + END
    yield "header-wider.png", SIGNATURE + header(23, 11, 8, 2) + chunk(b"IDAT", data) + END
    yield "header-lower.png", SIGNATURE + header(19, 7, 8, 2) + chunk(b"IDAT", data) + END
    yield "header-narrower.png", SIGNATURE + header(7, 11, 8, 2) + chunk(b"IDAT", data) + END
    bomb = zlib.compress(bytes(1 << 20), 9)
    text = chunk(b"zTXt", b"a\0\0" + bomb) + chunk(b"iCCP", b"a\0\0" + bomb)
    yield "text-bomb.png", front + text + chunk(b"IDAT", data) + END
    yield "data-bomb.png", SIGNATURE + header(8, 8, 8, 2) + chunk(b"IDAT", zlib.compress(bytes(30 << 20), 9)) + END


# ------------------------------------------------------------------------------------------------------------------ WebP


def webp(image, **options):
    out = io.BytesIO()
    image.save(out, "WEBP", **options)
    return out.getvalue()


def riff(*chunks):
    made = b"".join(kind + struct.pack("<L", len(data)) + data + b"\0" * (len(data) % 2) for kind, data in chunks)
    return b"RIFF" + struct.pack("<L", len(made) + 4) + b"WEBP" + made


def u24(value):
    return struct.pack("<L", value)[:3]


def webp_files():
    base = picture(50, 35)
    alpha = base.copy()
    alpha.putalpha(base.convert("L"))
    lossy, lossless = webp(base, quality=60), webp(base, lossless=True)
    yield "lossy.webp", lossy
    yield "lossy-odd.webp", webp(picture(17, 13), quality=20)
    yield "lossy-one-pixel.webp", webp(picture(1, 1))
    yield "lossless.webp", lossless
    yield "lossless-noise.webp", webp(noise(9, 9), lossless=True)
    yield "lossy-alpha.webp", webp(alpha, quality=60)
    yield "lossless-alpha.webp", webp(alpha, lossless=True, exact=True)
    for orientation in (3, 6):
        yield "orientation-%d.webp" % orientation, webp(base, exif=tiff(orientation))
    yield "xmp.webp", webp(base, xmp=b'<x tiff:Orientation="8"/>')
    moving = {"save_all": True, "append_images": [noise(50, 35)], "duration": 100}
    yield "animated.webp", webp(base, lossless=True, **moving)
    yield "animated-alpha.webp", webp(alpha, quality=50, background=(9, 99, 199, 255), **moving)
    frame = b"VP8L" + struct.pack("<L", len(lossless) - 20) + lossless[20:]
    anmf = u24(3) + u24(2) + u24(49) + u24(34) + u24(100) + b"\0" + frame
    anim = (b"ANIM", b"\x11\x22\x33\xff\0\0")
    yield "frame-inside.webp", riff((b"VP8X", b"\x02\0\0\0" + u24(69) + u24(59)), anim, (b"ANMF", anmf))
    yield "frame-outside.webp", riff((b"VP8X", b"\x02\0\0\0" + u24(49) + u24(34)), anim, (b"ANMF", anmf))
    yield "canvas-larger.webp", riff((b"VP8X", b"\0\0\0\0" + u24(99) + u24(99)), (b"VP8L", lossless[20:]))
    yield "canvas-huge.webp", riff((b"VP8X", b"\x02\0\0\0" + u24(16383) + u24(16383)), anim, (b"ANMF", anmf))
    for cut in (1, 2, 10, len(lossy) // 2, len(lossy) - 40, len(lossy) - 14):
        yield "cut-%d.webp" % cut, lossy[:-cut]
    for cut in (1, len(lossless) // 2):
        yield "lossless-cut-%d.webp" % cut, lossless[:-cut]
    yield "junk-after.webp", lossy + b"junk" * 20
    yield "damaged-lossless.webp", patch(lossless, 60, bytes(40))
    yield "damaged-lossy.webp", patch(lossy, 60, bytes(40))
    yield "other-chunk.webp", riff((b"ABCD", lossless[20:]))


# ------------------------------------------------------------------------------------------------------------------- GIF


def gif(image, **options):
    out = io.BytesIO()
    image.save(out, "GIF", **options)
    return out.getvalue()


def gif_codes(indices, depth):
    """Indices as LZW that never repeats anything: a clear code before the codes grow, in blocks of 255 bytes."""
    bits, width, clear = [], depth + 1, 1 << depth
    for at in range(0, len(indices), clear - 2):
        for code in [clear, *indices[at : at + clear - 2]]:
            bits += [code >> bit & 1 for bit in range(width)]
    bits += [clear + 1 >> bit & 1 for bit in range(width)]
    bits += [0] * (-len(bits) % 8)
    data = bytes(sum(bits[at + bit] << bit for bit in range(8)) for at in range(0, len(bits), 8))
    blocks = [data[at : at + 255] for at in range(0, len(data), 255)]
    return bytes([depth]) + b"".join(bytes([len(block)]) + block for block in blocks) + b"\0"


def gif_frame(left, top, width, height, indices, depth=4, colors=b"", interlaced=0):
    flags = interlaced << 6 | (0x80 | (len(colors) // 3).bit_length() - 2 if colors else 0)
    return b"," + struct.pack("<HHHHB", left, top, width, height, flags) + colors + gif_codes(indices, depth)


def gif_file(width, height, *parts, colors=b""):
    flags = 0x80 | (len(colors) // 3).bit_length() - 2 if colors else 0
    return b"GIF89a" + struct.pack("<HHBBB", width, height, flags, 3, 0) + colors + b"".join(parts) + b";"


def gif_control(transparent):
    return b"!\xf9\4" + struct.pack("<BHB", 1, 0, transparent) + b"\0"


def gif_files():
    base = picture(50, 35)
    indices = [(3 * x + 5 * y) % 16 for y in range(9) for x in range(13)]
    colors = bytes(random.Random(7).randrange(256) for _ in range(48))
    others = bytes(random.Random(8).randrange(256) for _ in range(48))
    ramp = bytes(i for i in range(16) for _ in range(3))
    plain = gif(base)
    yield "plain.gif", plain
    yield "interlaced.gif", gif(base, interlace=1)
    yield "noise.gif", gif(noise(40, 40))
    yield "one-pixel.gif", gif(picture(1, 1))
    yield "two-colors.gif", gif(base.convert("1"))
    frame = gif_frame(0, 0, 13, 9, indices)
    yield "made.gif", gif_file(13, 9, frame, colors=colors)
    yield "made-interlaced.gif", gif_file(13, 9, gif_frame(0, 0, 13, 9, indices, interlaced=1), colors=colors)
    yield "frame-inside.gif", gif_file(20, 15, gif_frame(4, 3, 13, 9, indices), colors=colors)
    yield "frame-inside-transparent.gif", gif_file(20, 15, gif_control(5), gif_frame(4, 3, 13, 9, indices), colors=colors)
    yield "frame-outside.gif", gif_file(10, 5, gif_frame(4, 3, 13, 9, indices), colors=colors)
    yield "own-colors.gif", gif_file(13, 9, gif_frame(0, 0, 13, 9, indices, colors=others), colors=colors)
    yield "own-colors-alone.gif", gif_file(15, 9, gif_frame(1, 0, 13, 9, indices, colors=others))
    yield "no-colors.gif", gif_file(13, 9, frame)
    yield "ramp.gif", gif_file(13, 9, frame, colors=ramp)
    yield "few-colors.gif", gif_file(13, 9, frame, colors=colors[:24])
    yield "few-colors-ramp.gif", gif_file(13, 9, frame, colors=ramp[:24])
    yield "comment.gif", gif_file(13, 9, b"!\xfe\5hello\0", gif_control(2), frame, colors=colors)
    yield "two-frames.gif", gif_file(13, 9, frame, gif_frame(2, 2, 5, 4, indices[:20]), colors=colors)
    yield "empty-frame.gif", gif_file(13, 9, gif_frame(0, 0, 0, 9, []), colors=colors)
    yield "no-frame.gif", gif_file(13, 9, colors=colors)
    yield "too-few-indices.gif", gif_file(13, 9, gif_frame(0, 0, 13, 9, indices[:-1]), colors=colors)
    yield "huge.gif", gif_file(65535, 65535, frame, colors=colors)
    for cut in (1, 2, 3, 40, len(plain) - 9):
        yield "cut-%d.gif" % cut, plain[:-cut]
    yield "no-trailer.gif", gif_file(13, 9, frame, colors=colors)[:-2]
    yield "damaged.gif", patch(plain, 900, bytes(40))


# ------------------------------------------------------------------------------------------------------------------- BMP


def saved(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def bmp(width, height, bits, data, compression=0, colors=b"", count=None, header_size=40, masks=b"", gap=0):
    """An information header and what follows it; `height` may be negative."""
    if header_size == 12:
        header = struct.pack("<LHHHH", 12, width, height, 1, bits)
    else:
        number = len(colors) // 4 if count is None else count
        header = struct.pack("<LllHHLLllLL", header_size, width, height, 1, bits, compression, len(data), 0, 0, number, 0)
        if header_size > 40:
            header += (masks + bytes(84))[: header_size - 40]
            masks = b""
    offset = 14 + len(header) + len(masks) + len(colors) + gap
    return b"BM" + struct.pack("<LLL", offset + len(data), 0, offset) + header + masks + colors + bytes(gap) + data


def bmp_rows(width, height, bits, seed=3):
    stride = (width * bits + 31) // 32 * 4
    generator = random.Random(seed)
    return bytes(generator.randrange(256) for _ in range(stride * height))


def masks(*values):
    return struct.pack("<%dL" % len(values), *values)


def bmp_files():
    base = picture(50, 35)
    generator = random.Random(9)
    colors = {bits: bytes(generator.randrange(256) for _ in range(4 << bits)) for bits in (1, 4, 8)}
    plain = saved(base, "BMP")
    yield "plain.bmp", plain
    yield "top-down.bmp", bmp(7, -5, 24, bmp_rows(7, 5, 24))
    for bits in (1, 4, 8):
        yield "indices-%d.bmp" % bits, bmp(13, 6, bits, bmp_rows(13, 6, bits), colors=colors[bits])
        yield "indices-%d-top-down.bmp" % bits, bmp(13, -6, bits, bmp_rows(13, 6, bits), colors=colors[bits])
    yield "few-colors.bmp", bmp(13, 6, 8, bmp_rows(13, 6, 8), colors=colors[8][:400])
    yield "few-colors-ramp.bmp", bmp(13, 6, 8, bmp_rows(13, 6, 8), colors=bytes(i for i in range(100) for _ in range(4)))
    yield "black-white.bmp", bmp(13, 6, 1, bmp_rows(13, 6, 1), colors=b"\0\0\0\0\xff\xff\xff\0")
    yield "white-black.bmp", bmp(13, 6, 1, bmp_rows(13, 6, 1), colors=b"\xff\xff\xff\0\0\0\0\0")
    yield "gray-8.bmp", saved(base.convert("L"), "BMP")
    yield "os2.bmp", bmp(13, 6, 24, bmp_rows(13, 6, 24), header_size=12)
    yield "os2-indices.bmp", bmp(13, 6, 4, bmp_rows(13, 6, 4), header_size=12, colors=colors[4][:48])
    yield "gap.bmp", bmp(13, 6, 24, bmp_rows(13, 6, 24), gap=10)
    yield "bits-16.bmp", bmp(13, 6, 16, bmp_rows(13, 6, 16))
    yield "bits-16-555.bmp", bmp(13, 6, 16, bmp_rows(13, 6, 16), 3, masks=masks(0x7C00, 0x3E0, 0x1F))
    yield "bits-16-565.bmp", bmp(13, 6, 16, bmp_rows(13, 6, 16), 3, masks=masks(0xF800, 0x7E0, 0x1F))
    yield "bits-16-444.bmp", bmp(13, 6, 16, bmp_rows(13, 6, 16), 3, masks=masks(0xF00, 0xF0, 0xF))
    yield "bits-24-fields.bmp", bmp(13, 6, 24, bmp_rows(13, 6, 24), 3, masks=masks(0xFF0000, 0xFF00, 0xFF))
    yield "bits-32.bmp", bmp(13, 6, 32, bmp_rows(13, 6, 32))
    layouts = [(0xFF0000, 0xFF00, 0xFF, 0), (0xFF000000, 0xFF0000, 0xFF00, 0), (0xFF000000, 0xFF00, 0xFF, 0)]
    layouts += [(0xFF000000, 0xFF0000, 0xFF00, 0xFF), (0xFF, 0xFF00, 0xFF0000, 0xFF000000), (0xFF0000, 0xFF00, 0xFF, 0xFF000000)]
    layouts += [(0xFF000000, 0xFF00, 0xFF, 0xFF0000), (0, 0, 0, 0)]
    for number, layout in enumerate(layouts):
        yield "fields-%d.bmp" % number, bmp(13, 6, 32, bmp_rows(13, 6, 32), 3, masks=masks(*layout), header_size=124)
    yield "fields-behind.bmp", bmp(13, 6, 32, bmp_rows(13, 6, 32), 3, masks=masks(0xFF0000, 0xFF00, 0xFF))
    yield "fields-in-52.bmp", bmp(13, 6, 32, bmp_rows(13, 6, 32), 3, masks=masks(0xFF0000, 0xFF00, 0xFF), header_size=52)
    yield "fields-odd.bmp", bmp(13, 6, 32, bmp_rows(13, 6, 32), 3, masks=masks(0xFF, 0xFF0000, 0xFF00, 0), header_size=56)
    runs = b"\5\7\4\2\0\0" + b"\0\5\1\2\3\4\5\0" + b"\2\6\1\1\0\0" + b"\0\2\3\1" + b"\6\x0b\0\0" + b"\xff\5\0\0" + b"\0\3\1\2\3\0\6\1\0\1"
    yield "rle8.bmp", bmp(9, 6, 8, runs, 1, colors=colors[8])
    yield "rle8-top-down.bmp", bmp(9, -6, 8, runs, 1, colors=colors[8])
    yield "rle8-gray.bmp", bmp(9, 6, 8, runs, 1, colors=bytes(i for i in range(256) for _ in range(4)))
    yield "rle8-early-end.bmp", bmp(9, 6, 8, runs[:12] + b"\0\1", 1, colors=colors[8])
    yield "rle8-cut.bmp", bmp(9, 6, 8, runs, 1, colors=colors[8])[:-8]
    yield "rle8-delta-cut.bmp", bmp(9, 6, 8, b"\0\2\1", 1, colors=colors[8])
    yield "rle8-absolute-cut.bmp", bmp(9, 6, 8, b"\0\x40\1\2\3", 1, colors=colors[8])
    yield "rle8-past-end.bmp", bmp(9, 2, 8, b"\0\x12" + bytes(range(18)) + b"\5\5\0\1", 1, colors=colors[8])
    yield "rle8-far.bmp", bmp(9, 2, 8, b"\0\2\xff\xff", 1, colors=colors[8])
    runs = b"\5\x7a\4\x21\0\0" + b"\0\5\x12\x34\x50\0" + b"\4\x61\0\0" + b"\0\2\3\1" + b"\6\xb0\0\0" + b"\xff\x59" + b"\0\0\x09\x1c\0\1"
    yield "rle4.bmp", bmp(9, 6, 4, runs, 2, colors=colors[4])
    yield "rle4-long.bmp", bmp(9, 2, 4, b"\x09\x7a\0\0\x09\x21\0\1", 2, colors=colors[4])
    yield "rle4-as-8.bmp", bmp(9, 2, 8, b"\x09\x7a\0\0\x09\x21\0\1", 2, colors=colors[8])
    yield "no-palette-told.bmp", patch(bmp(13, 6, 4, bmp_rows(13, 6, 4), colors=colors[4]), 10, struct.pack("<L", 54))
    yield "many-colors.bmp", bmp(13, 6, 8, bmp_rows(13, 6, 8), colors=colors[8] + colors[8])
    yield "bits-2.bmp", bmp(13, 6, 2, bmp_rows(13, 6, 2), colors=colors[4][:16])
    yield "png-inside.bmp", bmp(13, 6, 24, bmp_rows(13, 6, 24), 5)
    yield "header-16.bmp", b"BM" + struct.pack("<LLLL", 100, 0, 30, 16) + bytes(80)
    yield "empty.bmp", bmp(0, 6, 24, b"")
    yield "huge.bmp", bmp(60000, 60000, 24, bytes(100))
    yield "negative-width.bmp", bmp(-13, 6, 24, bmp_rows(13, 6, 24))
    for cut in (1, 2, 3, 150, len(plain) - 60, len(plain) - 20):
        yield "cut-%d.bmp" % cut, plain[:-cut]
    yield "junk-after.bmp", plain + b"junk"


# ------------------------------------------------------------------------------------------------------------------ TIFF

TIFF_TYPES = {"B": 1, "H": 3, "L": 4}


def tiff_file(tags, blocks, endian="<", big=False, pages=1):
    """Blocks of data, then the directory; `tags` are tag: (letter of the type, values)."""
    data, offsets = b"", []
    start = 16 if big else 8
    for block in blocks:
        offsets.append(start + len(data))
        data += block + b"\0" * (len(block) % 2)
    tiled = 322 in tags
    tags = {**tags, (324 if tiled else 273): ("L", offsets), (325 if tiled else 279): ("L", [len(block) for block in blocks])}
    directory = start + len(data)
    count, word, entry = ("Q", "Q", 20) if big else ("H", "L", 12)
    outside = directory + struct.calcsize(endian + count) + entry * len(tags) + struct.calcsize(endian + word)
    made, more = struct.pack(endian + count, len(tags)), b""
    for tag, (kind, values) in sorted(tags.items()):
        packed = struct.pack(endian + str(len(values)) + kind, *values)
        made += struct.pack(endian + "HH" + word, tag, TIFF_TYPES[kind], len(values))
        room = struct.calcsize(endian + word)
        if len(packed) <= room:
            made += packed.ljust(room, b"\0")
        else:
            made += struct.pack(endian + word, outside + len(more))
            more += packed + b"\0" * (len(packed) % 2)
    made += struct.pack(endian + word, 0)
    magic = b"II" if endian == "<" else b"MM"
    if big:
        header = magic + struct.pack(endian + "HHHQ", 43, 8, 0, directory)
    else:
        header = magic + struct.pack(endian + "HL", 42, directory)
    return header + data + made + more


def tiff_tags(width, height, bits, samples, photometric, compression=1, **more):
    tags = {256: ("L", [width]), 257: ("L", [height]), 258: ("H", [bits] * samples), 259: ("H", [compression])}
    tags |= {262: ("H", [photometric]), 277: ("H", [samples]), 278: ("L", [height])}
    names = {"planar": 284, "extra": 338, "format": 339, "fill": 266, "orientation": 274, "rows": 278, "predictor": 317}
    for name, value in more.items():
        values = value if isinstance(value, list) else [value]
        tags[names[name]] = ("H", values * samples if name == "format" else values)
    return tags


def tiff_samples(width, height, bits, samples, seed=5):
    generator = random.Random(seed)
    return bytes(generator.randrange(256) for _ in range((width * bits * samples + 7) // 8 * height))


def made_tiff(bits, samples, photometric, endian="<", compression=1, width=13, height=6, colors=None, **more):
    data = tiff_samples(width, height, bits, samples)
    tags = tiff_tags(width, height, bits, samples, photometric, compression, **more)
    if colors:
        tags[320] = ("H", colors)
    return tiff_file(tags, [zlib.compress(data) if compression == 8 else data], endian)


def tiled_tiff(planar, compression, bits=8):
    """50 x 35 pixels in tiles of 32 x 16."""
    pixels = np.asarray(picture(50, 35)).astype(np.uint16) * (257 if bits == 16 else 1)
    padded = np.zeros((48, 64, 3), np.uint16)
    padded[:35, :50] = pixels
    padded = padded.astype("<u%d" % (bits // 8))
    planes = [padded[..., c : c + 1] for c in range(3)] if planar == 2 else [padded]
    blocks = [plane[y : y + 16, x : x + 32].tobytes() for plane in planes for y in range(0, 48, 16) for x in range(0, 64, 32)]
    tags = tiff_tags(50, 35, bits, 3, 2, compression, planar=planar) | {322: ("H", [32]), 323: ("H", [16])}
    del tags[278]
    return tiff_file(tags, [zlib.compress(block) if compression == 8 else block for block in blocks])


def planar_tiff(samples, photometric, bits=8, compression=1, **more):
    """Planes of strips of four rows."""
    blocks = [tiff_samples(13, rows, bits, 1, 20 + 10 * plane + rows) for plane in range(samples) for rows in (4, 2)]
    tags = tiff_tags(13, 6, bits, samples, photometric, compression, planar=2, rows=4, **more)
    return tiff_file(tags, [zlib.compress(block) if compression == 8 else block for block in blocks])


def floats_tiff(photometric):
    values = [-3.5, 0, 0.9, 1, 127.4, 254.99, 255, 300, 1e30, float("nan"), float("-inf"), 42.5]
    return tiff_file(tiff_tags(4, 3, 32, 1, photometric, format=3), [struct.pack("<12f", *values)])


def tiff_files():
    base = picture(50, 35)
    generator = random.Random(11)
    for bits in (1, 2, 4, 8):
        colors = [generator.randrange(65536) for _ in range(3 << bits)]
        yield "palette-%d.tif" % bits, made_tiff(bits, 1, 3, colors=colors)
        yield "palette-%d-be.tif" % bits, made_tiff(bits, 1, 3, ">", colors=colors)
        for white in (0, 1):
            yield "gray-%d-%d.tif" % (bits, white), made_tiff(bits, 1, white)
            yield "gray-%d-%d-be-deflate.tif" % (bits, white), made_tiff(bits, 1, white, ">", 8)
            if bits < 8 or white:  # the one that Pillow knows and cannot unpack
                yield "gray-%d-%d-fill.tif" % (bits, white), made_tiff(bits, 1, white, fill=2)
    yield "palette-8-fill.tif", made_tiff(8, 1, 3, ">", colors=colors, fill=2)
    yield "palette-8-alpha.tif", made_tiff(8, 2, 3, colors=colors, extra=2)
    yield "gray-8-signed.tif", made_tiff(8, 1, 1, format=2)
    yield "gray-8-alpha.tif", made_tiff(8, 2, 1, extra=2)
    yield "gray-8-other.tif", made_tiff(8, 2, 1, extra=0)
    yield "gray-8-multiplied.tif", made_tiff(8, 2, 1, extra=1)
    yield "gray-12.tif", made_tiff(12, 1, 1)
    yield "gray-12-white.tif", made_tiff(12, 1, 0)
    for endian, name in (("<", "le"), (">", "be")):
        yield "gray-16-%s.tif" % name, made_tiff(16, 1, 1, endian)
        yield "gray-16-%s-deflate.tif" % name, made_tiff(16, 1, 1, endian, 8)
        yield "gray-16-%s-white.tif" % name, made_tiff(16, 1, 0, endian)
        yield "gray-16-%s-signed.tif" % name, made_tiff(16, 1, 1, endian, format=2)
        yield "gray-32-%s.tif" % name, made_tiff(32, 1, 1, endian)
        yield "gray-32-%s-signed.tif" % name, made_tiff(32, 1, 1, endian, format=2)
        yield "gray-float-%s.tif" % name, made_tiff(32, 1, 1, endian, format=3)
        yield "rgb-16-%s.tif" % name, made_tiff(16, 3, 2, endian)
        yield "rgb-16-%s-deflate.tif" % name, made_tiff(16, 3, 2, endian, 8)
        yield "rgb-16-%s-multiplied.tif" % name, made_tiff(16, 4, 2, endian, extra=1)
        yield "cmyk-16-%s.tif" % name, made_tiff(16, 4, 5, endian)
    yield "floats.tif", floats_tiff(1)
    yield "floats-white.tif", floats_tiff(0)
    yield "rgb-fill.tif", made_tiff(8, 3, 2, fill=2)
    for name, extra in (("alpha", [2]), ("multiplied", [1]), ("other", [0]), ("corel", [999])):
        yield "rgb-%s.tif" % name, made_tiff(8, 4, 2, extra=extra)
    yield "rgb-untold.tif", made_tiff(8, 4, 2)
    yield "rgb-two-others.tif", made_tiff(8, 5, 2, extra=[0, 0])
    yield "rgb-multiplied-and-others.tif", made_tiff(8, 6, 2, extra=[1, 0, 0])
    yield "rgb-alpha-16.tif", made_tiff(16, 4, 2, extra=2)
    yield "cmyk-made.tif", made_tiff(8, 4, 5)
    yield "cmyk-other.tif", made_tiff(8, 5, 5, extra=0)
    yield "lab.tif", made_tiff(8, 3, 8)
    yield "mask.tif", made_tiff(1, 1, 4)
    yield "raw.tif", made_tiff(16, 1, 32803)
    yield "rgb-4-bits.tif", made_tiff(4, 3, 2)
    yield "rgb-float.tif", made_tiff(32, 3, 2, format=3)
    yield "ycbcr-raw.tif", made_tiff(8, 3, 6)
    yield "compression-odd.tif", made_tiff(8, 3, 2, compression=32809)
    for compression in (1, 8):
        yield "tiled-%d.tif" % compression, tiled_tiff(1, compression)
        yield "tiled-planar-%d.tif" % compression, tiled_tiff(2, compression)
        yield "planar-%d.tif" % compression, planar_tiff(3, 2, compression=compression)
        yield "planar-alpha-%d.tif" % compression, planar_tiff(4, 2, compression=compression, extra=2)
        yield "planar-cmyk-%d.tif" % compression, planar_tiff(4, 5, compression=compression)
    yield "planar-multiplied.tif", planar_tiff(4, 2, compression=8, extra=1)
    yield "planar-other.tif", planar_tiff(4, 2, compression=8, extra=0)
    yield "planar-16.tif", planar_tiff(3, 2, bits=16, compression=8)
    yield "tiled-16.tif", tiled_tiff(1, 8, 16)
    plain = tiff_file(tiff_tags(13, 6, 8, 3, 2, rows=2), [tiff_samples(13, 2, 8, 3, seed) for seed in range(3)])
    yield "strips.tif", plain
    yield "big.tif", tiff_file(tiff_tags(13, 6, 8, 3, 2), [tiff_samples(13, 6, 8, 3)], big=True)
    for orientation in range(1, 9):
        yield "orientation-%d.tif" % orientation, made_tiff(8, 3, 2, orientation=orientation)
    yield "orientation-9.tif", made_tiff(8, 3, 2, orientation=9)
    xmp = list(XMP % b'tiff:Orientation="6"/>')
    yield "xmp.tif", tiff_file(tiff_tags(13, 6, 8, 3, 2) | {700: ("B", xmp)}, [tiff_samples(13, 6, 8, 3)])
    for name in ("packbits", "tiff_lzw", "tiff_adobe_deflate", "zstd", "lzma", "webp", "jpeg"):
        yield "saved-%s.tif" % name, saved(base, "TIFF", compression=name)
    yield "saved-jpeg-gray.tif", saved(base.convert("L"), "TIFF", compression="jpeg")
    yield "saved-jpeg-cmyk.tif", saved(base.convert("CMYK"), "TIFF", compression="jpeg")
    ycbcr = saved(base.convert("YCbCr"), "TIFF", compression="jpeg")
    yield "saved-jpeg-ycbcr.tif", ycbcr
    yield "saved-ycbcr-lzw.tif", saved(base.convert("YCbCr"), "TIFF", compression="tiff_lzw")
    yield "saved-predictor.tif", saved(base, "TIFF", compression="tiff_lzw", tiffinfo={317: 2})
    for name in ("group3", "group4", "tiff_ccitt"):
        yield "saved-%s.tif" % name, saved(base.convert("1"), "TIFF", compression=name)
    yield "saved-float.tif", saved(base.convert("F"), "TIFF")
    yield "saved-gray-alpha.tif", saved(base.convert("LA"), "TIFF")
    yield "huge.tif", tiff_file(tiff_tags(60000, 60000, 8, 3, 2), [bytes(100)])
    yield "huge-tiles.tif", tiff_file(tiff_tags(13, 6, 8, 3, 2) | {322: ("L", [1 << 20]), 323: ("L", [1 << 20])}, [bytes(100)])
    yield "empty.tif", tiff_file(tiff_tags(0, 6, 8, 3, 2), [bytes(100)])
    yield "higher.tif", tiff_file(tiff_tags(13, 7, 8, 3, 2), [tiff_samples(13, 6, 8, 3)])
    yield "no-size.tif", tiff_file({t: v for t, v in tiff_tags(13, 6, 8, 3, 2).items() if t != 257}, [bytes(300)])
    yield "many-samples.tif", made_tiff(8, 7, 2, extra=[0, 0, 0, 0])
    yield "few-samples.tif", made_tiff(8, 2, 2)
    deflated = saved(base, "TIFF", compression="tiff_adobe_deflate")
    for cut in (1, 4, 30, len(plain) - 8, len(plain) - 60):
        yield "cut-%d.tif" % cut, plain[:-cut]
    yield "damaged.tif", patch(deflated, 300, bytes(40))
    yield "directory-far.tif", patch(plain, 4, struct.pack("<L", 1 << 30))


# ------------------------------------------------------------------------------------------------------------------ AVIF


def avif_files():
    base = picture(50, 35)
    yield "lossy.avif", saved(base, "AVIF", quality=60)
    yield "best.avif", saved(base, "AVIF", quality=100, subsampling="4:4:4")
    yield "alpha.avif", saved(with_alpha(base), "AVIF", quality=80)
    yield "gray.avif", saved(base.convert("L"), "AVIF", quality=80)
    yield "odd.avif", saved(picture(17, 13), "AVIF", quality=80)
    for orientation in range(2, 9):
        exif = Image.Exif()
        exif[274] = orientation
        yield "orientation-%d.avif" % orientation, saved(base, "AVIF", quality=80, exif=exif)
    yield "animated.avif", saved(base, "AVIF", quality=80, save_all=True, append_images=[noise(50, 35)])


def with_alpha(image):
    image = image.convert("RGBA")
    image.putalpha(picture(*image.size).getchannel(2))
    return image


def make_avif(out):
    """Lossy decoders differ: the pixels themselves, for a comparison with a tolerance."""
    os.makedirs(out + "/avif", exist_ok=True)
    given = os.path.join(os.path.dirname(os.path.abspath(__file__)), "avif", "photo.avif")
    for name, data in [*avif_files(), ("photo.avif", open(given, "rb").read())]:
        with open(out + "/avif/" + name, "wb") as file:
            file.write(data)
        image = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
        image.save(out + "/avif/" + name + ".png", optimize=True)


# Files from elsewhere, which lie beside this script.
GIVEN = ["1bit.bmp", "24bit.bmp", "32bit.bmp", "8bit.bmp", "animated.gif", "gray.gif", "rgb.gif", "transparent.gif"]
GIVEN += [name + ".tif" for name in "cmyk deflate g4 gray gray16 jpeg lzw plain turned two_pages".split()]


def given_files():
    for name in GIVEN:
        with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "files", name), "rb") as file:
            yield name, file.read()


def other_files():
    yield "empty", b""
    yield "text.jpg", b"not an image\n"
    for kind in ("PPM", "TGA", "ICO"):
        out = io.BytesIO()
        picture(5, 5).save(out, kind)
        yield "other." + kind.lower(), out.getvalue()


# Where lmvr differs from Pillow on purpose. It refuses formats that it does not promise, and files whose header and data
# disagree by whole rows of blocks or by any line of a PNG, which Pillow fills with gray or black or leaves out; the kinds of TIFF
# that need color management, or a conversion of libtiff's; and a TIFF without the end of its directory.
REFUSED = {
    *("other.ppm", "other.tga", "other.ico", "header-higher.png", "header-lower.png", "data-bomb.png"),
    *("header-higher.jpg", "header-wider.jpg", "header-narrower.jpg", "early-end.jpg"),
    *("progressive-header-higher.jpg", "progressive-header-wider.jpg"),
    *("lab.tif", "ycbcr-raw.tif", "saved-ycbcr-lzw.tif", "cut-1.tif", "cut-4.tif"),
}


def expected(name, path):
    if name in REFUSED:
        return "error"
    try:
        image = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
    except Exception as reason:
        print("%s: %r" % (name, reason), file=sys.stderr)
        return "error"
    return "%d %d %s" % (image.width, image.height, fnv(image.tobytes()))


def make_decode(out):
    os.makedirs(out + "/files", exist_ok=True)
    with open(out + "/decode.txt", "w") as manifest:
        for files in (jpeg_files, png_files, webp_files, gif_files, bmp_files, tiff_files, given_files, other_files):
            for name, data in files():
                path = out + "/files/" + name
                with open(path, "wb") as file:
                    file.write(data)
                manifest.write("%s %s\n" % (name, expected(name, path)))


# ----------------------------------------------------------------------------------------------------- resize, preprocess


def make_resize(out):
    cases = []
    sizes = [(60, 40), (37, 53), (1, 1), (1, 30), (30, 1), (2, 3), (100, 9), (9, 100)]
    targets = [(24, 24), (60, 40), (120, 81), (1, 1), (7, 50), (50, 7), (60, 13), (13, 40)]
    for filter in range(6):
        cases += [(*size, *target, filter) for size in sizes for target in targets]
    cases += [(500, 375, 299, 224, 3), (333, 500, 224, 224, 3), (375, 500, 224, 224, 3), (640, 480, 97, 31, 1)]
    with open(out + "/resize.txt", "w") as manifest:
        for width, height, new_width, new_height, filter in cases:
            image = noise(width, height).resize((new_width, new_height), filter)
            manifest.write("%d %d %d %d %d %s\n" % (width, height, new_width, new_height, filter, fnv(image.tobytes())))


def make_preprocess(out):
    steps_all = 15
    sizes = [(64, 48), (48, 64), (50, 50), (33, 32), (1, 1), (1, 40), (40, 1), (7, 300), (300, 7)]
    recipes = [
        (24, 0, 0, 24, 24, 0, 3, steps_all),  # CLIP
        (36, 0, 0, 30, 30, 0, 3, steps_all),  # an edge larger than the crop
        (24, 0, 0, 31, 37, 0, 3, steps_all),  # a crop larger than the picture
        (24, 0, 0, 24, 24, 1, 3, steps_all),  # LLaVA-1.5's square
        (0, 24, 24, 0, 0, 0, 3, 13),  # BLIP
        (0, 20, 30, 25, 25, 0, 2, steps_all),
        (24, 0, 0, 24, 24, 0, 0, steps_all),
        (24, 0, 0, 24, 24, 1, 1, 7),  # not normalized
        (24, 0, 0, 24, 24, 0, 3, 11),  # not rescaled
        (0, 0, 0, 20, 21, 1, 3, 14),  # not resized
        (0, 0, 0, 20, 21, 0, 3, 2),
    ]
    cases = [(*size, *recipe) for size in sizes for recipe in recipes]
    cases += [(500, 375, 224, 0, 0, 224, 224, 0, 3, steps_all), (375, 500, 336, 0, 0, 336, 336, 1, 3, steps_all)]
    cases += [(333, 500, 0, 224, 224, 0, 0, 0, 3, 13), (3, 2000, 48, 0, 0, 48, 48, 0, 3, steps_all)]
    with open(out + "/preprocess.txt", "w") as manifest:
        for case in cases:
            width, height, edge, new_width, new_height, crop_width, crop_height, pad, filter, steps = case
            kind = LlavaImageProcessorPil if pad else CLIPImageProcessorPil
            processor = kind(
                size={"shortest_edge": edge} if edge else {"height": new_height, "width": new_width},
                crop_size={"height": crop_height, "width": crop_width},
                resample=filter,
                do_resize=bool(steps & 1),
                do_center_crop=bool(steps & 2),
                do_rescale=bool(steps & 4),
                do_normalize=bool(steps & 8),
                **({"do_pad": True} if pad else {}),
            )
            tensor = np.asarray(processor(noise(width, height), return_tensors="np")["pixel_values"][0])
            line = (*case, tensor.shape[2], tensor.shape[1], fnv(np.ascontiguousarray(tensor, "<f4").tobytes()))
            manifest.write(" ".join(map(str, line)) + "\n")


if __name__ == "__main__":
    make_decode(sys.argv[1])
    make_avif(sys.argv[1])
    make_resize(sys.argv[1])
    make_preprocess(sys.argv[1])
