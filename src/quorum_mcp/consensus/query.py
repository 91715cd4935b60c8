"""What a caller asks a panel, and what comes back: the public types of every surface."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from quorum_mcp.consensus.plan import AnswerFormat, Mode

MAX_QUERY = 50_000
MAX_CONTEXT = 100_000
MAX_FILE = 10_000_000

Question = Annotated[str, StringConstraints(min_length=1, max_length=MAX_QUERY, pattern=r"\S")]


class Upload(BaseModel):
    """A file: the id that `POST /api/files` gave, or its content in base64 with name and media type."""

    model_config = ConfigDict(extra="forbid")
    id: str | None = Field(default=None, description="What `POST /api/files` returned.")
    name: str = Field("file", max_length=255, description="The file name.")
    media_type: str = Field("text/plain", description="Its media type.")
    data: str | None = Field(None, max_length=MAX_FILE * 4 // 3, description="base64")

    @model_validator(mode="after")
    def _one_source(self) -> "Upload":
        if (self.id is None) == (self.data is None):
            raise ValueError("give either id or data")
        return self


class ChatMessage(BaseModel):
    """A message in OpenAI's shape, text only."""

    model_config = ConfigDict(extra="ignore")
    role: Literal["system", "user", "assistant"] = Field(description="Who speaks.")
    content: str = Field(description="What is said.")


class Query(BaseModel):
    """A question to a panel."""

    model_config = ConfigDict(extra="forbid")
    query: Question = Field(description="The question, 1 to 50,000 characters.")
    session_id: str | None = Field(
        None, description="Continue this session: its questions and answers go along."
    )
    messages: list[ChatMessage] | None = Field(None, description="An earlier conversation.")
    context: str | None = Field(
        None, max_length=MAX_CONTEXT, description="Background for the question, at most 100,000 characters."
    )
    files: list[Upload] = Field([], max_length=50, description="Text files and PDFs that go along.")
    file_paths: list[str] = Field(
        [], max_length=50, description="Text files of the server's machine, below its files.roots."
    )
    images: list[Upload] = Field(
        [], max_length=50, description="Images that go along: PNG, JPEG, GIF or WebP."
    )
    tools: list[Literal["web_search"]] = Field(
        [], description="Each seat's own web search; refused where a seat has none."
    )
    mode: Mode = Field("quick_consensus", description="How the panel deliberates.")
    providers: list[str] | None = Field(None, description="Providers or models to ask.", min_length=1)
    panel: str | list[str] | None = Field(None, description="A panel's name, or a list of models.")
    max_tokens: int | None = Field(None, ge=1, le=1_000_000, description="Tokens of each answer at most.")
    temperature: float | None = Field(None, ge=0, le=2, description="Absent: each model's own.")
    max_cost: float | None = Field(None, gt=0, allow_inf_nan=False, description="USD for the whole run.")
    timeout_seconds: float | None = Field(None, ge=1, le=3600, description="For the whole run.")
    exhaustive: bool = Field(False, description="Ask every seat, no early stop.")
    samples: int = Field(1, ge=1, le=10, description="Answers of each seat.")
    synthesizer: str | None = Field(None, description="The model that writes; null: none.")
    answer_format: AnswerFormat = Field(
        "auto", description="What kind of short answer is asked for; `auto` finds any."
    )
    stream: bool = Field(False, description="Answer with the run's events as server-sent events.")
    wait: bool = Field(True, description="false: answer 202 with the session at once.")
    idempotency_key: str | None = Field(
        None,
        min_length=1,
        max_length=255,
        description="The same key and body again returns the first session.",
    )
    tags: list[Annotated[str, StringConstraints(min_length=1, max_length=64)]] = Field(
        [], max_length=20, description="Words of your own."
    )
    exclude_providers: list[str] = Field([], description="Providers to leave out.")
    require_consensus: bool = Field(False, description="Fail with no_consensus unless the panel agrees.")


class GroupView(BaseModel):
    """Seats behind one conclusion or position; `share` is of the seats asked."""

    conclusion: str = Field(description="What they say.")
    members: list[str] = Field(description="Who says it.")
    share: float = Field(description="Their share of the seats asked, 0 to 1.")


class QuoteView(BaseModel):
    """Words of a seat's answer, exactly as they stand there."""

    member: str = Field(description="Whose words.")
    quote: str = Field(description="The words.")


class PointView(BaseModel):
    """One claim about an open question and who makes it."""

    text: str = Field(description="The claim.")
    status: Literal["agreed", "disputed", "partial", "single"] = Field(
        description="Whether all make it, seats contradict each other, some make it, or one alone."
    )
    members: list[str] = Field(description="Who makes it.")
    quotes: list[QuoteView] = Field(description="Where they make it.")


