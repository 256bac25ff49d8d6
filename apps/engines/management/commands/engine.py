"""Plans how vLLM serves a model, and serves it."""

import os
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import translation
from django.utils.translation import gettext as _

from apps.engines.vllm import words
from apps.engines.vllm.plan import Wanted
from apps.engines.vllm.refusal import CannotServe
from apps.engines.vllm.service import Service, adapter, checked, planned

_PROGRAM = (sys.executable, "-m", "workers.engine_host")


class Command(BaseCommand):
    help = (
        "plan: say how vLLM would serve a model folder on these GPUs, with the arithmetic. "
        "serve: do it, and watch over it until told to stop."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        plan = verbs.add_parser("plan", help="sizes for a model folder, with the arithmetic")
        serve = verbs.add_parser("serve", help="run vLLM by a plan and watch over it")
        for each in (plan, serve):
            _sizes(each)
        plan.add_argument("--json", action="store_true", help="a plan that serve takes")
        serve.add_argument("--no-register", action="store_true", help="leave the database alone")
        serve.add_argument(
            "--use",
            action="store_true",
            help="answer with it from now on, whatever answered before",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        with translation.override(options["lang"] or settings.LANGUAGE_CODE):
            try:
                service = _service(options)
            except CannotServe as no:
                raise CommandError("\n".join([no.reason, *(f"→ {r}" for r in no.remedies)])) from no
            if options["verb"] == "plan":
                self._show(service, as_json=options["json"])
            else:
                self._serve(service, options)

    def _show(self, service: Service, *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(service.to_json())
            return
        self.stdout.write("\n".join(words.lines_of(service.plan)))

    def _serve(self, service: Service, options: dict[str, Any]) -> None:
        """Become the process that watches; the plan it follows is kept beside its status."""
        self._show(service, as_json=False)
        self.stdout.write(
            _("Starting; logs are in %(folder)s.") % {"folder": settings.DATA_DIR / "logs"}
        )
        self.stdout.flush()
        path = Path(settings.RUN_DIR) / f"engine-{service.name}.json"
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_text(service.to_json(), encoding="utf-8")
        flags = [f"--{name}" for name in ("no-register", "use") if options[name.replace("-", "_")]]
        os.execv(sys.executable, [*_PROGRAM, str(path), *flags])  # noqa: S606 - no shell wanted


def _sizes(parser: CommandParser) -> None:
    numbers = Wanted()
    parser.add_argument("model", help="the folder with config.json, or a plan made with --json")
    parser.add_argument("--gpus", default="", help="4x80, 2x8x80 (hosts), cpu; empty: what is here")
    parser.add_argument("--tp", type=int, default=0, help="tensor parallel size; 0: chosen")
    parser.add_argument("--pp", type=int, default=0, help="pipeline parallel size; 0: chosen")
    parser.add_argument("--context", type=int, default=0, help="tokens of one question and answer")
    parser.add_argument(
        "--sequences", type=int, default=numbers.sequences, help="answers at the same time"
    )
    parser.add_argument("--share", type=float, default=numbers.share, help="of each GPU's memory")
    parser.add_argument("--kv-cache-dtype", default="auto", choices=("auto", "fp8"))
    parser.add_argument("--replicas", type=int, default=0, help="0: as many as there are GPUs for")
    parser.add_argument("--name", default="answers", help="what the model is asked for by")
    parser.add_argument("--host", default="127.0.0.1", help="address that vLLM listens on")
    parser.add_argument("--address", default="", help="where others find this host; empty: --host")
    parser.add_argument("--port", type=int, default=8100, help="of the first replica")
    parser.add_argument("--door-port", type=int, default=8150, help="of the first replica's door")
    parser.add_argument("--lora", action="append", default=[], metavar="NAME=FOLDER")
    parser.add_argument("--load-format", default="safetensors", choices=("safetensors", "dummy"))
    parser.add_argument("--quiet", default="", help='such as "20:00-07:00; sat-sun 00:00-24:00"')
    parser.add_argument(
        "--idle-minutes", type=float, default=10.0, help="before a quiet hour stops it"
    )
    parser.add_argument("--drain", type=float, default=120.0, help="seconds for running answers")
    parser.add_argument(
        "--start", type=float, default=1800.0, help="seconds it may take to be ready"
    )
    parser.add_argument(
        "--lang", default="", choices=("", "en", "zh-hans"), help="of the sentences"
    )


def _service(options: dict[str, Any]) -> Service:
    path = Path(options["model"]).expanduser().resolve()
    if path.is_file():
        return Service.from_json(path.read_text(encoding="utf-8"))
    if not 0.1 <= options["share"] <= 1:
        raise CannotServe(_("--share is a part of the memory: 0.1 to 1."))
    wanted = Wanted(
        context=options["context"],
        sequences=max(1, options["sequences"]),
        tp=options["tp"],
        pp=options["pp"],
        share=options["share"],
        cache_dtype=options["kv_cache_dtype"],
        replicas=options["replicas"],
    )
    plan = planned(path, options["gpus"], wanted, load_format=options["load_format"])
    adapters = [adapter(words) for words in options["lora"]]
    return checked(
        Service(
            plan=plan,
            folder=str(path),
            name=options["name"],
            host=options["host"],
            address=options["address"] or options["host"],
            port=options["port"],
            door_port=options["door_port"],
            adapters=tuple(named for named, _rank in adapters),
            adapter_rank=max((rank for _named, rank in adapters), default=0),
            load_format=options["load_format"],
            quiet=options["quiet"],
            idle_minutes=options["idle_minutes"],
            start_s=options["start"],
            drain_s=options["drain"],
        )
    )
