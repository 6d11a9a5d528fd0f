#!/usr/bin/env python3
"""Make the golden references of src/image: small files of every kind, and what Pillow and transformers make of them.

    make_image_golden.py OUT            write OUT/files/* and OUT/decode.txt, OUT/resize.txt, OUT/preprocess.txt

It runs in the reference environment (../README.md says how): Pillow, NumPy, transformers. Deterministic; a minute.

decode.txt       FILE WIDTH HEIGHT HASH, or FILE error
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


def other_files():
    yield "empty", b""
    yield "text.jpg", b"not an image\n"
    for kind in ("GIF", "BMP", "TIFF"):
        out = io.BytesIO()
        picture(5, 5).save(out, kind)
        yield "other." + kind.lower(), out.getvalue()


# Where lmvr differs from Pillow on purpose. It refuses formats that it does not promise, and files whose header and data
# disagree by whole rows of blocks or by any line of a PNG, which Pillow fills with gray or black or leaves out.
REFUSED = {
    *("other.gif", "other.bmp", "other.tiff", "header-higher.png", "header-lower.png", "data-bomb.png"),
    *("header-higher.jpg", "header-wider.jpg", "header-narrower.jpg", "early-end.jpg"),
    *("progressive-header-higher.jpg", "progressive-header-wider.jpg"),
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
        for files in (jpeg_files, png_files, webp_files, other_files):
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
    make_resize(sys.argv[1])
    make_preprocess(sys.argv[1])
