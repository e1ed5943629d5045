"""What trainings leave among the runtime figures: their time, and with what they ran."""

import platform
from importlib.metadata import version

import torch

from stages.core import report
from stages.training.fingerprint import LIBRARIES


def tell(seconds: float, samples: int, device: torch.device) -> None:
    """The time that a training took, validation included, as a line; of several trainings the figures add up."""
    rate = samples / seconds
    report.note(f"trained {samples:,} samples in {seconds:.1f} s ({rate:.0f} samples/s, with validation)")
    figures = report.figures
    figures["training_seconds"] = round(figures.get("training_seconds", 0.0) + seconds, 3)
    figures["samples_seen"] = figures.get("samples_seen", 0) + samples
    figures |= {"libraries": {name: version(name) for name in LIBRARIES}, "machine": platform.machine()}
    figures |= {"device": device.type, "cores": torch.get_num_threads()}
    if device.type == "cuda":
        peak = torch.cuda.max_memory_allocated(device)
        figures |= {"device": torch.cuda.get_device_name(device), "peak_device_memory_mib": round(peak / 2**20, 1)}
