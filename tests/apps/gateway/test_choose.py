"""Which server is asked: pure rules, held against whatever hypothesis thinks of."""

from collections import Counter
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from apps.gateway.routing.breaker import Health
from apps.gateway.routing.choose import Reason, Server, bound, order

servers = st.lists(
    st.builds(
        Server,
        key=st.text("abcdef", min_size=1, max_size=3),
        rank=st.integers(0, 2),
        running=st.integers(0, 9),
        room=st.integers(0, 9),
        health=st.sampled_from(Health),
    ),
    unique_by=lambda server: server.key,
    max_size=6,
)


@given(servers, st.text())
def test_every_server_stands_somewhere_once(found: list[Server], affinity: str) -> None:
    assert Counter(p.key for p in order(found, affinity)) == Counter(s.key for s in found)


@given(servers, st.text())
def test_those_set_aside_come_last_and_stand_ins_after_the_others(
    found: list[Server], affinity: str
) -> None:
    by_key = {server.key: server for server in found}
    placed = [by_key[place.key] for place in order(found, affinity)]
    asked = [server for server in placed if server.health is not Health.OPEN]
    assert placed[: len(asked)] == asked
    assert [s.rank for s in asked] == sorted(s.rank for s in asked)


@given(servers, st.text())
def test_the_order_does_not_hang_on_the_order_of_the_list(
    found: list[Server], affinity: str
) -> None:
    by_running = [replace(server, running=0) for server in found]
    first = [p for p in order(by_running, affinity) if p.reason is not Reason.SET_ASIDE]
    other = [p for p in order(by_running[::-1], affinity) if p.reason is not Reason.SET_ASIDE]
    assert first == other


@given(st.text(), st.integers(2, 6))
def test_a_server_that_goes_moves_only_its_own_conversations(affinity: str, count: int) -> None:
    group = [Server(f"s{n}") for n in range(count)]
    home = order(group, affinity)[0].key
    for gone in group:
        if gone.key != home:
            rest = [server for server in group if server is not gone]
            assert order(rest, affinity)[0].key == home


@given(st.lists(st.text(), min_size=1, max_size=60, unique=True), st.integers(2, 5))
def test_no_server_gets_more_than_its_bounded_share(asked: list[str], count: int) -> None:
    running = dict.fromkeys((f"s{n}" for n in range(count)), 0)
    for conversation in asked:
        group = [Server(key, running=number) for key, number in running.items()]
        share = bound(list(running.values()))
        chosen = order(group, conversation)[0].key
        running[chosen] += 1
        assert running[chosen] <= share


def test_a_conversation_stays_with_its_server_and_passes_a_full_one_by() -> None:
    group = [Server("a", room=1), Server("b", room=1)]
    home = order(group, "one conversation")[0]
    assert home.reason is Reason.HOME
    full = [replace(server, running=int(server.key == home.key)) for server in group]
    passed = order(full, "one conversation")
    assert passed[0].key != home.key
    assert passed[1].reason is Reason.BUSY
