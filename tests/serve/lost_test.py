"""GPUs that fail under a server, here emulated ones."""

import unittest
from pathlib import Path

from shared import PROGRAM, ROOT, Server, data_url

EMULATED = Path(PROGRAM).resolve().parent / "tests/lmvr-cuda-emulated.so"
IMAGE = data_url(ROOT / "tests/golden/images/wide.jpg")
LOST = "(emulated) failed, and this process cannot use it any more"


@unittest.skipUnless(EMULATED.exists(), "there is no emulated GPU")
class LostTest(unittest.TestCase):
    def start(self, lost):
        model = ["-m", str(ROOT / "tests/golden/llava-old-f32"), "--device", "cuda:all", "--max-new-tokens", "5"]
        server = Server(model=model, env={"LMVR_CUDA_MODULE": str(EMULATED), "EMULATED_GPUS": "2", "EMULATED_GPU_LOST": lost})
        self.addCleanup(server.process.kill)
        return server

    def test_one_of_two_gpus_that_fails_is_noticed_by_nobody_who_asks(self):
        server = self.start("-1:500")  # whichever does so many operations first
        answers = [server.post("/v1/embeddings", {"input": IMAGE}) for _ in range(12)]
        self.assertEqual([answer.status for answer in answers], [200] * 12, answers[-1].body)
        self.assertEqual(len({answer.json["data"][0]["embedding"][0] for answer in answers}), 1)
        self.assertEqual(server.get("/health").status, 200)
        self.assertEqual(server.stop(), 0)
        self.assertEqual("".join(server.lines).count(LOST + "; 1 of 2 GPUs goes on, with its inputs"), 1)

    def test_a_server_whose_last_gpu_fails_says_so_and_ends(self):
        server = self.start("-2:600")  # each
        answers = [server.post("/v1/embeddings", {"input": IMAGE})]
        while answers[-1].status == 200:
            answers.append(server.post("/v1/embeddings", {"input": IMAGE}))
        self.assertGreater(len(answers), 1)
        self.assertEqual(answers[-1].status, 503)
        self.assertIn(LOST, answers[-1].sentence)
        self.assertEqual(server.wait(), 3)
        server.process.stderr.close()
        self.assertIn(LOST + "; the server ends", server.lines[-1])


if __name__ == "__main__":
    unittest.main()
