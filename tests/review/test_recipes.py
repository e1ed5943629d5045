"""Recipes, completed: as values and as the text of a params.yaml."""

from pathlib import Path

import pytest

from review import recipes
from review.params_layout import is_laid_out
from review.params_lines import comments
from review.params_merge import combine, combine_text
from stages.core.errors import UserError
from stages.core.params import checked, parse, parse_text
from tests import workplace
from tests.workplace import ROOT

ALL = sorted(path.stem for path in (ROOT / "recipes").glob("*.yaml"))
BASE = """\
# All of it.

task: classification            # what
modality: text
lr: 5e-5                        # peak
fetch:
  columns:                      # the source's
                                # or a position
    text: text
    label: label                # a name
  splits: {}                    # of the source
clean:
  text:
    order:
    - html
    - case
    steps:
      html: {enabled: true}     # tags out
      case: {enabled: false}
  missing_text: drop
  labels: {strip: true, map: {}}
finetune:
  schedule: linear              # linear | cosine,
                                # after the warm-up
  dropout: {hidden: 0.0, attention: 0.0} # null: as the model
"""


def put_together(changes: str) -> str:
    text = combine_text(BASE, changes)
    assert parse_text(text) == combine(parse_text(BASE), parse_text(changes))
    return text


@pytest.mark.parametrize("name", ALL)
def test_the_text_of_a_recipe_has_its_values_and_is_laid_out(name: str) -> None:
    text = workplace.text(f"recipes/{name}.yaml")
    assert parse_text(text) == workplace.shipped(f"recipes/{name}.yaml")
    assert is_laid_out(text)
    own = comments((ROOT / f"recipes/{name}.yaml").read_text("utf-8"))
    assert [comment for comment in own if comment not in text] == [
        comment for comment in own if "DATA=FOLDER" in comment
    ]


LOCAL = ("sst2", "thucnews", "trec")
"""Recipes of data that the Hub has, which can be read from files as well."""


def test_blocks_merge_and_mappings_of_entries_replace() -> None:
    text = put_together("lr: 1e-4\nfetch:\n  columns: {text: body}\nclean:\n  labels: {map: {a: b}}\n")
    assert parse_text(text)["fetch"] == {"columns": {"text": "body"}, "splits": {}}
    assert parse_text(text)["clean"]["labels"] == {"strip": True, "map": {"a": "b"}}
    assert "lr: 1e-4                        # peak\n" in text


def test_nothing_in_place_of_a_mapping_is_an_empty_one() -> None:
    content = parse_text(put_together("fetch:\n  splits:\n  columns:\n"))
    assert content["fetch"] == {"columns": {}, "splits": {}}
    shipped = workplace.params({"fetch.splits": None, "clean.labels.map": None, "validate.contract.max_shares": None})
    params = checked(shipped)
    assert (params.fetch.splits, params.clean.labels.map, params.validating.contract.max_shares) == ({}, {}, {})


def test_steps_merge_by_name_and_the_order_says_which_there_are() -> None:
    text = put_together("clean:\n  text:\n    steps:\n      case: {enabled: true}\n")
    assert parse_text(text)["clean"]["text"]["steps"] == {"html": {"enabled": True}, "case": {"enabled": True}}
    text = put_together(
        "clean:\n  text:\n    order:\n    - urls\n    - html\n    steps:\n      urls: {enabled: true}   # away\n"
    )
    assert list(parse_text(text)["clean"]["text"]["steps"]) == ["urls", "html"]
    assert "      html: {enabled: true}     # tags out\n" in text


def test_keys_of_another_modality_go() -> None:
    content = parse_text(put_together("modality: image\nclean:\n  image: {order: [], steps: {}}\n"))
    assert content["clean"] == {"image": {"order": [], "steps": {}}, "labels": {"strip": True, "map": {}}}


def test_a_comment_stays_with_its_key_unless_the_recipe_has_its_own() -> None:
    text = put_together("# Mine.\n\nfinetune:\n  schedule: cosine\n  dropout: {hidden: null} # as it says\n")
    assert text.startswith("# Mine.\n\ntask: classification            # what\n")
    assert text.endswith(
        "finetune:\n"
        "  schedule: cosine              # linear | cosine,\n"
        "                                # after the warm-up\n"
        "  dropout: {hidden: null, attention: 0.0} # as it says\n"
    )


def test_nothing_of_the_default_data_gets_into_another_recipe() -> None:
    ours = workplace.params({})
    words = set(ours["clean"]["labels"]["map"]) | {"CC0-1.0", "messages.csv", "message_id", "sentiment"}
    for name in ALL:
        fetch, clean, augment = (
            workplace.params({}, f"recipes/{name}.yaml")[key] for key in ("fetch", "clean", "augment")
        )
        if name == "messages":
            continue
        watched = fetch["source"] in ("hub", "bundled")  # these read no file, and DVC wants one to watch
        told = repr({**fetch, "path": "" if watched else fetch["path"]}) + repr(clean)
        assert [word for word in words if f"'{word}'" in told] == []
        synonyms = augment.get("text", {}).get("steps", {}).get("synonym", {})
        assert not synonyms.get("enabled")


@pytest.mark.parametrize("name", LOCAL)
def test_a_recipe_of_the_hub_reads_files_where_data_are_given(name: str) -> None:
    content = recipes.complete(ROOT / f"recipes/{name}.yaml", "data/source/mine")
    assert (content["fetch"]["source"], content["fetch"]["path"]) == ("files", "data/source/mine")
    assert "dataset" not in content["fetch"]["options"] and recipes.LOCAL not in content
    assert parse_text(recipes.complete_text(ROOT / f"recipes/{name}.yaml", "data/source/mine")) == content


def test_a_complete_file_is_a_recipe_as_well(tmp_path: Path) -> None:
    path = tmp_path / "recipes/ours.yaml"
    path.parent.mkdir()
    path.write_text(workplace.text(), encoding="utf-8")
    assert recipes.complete(path) == parse(path)


def test_an_unknown_recipe_or_modality_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        recipes.find("digit", ROOT / "recipes")
    assert str(caught.value) == "digit: no such recipe, did you mean 'digits'?"
    path = tmp_path / "mine.yaml"
    path.write_text("modality: images\n", encoding="utf-8")
    with pytest.raises(UserError, match="modality: 'images', did you mean 'image'"):
        recipes.complete(path)
