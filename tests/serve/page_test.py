"""The page at /: its files, and what browsers are told of them. browser_test.py uses it."""

import re
import unittest

from shared import MODEL_OPTIONS, ROOT, SCENES, Server, ServerTest, data_url

FILES = sorted((ROOT / "serve/page").iterdir())
TYPES = {".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}


def path_of(file):
    return "/" if file.name == "index.html" else f"/page/{file.name}"


class PageTest(ServerTest):
    options = ("--api-key", "secret")

    def test_files_are_there_without_a_key(self):
        for file in FILES:
            answer = self.server.get(path_of(file))
            self.assertEqual((answer.status, answer.headers["Content-Type"]), (200, TYPES[file.suffix]))
            self.assertEqual(answer.body, file.read_bytes())

    def test_a_browser_that_has_a_file_is_not_sent_it_again(self):
        tags = set()
        for file in FILES:
            tag = self.server.get(path_of(file)).headers["ETag"]
            self.assertRegex(tag, r'^"[0-9a-f]{16}"$')
            tags.add(tag)
            for given in (tag, f'"x", {tag}', f"W/{tag}"):
                answer = self.server.get(path_of(file), If_None_Match=given)
                self.assertEqual((answer.status, answer.body, answer.headers["ETag"]), (304, b"", tag))
            self.assertEqual(self.server.get(path_of(file), If_None_Match='"x"').status, 200)
        self.assertEqual(len(tags), len(FILES))

    def test_nothing_is_loaded_from_elsewhere(self):
        answer = self.server.get("/")
        policy = dict(part.strip().split(" ", 1) for part in answer.headers["Content-Security-Policy"].split(";"))
        self.assertEqual(policy.pop("default-src"), "'none'")
        self.assertEqual(policy.pop("img-src"), "'self' blob:")
        for name, value in policy.items():
            self.assertIn(value, ("'self'", "'none'"), name)
        self.assertEqual(answer.headers["X-Content-Type-Options"], "nosniff")
        self.assertEqual(answer.headers["Cache-Control"], "no-cache")
        for file in FILES:
            self.assertNotRegex(file.read_text().replace("http://www.w3.org/2000/svg", ""), r"https?://|innerHTML|outerHTML|insertAdjacentHTML|eval\(")

    def test_it_names_only_files_that_there_are(self):
        names = {file.name for file in FILES}
        html = (ROOT / "serve/page/index.html").read_text()
        self.assertLessEqual(set(re.findall(r'(?:href|src)="page/([^"]+)"', html)), names)
        self.assertNotRegex(html, r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]* src=)")
        for file in FILES:
            self.assertLessEqual(set(re.findall(r'(?:from "\./|Worker\("page/)([^"]+)"', file.read_text())), names)

    def test_other_files_are_not_there(self):
        for path in ("/page/", "/page/../server.c", "/page/..%2fserver.c", "/page/index.html", "/page/page.js/", "/index.html"):
            self.refused(self.server.get(path), 404)
        self.refused(self.server.post("/", {}), 405)

    def test_the_model_says_what_the_page_offers(self):
        (model,) = self.server.get("/v1/models", Authorization="Bearer secret").json["data"]
        self.assertTrue(model["chat"])
        self.assertEqual(model["prompt"], "Describe the image.")
        self.assertIsNone(model["index"])
        features = [":".join(part for part in (source["source"], tokens, tokens and "mean", str(layer)) if part)
                    for source in model["sources"] for tokens in source.get("tokens", [""])
                    for layer in ((0, source["layers"] - 1, -source["layers"]) if "layers" in source else [""])]
        self.assertIn("llm:generated:mean:0", features)
        body = {"input": data_url(SCENES[0]), "features": features, "max_tokens": 1}
        answer = self.server.post("/v1/embeddings", body, Authorization="Bearer secret")
        self.assertEqual(answer.status, 200, answer.body)
        self.assertEqual(len(answer.json["data"][0]["features"]), len(features))


class NoPageTest(unittest.TestCase):
    def test_no_page(self):
        server = Server("--no-page", model=MODEL_OPTIONS)
        self.addCleanup(server.stop)
        for path in ("/", "/page/page.js"):
            self.assertEqual(server.get(path).status, 404)
            self.assertIn("--no-page", server.get(path).sentence)
        self.assertEqual(server.get("/v1/models").status, 200)
