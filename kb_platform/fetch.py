"""Fetches the models that this environment needs, once. ``python -m kb_platform.fetch``."""

import sys

from apps.engines.catalogue.catalogue import all_models
from apps.engines.catalogue.fetch import main as fetch
from kb_platform.env import Env, env


def wanted(values: Env) -> list[str]:
    """Names in the catalogue of what the local parts will load; none where others answer."""
    if values.engines == "fake" or values.local_models == "fake":
        return []
    remote = set()
    if values.embeddings_base_url:
        remote.add("embeddings")
    if values.llm_base_url:
        remote.add("chat")
    names = []
    for entry in all_models():
        chosen = {"chat": values.llm_model, "embeddings": values.embeddings_model}
        choice = chosen.get(entry.purpose)
        is_wanted = entry.name == choice if choice else entry.is_default
        if is_wanted and entry.purpose not in remote:
            names.append(entry.name)
    return names


def main() -> int:
    """Exit status of the fetch; 0 when nothing is wanted."""
    values = env()
    names = wanted(values)
    return fetch(["--models-dir", str(values.models_dir), *names]) if names else 0


if __name__ == "__main__":
    sys.exit(main())
