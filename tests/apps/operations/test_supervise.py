"""The supervisor over small real processes: killed, stopped, silent, in each other's way."""

import os
import signal
import socket
from pathlib import Path

import psutil

from tests.apps.operations.supervised import Supervised, alive, plan_of, pulsing, sleeper
from workers.supervision.plan import Check, Part, Plan, Probe


def test_a_part_that_is_killed_is_started_again(tmp_path: Path) -> None:
    with Supervised(plan_of(tmp_path, sleeper("one"), sleeper("two"))) as it:
        first, other = it.pid_of("one"), it.pid_of("two")
        os.kill(first, signal.SIGKILL)
        it.wait_for(r" one failed: ended by SIGKILL; again in 1 s")
        it.wait_for(r" one ready", times=2)
        assert it.pid_of("one") != first
        assert it.pid_of("two") == other
        assert psutil.pid_exists(other)


def test_sigterm_ends_everything_and_the_supervisor_says_so(tmp_path: Path) -> None:
    with Supervised(plan_of(tmp_path, sleeper("one"), sleeper("two"))) as it:
        it.pid_of("one")
        it.pid_of("two")
        assert it.end() == 0
        assert it.said[-1] == "Stopped."
        assert len(it.seen) >= 2
        assert it.left_over() == []


def test_ctrl_c_ends_everything_too(tmp_path: Path) -> None:
    with Supervised(plan_of(tmp_path, sleeper("one"))) as it:
        it.pid_of("one")
        assert it.end(signal.SIGINT) == 0
        assert it.left_over() == []


def test_parts_stop_in_the_order_of_their_rank(tmp_path: Path) -> None:
    parts = [sleeper("redis", stop_rank=3), sleeper("worker", stop_rank=1), sleeper("web")]
    with Supervised(plan_of(tmp_path, *parts)) as it:
        for part in parts:
            it.pid_of(part.name)
        it.end()
        stopped = [line.split()[1] for line in it.said if line.endswith(" stopped")]
        assert stopped == ["web", "worker", "redis"]


def test_a_supervisor_that_is_killed_leaves_no_orphan(tmp_path: Path) -> None:
    with Supervised(plan_of(tmp_path, sleeper("one"), sleeper("two"))) as it:
        it.pid_of("one")
        it.pid_of("two")
        it.end(signal.SIGKILL)
        assert len(it.seen) >= 2
        assert it.left_over() == []


def test_the_children_of_a_killed_part_end_with_it(tmp_path: Path) -> None:
    forked = tmp_path / "forked"
    code = f"if os.fork(): open({str(forked)!r}, 'w').close()"
    parent = sleeper("pool", code, ready=Probe(Check.PULSE, str(forked)))
    with Supervised(plan_of(tmp_path, parent)) as it:
        first = it.pid_of("pool")
        family = [psutil.Process(first), *psutil.Process(first).children(recursive=True)]
        os.kill(first, signal.SIGKILL)
        it.wait_for(r" pool ready", times=2)
        assert len(family) == 2
        assert alive(family) == []


def test_a_part_that_ignores_sigterm_is_killed_after_its_grace(tmp_path: Path) -> None:
    stubborn = sleeper("one", "signal.signal(signal.SIGTERM, signal.SIG_IGN)", stop_s=0.3)
    with Supervised(plan_of(tmp_path, stubborn)) as it:
        it.pid_of("one")
        assert it.end() == 0
        assert it.left_over() == []


def test_a_part_that_falls_silent_is_started_again(tmp_path: Path) -> None:
    silent = pulsing("worker", tmp_path / "pulse", beats=3, stale_s=1.0)
    with Supervised(plan_of(tmp_path, silent)) as it:
        it.wait_for(r" worker failed: silent for \d+ s; again in 1 s")
        it.wait_for(r" worker ready", times=2)


def test_silence_is_forgiven_while_the_broker_is_away(tmp_path: Path) -> None:
    away = Probe(Check.TCP, "127.0.0.1:1")
    worker = pulsing("worker", tmp_path / "one", beats=2, stale_s=0.6, depends=away)
    control = pulsing("control", tmp_path / "two", beats=2, stale_s=0.6)
    with Supervised(plan_of(tmp_path, worker, control)) as it:
        it.wait_for(r" control failed: silent", times=2)
        assert not [line for line in it.said if " worker failed" in line]


