"""The whole line on generated images or sounds: seconds, memory and bytes of each stage at two sizes."""

import io
import math
import shutil
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from benchmarks import data, media_corpus, media_peers
from benchmarks.data import ROOT, SEED
from review.recipes import complete
from stages.core import tables
from stages.core.media import items

STAGES = ("fetch", "validate", "clean", "augment", "split", "encode")
WORKERS = (1, 2)
SMALL_SHARE = 0.1
LEAST = 24  # samples: fewer cannot be split by class
SIDE_PX = 128
SAMPLE_BYTES = 2
SAMPLING_EVERY_S = 0.2


@dataclass(frozen=True)
class Family:
    """What differs between images and sounds."""

    modality: str
    unit: str
    recipe: str
    labels: Sequence[str]
    write: Callable[[Path, int, int], None]
    loop: Callable[..., dict[str, float]]
    fetch: Mapping[str, Any]
    decoded_bytes: Callable[[bytes], int]
    """Of a stored image its pixels, a byte a channel; of a sound its samples of 16 bits."""


@dataclass(frozen=True)
class Stage:
    """One stage at one size: its wall seconds, the peak memory of its greatest process and of all at once."""

    seconds: float
    process_mib: float
    together_mib: float


Line = dict[str, Stage]


@dataclass(frozen=True)
class Results:
    """Of one family: lines by (size, workers), bytes of each output and of what was decoded, the loops' rates."""

    sizes: tuple[int, int]
    lines: Mapping[tuple[int, int], Line]
    written: Mapping[str, int]
    decoded: Mapping[str, int]
    peers: Mapping[str, float]

    def rate(self, stage: str, workers: int) -> float:
        """Samples a second, without the start; inf where the sizes differ too little to be told apart."""
        small, large = (self.lines[size, workers][stage].seconds for size in self.sizes)
        return (self.sizes[1] - self.sizes[0]) / (large - small) if large > small else math.inf

    def start(self, stage: str, workers: int) -> float:
        """Seconds before the first sample: interpreters, imports."""
        small = self.sizes[0]
        return max(0.0, self.lines[small, workers][stage].seconds - small / self.rate(stage, workers))

    @property
    def bytes_ratio(self) -> float:
        """Bytes written by the line for each byte of what was decoded, originals and derived samples."""
        return sum(self.written.values()) / sum(self.decoded.values())


def _pixels(content: bytes) -> int:
    from PIL import Image

    with Image.open(io.BytesIO(content)) as image:
        return image.width * image.height * len(image.getbands())


def _samples(content: bytes) -> int:
    import soundfile

    about = soundfile.info(io.BytesIO(content))
    return int(about.frames * about.channels * SAMPLE_BYTES)


IMAGES = Family(
    modality="image",
    unit="images",
    recipe="cifar10",
    labels=media_corpus.SHAPES,
    write=media_corpus.write_images,
    loop=media_peers.images,
    fetch={"splits": {}},
    decoded_bytes=_pixels,
)
CLIPS = Family(
    modality="audio",
    unit="clips",
    recipe="speech-digits",
    labels=media_corpus.SOUNDS,
    write=media_corpus.write_clips,
    loop=media_peers.clips,
    fetch={"columns": {"audio": "file", "label": "label"}},  # each clip a group: generated ones resemble each other
    decoded_bytes=_samples,
)


def params_of(family: Family, source: Path, workers: int) -> dict[str, Any]:
    """The family's recipe, reading `source`, with one derived sample for each original, under a lenient contract."""
    params = complete(ROOT / f"recipes/{family.recipe}.yaml")
    params["labels"] = list(family.labels)
    params["fetch"] |= {"path": str(source), **family.fetch}
    contract = {"min_rows": 1, "min_rows_per_class": 1, "max_imbalance": 100.0, "max_shares": {}}
    params["validate"]["contract"] = contract
    params["augment"] |= {"copies": 1, "workers": workers}
    params["decode"]["workers"] = workers
    params["clean"]["duplicates"]["near"]["max_distance_bits"] = 0  # generated samples resemble each other
    if family.modality == "image":
        params["fetch"]["options"]["splits_from_folders"] = False
        params["clean"]["image"]["steps"]["resize"] |= {"height": SIDE_PX, "width": SIDE_PX, "fit": "cover"}
        params["encode"]["processor"]["size"] = {"shortest_edge": SIDE_PX}
    return params


