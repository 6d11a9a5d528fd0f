"""The page at /, in a browser, as people use it: by mouse and by keyboard, at a desk and on a phone. With LMVR_SHOTS=DIR it leaves
pictures of what it saw there."""

import base64
import importlib.util
import json
import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from shared import MODEL, MODEL_OPTIONS, PATIENCE, PROGRAM, SCENES, Server, data_url, until

if importlib.util.find_spec("playwright") is None:
    raise unittest.SkipTest("playwright is missing, which make setup-test installs")
BROWSER = next(filter(None, map(shutil.which, ("chromium-headless-shell", "chromium", "google-chrome"))), None)
if BROWSER is None:
    raise unittest.SkipTest("there is no Chromium, which ./setup.sh test installs where the distribution has it")
from playwright.sync_api import expect, sync_playwright

expect.set_options(timeout=1000 * PATIENCE)

COPIES = 6  # of each picture in the folder that is searched
SHOTS = os.environ.get("LMVR_SHOTS")
PIXELS = """canvas => {
    const all = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    let sum = 0;
    for (let i = 0; i < all.length; i++)
        sum = (sum * 31 + all[i]) % 1000000007;
    return sum;
}"""  # a number that tells pictures on a canvas apart
TOP = """canvas => {
    const {width, height} = canvas, all = canvas.getContext("2d").getImageData(0, 0, width, height).data;
    const at = all.findIndex((value, i) => i % 4 === 3 && value > 100) >> 2;
    return [at % width, Math.floor(at / width) + 3].map((value) => value / devicePixelRatio);
}"""  # where the topmost dot is
DROP = """([bytes, kind]) => {
    const data = new DataTransfer(), blob = Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0));
    data.items.add(new File([blob], "dropped.jpg", {type: "image/jpeg"}));
    const event = kind === "paste" ? new ClipboardEvent("paste", {clipboardData: data, bubbles: true, cancelable: true})
                                   : new DragEvent(kind, {dataTransfer: data, bubbles: true, cancelable: true});
    document.body.dispatchEvent(event);
}"""


def setUpModule():
    global playwright, browser
    playwright = sync_playwright().start()
    browser = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])


def tearDownModule():
    browser.close()
    playwright.stop()


