"""Descriptions of runs that were written before recipes were made of plays: read as what they would be today."""

from __future__ import annotations

from typing import Any

from gancourse.names import lookup

PENALTIES = {
    "none": (),
    "r1": ("R1",),
    "r2": ("R2",),
    "r1-r2": ("R1", "R2"),
    "gradient-penalty": ("GradientPenalty",),
    "one-sided-gradient-penalty": ("OneSidedGradientPenalty",),
    "zero-centred-gradient-penalty": ("ZeroCentredGradientPenalty",),
    "drift": ("Drift",),
}
TRAINING = ("steps", "batch_size", "learning_rate", "beta1", "beta2", "decay", "average_kimg", "seed")


def modern(written: Any) -> Any:
    """What is written, in today's form; anything but an older description as it is.

    Raises:
        ValueError: an older description lacks a field, or one names what there never was.
    """
    if not isinstance(written, dict):
        return written
    if "precision" in written and "kind" not in written:
        return {"kind": "Arithmetic"} | written
    play = {"gan": _adversarial, "vae": _variational, "classifier": _classifying}.get(written.get("kind"))
    if play is None:
        return written
    try:
        return {
            "kind": "Recipe",
            "name": written["name"],
            "about": written["about"],
            "data": {"kind": "Data", "name": written["data"], "full": written["full"]},
            "play": play(written),
            # The optimiser of classifiers and VAEs was no field.
            "training": {"kind": "Training", "beta1": 0.9} | {key: written[key] for key in TRAINING if key in written},
        }
    except KeyError as error:
        raise ValueError(f"not a recipe: {error} is missing") from None


def _adversarial(written: dict[str, Any]) -> dict[str, Any]:
    family = lookup({"mlp": _mlp, "dcgan": _dcgan}, str(written["family"]), "family")(written)
    kinds = lookup(PENALTIES, str(written["penalty"]), "penalty")
    amount = {"weight": written["penalty_weight"], "every": written["penalty_every"]}
    return {
        "kind": "Adversarial",
        "family": family,
        "objective": written["objective"],
        "terms": [{"kind": kind} | amount for kind in kinds],
        "n_critic": written["n_critic"],
    }


def _mlp(written: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "MLP", "latent_size": written["latent_size"], "width": written["width"]}


def _dcgan(written: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(written["guidelines"], dict):
        raise ValueError(f"guidelines is {written['guidelines']!r}; expected names and values")
    return {
        "kind": "DCGAN",
        "latent_size": written["latent_size"],
        "width": written["width"],
        "guidelines": {"kind": "Guidelines"} | written["guidelines"],
        "discriminator_norm": written.get("discriminator_norm", "guidelines"),  # the first files had no such field
    }


def _variational(written: dict[str, Any]) -> dict[str, Any]:
    family = {"kind": "ConvolutionalVAE", "latent_size": written["latent_size"], "width": written["width"]}
    return {"kind": "Variational", "family": family, "std": written["std"], "beta": written["beta"]}


def _classifying(written: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "Classifying", "family": {"kind": "SmallClassifier"}}
