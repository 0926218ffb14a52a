"""Versions: a new one takes over without losing a request, a broken one does not."""

import asyncio
import errno
import logging
import shutil

import pytest

from mtc_keras.errors import DataError
from mtc_keras.serve.versions import Version, versions_in
from tests.serve.engines import EXPORT, RUN, add_version, lengths, serving, until


def states(engine) -> dict[int, str]:
    return {version.number: str(version.state) for version in engine.versions}


def test_versions_are_switched_under_load_without_losing_a_request(tmp_path):
    add_version(tmp_path, 1)
    seen = []

    async def ask(engine, is_over):
        while not is_over():
            answer = await engine.predict((["slow" * (len(seen) % 7 == 0) + "abc", "a"],))
            assert lengths(answer)[1] == 1
            assert set(answer.probabilities["mood"][:, 0]) == {answer.version}  # one of them, whole
            seen.append(answer.version)

    async def scenario():
        async with serving(tmp_path, watching=True) as engine:
            is_over = asyncio.Event()
            clients = [asyncio.create_task(ask(engine, is_over.is_set)) for _ in range(8)]
            for number in (2, 10):
                await asyncio.sleep(0.3)
                add_version(tmp_path, number)
                await until(lambda: engine.model().version == number)  # noqa: B023
            await asyncio.sleep(0.3)
            is_over.set()
            await asyncio.gather(*clients)
            await until(lambda: "UNLOADING" not in states(engine).values())
            assert states(engine) == {1: "END", 2: "END", 10: "AVAILABLE"}

    asyncio.run(scenario())
    assert set(seen) == {1, 2, 10}


def test_a_broken_version_is_refused_once_and_told_and_taken_when_it_is_mended(tmp_path, caplog):
    add_version(tmp_path, 1)

    async def scenario():
        async with serving(tmp_path, watching=True) as engine:
            broken = add_version(tmp_path, 2)
            (broken / "broken").touch()
            await until(lambda: states(engine).get(2) == "FAILED")
            await asyncio.sleep(0.3)
            assert states(engine) == {1: "AVAILABLE", 2: "FAILED"}
            [found] = [version for version in engine.versions if version.number == 2]
            assert "it is broken" in found.message and "model.onnx: is empty" in found.message
            assert (await engine.predict((["a"],))).version == 1
            (broken / "broken").unlink()
            await until(lambda: engine.model().version == 2)
            assert states(engine)[2] == "AVAILABLE"

    with caplog.at_level(logging.INFO, "mtc_keras.serve"):
        asyncio.run(scenario())
    assert sum("version 2 is refused: it is broken" in line for line in caplog.messages) == 1


@pytest.mark.parametrize("tokenizer", ["", "{}", '{"model": 5}'])
def test_a_version_whose_tokenizer_is_broken_is_refused(tmp_path, tokenizer):
    add_version(tmp_path, 1)

    async def scenario():
        async with serving(tmp_path, watching=True) as engine:
            written = add_version(tmp_path / "elsewhere", 2)
            (written / "tokenizer.json").write_text(tokenizer, encoding="utf-8")
            written.rename(tmp_path / "2")
            await until(lambda: states(engine).get(2) == "FAILED")
            [found] = [version for version in engine.versions if version.number == 2]
            assert "cannot be loaded" in found.message
            assert (await engine.predict((["a"],))).version == 1
            add_version(tmp_path, 3)
            await until(lambda: engine.model().version == 3)

    (tmp_path / "elsewhere").mkdir()
    asyncio.run(scenario())
    shutil.rmtree(tmp_path / "1")
    shutil.rmtree(tmp_path / "3")
    with pytest.raises(DataError, match="cannot be loaded"):
        asyncio.run(scenario())


