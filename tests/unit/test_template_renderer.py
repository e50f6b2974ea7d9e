"""The process in which templates of Jinja2 are filled in: its bounds, and that none is trouble to the next one."""

from __future__ import annotations

import asyncio
from typing import Any

import psutil
import pytest

from services.query_api.promptlayer import renderer as module
from services.query_api.promptlayer.renderer import Renderer
from shared.errors import Invalid, Overloaded
from tests.unit.wire.promptlayer_bodies import chat, message

ENDLESS = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"


def template(text: str) -> dict[str, Any]:
    return chat(message("user", text, template_format="jinja2"))


async def filled(renderer: Renderer, text: str, **variables: Any) -> str:
    rendered = await renderer.render(template(text), variables)
    result: str = rendered.template["messages"][0]["content"][0]["text"]
    return result


def children() -> list[psutil.Process]:
    """The processes for templates that were started here and are not gone."""
    started = psutil.Process().children()
    return [process for process in started if "rendering_process" in " ".join(process.cmdline())]


async def test_one_process_serves_many_and_ends_with_its_owner() -> None:
    renderer = Renderer()
    assert children() == []
    async with renderer.running():
        texts = await asyncio.gather(*(filled(renderer, "{{ n }}" * 20, n=n) for n in range(20)))
        assert texts == [str(n) * 20 for n in range(20)]
        (process,) = children()
        assert "PATH" not in process.environ()
    assert not process.is_running()


async def test_f_strings_need_no_process() -> None:
    renderer = Renderer()
    assert (await renderer.render(chat(message("user", "{a}")), {"a": 1})).problems == []
    assert children() == []


async def test_problems_come_back() -> None:
    renderer = Renderer()
    async with renderer.running():
        rendered = await renderer.render(template("{% if %}"), {})
        assert rendered.template == template("{% if %}")
        assert rendered.problems[0].startswith("messages[0]: ")


@pytest.mark.parametrize("text", [ENDLESS, "{{ 'x' * 10 ** 10 }}", "{{ range(99999)|join('x' * 100000) }}"])
async def test_a_template_that_takes_too_much_is_refused_and_the_next_one_is_not(text: str) -> None:
    renderer = Renderer(cpu_seconds=0.5, memory_bytes=256 << 20)
    async with renderer.running():
        refused, served = await asyncio.gather(
            filled(renderer, text), filled(renderer, "{{ n }}", n=1), return_exceptions=True
        )
        assert isinstance(refused, Invalid)
        assert "more than 0.5 s or 256 MiB" in refused.message
        assert served == "1"
    assert children() == []


async def test_what_is_filled_in_is_bounded_there_too() -> None:
    renderer = Renderer()
    async with renderer.running():
        with pytest.raises(Invalid, match="more than 32 million characters"):
            await renderer.render(template("{{ 'x' * 40000000 }}"), {})
        assert await filled(renderer, "{{ n }}", n=1) == "1"


async def test_a_process_that_is_gone_is_replaced() -> None:
    renderer = Renderer()
    async with renderer.running():
        assert await filled(renderer, "{{ n }}", n=1) == "1"
        (process,) = children()
        process.kill()
        assert await filled(renderer, "{{ n }}", n=2) == "2"


async def test_a_process_that_cannot_start_is_our_own_error(monkeypatch: pytest.MonkeyPatch) -> None:
    renderer = Renderer()
    monkeypatch.setattr(module, "_MODULE", "services.query_api.promptlayer.no_such_module")
    async with renderer.running():
        with pytest.raises(RuntimeError, match="ended with status 1"):
            await filled(renderer, "{{ n }}", n=1)
        monkeypatch.undo()
        assert await filled(renderer, "{{ n }}", n=2) == "2"


async def test_a_request_that_is_given_up_leaves_nothing_behind() -> None:
    renderer = Renderer(cpu_seconds=60)
    async with renderer.running():
        given_up = asyncio.create_task(filled(renderer, ENDLESS))
        while not children():  # noqa: ASYNC110 (a process starts)
            await asyncio.sleep(0.001)
        given_up.cancel()
        await asyncio.wait([given_up])
        assert given_up.cancelled()
        assert children() == []
        assert await filled(renderer, "{{ n }}", n=1) == "1"


async def test_not_too_many_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_WAITING", 2)
    renderer = Renderer()
    async with renderer.running():
        done = await asyncio.gather(*(filled(renderer, "{{ n }}", n=n) for n in range(3)), return_exceptions=True)
        assert done[:2] == ["0", "1"]
        assert isinstance(done[2], Overloaded)
        assert await filled(renderer, "{{ n }}", n=3) == "3"
