"""The guardrails of this process: all of them asked in their order, each shown what the one before made of it."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from msgspec import structs, to_builtins

from quorum_mcp.answers import Answer, Delta
from quorum_mcp.calls.call import Call
from quorum_mcp.calls.guardrails.hook import About, Hook, NoVerdict, Question, Stage, Verdict, Window
from quorum_mcp.calls.guardrails.stream import Windows
from quorum_mcp.calls.guardrails.texts import (
    Piece,
    Unfit,
    answer_with,
    images_of,
    texts_of,
    texts_of_answer,
    with_texts,
)
from quorum_mcp.calls.record import State
from quorum_mcp.config.settings import Settings
from quorum_mcp.errors import Blocked, GuardrailUnavailable, QuorumError
from quorum_mcp.providers.registry import Target


class Guardrails:
    """Stands in the pipeline: `before` a request leaves, `after` a whole answer, around a stream (`watch`).

    All three write each decision into the call's trace, and raise `Blocked` or `GuardrailUnavailable`.
    """

    def __init__(self, settings: Settings) -> None:
        hooks = [
            Hook(one, None if one.secret_env is None else settings.env.get(one.secret_env, ""))
            for one in settings.guardrails
        ]
        self._hooks = hooks
        after = [hook.settings for hook in hooks if "after" in hook.settings.stages]
        self._looks_after = bool(after)
        self._size = max((one.window for one in after), default=1)
        self._overlap = max((one.overlap for one in after), default=0)

    @staticmethod
    def of(settings: Settings) -> "Guardrails | None":
        """Those of the settings; None where there are none, which then cost nothing."""
        return Guardrails(settings) if settings.guardrails else None

    async def close(self) -> None:
        """Close the connections to the hooks."""
        for hook in self._hooks:
            await hook.close()

    async def before(self, state: State, target: Target) -> Call:
        """The call as it may be made, to `target` first."""
        try:
            return await self._before(state, target)
        except QuorumError as error:
            state.refuse(target, error)
            raise

    async def _before(self, state: State, target: Target) -> Call:
        call, images = state.call, images_of(state.call.request)
        for hook in self._asked("before"):
            pieces = texts_of(call.request)
            about = _about(state, target)
            verdict = await self._ask(hook, Question("before", about, pieces, images), state)
            if verdict.action == "rewrite":
                try:
                    call = structs.replace(call, request=with_texts(call.request, verdict.texts))
                except Unfit as error:
                    self._failed(hook, state, "before", str(error))
        return call

    async def after(self, state: State, target: Target, answer: Answer) -> Answer:
        """A whole answer as it may be passed on."""
        if self._looks_after and (pieces := texts_of_answer(answer)):
            return answer_with(answer, await self._judged(state, target, pieces, Window()))
        return answer

    async def kept(self, state: State, target: Target, answer: Answer) -> Answer:
        """An answer out of the cache as it may be passed on: what a guardrail says may have changed since."""
        try:
            return await self.after(state, target, answer)
        except QuorumError as error:
            state.refuse(target, error)
            raise

    async def watch(
        self, state: State, target: Target, items: AsyncGenerator[Delta | Answer, None]
    ) -> AsyncGenerator[Delta | Answer, None]:
        """A provider's stream as it may be passed on.

        What is withheld was billed all the same: the error says how much was used, where the provider did.
        """
        noted = _Noted(items)
        if not self._looks_after:
            watched = items
        elif state.call.request.task is not None:
            watched = self._in_one(state, target, noted.items())
        else:
            watched = self._windows(state, target).filtered(noted.items())
        try:
            async with aclosing(watched) as passed:
                async for item in passed:
                    yield item
        except (Blocked, GuardrailUnavailable) as error:
            if noted.answer is not None:
                error.details["usage"] = to_builtins(noted.answer.usage)
            raise

    async def _in_one(
        self, state: State, target: Target, items: AsyncGenerator[Delta | Answer, None]
    ) -> AsyncGenerator[Delta | Answer, None]:
        """A task's answer, which is all that comes."""
        async with aclosing(items):
            async for item in items:
                yield await self.after(state, target, item) if isinstance(item, Answer) else item

    def _windows(self, state: State, target: Target) -> Windows:
        async def judge(pieces: Sequence[Piece], window: Window) -> Sequence[str]:
            return await self._judged(state, target, pieces, window)

        return Windows(judge, self._size, self._overlap)

    async def _judged(
        self, state: State, target: Target, pieces: Sequence[Piece], window: Window
    ) -> Sequence[str]:
        """The texts as all guardrails leave them."""
        for hook in self._asked("after"):
            question = Question("after", _about(state, target), pieces, window=window)
            verdict = await self._ask(hook, question, state)
            if verdict.action == "rewrite":
                pieces = [
                    structs.replace(piece, text=text)
                    for piece, text in zip(pieces, verdict.texts, strict=True)
                ]
        return [piece.text for piece in pieces]

    async def _ask(self, hook: Hook, question: Question, state: State) -> Verdict:
        try:
            verdict = await hook.ask(question, state.call.remaining())
        except NoVerdict as error:
            self._failed(hook, state, question.stage, str(error))
            return Verdict("allow")
        said = f"{verdict.action}{f': {verdict.reason}' if verdict.reason else ''}"
        window = question.window
        if window is None or window.number == 0 or verdict.action != "allow":
            state.trace.add(f"guardrail {hook.name}, {question.stage}: {said}")
        if verdict.action == "block":
            what = "the request" if question.stage == "before" else "the answer"
            raise Blocked(
                f"{what} was blocked by the guardrail {hook.name}: {verdict.reason or 'no reason was given'}",
                hint="change what is asked, or ask whoever runs this server",
                details={"guardrail": hook.name, "stage": question.stage},
            )
        return verdict

    def _failed(self, hook: Hook, state: State, stage: Stage, why: str) -> None:
        """A hook gave no verdict: its settings say what that means."""
        blocks = hook.settings.on_failure == "block"
        state.trace.add(f"guardrail {hook.name}, {stage}: {why}; {'blocked' if blocks else 'allowed'}")
        if blocks:
            raise GuardrailUnavailable(
                f"the guardrail {hook.name} gave no verdict: {why}",
                hint="ask again later, or tell whoever runs this server",
                details={"guardrail": hook.name, "stage": stage},
            )

    def _asked(self, stage: Stage) -> list[Hook]:
        return [hook for hook in self._hooks if stage in hook.settings.stages]


class _Noted:
    """A stream whose answer is remembered, whatever becomes of it."""

    def __init__(self, items: AsyncGenerator[Delta | Answer, None]) -> None:
        self.answer: Answer | None = None
        self._items = items

    async def items(self) -> AsyncGenerator[Delta | Answer, None]:
        """The stream itself."""
        async with aclosing(self._items) as items:
            async for item in items:
                if isinstance(item, Answer):
                    self.answer = item
                yield item


def _about(state: State, target: Target) -> About:
    call = state.call
    return About(
        call_id=state.id,
        organization=call.tenant,
        key=call.key.id if call.key is not None else None,
        model=target.name,
        role=call.role,
        surface=call.surface,
        run_id=call.run_id,
        tags=call.tags,
    )
