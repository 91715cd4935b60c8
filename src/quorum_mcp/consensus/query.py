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
    id: str | None = None
    name: str = Field("file", max_length=255)
    media_type: str = "text/plain"
    data: str | None = Field(None, max_length=MAX_FILE * 4 // 3, description="base64")

    @model_validator(mode="after")
    def _one_source(self) -> "Upload":
        if (self.id is None) == (self.data is None):
            raise ValueError("give either id or data")
        return self


class ChatMessage(BaseModel):
    """A message in OpenAI's shape, text only."""

    model_config = ConfigDict(extra="ignore")
    role: Literal["system", "user", "assistant"]
    content: str


class Query(BaseModel):
    """A question to a panel."""

    model_config = ConfigDict(extra="forbid")
    query: Question = Field(description="The question, 1 to 50,000 characters.")
    session_id: str | None = Field(
        None, description="Continue this session: its questions and answers go along."
    )
    messages: list[ChatMessage] | None = Field(None, description="An earlier conversation.")
    context: str | None = Field(None, max_length=MAX_CONTEXT)
    files: list[Upload] = []
    file_paths: list[str] = Field(
        [], max_length=50, description="Text files of the server's machine, below its files.roots."
    )
    images: list[Upload] = []
    tools: list[Literal["web_search"]] = []
    mode: Mode = "quick_consensus"
    providers: list[str] | None = Field(None, description="Providers or models to ask.", min_length=1)
    panel: str | list[str] | None = Field(None, description="A panel's name, or a list of models.")
    max_tokens: int | None = Field(None, ge=1, le=1_000_000)
    temperature: float | None = Field(None, ge=0, le=2)
    max_cost: float | None = Field(None, gt=0, allow_inf_nan=False, description="USD for the whole run.")
    timeout_seconds: float | None = Field(None, ge=1, le=3600, description="For the whole run.")
    exhaustive: bool = Field(False, description="Ask every seat, no early stop.")
    samples: int = Field(1, ge=1, le=10, description="Answers of each seat.")
    synthesizer: str | None = Field(None, description="The model that writes; null: none.")
    answer_format: AnswerFormat = "auto"
    stream: bool = Field(False, description="Answer with the run's events as server-sent events.")
    wait: bool = Field(True, description="false: answer 202 with the session at once.")
    idempotency_key: str | None = Field(None, min_length=1, max_length=255)
    tags: list[Annotated[str, StringConstraints(min_length=1, max_length=64)]] = Field([], max_length=20)
    exclude_providers: list[str] = []
    require_consensus: bool = Field(False, description="Fail with no_consensus unless the panel agrees.")


class GroupView(BaseModel):
    """Seats behind one conclusion or position; `share` is of the seats asked."""

    conclusion: str
    members: list[str]
    share: float


class QuoteView(BaseModel):
    """Words of a seat's answer, exactly as they stand there."""

    member: str
    quote: str


class PointView(BaseModel):
    """One claim about an open question and who makes it."""

    text: str
    status: Literal["agreed", "disputed", "partial", "single"]
    members: list[str]
    quotes: list[QuoteView]


class Dissent(BaseModel):
    """What a seat that does not stand behind the answer said."""

    member: str
    text: str


class Response(BaseModel):
    """One call of the run. Tokens are counts, `cost` is USD (null: no known price), `latency` seconds."""

    member: str
    seat: int | None
    provider: str
    model: str
    round: int
    role: str
    content: str
    conclusion: str | None
    input_tokens: int
    output_tokens: int
    cost: float | None
    latency: float
    status: Literal["ok", "failed", "skipped"]
    abstained: bool = False
    error: dict[str, Any] | None
    simulated: bool
    call_id: str | None = None


class QueryAnswer(BaseModel):
    """A panel's answer, or, while the run goes on, its session."""

    session_id: str
    run_id: str
    turn: int = 1
    status: Literal["queued", "running", "completed", "failed", "cancelled", "expired"]
    mode: Mode
    consensus: str | None = None
    conclusion: str | None = None
    confidence: float | None = None
    calibration: Literal["uncalibrated", "calibrated"] = "uncalibrated"
    agreement: Literal["agree", "disagree", "cannot_tell"] | None = None
    groups: list[GroupView] = []
    points: list[PointView] = []
    blind_spots: list[str] = []
    dissent: list[Dissent] = []
    attack: dict[str, Any] | None = None
    provider_responses: list[Response] = []
    rounds: int = 0
    calls: int = 0
    total_cost: float = 0.0
    cost_complete: bool = True
    duration: float = 0.0
    degraded: bool = False
    simulated: bool = False
    builtin: list[str] = Field([], description="Seats that are built-in solvers, not language models.")
    warnings: list[str] = []
    panel_statistics: dict[str, Any] | None = None
