"""Checks of the registry: keys, and prompts that can take no further version."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.doctor.findings import ok, problem, some, warning
from shared.registry.registry import Registry

if TYPE_CHECKING:
    from shared.doctor.findings import Finding
    from shared.registry.state import RegistryState
    from shared.stream.base import Stream


async def check_registry(stream: Stream, static_keys: int, versions_per_prompt: int) -> list[Finding]:
    """Fold the registry and look at what is in it. `static_keys` is the number of keys in the settings.

    Raises StreamUnavailable; Misconfigured when its oldest records are gone.
    """
    registry = Registry(stream)
    try:
        await registry.start()
        return [check_keys(registry.state, static_keys), check_prompts(registry.state, versions_per_prompt)]
    finally:
        await registry.stop()


def check_keys(state: RegistryState, static_keys: int) -> Finding:
    """Whether anybody can use the API."""
    active = sum(key.revoked_at is None for key in state.keys(None))
    if active + static_keys:
        return ok("keys", f"{active} made with `sluice keys`, {static_keys} in SLUICE_API_KEYS")
    return problem("keys", "there is none, so every request is refused: `sluice keys create --workspace default`")


def check_prompts(state: RegistryState, versions_per_prompt: int) -> Finding:
    """Prompts whose newest versions are not registered."""
    prompts = state.prompts(kind=None)
    full = [prompt for prompt in prompts if len(prompt.versions) >= versions_per_prompt]
    if not full:
        return ok("prompts", f"{len(prompts):,}, none with the most versions that are kept, {versions_per_prompt:,}")
    names = some(f"{prompt.path!r} of workspace {prompt.workspace}" for prompt in full)
    return warning(
        "prompts",
        f"{names}: {versions_per_prompt:,} versions, so further ones are kept with their logs and listed nowhere. The "
        "client puts its inputs into the prompt details: they belong into `inputs`. Else raise "
        "SLUICE_VERSIONS_PER_PROMPT",
    )