class BrowserTest(unittest.TestCase):
    """Tests of one server; each has a page of its own, and no error may be in its console."""

    options = ()
    model = MODEL_OPTIONS

    @classmethod
    def setUpClass(cls):
        cls.server = Server(*cls.options, model=cls.model)

    @classmethod
    def tearDownClass(cls):
        assert cls.server.stop() == 0

    def open(self, width=1200, height=900, **options):
        page = browser.new_context(viewport={"width": width, "height": height}, **options).new_page()
        page.set_default_timeout(1000 * PATIENCE)
        page.errors = []
        page.on("console", lambda message: page.errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        self.addCleanup(page.context.close)
        page.goto(f"http://127.0.0.1:{self.server.port}/")
        return page

    def ready(self, page):
        expect(page.locator("#server")).to_contain_text("lmvr-small")

    def drop(self, page, path=SCENES[0], kind="drop"):
        page.evaluate(DROP, [base64.b64encode(path.read_bytes()).decode(), kind])
        self.shown(page)

    def shown(self, page):
        until(lambda: page.eval_on_selector("#image", "image => image.naturalWidth > 0"), "the picture is shown")

    def shot(self, page, name, **options):
        if SHOTS:
            page.screenshot(path=f"{SHOTS}/{name}.png", **options)

    def fits(self, page):
        return page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")

    def good(self, page):
        self.assertEqual(page.errors, [])

    def ask(self, page):
        page.click("#describe button.main")
        page.wait_for_selector("#response button")
        return page.inner_text("#response")

    def look(self, page, number):
        """Clicks a word, and what then lies on the picture."""
        word = page.locator("#response button").nth(number)
        word.click()
        expect(page.locator("#ask-note")).to_have_text(f"Where it looked for “{word.inner_text()}”")
        return page.eval_on_selector("#heat", PIXELS)


class PageTest(BrowserTest):
    def test_a_picture_is_described_and_a_word_shows_where_the_model_looked(self):
        page = self.open()
        self.ready(page)
        self.shot(page, "empty")
        self.drop(page)
        said = self.ask(page)
        body = {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": data_url(SCENES[0])}}]}]}
        self.assertEqual(said, self.server.post("/v1/chat/completions", body).json["choices"][0]["message"]["content"])
        self.assertTrue(page.is_hidden("#heat"))
        first, second = self.look(page, 4), self.look(page, 6)
        self.assertNotEqual(first, second)
        self.assertEqual(page.locator("#response button[aria-pressed=true]").count(), 1)
        self.shot(page, "looked")
        page.locator("#response button").nth(6).click()
        self.assertTrue(page.is_hidden("#heat"))
        self.drop(page, SCENES[1], "paste")
        expect(page.locator("#response")).to_have_text("")
        self.assertNotEqual(self.ask(page), said)
        self.good(page)

    def test_what_cannot_be_used_is_said_in_the_servers_words(self):
        page = self.open()
        self.ready(page)
        page.set_input_files("#file", {"name": "<b>no.jpg</b>", "mimeType": "image/jpeg", "buffer": b"not a picture"})
        expect(page.locator("#picture-note")).to_contain_text("This browser cannot show")
        page.click("#describe button.main")
        expect(page.locator("#ask-note")).to_contain_text("not a JPEG, PNG")
        page.click("#vector button.main")
        expect(page.locator("#vector-note")).to_contain_text("not a JPEG, PNG")
        self.assertEqual(page.locator("b").count(), 0)

    def test_a_vector_of_the_chosen_layer_is_that_of_the_server(self):
        page = self.open()
        self.ready(page)
        self.drop(page)
        blank = page.eval_on_selector("#bars", PIXELS)
        page.select_option("#tokens", "generated")
        page.select_option("#pool", "max")
        page.select_option("#layer", "-2")
        self.assertEqual(page.inner_text("#spec"), "llm:generated:max:-2")
        page.click("#vector button.main")
        with page.expect_download() as download:
            page.click("#save")
        saved = json.loads(download.value.path().read_text())
        self.assertEqual(download.value.suggested_filename, "llm_generated_max_-2.json")
        body = {"input": data_url(SCENES[0]), "features": ["llm:generated:max:-2"]}
        expected = self.server.post("/v1/embeddings", body).json["data"][0]["embedding"]
        self.assertEqual([float(f"{v:.6g}") for v in saved["embedding"]], [float(f"{v:.6g}") for v in expected])
        self.assertNotEqual(page.eval_on_selector("#bars", PIXELS), blank)
        page.select_option("#source", "encoder")
        self.assertEqual(page.inner_text("#spec"), "encoder:patches:max:-2")
        self.good(page)

    def test_the_keyboard_is_enough(self):
        page = self.open()
        self.ready(page)
        page.keyboard.press("Tab")
        self.assertEqual(page.evaluate("document.activeElement.id"), "choose")
        self.assertNotEqual(page.evaluate("getComputedStyle(document.activeElement).outlineStyle"), "none")
        page.eval_on_selector("#file", "file => file.addEventListener('click', (event) => { window.choosing = true; event.preventDefault(); })")
        page.keyboard.press("Enter")
        until(lambda: page.evaluate("window.choosing"), "a file is asked for")
        page.set_input_files("#file", SCENES[0])
        self.shown(page)
        page.keyboard.press("Tab")
        page.keyboard.press("ControlOrMeta+A")
        page.keyboard.type("What is it?")
        page.keyboard.press("Enter")
        page.wait_for_selector("#response button")
        page.keyboard.press("Tab")  # Ask
        page.keyboard.press("Tab")  # the first word
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowRight")
        third = page.locator("#response button").nth(2)
        self.assertTrue(third.evaluate("(word) => word === document.activeElement"))
        page.keyboard.press("Enter")
        page.wait_for_selector("#heat:not([hidden])")
        page.keyboard.press("Tab")
        self.assertEqual(page.evaluate("document.activeElement.id"), "source")
        self.good(page)

    def test_a_phone_shows_all_in_its_width_light_or_dark(self):
        page = self.open(360, 740, color_scheme="dark", reduced_motion="reduce")
        self.ready(page)
        self.assertTrue(self.fits(page))
        before = page.locator("#describe").bounding_box()
        self.drop(page)
        self.assertEqual(page.locator("#describe").bounding_box(), before)  # nothing has jumped
        self.ask(page)
        self.look(page, 4)
        page.click("#vector button.main")
        page.wait_for_selector("#save:not([hidden])")
        self.assertTrue(self.fits(page))
        dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
        self.shot(page, "phone", full_page=True)
        page.emulate_media(color_scheme="light")
        self.assertNotEqual(page.evaluate("getComputedStyle(document.body).backgroundColor"), dark)
        self.good(page)

    def test_the_page_waits_for_the_model(self):
        page = browser.new_context().new_page()
        self.addCleanup(page.context.close)
        loading = json.dumps({"error": {"message": "the model is being loaded"}})
        page.route("**/v1/models", lambda route: route.fulfill(status=503, content_type="application/json", body=loading))
        page.goto(f"http://127.0.0.1:{self.server.port}/")
        expect(page.locator("#server")).to_have_text("The model is being loaded …")
        self.assertTrue(page.is_disabled("#describe button.main"))
        page.unroute_all()
        self.ready(page)
        self.assertTrue(page.is_enabled("#describe button.main"))


class IndexTest(BrowserTest):
    """With a folder to be searched."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="lmvr-serve-")
        index = cls.folder.name + "/index"
        for scene in SCENES:
            for i in range(COPIES):
                copy = Path(cls.folder.name, "pictures", scene.stem, f"{i}.jpg")
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(scene.read_bytes())
        subprocess.run([PROGRAM, "embed", "-q", *MODEL_OPTIONS, "-f", "llm", "--max-new-tokens", "4", "-o", index, cls.folder.name + "/pictures"], check=True)
        cls.options = ("--index", index)
        cls.model = ["-m", str(MODEL)]
        super().setUpClass()

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.folder.cleanup()

    def draw(self, page):
        self.ready(page)
        page.click("#draw")
        expect(page.locator("#map-note")).to_contain_text("of their variance")
        page.locator("#map").scroll_into_view_if_needed()
        return self.pixels(page)

    def pixels(self, page):
        """What is on the map, once it has been drawn."""
        page.evaluate("() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
        return page.eval_on_selector("#points", PIXELS)

    def test_the_map_is_pca_at_once_and_t_sne_at_its_end(self):
        page = self.open()
        pca = self.draw(page)
        self.assertEqual(page.locator("#legend button").all_inner_texts(), [scene.stem for scene in SCENES])  # the folders
        self.shot(page, "pca", full_page=True)
        page.click("#tsne")
        expect(page.locator("#map-note")).to_have_text(f"t-SNE of {COPIES * len(SCENES)} pictures")
        tsne = self.pixels(page)
        self.assertNotEqual(tsne, pca)
        self.shot(page, "tsne", full_page=True)
        page.click("#pca")
        self.assertEqual(self.pixels(page), pca)
        page.click("#tsne")  # is kept
        self.assertEqual(self.pixels(page), tsne)
        self.good(page)

    def test_t_sne_can_be_cancelled(self):
        page = self.open()
        pca = self.draw(page)
        page.evaluate("() => { window.Worker = class { postMessage() {} terminate() {} }; }")  # one that never ends
        page.click("#tsne")
        expect(page.locator("#progress")).to_be_visible()
        page.click("#cancel")
        expect(page.locator("#map-note")).to_have_text("Cancelled")
        self.assertTrue(page.is_hidden("#progress"))
        self.assertEqual(self.pixels(page), pca)

    def test_a_dot_shows_its_picture_by_mouse_and_by_keyboard(self):
        page = self.open()
        self.draw(page)
        page.focus("#points")
        seen = set()
        for key in ("ArrowRight", "ArrowRight", "ArrowLeft", "ArrowUp", "ArrowDown", "ArrowDown", "ArrowLeft", "ArrowRight"):
            page.keyboard.press(key)
            until(lambda: page.eval_on_selector("#point-image", "image => !image.hidden && image.naturalWidth > 0"), "a picture")
            seen.add(page.inner_text("#point-text"))
        self.assertGreater(len(seen), 2)
        before = self.pixels(page)
        page.keyboard.press("+")
        self.assertNotEqual(self.pixels(page), before)
        page.keyboard.press("0")
        self.assertEqual(self.pixels(page), before)
        box = page.locator("#points").bounding_box()
        x, y = page.eval_on_selector("#points", TOP)
        page.mouse.move(box["x"] + x, box["y"] + y)
        top = page.get_attribute("#point-text", "title")
        page.keyboard.press("ArrowDown")
        self.assertNotEqual(page.get_attribute("#point-text", "title"), top)
        page.mouse.move(box["x"] + x, box["y"] + y + 1)
        self.assertEqual(page.get_attribute("#point-text", "title"), top)
        page.locator("#legend button").first.click()
        self.assertNotEqual(self.pixels(page), before)
        self.good(page)

    def test_labels_of_a_file_color_the_map(self):
        page = self.open()
        self.draw(page)
        rows = [f"{scene.stem}/{i}.jpg" for scene in SCENES for i in range(COPIES)]
        classes = ["odd" if int(row[0]) % 2 else "<b>even</b>" for row in rows]
        files = {"table.csv": "path,label\r\n" + "".join(f'"{row}","{kind}"\r\n' for row, kind in zip(rows, classes)),
                 "rows.csv": "label\n" + "".join(f"{kind}\n" for kind in classes),
                 "classes.csv": "<b>even</b>,odd\n" + "".join("-1,1\n" if kind == "odd" else "1,-1\n" for kind in classes),
                 "tabs.txt": "".join(f"./{row}\t{kind}\n" for row, kind in zip(rows, classes)),
                 "spaces.txt": "".join(f"{row} {kind}\n" for row, kind in zip(rows, classes))}
        colored = set()
        for name, text in files.items():
            page.set_input_files("#labels", {"name": name, "mimeType": "text/plain", "buffer": text.encode()})
            expect(page.locator("#map-note")).to_have_text(f"{len(rows)} of {len(rows)} have a label in {name}")
            self.assertEqual(page.locator("#legend button").all_inner_texts(), ["<b>even</b>", "odd"])
            colored.add(self.pixels(page))
        self.assertEqual(len(colored), 1)
        short = "path,label\n" + f"{rows[0]}\n" + "".join(f"{row},{kind}\n" for row, kind in zip(rows[1:], classes[1:]))
        page.set_input_files("#labels", {"name": "short.csv", "mimeType": "text/plain", "buffer": short.encode()})
        expect(page.locator("#map-note")).to_have_text(f"{len(rows) - 1} of {len(rows)} have a label in short.csv")
        for text, words in (("none.jpg dog\n", "no label in the file is of a row"), ("label\ndog\n", "the file has 1 labels"), ("dog\n", "line 1 of the labels has no tab")):
            page.set_input_files("#labels", {"name": "a.txt", "mimeType": "text/plain", "buffer": text.encode()})
            expect(page.locator("#map-note")).to_contain_text(words)
        self.good(page)

    def test_a_phone_shows_the_map_in_its_width(self):
        page = self.open(360, 740, color_scheme="dark", reduced_motion="reduce")
        self.draw(page)
        self.assertTrue(self.fits(page))
        self.shot(page, "phone-map", full_page=True)

    def test_a_picture_is_its_own_first_neighbor_and_a_text_has_neighbors_too(self):
        page = self.open()
        self.ready(page)
        self.drop(page, SCENES[2])
        page.click("#by-picture")
        first = page.locator("#found li").first
        expect(first.locator(".score")).to_have_text("1.0000")
        self.assertIn(f"/{SCENES[2].stem}/", first.get_attribute("title"))
        until(lambda: page.locator("#found img").evaluate_all("images => images.length === 12 && images.every((image) => image.naturalWidth > 0)"), "pictures")
        self.shot(page, "found", full_page=True)
        page.fill("#query", "a donut")
        page.keyboard.press("Enter")
        expect(page.locator("#search-note")).to_contain_text("“a donut”")
        (item,) = self.server.post("/v1/search", {"input": "a donut"}).json["data"]
        paths = page.locator("#found li").evaluate_all("items => items.map((item) => item.title)")
        self.assertEqual(paths, [result["path"] for result in item["results"]] + paths[10:])
        page.set_viewport_size({"width": 360, "height": 740})
        self.assertTrue(self.fits(page))
        self.good(page)


class StopTest(BrowserTest):
    options = ("--max-new-tokens", "2000", "--temperature", "100", "--seed", "2")  # with which a response never ends

    def test_a_response_comes_word_by_word_and_can_be_stopped(self):
        page = self.open()
        self.ready(page)
        self.assertTrue(page.is_disabled("#stop"))
        self.drop(page)
        page.evaluate("""() => new MutationObserver((_, observer) => {
            if (document.querySelector("#response").textContent.length > 20) {
                observer.disconnect();
                document.querySelector("#stop").click();
            }
        }).observe(document.querySelector("#response"), {childList: true, subtree: true, characterData: true})""")  # the model is fast
        page.click("#describe button.main")
        expect(page.locator("#ask-note")).to_have_text("Stopped")
        self.assertLess(len(page.inner_text("#response")), 200)
        until(lambda: self.server.metric("lmvr_inputs_running") == 0, "the server stops, too")
        self.good(page)


class KeyTest(BrowserTest):
    options = ("--api-key", "secret")

    def test_the_key_is_asked_for_until_it_is_right(self):
        page = self.open()
        for key in ("ключ", "wrong", "secret"):  # a header cannot have the first, which is not sent
            page.wait_for_selector("#key[open]")
            page.fill("#key-text", key)
            self.shot(page, "key")
            page.keyboard.press("Enter")
            if key == "wrong":
                expect(page.locator("#key-note")).to_contain_text("has no key, or a wrong one")
        self.ready(page)
        page.reload()
        self.ready(page)  # the tab has kept it
        self.drop(page)
        self.ask(page)
