"""The model host with its fake model, which takes its time: ``python -m …slow_model_host --port N``.

On a fast machine the fake one would be done before anybody could kill something in the middle.
"""

import time
from collections.abc import Sequence

from apps.engines.adapters.token_engine import Numbers
from workers import model_host

BATCH_S = 0.02


class SlowEngine(model_host.HashEngine):
    def embed(self, batch: Sequence[Sequence[int]]) -> Sequence[Numbers]:
        time.sleep(BATCH_S)
        return super().embed(batch)


if __name__ == "__main__":
    model_host.HashEngine = SlowEngine  # type: ignore[misc]
    model_host.main()
