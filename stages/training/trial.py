"""One pass before training: do the inputs fit the model?"""

from typing import Any

import numpy as np
import torch

from stages.core.errors import UserError
from stages.training.batches import Encoded, move
from stages.training.memory import out_of_memory


def try_out(model: Any, train: Encoded, device: torch.device) -> None:
    """One forward pass of two samples, before anything takes long.

    Raises:
        UserError: the inputs do not fit the model.
    """
    model.eval()
    try:
        with torch.inference_mode():
            model(**move(train.batch(np.arange(min(2, len(train)))), device, ["labels"]))
    except (IndexError, RuntimeError, TypeError, ValueError) as error:
        if out_of_memory(error):
            raise
        raise UserError(
            f"the model inputs do not fit {type(model).__name__}: {' '.join(str(error).split())[:300]}",
            "compare finetune.architecture (or the model's config.json) with encode and with data/encoded/meta.json",
        ) from None
