"""``manage.py engine plan``: what is proposed for real models, and why others are refused."""

import json
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from apps.engines.vllm import hosts, launch
from apps.engines.vllm.hosts import GIB, read_graphics
from apps.engines.vllm.launch import devices
from apps.engines.vllm.refusal import CannotServe
from apps.engines.vllm.service import Service
from tests.apps.engines.vllm.folders import model_folder, put_weights


def said(folder: Path, *words: str) -> str:
    out = StringIO()
    call_command("engine", "plan", str(folder), *words, stdout=out)
    return out.getvalue()


def planned(folder: Path, *words: str) -> Service:
    return Service.from_json(said(folder, "--json", "--load-format", "dummy", *words))


@pytest.mark.parametrize(
    ("model", "gpus", "expected"),
    [
        ("llama-70b", "4x80", {"tp": 4, "pp": 1, "replicas": 1, "dtype": "bfloat16"}),
        ("llama-70b", "8x80", {"tp": 4, "pp": 1, "replicas": 2}),
        ("qwen-0.5b", "1x24", {"tp": 1, "pp": 1, "replicas": 1}),
        ("qwen-72b-awq", "2x48", {"tp": 2, "dtype": "float16", "quantisation": "awq"}),
        ("deepseek-v3", "2x8x80", {"tp": 8, "pp": 2, "replicas": 1, "quantisation": "fp8"}),
    ],
)
def test_a_known_model_is_split_as_its_operators_do(
    tmp_path: Path, model: str, gpus: str, expected: dict[str, Any]
) -> None:
    plan = planned(model_folder(tmp_path, model), "--gpus", gpus).plan
    assert {name: getattr(plan, name) for name in expected} == expected
    assert plan.needs_ray is (gpus == "2x8x80")


def test_the_arithmetic_is_shown_line_by_line(tmp_path: Path) -> None:
    text = said(
        *(model_folder(tmp_path, "llama-70b"), "--gpus", "4x80", "--load-format", "dummy"),
        *("--lang", "en"),
    )
    assert "80.00 GiB × 0.90 = 72.00 GiB" in text
    assert "131.42 GiB in all" in text
    assert "81920 bytes" in text  # 2 heads × 2 × 128 × 2 bytes × 80 layers
    assert "sequences of 16384 tokens" in text


def test_the_plan_is_there_in_chinese(tmp_path: Path) -> None:
    folder = model_folder(tmp_path, "llama-70b")
    text = said(folder, "--gpus", "4x80", "--load-format", "dummy", "--lang", "zh-hans")
    assert "张量并行 4" in text
    assert "权重" in text


