"""Networks, one published family per file."""

from gancourse.models import dcgan, mlp
from gancourse.models.classifier import Classifier

__all__ = ["Classifier", "dcgan", "mlp"]
