"""The VMA appliance: what its discovery answers, over HTTP or from a file."""

from .source import VmaSource

__all__ = ["VmaSource"]