def enabled(block: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The steps that a block of params.yaml enables, in their order, with their options."""
    chosen = {name: dict(block["steps"][name]) for name in block["order"]}
    return {name: step for name, step in chosen.items() if step.pop("enabled")}


def line(family: Family, source: Path, folder: Path, workers: int) -> Line:
    """Run each stage in `folder` as a process of its own."""
    folder.mkdir()
    YAML().dump(params_of(family, source, workers), folder / "params.yaml")
    found = {}
    for stage in STAGES:
        with memory_below() as peak:
            run = data.run(stage, folder)
        found[stage] = Stage(run.seconds, run.peak_mib, max(run.peak_mib, peak[0]))
        print(f"{source.name}, {workers} workers: {stage} {run.seconds:.1f} s", file=sys.stderr, flush=True)
    return found


@contextmanager
def memory_below() -> Iterator[list[float]]:
    """The greatest memory (MiB) that all processes below this one held at once, in a list of one number.

    Looked at every SAMPLING_EVERY_S; what processes share (libraries, mostly) counts in each.
    """
    import psutil

    peak, done = [0.0], threading.Event()

    def watch() -> None:
        me = psutil.Process()
        while not done.wait(SAMPLING_EVERY_S):
            held = 0
            for process in me.children(recursive=True):
                try:
                    held += process.memory_info().rss
                except psutil.Error:  # it has just ended
                    continue
            peak[0] = max(peak[0], held / 2**20)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peak
    finally:
        done.set()
        thread.join()


def written(folder: Path) -> dict[str, int]:
    """Bytes of each output of the line in `folder`, but for the source."""
    return {
        f"data/{output.name}": sum(path.stat().st_size for path in output.rglob("*") if path.is_file())
        for output in sorted((folder / "data").iterdir())
    }


def decoded(family: Family, folder: Path) -> dict[str, int]:
    """Bytes of the cleaned originals and of the derived samples, decoded."""
    found = {}
    for name, output in (("originals", "cleaned"), ("derived", "augmented")):
        batches = tables.batches(folder / "data" / output, "samples", [family.modality], batch_rows=256)
        contents = (content for batch in batches for content, _ in items(batch, family.modality))
        found[name] = sum(family.decoded_bytes(content) for content in contents if content is not None)
    return found


def measure(family: Family, count: int, folder: Path) -> Results:
    """Generate, run the line at both sizes with each number of workers, then the plain loops; one after the other.

    Before them it runs once on few samples: what libraries compile and keep, as numba does, is in no figure.
    """
    media_peers.alone(family.write, folder / f"{LEAST}-{family.unit}-first", LEAST, SEED)
    line(family, folder / f"{LEAST}-{family.unit}-first", folder / "first", 1)
    shutil.rmtree(folder / "first")
    sizes = (max(LEAST, round(count * SMALL_SHARE)), count)
    lines, sizes_written, sizes_decoded = {}, {}, {}
    for size in sizes:
        media_peers.alone(family.write, folder / f"{size}-{family.unit}", size, SEED)
        for workers in WORKERS:
            here = folder / "line"
            lines[size, workers] = line(family, folder / f"{size}-{family.unit}", here, workers)
            sizes_written, sizes_decoded = written(here), media_peers.alone(decoded, family, here)
            shutil.rmtree(here)
    params = params_of(family, folder, 1)
    steps = [enabled(params[block][family.modality]) for block in ("clean", "augment")]
    print("plain loops", file=sys.stderr, flush=True)
    peers = media_peers.alone(family.loop, folder / f"{sizes[0]}-{family.unit}", folder / "plain", *steps, SEED)
    return Results(sizes, lines, sizes_written, sizes_decoded, peers)
