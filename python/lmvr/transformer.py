"""A model as a step of a scikit-learn pipeline, which it is by its methods alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Optional

from .model import Model

if TYPE_CHECKING:
    from .model import Floats


class Transformer:
    """make_pipeline(lmvr.Transformer(model, "llm"), LogisticRegression()): images in, vectors out.

    feature: a SPEC of `Model.encode`, whose further arguments `options` has.
    """

    def __init__(
        self, model: Optional[Model] = None, feature: Optional[str] = None, options: Optional[dict[str, Any]] = None
    ) -> None:
        self.model = model
        self.feature = feature
        self.options = options

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        return {"model": self.model, "feature": self.feature, "options": self.options}

    def set_params(self, **params: Any) -> Transformer:
        for name, value in params.items():
            if name not in self.get_params():
                raise ValueError(f"a Transformer has no parameter {name!r}")
            setattr(self, name, value)
        return self

    def fit(self, X: Any = None, y: Any = None) -> Transformer:
        """There is nothing to learn."""
        return self

    def transform(self, X: Iterable[Any]) -> Floats:
        """n images -> float32 (n, d); a row of NaN for one that cannot be used."""
        model = self.model or Model()
        vectors: Floats = model.encode(list(X), self.feature, **(self.options or {}))
        return vectors

    def fit_transform(self, X: Iterable[Any], y: Any = None) -> Floats:
        return self.transform(X)

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __sklearn_tags__(self) -> Any:  # only scikit-learn calls it
        from sklearn.utils import InputTags, Tags, TargetTags, TransformerTags  # type: ignore

        return Tags(
            estimator_type=None,
            target_tags=TargetTags(required=False),
            transformer_tags=TransformerTags(preserves_dtype=[]),
            input_tags=InputTags(two_d_array=False, string=True, allow_nan=False),
            requires_fit=False,
        )

    def __repr__(self) -> str:
        return f"Transformer(model={self.model!r}, feature={self.feature!r})"
