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

SHOTS = os.environ.get("LMVR_SHOTS")
PIXELS = """canvas => {
    const all = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    let sum = 0;
    for (let i = 0; i < all.length; i++)
        sum = (sum * 31 + all[i]) % 1000000007;
    return sum;
}"""  # a number that tells pictures on a canvas apart
DROP = """([bytes, kind]) => {
    const data = new DataTransfer(), blob = Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0));
    data.items.add(new File([blob], "dropped.jpg", {type: "image/jpeg"}));
    const event = kind === "paste" ? new ClipboardEvent("paste", {clipboardData: data, bubbles: true, cancelable: true})
                                   : new DragEvent(kind, {dataTransfer: data, bubbles: true, cancelable: true});
    document.body.dispatchEvent(event);
}"""


class BrowserTest(unittest.TestCase):
    """Tests in one browser, of one server; each has a page of its own, and no error may be in its console."""

    options = ()
    model = MODEL_OPTIONS

    @classmethod
    def setUpClass(cls):
        cls.server = Server(*cls.options, model=cls.model)
        cls.playwright = sync_playwright().start()
        cls.browser = cls.playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])

    @classmethod
    def tearDownClass(cls):
        cls.browser.close()
        cls.playwright.stop()
        assert cls.server.stop() == 0

    def open(self, width=1200, height=900, **options):
        page = self.browser.new_context(viewport={"width": width, "height": height}, **options).new_page()
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
    def test_a_picture_is_described_word_by_word_and_a_word_shows_where_the_model_looked(self):
        page = self.open()
        self.ready(page)
        self.shot(page, "empty")
        self.drop(page)
        page.evaluate("""() => {
            window.seen = new Set();
            new MutationObserver(() => seen.add(document.querySelector("#response").textContent))
                .observe(document.querySelector("#response"), {childList: true, subtree: true, characterData: true});
        }""")
        said = self.ask(page)
        body = {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": data_url(SCENES[0])}}]}]}
        self.assertEqual(said, self.server.post("/v1/chat/completions", body).json["choices"][0]["message"]["content"])
        self.assertGreater(page.evaluate("seen.size"), 5)
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
        page = self.browser.new_context().new_page()
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
        subprocess.run([PROGRAM, "embed", "-q", *MODEL_OPTIONS, "-o", index, *map(str, SCENES)], check=True)
        cls.options = ("--index", index)
        cls.model = ["-m", str(MODEL)]
        super().setUpClass()

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.folder.cleanup()

    def test_a_picture_is_its_own_first_neighbor_and_a_text_has_neighbors_too(self):
        page = self.open()
        self.ready(page)
        self.drop(page, SCENES[2])
        page.click("#by-picture")
        first = page.locator("#found li").first
        expect(first.locator(".score")).to_have_text("1.0000")
        expect(first.locator(".name")).to_have_text(SCENES[2].name)
        until(lambda: page.locator("#found img").evaluate_all("images => images.length === 8 && images.every((image) => image.naturalWidth > 0)"), "pictures")
        self.shot(page, "found", full_page=True)
        page.fill("#query", "a donut")
        page.keyboard.press("Enter")
        expect(page.locator("#search-note")).to_contain_text("“a donut”")
        (item,) = self.server.post("/v1/search", {"input": "a donut"}).json["data"]
        names = page.locator("#found .name").all_inner_texts()
        self.assertEqual(names, [Path(result["path"]).name for result in item["results"]])
        page.set_viewport_size({"width": 360, "height": 740})
        self.assertTrue(self.fits(page))
        self.good(page)


class StopTest(BrowserTest):
    options = ("--max-new-tokens", "2000", "--temperature", "100")  # with which a response never ends

    def test_a_response_can_be_stopped(self):
        page = self.open()
        self.ready(page)
        self.assertTrue(page.is_disabled("#stop"))
        self.drop(page)
        page.click("#describe button.main")
        until(lambda: len(page.inner_text("#response")) > 20, "words")
        page.click("#stop")
        expect(page.locator("#ask-note")).to_have_text("Stopped")
        until(lambda: self.server.metric("lmvr_inputs_running") == 0, "the server stops, too")
        self.good(page)


class KeyTest(BrowserTest):
    options = ("--api-key", "secret")

    def test_the_key_is_asked_for_until_it_is_right(self):
        page = self.open()
        for key in ("wrong", "secret"):
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
