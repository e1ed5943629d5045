"""Params that differ from a recipe: by dotted key, as values and as text; and a contract that fits what was found."""

from review import recipes
from stages.core.params import checked, parse_text
from workbench.new.changes import Changes
from workbench.new.contract import Found, fit, roomy
from workbench.new.proposal import Proposal

BASE = recipes.complete(recipes.SHIPPED / "images.yaml")
CONTRACT = {"min_rows": 100, "min_rows_per_class": 20, "max_imbalance": 20.0, "max_shares": {"label.unknown": 0.05}}


def test_values_are_set_and_read_by_their_dotted_key() -> None:
    changes = Changes(BASE)
    changes.put("fetch.path", "photos.zip")
    changes.put("clean.labels.map", {"Cat": "cat"})
    assert changes.get("fetch.path") == "photos.zip"
    assert changes.content()["clean"]["labels"] == {**BASE["clean"]["labels"], "map": {"Cat": "cat"}}
    assert BASE["fetch"]["path"] == "data/source/images"


def test_the_text_holds_blocks_by_key_mappings_whole_and_steps_by_name() -> None:
    changes = Changes(BASE)
    changes.put("fetch.licence", "", "not known")
    changes.put("clean.image.steps.resize", {"enabled": False})
    changes.put("encode.processor", {"size": {"shortest_edge": 64}})
    assert changes.text("Mine.\nOurs.") == (
        "# Mine.\n# Ours.\n\nversion: 2\n"
        "fetch:\n  licence: ''                   # not known\n"
        "clean:\n  image:\n    steps:\n      resize:\n        enabled: false\n"
        "encode:\n  processor:\n    size:\n      shortest_edge: 64\n"
    )


def test_a_proposal_is_a_whole_params_file_with_the_comments_of_its_recipe() -> None:
    proposal = Proposal.of("image")
    proposal.changes.put("labels", ["cat", "dog"])
    text = proposal.text("photos.zip.")
    assert parse_text(text) == proposal.changes.content()
    assert text.startswith("# photos.zip.\n\nversion: 2 ")
    assert "  licence: ''                   # not known yet" in text
    assert "      orientation: {enabled: true}                          # as EXIF says\n" in text
    checked(parse_text(text))


def test_a_contract_holds_for_what_was_found_and_not_for_half_of_it() -> None:
    found = Found(1_000, {"a": 600, "b": 300}, {"label.unknown": 0.1})
    assert fit(CONTRACT, found) == {
        "min_rows": 800,
        "min_rows_per_class": 180,
        "max_imbalance": 3.0,
        "max_shares": {"label.unknown": 0.16},
    }
    assert fit(CONTRACT, Found(50, {}, {})) == {**CONTRACT, "min_rows": 40}


def test_a_share_keeps_its_usual_bound_where_there_is_room_below() -> None:
    assert [roomy(found, 0.05) for found in (0.0, 0.03, 0.034, 0.2, 0.9)] == [0.05, 0.05, 0.07, 0.31, 1.0]
