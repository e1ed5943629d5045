"""Pages of the workbench: templates of their own on the look of the review; no script, no request, all escaped."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from review.html import TEMPLATES as REVIEW_TEMPLATES
from review.html import clipped, number
from stages.core import tables

TEMPLATES = Path(__file__).parent / "templates"


def render(template: str, **content: Any) -> str:
    """The page that a template gives."""
    environment = Environment(
        loader=FileSystemLoader([TEMPLATES, REVIEW_TEMPLATES]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "clipped": clipped,
        "count": lambda value: "–" if value is None else f"{value:,}",
        "number": number,
        "percent": lambda value: "–" if value is None else f"{100 * value:.1f} %",
    }
    css = (REVIEW_TEMPLATES / "review.css").read_text(encoding="utf-8")
    own = (TEMPLATES / "page.css").read_text(encoding="utf-8")
    return environment.get_template(template).render(css=Markup(css + own), **content)


def write_page(path: Path, page: str) -> None:
    """The file, whole or not at all."""
    with tables.new_file(path) as partial:
        partial.write_text(page, encoding="utf-8")
