"""Comments on the lines of lists: none is where DVC's writer would delete it, whatever the file."""

import tempfile
from pathlib import Path

from dvc.utils.hydra import apply_overrides
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from review.params_layout import lay_out
from review.params_lines import comments
from stages.core.params import parse
from tests.workplace import few

VALUES = ["1e-5", "'a # b'", "null", "[]", "[x, y]", "{m: 1, n: [x, y]}"]
BLOCKS = ["list", "mapping"]
COMMENTED_LISTS = """\
version: 2
labels: # the classes
- negative  # complaints
# the rest
- neutral

# Where from.
source:
  files: [a.csv, # of May
    b.csv] # of June

# What is kept.
extra: []
"""
LAID_OUT_LISTS = """\
version: 2
                                # labels: the classes
                                # negative: complaints
                                # the rest
labels:
- negative
- neutral
source:                         # Where from.
                                # files: of May
                                # of June
                                # What is kept.
  files:
  - a.csv
  - b.csv
extra: []
"""


def test_comments_inside_lists_and_below_them_are_kept(tmp_path: Path) -> None:
    layout = lay_out(COMMENTED_LISTS)
    assert (layout.text, layout.lost) == (LAID_OUT_LISTS, [])
    edited = tmp_path / "params.yaml"
    edited.write_text(layout.text, encoding="utf-8")
    apply_overrides(edited, ["labels=[]", "source.files=[]", "extra=[x]"])
    assert parse(edited) == {"version": 2, "labels": [], "source": {"files": []}, "extra": ["x"]}
    assert comments(edited.read_text(encoding="utf-8")) == comments(layout.text)


@st.composite
def params_files(draw: st.DrawFn) -> str:
    """A YAML mapping with lists, mappings, empty lines and comments wherever YAML takes them; no comment twice."""
    lines: list[str] = []

    def add(code: str) -> None:
        indent = " " * (len(code) - len(code.lstrip()))
        above = draw(st.sampled_from(["nothing", "nothing", "nothing", "comment", "empty line"]))
        if above != "nothing":
            lines.append(f"{indent}# a{len(lines)}" if above == "comment" else "")
        lines.append(code + draw(st.sampled_from(["", "", "", f"  # c{len(lines)}"])))

    def add_block(indent: str, kinds: list[str]) -> None:
        for _ in range(draw(st.integers(1, 3))):
            kind = draw(st.sampled_from(kinds))
            key = f"{indent}k{len(lines)}:"
            add(key if kind in BLOCKS else f"{key} {kind}")
            if kind == "list":
                for number in range(draw(st.integers(1, 3))):
                    add(f"{indent}- i{number}")
            elif kind == "mapping":
                add_block(f"{indent}  ", kinds if len(indent) < 2 else VALUES)

    add_block("", [*VALUES, *BLOCKS])
    return "\n".join(lines) + "\n"


@few
@given(params_files())
def test_any_file_is_laid_out_with_its_values_and_every_comment_and_then_stays_so(text: str) -> None:
    layout = lay_out(text)
    assert layout.lost == []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "params.yaml"
        path.write_text(layout.text, encoding="utf-8")
        assert parse(path) == YAML(typ="safe", pure=True).load(text)
        apply_overrides(path, [])
        assert path.read_text(encoding="utf-8") == layout.text
    assert lay_out(layout.text).text == layout.text
    assert last_words(comments(layout.text)) == last_words(comments(text))


def last_words(lines: list[str]) -> list[str]:
    """By which comments are told apart: one that was moved may have its key before it."""
    return sorted(line.split()[-1] for line in lines)
