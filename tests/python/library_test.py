"""The structs that ctypes fills are those of the header."""

import os
import subprocess
import unittest

import lmvr
from lmvr import _library as c
from shared import MODEL, model


def layout_of_header() -> "dict[str, tuple[int, int]]":
    lines = subprocess.run([os.environ["LMVR_LAYOUT"]], check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    return {name: (int(offset), int(size)) for name, offset, size in map(str.split, lines)}


class LibraryTest(unittest.TestCase):
    def test_every_member_of_every_struct_lies_where_a_c_compiler_puts_it(self) -> None:
        header = {name: place for name, place in layout_of_header().items() if "." in name}
        structs = {name: kind for name, kind in vars(c).items() if name.startswith("lmvr_") and isinstance(kind, type)}
        here = {}
        for struct, kind in structs.items():
            for member, *_ in kind._fields_:
                place = getattr(kind, member)
                here[f"{struct}.{member}"] = (place.offset, place.size)
        wanted = {name: place for name, place in header.items() if name.split(".")[0] in structs}
        self.assertGreater(len(here), 90)
        self.assertEqual(here, wanted)

    def test_every_constant_has_its_value(self) -> None:
        header = {name: value for name, (value, _) in layout_of_header().items() if "." not in name}
        here = {name: value for name, value in vars(c).items() if name.startswith("LMVR_")}
        for prefix, values in (("LMVR_DTYPE_", c.DTYPES), ("LMVR_ASPECT_", c.ASPECTS), ("LMVR_QUERY_", c.QUERIES)):
            here.update({prefix + name.upper(): value for name, value in values.items()})
        self.assertEqual(here, {name: value for name, value in header.items() if not name.startswith("LMVR_STAGE_")})

    def test_the_library_has_the_interface_that_the_package_was_written_for(self) -> None:
        self.assertEqual(c.library.lmvr_abi_version(), c.ABI_VERSION)

    def test_options_are_refused_that_ctypes_would_cut(self) -> None:
        for wrong in ({"max_new_tokens": 2**32 + 1}, {"seed": -1}, {"batch_size": 2**40}):
            with self.subTest(wrong), self.assertRaisesRegex(lmvr.Error, "out of range"):
                model.embed([], **wrong)
        with self.assertRaisesRegex(ValueError, "NUL"):
            model.embed([], prompt="a\0b")
        with self.assertRaisesRegex(lmvr.Error, 'dtype is "f64", and should be one of default, f32'):
            lmvr.Model(MODEL, dtype="f64")


if __name__ == "__main__":
    unittest.main()
