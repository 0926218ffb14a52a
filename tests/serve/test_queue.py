"""Which texts a free worker takes: each once, in turn, and never more than it may."""

from hypothesis import given
from hypothesis import strategies as st

from mtc_keras.serve.workers.queue import TURN, Queue, Waiting
from tests.fuzzing import tries


def waiting(*tokens: int, raw: bool = False) -> Waiting:
    return Waiting([[f"text {row}" for row in range(len(tokens))]], tokens, raw)


def test_a_free_worker_takes_what_is_there_and_waits_for_no_more():
    queue = Queue()
    assert queue.take(1_000) is None
    request = waiting(5)
    queue.add(request)
    batch = queue.take(1_000)
    assert (batch.rows, batch.tokens, batch.texts) == ([(request, 0)], 5, [["text 0"]])
    assert queue.take(1_000) is None and queue.rows == queue.characters == 0


def test_the_longest_text_times_their_number_stays_within_the_budget():
    queue = Queue()
    queue.add(waiting(10, 2, 3))
    queue.add(waiting(8))
    batch = queue.take(30)
    assert [request.tokens[row] for request, row in batch.rows] == [10, 3, 2]
    assert batch.padded_tokens == 30
    assert queue.take(30).padded_tokens == 8


def test_a_text_above_the_budget_is_computed_by_itself():
    queue = Queue()
    queue.add(waiting(500, 500, 1))
    assert [queue.take(100).padded_tokens for _ in range(3)] == [500, 500, 1]


def test_a_long_request_holds_up_nobody():
    queue = Queue()
    long, short = waiting(*[4] * 1_000), waiting(4, 4)
    queue.add(long)
    queue.add(short)
    batch = queue.take(4 * (TURN + 1))
    assert [request for request, _ in batch.rows] == [long] * TURN + [short]
    batch = queue.take(4 * (TURN + 1))  # the turn that was interrupted goes on
    assert [request for request, _ in batch.rows] == [short] + [long] * TURN


def test_a_long_request_whose_batches_are_small_holds_up_nobody():
    queue = Queue()
    long, short = waiting(*[50] * 1_000), waiting(4)
    queue.add(long)
    queue.add(short)
    batches = [queue.take(500) for _ in range(4)]
    assert [len(batch.rows) for batch in batches] == [10, 10, 10, 3]
    assert [request for request, _ in batches[-1].rows] == [long, long, short]
    assert {request for request, _ in queue.take(500).rows} == {long}


def test_who_has_left_is_not_computed():
    queue = Queue()
    gone, staying = waiting(*[4] * 40), waiting(4)
    queue.add(gone)
    queue.add(staying)
    queue.take(4)
    queue.remove(gone)
    queue.remove(gone)
    assert queue.rows == 1
    assert [request for request, _ in queue.take(100).rows] == [staying]
    assert queue.rows == queue.characters == 0


def test_those_who_want_raw_numbers_are_computed_apart_and_keep_their_turn():
    queue = Queue()
    first, raw, last = waiting(1), waiting(1, raw=True), waiting(1)
    for request in (first, raw, last):
        queue.add(request)
    batches = [queue.take(100) for _ in range(2)]
    assert [[request for request, _ in batch.rows] for batch in batches] == [[first, last], [raw]]
    assert [batch.raw for batch in batches] == [False, True]


SIZES = st.lists(st.integers(1, 600), min_size=1, max_size=70)
REQUESTS = st.lists(st.tuples(SIZES, st.booleans()), min_size=1, max_size=12)


@tries(60)
@given(REQUESTS, st.integers(1, 2_000), st.lists(st.integers(0, 3), max_size=30))
def test_fuzz_every_row_is_taken_once_within_the_budget_and_in_turn(requests, budget, pauses):
    """Requests come while batches are taken: none is lost, doubled, or passed over for long."""
    queue: Queue[Waiting] = Queue()
    coming = [waiting(*sizes, raw=raw) for sizes, raw in requests]
    seen: dict[Waiting, list[int]] = {request: [] for request in coming}
    waited = dict.fromkeys(coming, 0)
    added: list[Waiting] = []
    pauses = iter(pauses)
    while len(added) < len(coming) or queue.rows:
        for _ in range(next(pauses, len(coming))):
            if len(added) < len(coming):
                added.append(coming[len(added)])
                queue.add(added[-1])
        batch = queue.take(budget)
        if batch is None:
            continue
        assert batch.padded_tokens <= budget or len(batch.rows) == 1
        assert batch.tokens == max(request.tokens[row] for request, row in batch.rows)
        assert len({request.raw for request, _ in batch.rows}) == 1
        taken = dict.fromkeys(request for request, _ in batch.rows)
        for request, row in batch.rows:
            seen[request].append(row)
        for request in added:
            is_done = len(seen[request]) == len(request.tokens)
            waited[request] = 0 if request in taken or is_done else waited[request] + 1
            # Each of the others has a turn before, of batches of one row at worst.
            assert waited[request] <= 2 * len(coming) * TURN
        assert queue.rows == sum(len(r.tokens) - len(seen[r]) for r in added)
    for request, rows in seen.items():
        assert sorted(rows) == list(range(len(request.tokens)))
        longest_first = sorted(request.tokens, reverse=True)
        assert [request.tokens[row] for row in rows] == longest_first
    assert queue.characters == 0