def test_a_disk_that_is_away_for_a_while_ends_no_server(tmp_path, monkeypatch, caplog):
    add_version(tmp_path, 1)
    is_away = True

    def looked_for(path):
        if is_away:
            raise OSError(errno.ESTALE, "Stale file handle")
        return versions_in(path)

    async def scenario():
        nonlocal is_away
        async with serving(tmp_path, watching=True) as engine:
            monkeypatch.setattr("mtc_keras.serve.engine.versions_in", looked_for)
            await asyncio.sleep(0.3)
            assert (await engine.predict((["a"],))).version == 1
            add_version(tmp_path, 2)
            is_away = False
            await until(lambda: engine.model().version == 2)

    asyncio.run(scenario())
    assert sum("cannot be looked for" in line for line in caplog.messages) == 1


def test_links_to_nowhere_lie_in_a_version(tmp_path):
    version = add_version(tmp_path, 1)
    (version / "nowhere").symlink_to(tmp_path / "none")
    (version / "itself").symlink_to(version / "itself")
    assert [found.number for found in versions_in(tmp_path)] == [1]


def test_a_version_that_is_removed_gives_way_to_the_one_before(tmp_path):
    for number in (1, 2):
        add_version(tmp_path, number)

    async def scenario():
        async with serving(tmp_path, watching=True) as engine:
            assert engine.model().version == 2
            shutil.rmtree(tmp_path / "2")
            await until(lambda: engine.model().version == 1)
            shutil.rmtree(tmp_path / "1")  # the last one stays
            await asyncio.sleep(0.3)
            assert lengths(await engine.predict((["abc"],))) == [3]

    asyncio.run(scenario())


def test_at_first_the_newest_that_can_be_served_is_taken(tmp_path, caplog):
    add_version(tmp_path, 1)
    (add_version(tmp_path, 2) / "broken").touch()

    async def scenario():
        async with serving(tmp_path) as engine:
            assert states(engine) == {1: "AVAILABLE", 2: "FAILED"}

    asyncio.run(scenario())
    assert sum("version 2 is refused" in line for line in caplog.messages) == 1
    shutil.rmtree(tmp_path / "1")
    caplog.clear()
    with pytest.raises(DataError, match="it is broken"):
        asyncio.run(scenario())
    assert not any("refused" in line for line in caplog.messages)  # the program says it


def test_where_there_is_no_model_that_is_told(tmp_path):
    async def scenario(path):
        async with serving(path):
            pass

    for path in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(DataError, match=r"holds no finished run|does not exist"):
            asyncio.run(scenario(path))


def test_a_run_that_is_replaced_is_the_next_version(tmp_path):
    shutil.copytree(RUN, tmp_path / "run")

    async def scenario():
        async with serving(tmp_path / "run", watching=True) as engine:
            assert (engine.model().version, engine.model().format) == (1, "run")
            shutil.copytree(RUN, tmp_path / "new")
            task = tmp_path / "new" / "model" / "task.json"
            task.write_text(task.read_text("utf-8") + "\n", encoding="utf-8")
            (tmp_path / "run").rename(tmp_path / "old")
            (tmp_path / "new").rename(tmp_path / "run")
            await until(lambda: engine.model().version == 2)
            await until(lambda: states(engine) == {1: "END", 2: "AVAILABLE"})

    asyncio.run(scenario())


def test_what_lies_in_a_folder_of_versions(tmp_path):
    for number in (2, 10):
        add_version(tmp_path, number)
    (tmp_path / "3").mkdir()
    (tmp_path / "models.config").touch()
    assert [found.number for found in versions_in(tmp_path)] == [10, 2]
    assert [found.number for found in versions_in(tmp_path / "2")] == [2]
    assert [found.number for found in versions_in(RUN)] == [None]
    assert versions_in(tmp_path / "nowhere") == []
    before = versions_in(tmp_path)
    (tmp_path / "10" / "model.onnx").touch()
    after = versions_in(tmp_path)
    assert (before[0] != after[0], before[1] == after[1]) == (True, True)
    assert Version(1, "END").message == ""  # what never failed has none
    assert versions_in(EXPORT)[0].number == 1
