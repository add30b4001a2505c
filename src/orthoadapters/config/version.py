"""The version that is installed."""

from importlib.metadata import PackageNotFoundError, version


def version_line() -> str:
    """Writes the package's name and version."""
    try:
        return f"orthoadapters {version('orthoadapters')}"
    except PackageNotFoundError:
        return "orthoadapters, read from its source and not installed"
