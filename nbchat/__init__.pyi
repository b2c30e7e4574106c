# The public names of nbchat, and where each is found. `nbchat/__init__.py` reads this file when one is used.

from nbchat.conversation.turn import Turn as Turn
from nbchat.cells.private import private as private
from nbchat.data.prompt_text import describe as describe
from nbchat.frontend import Session as Session, session as session
from nbchat.magics.extension import (
    load_ipython_extension as load_ipython_extension,
    unload_ipython_extension as unload_ipython_extension,
)
from nbchat.rows.evaluation.run import EvaluationInterrupted as EvaluationInterrupted
from nbchat.rows.mapping import MapInterrupted as MapInterrupted
from nbchat.tuning.sweep import SweepInterrupted as SweepInterrupted
from nbchat.values.errors import (
    AuthenticationFailed as AuthenticationFailed,
    BudgetExceeded as BudgetExceeded,
    ConfigError as ConfigError,
    ConnectionFailed as ConnectionFailed,
    ContextTooLong as ContextTooLong,
    CutOff as CutOff,
    GuardError as GuardError,
    Interrupted as Interrupted,
    ModelNotFound as ModelNotFound,
    NbchatError as NbchatError,
    ParameterError as ParameterError,
    ParameterRefused as ParameterRefused,
    PromptError as PromptError,
    ProtocolError as ProtocolError,
    QuotaExceeded as QuotaExceeded,
    RateLimited as RateLimited,
    SchemaError as SchemaError,
    ServerError as ServerError,
    ServerSilent as ServerSilent,
    SessionError as SessionError,
    ToolError as ToolError,
)
from nbchat.values.answer.events import (
    CarriedDelta as CarriedDelta,
    Ended as Ended,
    Event as Event,
    Failed as Failed,
    Finished as Finished,
    FirstToken as FirstToken,
    ImageDelta as ImageDelta,
    LogprobsDelta as LogprobsDelta,
    Notice as Notice,
    ReasoningDelta as ReasoningDelta,
    RefusalDelta as RefusalDelta,
    Responded as Responded,
    Retrying as Retrying,
    Sent as Sent,
    SourcesDelta as SourcesDelta,
    Started as Started,
    TextDelta as TextDelta,
    ThoughtBefore as ThoughtBefore,
    ToolCallDelta as ToolCallDelta,
    Unshown as Unshown,
    UsageReport as UsageReport,
)
from nbchat.values.messages import (
    ImagePart as ImagePart,
    Message as Message,
    Source as Source,
    TextPart as TextPart,
    ToolCall as ToolCall,
)
from nbchat.values.params import Params as Params
from nbchat.values.answer.reply import Choice as Choice, Reply as Reply, Timing as Timing
from nbchat.values.request import Request as Request
from nbchat.values.answer.usage import Usage as Usage
from nbchat.views.evaluation import Evaluation as Evaluation
from nbchat.views.explorer import Sweep as Sweep
from nbchat.views.what_if import what_if as what_if

__version__: str
