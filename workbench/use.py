"""`make use RECIPE=sst2`: params.yaml from a recipe, completed with what the recipe leaves as it is elsewhere.

With DATA=PATH the recipe reads that file or folder in place of its own source. A params.yaml that is not committed is
kept beside.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from review import recipes
from stages.core import report
from stages.core.errors import UserError
from stages.core.params import PATH, parse
from workbench.params_file import replace_params


def use(name: str, data: str | None = None) -> list[str]:
    """Write params.yaml; lines that say from what, and what to type next.

    Raises:
        UserError: no such recipe or data, or params that the stages do not take.
    """
    path = recipes.find(name)
    if data is not None and "://" not in data and not Path(data).exists():
        raise UserError(f"DATA={data}: no such file or folder", "correct the path")
    replace_params(recipes.complete_text(path, data))
    content = parse(PATH)
    source = content["fetch"]["path"] if content["fetch"]["source"] in ("files", "folder") else _named_source(content)
    told = [f"{PATH}: {path.stem}, read from {source}, model {content['model']}"]
    if content["fetch"]["source"] in ("files", "folder") and "://" not in source and not Path(source).exists():
        again = f"make use RECIPE={name} DATA=where/it/is"
        return [*told, f"{source} is not there yet; the first lines of {PATH} say where to get it. Elsewhere: {again}"]
    return [*told, "Next: dvc repro (or make repro, which shows the results, too)"]


def _named_source(content: dict[str, dict[str, dict[str, str]]]) -> str:
    options = content["fetch"]["options"]
    return options.get("dataset") or options.get("name") or str(content["fetch"]["source"])


def main(arguments: Sequence[str] | None = None) -> None:
    """Write params.yaml; without a name list the recipes there are."""
    parser = argparse.ArgumentParser(
        prog="python -m workbench.use", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("recipe", nargs="?", default="", help="a name (see recipes/), or the path of a file")
    parser.add_argument("data", nargs="?", help="a file or folder to read, in place of the recipe's own source")
    asked = parser.parse_args(arguments)
    with report.ending("use"):
        if not asked.recipe:
            raise UserError("which recipe?", f"make use RECIPE=NAME, one of: {', '.join(recipes.names())}")
        for line in use(asked.recipe, asked.data or None):
            report.note(line)


if __name__ == "__main__":
    main()
