"""The operator's image and its base, built on this machine: without a registry, and without a container engine."""

from support.image.commands import ImageError
from support.image.provision import Image, provide, provide_base

__all__ = ["Image", "ImageError", "provide", "provide_base"]
