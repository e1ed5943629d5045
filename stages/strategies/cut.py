"""The cut through a model: its frozen bottom gives hidden states, its top takes them as it takes inputs.

Legend: B samples of a batch, L the positions (tokens, patches, frames) of the longest, D the width of the model.
"""

from collections.abc import Callable, Mapping
from typing import Any

import torch

from stages.strategies.families import Family, blocks_of, whole_family
from stages.strategies.mean import mean, standardised_mean

Batch = Mapping[str, torch.Tensor]


class _BoundaryReached(Exception):  # noqa: N818 (no error)
    """What lies above the boundary need not be computed; carries the hidden states out of the model."""

    def __init__(self, states: torch.Tensor) -> None:
        super().__init__()
        self.states = states


class Bottom:
    """The part of a body below its last `last_layers` blocks; with 0 what the head takes of the whole body.

    Several threads may call it at once.

    Args:
        base: the body, which from then on ends at the cut.
        pooling: of the whole body: `native` (what the model's own head takes) or `mean` (what it takes after the
            block that `append_mean` appends, which is not computed for that).
    """

    def __init__(self, base: Any, family: Family, last_layers: int, pooling: str = "native") -> None:
        self.base, self.last_layers = base.eval(), last_layers
        self._family, self._mean = family, pooling == "mean"
        self.width = int(base.config.hidden_size)
        _, _, self._blocks = blocks_of(base)
        if last_layers:
            self._blocks[-last_layers].register_forward_pre_hook(_before)
        elif family.pooled:
            self._blocks[-1].register_forward_hook(_after)

    @property
    def input(self) -> str:
        """The argument through which the top takes the hidden states."""
        return self._family.input

    @torch.inference_mode()
    def __call__(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Hidden states (B, L, D) and, where samples differ in length, which positions count (B, L)."""
        states = self._states(batch)
        mask = batch.get("attention_mask")
        if mask is not None and hasattr(self.base, "_get_feature_vector_attention_mask"):
            mask = self.base._get_feature_vector_attention_mask(states.shape[1], mask)
        if self.last_layers:
            return states, mask
        if self._mean:
            return standardised_mean(states, mask, self._blocks[-1]), None
        if self._family.pooled:
            return states[:, : self._family.pooled], None
        return mean(states, mask), None

    def positions(self, lengths: Any) -> Any:
        """The positions of samples by their stored lengths; None where only a run can tell."""
        if not self.last_layers:
            return [max(self._family.pooled, 1)] * len(lengths)
        if hasattr(self.base, "_get_feat_extract_output_lengths"):
            return self.base._get_feat_extract_output_lengths(torch.as_tensor(lengths)).tolist()
        return list(lengths) if self.input == "inputs_embeds" else None

    def _states(self, batch: Batch) -> torch.Tensor:
        try:
            return self.base(**batch).last_hidden_state  # type: ignore[no-any-return]
        except _BoundaryReached as reached:
            return reached.states


def _before(_: Any, given: tuple[Any, ...]) -> None:
    raise _BoundaryReached(given[0])


def _after(_module: Any, _given: Any, result: Any) -> None:
    raise _BoundaryReached(result[0] if isinstance(result, tuple) else result)


class _Passing(torch.nn.Module):
    """In place of embeddings: gives the hidden states on."""

    def __init__(self) -> None:
        super().__init__()
        self.patch_embeddings = torch.nn.Module()  # ViT asks for the type of its weight
        self.patch_embeddings.projection = torch.nn.Module()
        self.patch_embeddings.projection.register_buffer("weight", torch.zeros(0), persistent=False)

    def forward(self, *given: Any, **named: Any) -> torch.Tensor:
        return next(v for v in (*given, *named.values()) if isinstance(v, torch.Tensor) and v.ndim == 3)


class _Function(torch.nn.Module):
    """A function in place of a module."""

    def __init__(self, function: Callable[[torch.Tensor], Any]) -> None:
        super().__init__()
        self._function = function

    def forward(self, given: torch.Tensor) -> Any:
        return self._function(given)


def shorten(model: Any, last_layers: int) -> Callable[[], None]:
    """Leave of a classifier the part above the cut, which takes hidden states; the result makes it whole again."""
    base = model.base_model
    family = whole_family(base.config)
    if family is None:
        raise ValueError(base.config.model_type)
    kept: list[tuple[Any, str, Any]] = []
    before = sum(weight.numel() for weight in model.parameters())

    def put(owner: Any, name: str, new: Any) -> None:
        own = name in owner.__dict__ or name in owner._modules
        kept.append((owner, name, getattr(owner, name) if own else None))
        setattr(owner, name, new)

    owner, name, blocks = blocks_of(base)
    put(owner, name, torch.nn.ModuleList(blocks[len(blocks) - last_layers :]))
    if hasattr(base, "feature_projection"):
        _shorten_waveforms(model, base, last_layers, put)
    else:
        put(base, "embeddings", _Passing())
    model.weights_cut_off = before - sum(weight.numel() for weight in model.parameters())

    def restore() -> None:
        del model.weights_cut_off
        for where, called, old in reversed(kept):
            if old is None:
                delattr(where, called)
            else:
                setattr(where, called, old)

    return restore


def count_parameters(model: torch.nn.Module) -> dict[str, int]:
    """All weights, those that `shorten` has cut off among them, and the trainable ones."""
    weights = list(model.parameters())
    return {
        "total": sum(weight.numel() for weight in weights) + int(getattr(model, "weights_cut_off", 0)),
        "trainable": sum(weight.numel() for weight in weights if weight.requires_grad),
    }


def _shorten_waveforms(model: Any, base: Any, last_layers: int, put: Callable[[Any, str, Any], None]) -> None:
    """Wav2Vec2: convolutions, projection, positions and (unless it comes last) the norm lie below the blocks."""
    put(base, "feature_extractor", _Function(lambda states: states.transpose(1, 2)))
    put(base, "feature_projection", _Function(lambda states: (states, states)))
    put(base, "_mask_hidden_states", lambda states, **_: states)
    put(base.encoder, "pos_conv_embed", _Function(torch.zeros_like))
    put(base.encoder, "dropout", torch.nn.Identity())
    if not (base.config.do_stable_layer_norm and last_layers):
        put(base.encoder, "layer_norm", torch.nn.Identity())
    for one in (base, model):  # frames, not samples, are masked
        put(one, "_get_feature_vector_attention_mask", lambda _length, mask, **_: mask.bool())
