"""A table as a picture."""

from xml.etree import ElementTree

from stages.modalities.page import page

TEXT = "{http://www.w3.org/2000/svg}text"


def test_cells_stand_literally_below_each_other_and_apart() -> None:
    root = ElementTree.fromstring(page("Two <b>", ["id", "text"], [["a", "x & <y>\n\x00z"], ["bb", "你好"]]))
    texts = [(one.text, float(one.attrib["x"]), float(one.attrib["y"])) for one in root.iter(TEXT)]
    assert [text for text, _, _ in texts] == ["Two <b>", "id", "text", "a", "x & <y>  z", "bb", "你好"]
    assert [y for _, _, y in texts] == [25, 43, 43, 61, 61, 79, 79]
    assert len({x for _, x, _ in texts[1::2]}) == 1 and texts[2][1] > texts[1][1] + 2 * 7
    assert float(root.attrib["height"]) == 96 and float(root.attrib["width"]) > texts[2][1] + 10 * 7


def test_without_rows_it_says_so() -> None:
    root = ElementTree.fromstring(page("Mistakes", ["id"], []))
    assert [one.text for one in root.iter(TEXT)] == ["Mistakes", "none"]
