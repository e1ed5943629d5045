"""From what was found to params: what differs from the recipe of such data, and what to tell about it."""

import math
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from review import recipes
from review.params_layout import lay_out
from stages.core.params import checked
from workbench.new import contract
from workbench.new.changes import Changes
from workbench.new.classes import Classes
from workbench.new.columns import Column
from workbench.new.recognise import SPLITS, Tables
from workbench.new.roles import Roles
from workbench.new.tables import Rows, settled

LONG_TEXT = 5_000
"""Characters: validate rejects longer texts, unless there are many."""
CHARACTERS_A_TOKEN = 4
"""Of English, roughly."""
SAMPLE_LETTERS = 20_000
NO_LICENCE = "not known yet: as the source states it, such as CC-BY-4.0"


@dataclass
class Proposal:
    """Params that differ from a recipe, and sentences about what a person should know or decide."""

    kind: str
    changes: Changes
    notes: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, modality: str, task: str = "classification") -> "Proposal":
        """An empty one, from the recipe of such data."""
        kind = recipes.kind_of(modality, task)
        proposal = cls(kind, Changes(recipes.complete(recipes.SHIPPED / f"{kind}.yaml")))
        proposal.changes.put("fetch.licence", "", NO_LICENCE)
        proposal.notes.append(
            "fetch.licence is empty: say there what the source allows; model cards and reviews name it"
        )
        return proposal

    def text(self, head: str) -> str:
        """The whole params.yaml.

        Raises:
            UserError: params that the stages do not take.
        """
        base = recipes.complete_text(recipes.SHIPPED / f"{self.kind}.yaml")
        checked(self.changes.content())
        return lay_out(recipes.merge_text(base, self.changes.text(head))).text


def of_texts(tables: Tables, rows: Rows, roles: Roles, classes: Classes | None) -> Proposal:
    """Texts in tables, with classes or, without `classes`, with values."""
    proposal = Proposal.of("text", "classification" if classes else "regression")
    changes = proposal.changes
    put_tables(changes, tables, rows, roles)
    if classes:
        put_classes(changes, classes)
    else:
        low, high = roles.taken["value"].range()
        checks = changes.get("validate.checks")
        checks["value"] |= {"out_of_range": {"minimum": low, "maximum": high}}
        changes.put("validate.checks", checks)
        changes.put(
            "validate.contract.max_shares", changes.get("validate.contract.max_shares") | {"value.out_of_range": 0.02}
        )
    _fit_lengths(proposal, roles)
    _fit_script(proposal, roles)
    return proposal


def put_classes(changes: Changes, classes: Classes) -> None:
    """The classes, and the spellings of them."""
    changes.put("labels", list(classes.rows))
    renamed = classes.renamed(casefold=changes.get("clean.labels.casefold"))
    if renamed:
        changes.put(
            "clean.labels.map", renamed, "spellings that occur, and the class that each seems to be: check them"
        )
    rarest = min(classes.rows.values()) / sum(classes.rows.values())
    usual = changes.get("review.gates.data.min_class_share")
    if rarest < 2 * usual:
        changes.put("review.gates.data.min_class_share", math.floor(1000 * rarest / 2) / 1000)


def put_tables(changes: Changes, tables: Tables, rows: Rows, roles: Roles) -> None:
    """The block `fetch` of tables, and a split along time where a date was asked for."""
    named = ("text", "text_pair", "label", "value", "group", "split")
    changes.put("fetch.path", tables.path)
    changes.put("fetch.columns", {role: roles.name(role) for role in named if role in roles.taken})
    changes.put("fetch.options", settled(rows))
    if "split" in roles.taken:
        put_splits(changes, roles.taken["split"])


def put_splits(changes: Changes, column: Column) -> None:
    """What the values of a column of splits are called here."""
    changes.put("fetch.splits", {name: SPLITS[name.casefold()] for name in column.counts})


def put_dates(changes: Changes, column: Column) -> None:
    """Test on the newest rows, train on the oldest."""
    changes.put("split.method", "temporal")
    changes.put("split.options", {"column": column.name, "format": column.date_format or "iso"})


def _fit_lengths(proposal: Proposal, roles: Roles) -> None:
    """Longer texts than usual are not rejected, and not cut off more than the model needs."""
    lengths = sorted(roles.taken["text"].lengths)
    changes, almost_all, most = proposal.changes, int(lengths[int(0.999 * (len(lengths) - 1))]), int(lengths[-1])
    if almost_all > LONG_TEXT:
        checks = changes.get("validate.checks")
        checks["text"]["too_long"] = {"max_characters": 2 * most}
        changes.put("validate.checks", checks)
    usual = changes.get("encode.max_length_tokens")
    tokens = int(lengths[int(0.95 * (len(lengths) - 1))]) / CHARACTERS_A_TOKEN
    if tokens > usual:
        changes.put("encode.max_length_tokens", 256)
        proposal.notes.append(
            f"texts are long (5 % have over {CHARACTERS_A_TOKEN * int(tokens):,} characters): the first 256 tokens "
            "of each are read (encode.max_length_tokens; the bundled model takes 512 at most, in twice the time)"
        )


def _fit_script(proposal: Proposal, roles: Roles) -> None:
    """The script that texts are expected in; of Chinese also how near-duplicates are found."""
    script, share = script_of(list(roles.taken["text"].counts)[:1_000])
    if not script or script == "LATIN":
        return
    changes = proposal.changes
    checks = changes.get("clean.outliers.checks")
    checks["script"] |= {"script": script, "min_share": 0.3}
    changes.put("clean.outliers.checks", checks)
    if script == "CJK":
        changes.put("clean.duplicates.near.shingle_characters", 2, "a Chinese word is about two characters")
    proposal.notes.append(
        f"{share:.0%} of the letters are {script}: the bundled model was trained on English; one of the texts' own "
        "language does much better (MODEL=a Hub id or a folder), such as google-bert/bert-base-multilingual-cased"
    )


def script_of(texts: Sequence[str]) -> tuple[str, float]:
    """The script of most letters as Unicode names it, and its share of them; empty where there are no letters."""
    letters = [letter for text in texts for letter in text if letter.isalpha()][:SAMPLE_LETTERS]
    found = Counter(unicodedata.name(letter, "").partition(" ")[0] for letter in letters)
    if not found:
        return "", 0.0
    script, count = found.most_common(1)[0]
    return script, count / len(letters)


def put_contract(changes: Changes, found: contract.Found) -> None:
    """The contract, and the gates of reviews about what is rejected."""
    changes.put("validate.contract", contract.fit(changes.get("validate.contract"), found))
    rejected = sum(found.shares.get(code, 0.0) for code in changes.get("validate.reject"))
    for key, share in (("max_rejected_share", rejected), ("max_dropped_share", _dropped(found))):
        usual = changes.get(f"review.gates.data.{key}")
        if usual is not None:
            changes.put(f"review.gates.data.{key}", contract.roomy(share, usual))


def _dropped(found: contract.Found) -> float:
    """The share that `clean` will drop for what the rows themselves show."""
    return sum(
        found.shares.get(code, 0.0) for code in ("label.missing", "label.unknown", "value.missing", "row.duplicate")
    )
