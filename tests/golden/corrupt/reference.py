"""ImageNet-C's corruptions in NumPy, SciPy, scikit-image, OpenCV, Pillow and ImageMagick (through Wand).

Written from the paper (Hendrycks and Dietterich, ICLR 2019) and the parameters of its create_c/make_imagenet_c.py, in the same
libraries' calls, since their rounding is part of the result. Pictures of other sizes than 224 x 224 have their lengths scaled by
the short side over 224, as lab/corrupt/corrupt.h says it.

A corruption takes (H, W, 3) bytes, a severity from 1 to 5 and a numpy Generator, and gives (H, W, 3) bytes. Frost is not here:
its textures are not shipped.
"""
import io

import cv2
import numpy as np
import skimage
from PIL import Image
from scipy import ndimage
from skimage.filters import gaussian

GROUPS = {
    "noise": ["gaussian_noise", "shot_noise", "impulse_noise"],
    "blur": ["defocus_blur", "glass_blur", "motion_blur", "zoom_blur"],
    "weather": ["snow", "frost", "fog", "brightness"],
    "digital": ["contrast", "elastic_transform", "pixelate", "jpeg_compression"],
    "extra": ["gaussian_blur", "speckle_noise", "spatter", "saturate"],
}
NAMES = [name for group in GROUPS.values() for name in group]
DETERMINISTIC = ["defocus_blur", "zoom_blur", "brightness", "contrast", "pixelate", "jpeg_compression", "gaussian_blur", "saturate"]


def scale(x):
    return min(x.shape[:2]) / 224


def finish(x):
    """What 0 to 1 becomes: cut off, not rounded."""
    return np.uint8(np.clip(x, 0, 1) * 255)


# ---- noise ----


def gaussian_noise(x, severity, rng):
    c = [0.08, 0.12, 0.18, 0.26, 0.38][severity - 1]
    return finish(x / 255.0 + rng.normal(size=x.shape, scale=c))


def shot_noise(x, severity, rng):
    c = [60, 25, 12, 5, 3][severity - 1]
    return finish(rng.poisson(x / 255.0 * c) / c)


def impulse_noise(x, severity, rng):
    c = [0.03, 0.06, 0.09, 0.17, 0.27][severity - 1]
    return finish(skimage.util.random_noise(x / 255.0, mode="s&p", amount=c, rng=rng))


# ---- blur ----


def disk(radius, alias_blur):
    half, ksize = (8, 3) if radius <= 8 else (int(np.ceil(radius)), 5)
    u, v = np.meshgrid(np.arange(-half, half + 1), np.arange(-half, half + 1))
    kernel = np.array(u**2 + v**2 <= radius**2, dtype=np.float32)
    kernel /= kernel.sum()
    return cv2.GaussianBlur(kernel, ksize=(ksize, ksize), sigmaX=alias_blur)


def defocus_blur(x, severity, rng):
    radius, alias_blur = [(3, 0.1), (4, 0.5), (6, 0.5), (8, 0.5), (10, 0.5)][severity - 1]
    kernel = disk(radius * scale(x), alias_blur)
    return finish(np.stack([cv2.filter2D(x[..., c] / 255.0, -1, kernel) for c in range(3)], -1))


def glass_blur(x, severity, rng):
    sigma, delta, iterations = [(0.7, 1, 2), (0.9, 2, 1), (1, 2, 3), (1.1, 3, 2), (1.5, 4, 2)][severity - 1]
    sigma, delta = sigma * scale(x), max(1, round(delta * scale(x)))
    x = np.uint8(gaussian(x / 255.0, sigma=sigma, channel_axis=-1) * 255)
    for _ in range(iterations):
        for h in range(x.shape[0] - delta, delta, -1):
            for w in range(x.shape[1] - delta, delta, -1):
                dx, dy = rng.integers(-delta, delta, size=2)
                x[h, w] = x[h + dy, w + dx]  # the authors' swap of two views is this
    return finish(gaussian(x / 255.0, sigma=sigma, channel_axis=-1))


def motion(x, radius, sigma, angle):
    from wand.image import Image as WandImage

    with io.BytesIO() as file:
        Image.fromarray(x).save(file, "PNG")
        with WandImage(blob=file.getvalue()) as image:
            image.motion_blur(radius=radius, sigma=sigma, angle=angle)
            blob = image.make_blob()
    out = cv2.imdecode(np.frombuffer(blob, np.uint8), cv2.IMREAD_UNCHANGED)
    if x.ndim == 2:
        return out if out.ndim == 2 else out[..., 0]
    return out[..., [2, 1, 0]] if out.ndim == 3 else np.stack([out] * 3, -1)


def motion_blur(x, severity, rng, angle=None):
    radius, sigma = [(10, 3), (15, 5), (15, 8), (15, 12), (20, 15)][severity - 1]
    angle = rng.uniform(-45, 45) if angle is None else angle
    return motion(x, radius * scale(x), sigma * scale(x), angle)