class Dissent(BaseModel):
    """What a seat that does not stand behind the answer said."""

    member: str = Field(description="Who said it.")
    text: str = Field(description="The whole answer.")


class CitationView(BaseModel):
    """A page that an answer rests on."""

    url: str = Field(description="Its address.")
    title: str = Field("", description="Its title.")
    quote: str = Field("", description="Its words that were cited, where the provider tells them.")
    start: int | None = Field(None, description="Where what rests on it begins in the text, in characters.")
    end: int | None = Field(None, description="Where that ends.")


class SourceView(BaseModel):
    """A page that seats behind the answer cite."""

    url: str = Field(description="Its address.")
    title: str = Field("", description="Its title.")
    members: list[str] = Field(description="Who cites it.")


class Response(BaseModel):
    """One call of the run. Tokens are counts, `cost` is USD (null: no known price), `latency` seconds."""

    member: str = Field(description="The seat's name in answers, unique even where a model sits twice.")
    seat: int | None = Field(description="Its number; null for judges and writers.")
    provider: str = Field(description="Who was asked.")
    model: str = Field(description="The provider's own name of the model.")
    round: int = Field(description="In which round.")
    role: str = Field(description="`answer`, `critique`, `advocate`, `defence`, `judge` or `synthesizer`.")
    content: str = Field(description="The text.")
    conclusion: str | None = Field(description="The short answer found in it.")
    input_tokens: int = Field(description="Tokens of the prompt.")
    output_tokens: int = Field(description="Tokens of the answer, reasoning included.")
    cost: float | None = Field(description="USD; null where no price is known.")
    latency: float = Field(description="Seconds.")
    status: Literal["ok", "failed", "skipped"] = Field(
        description="`skipped` is a seat that the early stop spared."
    )
    abstained: bool = Field(False, description="Whether a built-in solver had nothing to say.")
    error: dict[str, Any] | None = Field(description="What went wrong.")
    simulated: bool = Field(description="Whether the answer is simulated.")
    call_id: str | None = Field(None, description="The call's record.")
    citations: list[CitationView] = Field([], description="The pages that it cites, in the text's order.")


class QueryAnswer(BaseModel):
    """A panel's answer, or, while the run goes on, its session."""

    session_id: str = Field(description="The session's id.")
    run_id: str = Field(description="The same.")
    turn: int = Field(1, description="The number of the question in its session.")
    status: Literal["queued", "running", "completed", "failed", "cancelled", "expired"] = Field(
        description="Where the session stands."
    )
    mode: Mode = Field(description="How the panel deliberated.")
    consensus: str | None = Field(None, description="The answer.")
    conclusion: str | None = Field(None, description="The short answer that won; null for an open question.")
    confidence: float | None = Field(
        None, description="How sure, 0 to 1; null where it could not be measured."
    )
    calibration: Literal["uncalibrated", "calibrated"] = Field(
        "uncalibrated",
        description="Whether `confidence` was learned from labelled answers, or is the raw share of seats.",
    )
    agreement: Literal["agree", "disagree", "cannot_tell"] | None = Field(
        None, description="What the seats do."
    )
    groups: list[GroupView] = Field(
        [], description="Conclusions or positions and who stands behind them, the winner first."
    )
    points: list[PointView] = Field(
        [], description="For open questions: what is agreed, disputed, or said by one seat."
    )
    blind_spots: list[str] = Field(
        [], description="For open questions: what no seat considered, in the judge's words."
    )
    citations: list[SourceView] = Field(
        [], description="The pages that seats behind the answer cite, each once."
    )
    dissent: list[Dissent] = Field([], description="What seats that do not stand behind the answer said.")
    attack: dict[str, Any] | None = Field(
        None, description="Devil's advocate: `advocate`, `objections` and whether the answer `survived`."
    )
    provider_responses: list[Response] = Field([], description="Every call, by round and seat.")
    rounds: int = Field(0, description="Rounds held.")
    calls: int = Field(0, description="Calls of seats, judges and writers; retries are not counted.")
    total_cost: float = Field(0.0, description="USD, what is known of it.")
    cost_complete: bool = Field(True, description="Whether the cost of every call is known.")
    duration: float = Field(0.0, description="Seconds.")
    degraded: bool = Field(
        False, description="Whether a part did not work as planned; `warnings` and errors say which."
    )
    simulated: bool = Field(False, description="Whether a simulated model took part.")
    builtin: list[str] = Field([], description="Seats that are built-in solvers, not language models.")
    warnings: list[str] = Field([], description="What the caller should know.")
    panel_statistics: dict[str, Any] | None = Field(
        None, description="Where the panel was calibrated: `questions`, `effective_votes`, `all_wrong`."
    )