def test_a_part_that_does_not_become_ready_is_started_again(tmp_path: Path) -> None:
    never = sleeper("host", ready=Probe(Check.PULSE, str(tmp_path / "never")), start_s=0.5)
    with Supervised(plan_of(tmp_path, never)) as it:
        it.wait_for(r" host failed: did not become ready in time; again in 1 s")
        it.wait_for(r" host starting", times=2)


def test_a_part_that_was_too_slow_to_start_is_given_more_time(tmp_path: Path) -> None:
    path = tmp_path / "slow"
    slow = f"time.sleep(0.8); open({str(path)!r}, 'w').close()"
    ready = Probe(Check.PULSE, str(path))
    with Supervised(plan_of(tmp_path, sleeper("host", slow, ready=ready, start_s=0.4))) as it:
        it.wait_for(r" host failed: did not become ready in time")
        it.wait_for(r" host ready")


def test_the_pauses_grow_and_the_last_words_of_a_part_are_shown(tmp_path: Path) -> None:
    broken = sleeper("host", "sys.exit('The model is missing.')")
    with Supervised(plan_of(tmp_path, broken)) as it:
        why = r" host failed: ended with code 1 \(The model is missing\.\); again in "
        it.wait_for(why + "1 s")
        it.wait_for(why + "2 s")
        it.wait_for(why + "4 s")


def test_a_part_waits_for_what_it_needs(tmp_path: Path) -> None:
    first = sleeper("prepare", "time.sleep(0.5); sys.exit()", once=True)
    with Supervised(plan_of(tmp_path, sleeper("web", after=("prepare",)), first)) as it:
        it.pid_of("web")
        names = [" ".join(line.split()[1:3]) for line in it.said]
        assert names.index("prepare done") < names.index("web starting")


def test_what_the_preparation_says_is_shown_with_the_address(tmp_path: Path) -> None:
    first = sleeper("prepare", "print('Make yourself: LINK'); sys.exit()", once=True, speaks=True)
    with Supervised(plan_of(tmp_path, first, sleeper("web", after=("prepare",)))) as it:
        it.wait_for("Footnote is at http://127.0.0.1:1")
        it.wait_for("Make yourself: LINK")


def test_a_port_in_use_is_named_with_the_variable_that_moves_it(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        web = sleeper("web", host="127.0.0.1", port=port, port_variable="KB_PORT")
        with Supervised(plan_of(tmp_path, web)) as it:
            it.wait_for(rf"Port {port} of 127\.0\.0\.1 is in use, .* KB_PORT=PORT")
            assert it.process.wait(20) == 1
            assert it.seen == set()


def test_two_supervisors_do_not_share_a_folder(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, sleeper("redis", single=True))
    with Supervised(plan) as it:
        it.pid_of("redis")
        with Supervised(plan) as second:
            second.wait_for(rf"already runs on .* \(process {it.process.pid}\).*KB_DATA_DIR")
            assert second.process.wait(20) == 1


def test_two_installations_run_side_by_side(tmp_path: Path) -> None:
    plans = [plan_of(tmp_path / name, sleeper("redis", single=True)) for name in "ab"]
    with Supervised(plans[0]) as one, Supervised(plans[1]) as two:
        kept = two.pid_of("redis")
        one.pid_of("redis")
        assert one.end() == 0
        assert psutil.pid_exists(kept)


def test_a_part_may_let_others_go_first(tmp_path: Path) -> None:
    worker_part = pulsing("worker", tmp_path / "pulse", beats=1, nice=10)
    with Supervised(plan_of(tmp_path, sleeper("web"), worker_part)) as it:
        web, worker = it.pid_of("web"), it.pid_of("worker")
        ahead, behind = (os.getpriority(os.PRIO_PROCESS, pid) for pid in (web, worker))
        assert behind == min(19, ahead + 10)


def test_a_plan_survives_its_way_through_json() -> None:
    part = Part(name="web", command=("a", "b"), env={"A": "1"}, after=("redis",), port=1)
    plan = Plan((part,), "http://x", "/d", "/d/run", "/d/run", "/d/logs")
    assert Plan.from_json(plan.to_json()) == plan