def clipped_zoom(x, factor):
    h, w = x.shape[:2]
    ch, cw = int(np.ceil(h / factor)), int(np.ceil(w / factor))
    top, left = (h - ch) // 2, (w - cw) // 2
    x = ndimage.zoom(x[top : top + ch, left : left + cw], (factor, factor, 1), order=1)
    top, left = (x.shape[0] - h) // 2, (x.shape[1] - w) // 2
    return x[top : top + h, left : left + w]


def zoom_blur(x, severity, rng):
    stop, step = [(1.11, 0.01), (1.16, 0.01), (1.21, 0.02), (1.26, 0.02), (1.31, 0.03)][severity - 1]
    factors = np.arange(1, stop, step)
    x = (x / 255.0).astype(np.float32)
    out = np.zeros_like(x)
    for factor in factors:
        out += clipped_zoom(x, factor)
    return finish((x + out) / (len(factors) + 1))


# ---- weather ----


def snow(x, severity, rng, angle=None):
    mean, deviation, zoom, threshold, radius, sigma, keep = [
        (0.1, 0.3, 3, 0.5, 10, 4, 0.8),
        (0.2, 0.3, 2, 0.5, 12, 4, 0.7),
        (0.55, 0.3, 4, 0.9, 12, 8, 0.7),
        (0.55, 0.3, 4.5, 0.85, 12, 8, 0.65),
        (0.55, 0.3, 2.5, 0.85, 12, 12, 0.55),
    ][severity - 1]
    s = scale(x)
    layer = clipped_zoom(rng.normal(size=x.shape[:2], loc=mean, scale=deviation)[..., None], max(1, zoom * s))[..., 0]
    layer[layer < threshold] = 0
    angle = rng.uniform(-135, -45) if angle is None else angle
    layer = motion(finish(layer), radius * s, sigma * s, angle)[..., None] / 255.0
    x = np.float32(x) / 255
    pale = cv2.cvtColor(x, cv2.COLOR_RGB2GRAY)[..., None] * 1.5 + 0.5
    return finish(keep * x + (1 - keep) * np.maximum(x, pale) + layer + np.rot90(layer, k=2))


