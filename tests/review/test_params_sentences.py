"""What the comments of params.yaml say of each key, in the schema that editors show."""

import json
from typing import Any

from review.params import SCHEMA
from review.params_sentences import describe, sentences
from tests.workplace import ROOT

TEXT = """\
# What is wanted.

lr: 5e-5                        # peak learning rate
                                # of AdamW
                                # labels: the classes
                                # in their order
labels:
- a
fetch:                          # where from
  path: x.csv                   # a file
  bare: 1
  splits: {}                    # "dev": validation
"""


def test_each_key_has_its_comment_and_the_lines_that_go_on_with_it() -> None:
    assert sentences(TEXT) == {
        "lr": "peak learning rate of AdamW",
        "labels": "the classes in their order",
        "fetch": "where from",
        "fetch.path": "a file",
        "fetch.splits": '"dev": validation',
    }


def test_a_schema_gets_sentences_and_values_where_it_has_the_keys() -> None:
    properties: dict[str, Any] = {"lr": {"type": "number"}, "fetch": {"$ref": "#/$defs/Fetch"}}
    fetch: dict[str, Any] = {"properties": {"path": {"description": "own"}, "bare": {}}}
    schema = {"properties": properties, "$defs": {"Fetch": fetch}}
    describe(schema, sentences(TEXT), {"lr": 5e-5, "odd": 1, "fetch": {"bare": 1, "path": "x.csv"}})
    assert properties["lr"] == {"type": "number", "description": "peak learning rate of AdamW", "default": 5e-5}
    assert properties["fetch"] == {"$ref": "#/$defs/Fetch", "description": "where from"}
    assert fetch["properties"] == {"path": {"description": "own", "default": "x.csv"}, "bare": {"default": 1}}


def test_the_schema_that_ships_tells_what_the_daily_keys_are() -> None:
    schema = json.loads((ROOT / SCHEMA).read_text(encoding="utf-8"))
    daily = ["task", "modality", "labels", "model", "strategy", "lr", "epochs", "batch_size", "seed"]
    assert [key for key in daily if not schema["properties"][key].get("description")] == []
    assert schema["properties"]["lr"]["default"] == 5e-5
    assert schema["$defs"]["Decode"]["properties"]["max_megapixels"]["description"] == "of images"