def test_weights_are_counted_as_they_lie_in_the_folder(tmp_path: Path) -> None:
    folder = model_folder(tmp_path, "qwen-0.5b")
    put_weights(folder, 3 * GIB)
    service = Service.from_json(said(folder, "--json", "--gpus", "1x24"))
    assert service.plan.weights_total == 3 * GIB
    index = {"metadata": {"total_size": 2 * GIB}, "weight_map": {}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
    assert Service.from_json(said(folder, "--json", "--gpus", "1x24")).plan.weights == 2 * GIB


@pytest.mark.parametrize(
    ("model", "changes", "words", "reason"),
    [
        ("llama-70b", {}, ("--gpus", "2x24"), "does not fit.*(?s:.*)8 GPUs of 24 GiB"),
        ("llama-70b", {}, ("--gpus", "3x80", "--tp", "3"), "64 attention heads.*divided by 3"),
        ("llama-70b", {}, ("--gpus", "4x80", "--tp", "8"), "not so many GPUs"),
        ("llama-70b", {}, ("--gpus", "4x80", "--context", "200000"), "131072 tokens at most"),
        ("llama-70b", {}, ("--gpus", "four"), "no list of GPUs"),
        ("llama-70b", {"num_key_value_heads": 6}, ("--gpus", "8x80", "--tp", "4"), "6 KV heads"),
        (
            "qwen-72b-awq",
            {"intermediate_size": 29568},
            ("--gpus", "8x24", "--tp", "8"),
            "3696 columns on each GPU cut through the groups of 128",
        ),
        ("llama-70b", {"hidden_size": "big"}, (), "does not say hidden_size"),
        ("llama-70b", {"vocab_size": None}, (), "does not say 'vocab_size'"),
        ("llama-70b", {"layer_types": ["linear_attention"]}, (), "linear_attention"),
        ("llama-70b", {"index_topk": 2048}, (), "sparse_attention"),
    ],
)
def test_what_cannot_be_is_refused_with_its_reason(
    tmp_path: Path, model: str, changes: dict[str, Any], words: tuple[str, ...], reason: str
) -> None:
    folder = model_folder(tmp_path, model, **changes)
    with pytest.raises(CommandError, match=reason):
        said(folder, "--load-format", "dummy", "--lang", "en", *(words or ("--gpus", "8x80")))


def test_weights_that_can_run_code_are_refused(tmp_path: Path) -> None:
    folder = model_folder(tmp_path, "qwen-0.5b")
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x04")
    with pytest.raises(CommandError, match="Convert them to safetensors"):
        said(folder, "--gpus", "1x24", "--lang", "en")


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be read"):
        said(tmp_path, "--gpus", "1x24", "--lang", "en")
    with pytest.raises(CommandError, match="holds no weights"):
        said(model_folder(tmp_path, "qwen-0.5b"), "--gpus", "1x24", "--lang", "en")


def test_a_quantised_cache_holds_twice_the_tokens(tmp_path: Path) -> None:
    folder = model_folder(tmp_path, "llama-70b")
    plain = planned(folder, "--gpus", "4x80").plan
    small = planned(folder, "--gpus", "4x80", "--kv-cache-dtype", "fp8").plan
    assert small.cache_tokens == pytest.approx(2 * plain.cache_tokens, rel=0.001)


def test_a_processor_shares_its_memory_among_its_processes(tmp_path: Path) -> None:
    plan = planned(model_folder(tmp_path, "qwen-0.5b"), "--gpus", "cpu", "--context", "2048").plan
    assert plan.is_cpu
    assert plan.cache_gib >= 1
    assert plan.weights + plan.reserve + plan.cache <= plan.memory


def test_graphics_cards_are_read_from_nvidia_smi() -> None:
    table = "81559, 9.0, NVIDIA H100 80GB HBM3\n81559, 9.0, NVIDIA H100 80GB HBM3\n"
    host = read_graphics(table)
    assert host is not None
    assert (host.gpus, round(host.memory / GIB, 1), host.has_bfloat16) == (2, 79.6, True)
    old = read_graphics("16384, 7.0, Tesla V100\n")
    assert old is not None
    assert not old.has_bfloat16
    assert read_graphics("No devices were found\n") is None


def test_each_host_serves_a_model_that_fits_it_by_itself(tmp_path: Path) -> None:
    folder = model_folder(tmp_path, "qwen-0.5b")
    service = planned(folder, "--gpus", "2x8x80")
    found = [devices(service.plan, number) for number in range(service.plan.replicas)]
    assert found == [(str(number),) for number in range(8)]
    with pytest.raises(CommandError, match="16 replicas need 16 GPUs, and there are 8"):
        planned(folder, "--gpus", "2x8x80", "--replicas", "16", "--lang", "en")


def test_a_processor_shares_its_memory_among_its_replicas(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hosts, "allowed_processors", lambda: ("4", "5", "6", "7"))
    monkeypatch.setattr(launch, "allowed_processors", lambda: ("4", "5", "6", "7"))
    monkeypatch.setattr(hosts.psutil, "virtual_memory", lambda: SimpleNamespace(available=32 * GIB))
    words = ("--gpus", "cpu", "--context", "2048", "--sequences", "500")
    folder = model_folder(tmp_path, "qwen-0.5b")
    one = planned(folder, *words).plan
    two = planned(folder, *words, "--replicas", "2").plan
    assert 2 * (two.weights + two.reserve + two.cache) <= two.memory * two.share
    assert two.cache < one.cache
    assert [devices(two, number) for number in (0, 1)] == [("4", "5"), ("6", "7")]


def test_only_gpus_that_this_process_was_given_are_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = planned(model_folder(tmp_path, "qwen-0.5b"), "--gpus", "2x24").plan
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3, GPU-8f1d")
    assert [devices(plan, number) for number in (0, 1)] == [("3",), ("GPU-8f1d",)]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    with pytest.raises(CannotServe):
        devices(plan, 1)


@pytest.mark.parametrize(
    ("changes", "longest"),
    [
        (
            {
                "rope_scaling": {
                    "type": "yarn",
                    "factor": 4.0,
                    "original_max_position_embeddings": 32768,
                }
            },
            131072,
        ),
        ({"rope_scaling": {"rope_type": "llama3", "factor": 8.0}}, 32768),
        ({"rope_scaling": {"rope_type": "linear", "factor": 2}}, 65536),
        ({"rope_scaling": {"rope_type": "yarn", "factor": "many"}}, 32768),
        ({}, 32768),
    ],
)
def test_a_stretched_context_may_be_asked_for(
    tmp_path: Path, changes: dict[str, Any], longest: int
) -> None:
    folder = model_folder(tmp_path, "qwen-0.5b", **changes)
    gpus = ("--gpus", "1x80")
    assert planned(folder, *gpus, "--context", str(longest)).plan.context == longest
    with pytest.raises(CommandError, match=f"{longest} tokens at most"):
        planned(folder, *gpus, "--context", str(longest + 1), "--lang", "en")