def plasma(h, w, decay, rng):
    """Diamonds and squares on a torus of square cells, as many as a picture needs; heights from 0 to 1."""
    cell = max(2, 1 << int(np.ceil(np.log2(min(h, w)))))
    m = np.zeros((-(-h // cell) * cell, -(-w // cell) * cell))
    step, wibble = cell, 100

    def wibbled(total):
        return total / 4 + wibble * rng.uniform(-wibble, wibble, total.shape)

    while step >= 2:
        half = step // 2
        corners = m[::step, ::step]
        total = corners + np.roll(corners, -1, 0)
        m[half::step, half::step] = wibbled(total + np.roll(total, -1, 1))
        middles = m[half::step, half::step]
        m[::step, half::step] = wibbled(middles + np.roll(middles, 1, 0) + corners + np.roll(corners, -1, 1))
        m[half::step, ::step] = wibbled(middles + np.roll(middles, 1, 1) + corners + np.roll(corners, -1, 0))
        step //= 2
        wibble /= decay
    m -= m.min()
    return (m / m.max())[:h, :w]


def fog(x, severity, rng):
    thickness, decay = [(1.5, 2), (2, 2), (2.5, 1.7), (2.5, 1.5), (3, 1.4)][severity - 1]
    x = x / 255.0
    most = x.max()
    return finish((x + thickness * plasma(*x.shape[:2], decay, rng)[..., None]) * most / (most + thickness))


def brightness(x, severity, rng):
    c = [0.1, 0.2, 0.3, 0.4, 0.5][severity - 1]
    x = skimage.color.rgb2hsv(x / 255.0)
    x[..., 2] = np.clip(x[..., 2] + c, 0, 1)
    return finish(skimage.color.hsv2rgb(x))


# ---- digital ----


def contrast(x, severity, rng):
    c = [0.4, 0.3, 0.2, 0.1, 0.05][severity - 1]
    x = x / 255.0
    means = np.mean(x, axis=(0, 1), keepdims=True)
    return finish((x - means) * c + means)


def elastic_transform(x, severity, rng):
    strength, sigma, affine = [
        (244 * 2, 244 * 0.7, 244 * 0.1),
        (244 * 2, 244 * 0.08, 244 * 0.2),
        (244 * 0.05, 244 * 0.01, 244 * 0.02),
        (244 * 0.07, 244 * 0.01, 244 * 0.02),
        (244 * 0.12, 244 * 0.01, 244 * 0.02),
    ][severity - 1]
    s = scale(x)
    strength, sigma, affine = strength * s * s, sigma * s, affine * s
    x = np.float32(x) / 255
    h, w = x.shape[:2]
    center, square = np.float32([w // 2, h // 2]), min(h, w) // 3
    corners = np.float32([center + square, [center[0] + square, center[1] - square], center - square])
    moved = corners + rng.uniform(-affine, affine, size=corners.shape).astype(np.float32)
    x = cv2.warpAffine(x, cv2.getAffineTransform(corners, moved), (w, h), borderMode=cv2.BORDER_REFLECT_101)
    dx, dy = (
        (gaussian(rng.uniform(-1, 1, size=(h, w)), sigma, mode="reflect", truncate=3) * strength).astype(np.float32)
        for _ in range(2)
    )
    row, column = np.meshgrid(np.arange(h), np.arange(w), indexing="ij")
    places = [row + dy, column + dx]
    return finish(np.stack([ndimage.map_coordinates(x[..., c], places, order=1, mode="reflect") for c in range(3)], -1))


def pixelate(x, severity, rng):
    c = [0.6, 0.5, 0.4, 0.3, 0.25][severity - 1]
    h, w = x.shape[:2]
    small = Image.fromarray(x).resize((max(1, int(w * c)), max(1, int(h * c))), Image.BOX)
    return np.array(small.resize((w, h), Image.BOX))


def jpeg_compression(x, severity, rng):
    with io.BytesIO() as file:
        Image.fromarray(x).save(file, "JPEG", quality=[25, 18, 15, 10, 7][severity - 1])
        return np.array(Image.open(file))


# ---- the extra set ----


def gaussian_blur(x, severity, rng):
    return finish(gaussian(x / 255.0, sigma=[1, 2, 3, 4, 6][severity - 1] * scale(x), channel_axis=-1))


def speckle_noise(x, severity, rng):
    c = [0.15, 0.2, 0.35, 0.45, 0.6][severity - 1]
    x = x / 255.0
    return finish(x + x * rng.normal(size=x.shape, scale=c))


def relief(liquid, s):
    """How light falls on drops; the windows of 3 pixels are scaled to whole ones."""
    d = max(1, round(s))
    distance = cv2.distanceTransform(255 - cv2.Canny(liquid, 50, 150), cv2.DIST_L2, 5) / np.float32(s)
    distance = cv2.blur(np.minimum(distance, 20), (2 * d + 1, 2 * d + 1)).astype(np.uint8)
    light = np.zeros((2 * d + 1, 2 * d + 1), np.float32)
    light[::d, ::d] = [[-2, -1, 0], [-1, 1, 1], [0, 1, 2]]
    return cv2.blur(cv2.filter2D(cv2.equalizeHist(distance), cv2.CV_8U, light), (2 * d + 1, 2 * d + 1))


def make_liquid(shape, s, mean, deviation, sigma, threshold, rng):
    """The smoothing divides the deviation by a length, so that it is scaled too."""
    layer = gaussian(rng.normal(size=shape, loc=mean, scale=deviation * s), sigma=sigma * s)
    layer[layer < threshold] = 0
    return layer


def spatter(x, severity, rng):
    mean, deviation, sigma, threshold, amount, mud = [
        (0.65, 0.3, 4, 0.69, 0.6, False),
        (0.65, 0.3, 3, 0.68, 0.6, False),
        (0.65, 0.3, 2, 0.68, 0.5, False),
        (0.65, 0.3, 1, 0.65, 1.5, True),
        (0.67, 0.4, 1, 0.65, 1.5, True),
    ][severity - 1]
    s = scale(x)
    layer = make_liquid(x.shape[:2], s, mean, deviation, sigma, threshold, rng)
    x = np.float32(x) / 255
    if mud:
        cover = gaussian((layer > threshold).astype(np.float32), sigma=amount * s)
        cover[cover < 0.8] = 0
        return finish(x * (1 - cover[..., None]) + np.float32([63, 42, 20]) / 255 * cover[..., None])
    drops = finish(layer)
    light = drops * relief(drops, s).astype(np.float32)
    return finish(x + light[..., None] / light.max() * amount * np.float32([175, 238, 238]) / 255)


def saturate(x, severity, rng):
    times, plus = [(0.3, 0), (0.1, 0), (2, 0), (5, 0.1), (20, 0.2)][severity - 1]
    x = skimage.color.rgb2hsv(x / 255.0)
    x[..., 1] = np.clip(x[..., 1] * times + plus, 0, 1)
    return finish(skimage.color.hsv2rgb(x))


def corrupt(name, x, severity, rng=None, **more):
    return globals()[name](x, severity, rng if rng is not None else np.random.default_rng(0), **more)


# ---- how a picture is told from another ----


def statistics(x, original):
    """Mean, spread, roughness (the mean step between neighbors) and change, of bytes."""
    y = x.astype(float)
    rough = (np.abs(np.diff(y, axis=0)).mean() + np.abs(np.diff(y, axis=1)).mean()) / 2
    return [y.mean(), y.std(), rough, np.abs(y - original).mean()]


def psnr(a, b):
    error = np.mean((a.astype(float) - b) ** 2)
    return 10 * np.log10(255**2 / error) if error else float("inf")
