"""Makes the pictures here, and what reference.py makes of them. Run in this folder; it takes ten minutes, most of them glass blur.

scene.jpg        224 x 224, small.jpg 97 x 61: drawn, with smooth and rough parts, edges, black and white.
TYPE-S.png       of the scene, where nothing is random (motion blur at 30 degrees): tiles() of the result.
small-TYPE-S.png the whole result of small.jpg.
small-crop-N.png the crop of small.jpg to N x N, by torchvision.
small-85.jpg     small.jpg as ImageNet-C's files are saved; small-25.jpg: at another quality and with the standard codes.
liquid-W.png     drops of spatter at severity 2, W = 224, 130 and 360 pixels wide; relief-W.png: how light falls on them.
statistics.json  of the random ones: means and deviations over seeds; "scene" at each severity, "small" at severity 3, "gray",
                 where nothing but the fog itself is to be seen, and "teeth", on which a shift of a pixel is one of 8 gray levels.
"""
import json

import numpy as np
from PIL import Image
from torchvision import transforms

from reference import DETERMINISTIC, NAMES, corrupt, finish, make_liquid, relief, statistics

SEEDS = 24
RANDOM = [name for name in NAMES if name not in DETERMINISTIC and name != "frost"]


def clouds(rng, h, w, power):
    """Noise with a falling spectrum, as photographs have it, of deviation 1."""
    frequency = np.hypot(np.fft.fftfreq(h)[:, None] * h, np.fft.fftfreq(w)[None] * w)
    frequency[0, 0] = np.inf
    x = np.fft.ifft2(np.fft.fft2(rng.normal(size=(h, w))) / frequency**power).real
    return x / x.std()


def scene(h, w, seed):
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:h, :w] / min(h, w)
    light = 120 + 50 * clouds(rng, h, w, 1.3)
    out = np.stack([light + shift + 14 * clouds(rng, h, w, 1.1) for shift in (12, 0, -14)], -1)
    for _ in range(14):
        cy, cx, r = rng.uniform(0, h / min(h, w)), rng.uniform(0, w / min(h, w)), rng.uniform(0.03, 0.16)
        out[np.hypot(y - cy, x - cx) < r] *= rng.uniform(0.3, 1.9, 3)
    out[(np.abs(y - 0.2) < 0.05) & (x > 0.55) & (np.floor(x * 40) % 2 == 0)] = [250, 240, 60]
    out[(y > 0.75) & (y < 0.9) & (x > 0.1) & (x < 0.3)] = 255
    out[(y > 0.6) & (y < 0.7) & (x > 0.7) & (x < 0.9)] = 0
    return np.uint8(np.clip(out, 0, 255))


def tiles(x):
    """The upper left, middle and lower right 40 x 40 side by side: the borders and what is far from them."""
    return np.hstack([x[:40, :40], x[92:132, 92:132], x[-40:, -40:]])


def save(x, name):
    Image.fromarray(x).save(name + ".png", optimize=True)


def figures(name, x, severity, seeds):
    values = [statistics(corrupt(name, x, severity, np.random.default_rng(seed)), x) for seed in range(seeds)]
    return {"mean": np.mean(values, 0).round(4).tolist(), "deviation": np.std(values, 0, ddof=1).round(4).tolist()}


def open_picture(name):
    return np.array(Image.open(name))


Image.fromarray(scene(224, 224, 3)).save("scene.jpg", quality=92)
Image.fromarray(scene(61, 97, 4)).save("small.jpg", quality=92)
big, small = open_picture("scene.jpg"), open_picture("small.jpg")
for name in DETERMINISTIC:
    for severity in range(1, 6):
        save(tiles(corrupt(name, big, severity)), f"{name}-{severity}")
    for severity in 2, 5:
        save(corrupt(name, small, severity), f"small-{name}-{severity}")
for severity in range(1, 6):
    save(tiles(corrupt("motion_blur", big, severity, angle=30)), f"motion_blur-{severity}")

for size in 64, 77:  # margins of 9 and 11 pixels, whose halves are rounded down and up
    crop = transforms.Compose([transforms.Resize(round(size * 256 / 224)), transforms.CenterCrop(size)])
    save(np.array(crop(Image.fromarray(small))), f"small-crop-{size}")
Image.fromarray(small).save("small-85.jpg", quality=85, optimize=True)
Image.fromarray(small).save("small-25.jpg", quality=25)

for w, h in (224, 224), (130, 90), (360, 340):
    s = min(w, h) / 224
    liquid = finish(make_liquid((h, w), s, 0.65, 0.3, 3, 0.68, np.random.default_rng(5)))
    save(liquid, f"liquid-{w}")
    save(relief(liquid, s), f"relief-{w}")

result = {"seeds": SEEDS, "scene": {}, "gray": {}, "teeth": {}, "small": {}}
gray = np.full((224, 224, 3), 128, np.uint8)
teeth = np.uint8(np.broadcast_to(64 + 8 * np.abs(np.arange(224) % 32 - 16)[None, :, None], gray.shape))
result["gray"]["fog"] = [figures("fog", gray, severity, SEEDS) for severity in range(1, 6)]
result["teeth"]["elastic_transform"] = [figures("elastic_transform", teeth, severity, SEEDS) for severity in range(1, 6)]
for name in RANDOM:
    result["scene"][name] = [figures(name, big, severity, SEEDS) for severity in range(1, 6)]
    result["small"][name] = figures(name, small, 3, SEEDS)
with open("statistics.json", "w") as file:
    json.dump(result, file, indent=1)
    file.write("\n")
