"""A captioner behind HTTP: any server that speaks OpenAI's chat completions.

Protocol: https://platform.openai.com/docs/api-reference/chat/create, as vLLM, Ollama and llama.cpp
serve it too.
"""

from __future__ import annotations

import base64
import io
import json
import os
import re
import threading
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from PIL import Image

from dataprep.captioners.parts import Answer, Ask, Generation, answered
from dataprep.captioners.web import Reply, Web
from dataprep.errors import DataprepError, UsageError

JPEG_QUALITY = 95
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
SHORTEST_SECRET = 8
"""A part of the key of so many letters gives it away."""
MOST_WORDS = 300
"""Letters of a server's own message that are shown."""
OPTIONAL = ("temperature", "top_p", "seed")
"""What some models refuse to be told: it is left out then, and that is said."""


@dataclass(frozen=True, slots=True)
class Server:
    """Where a server is, and which of its models is meant."""

    url: str
    """Without a slash at the end, such as ``http://localhost:8000/v1``."""
    model: str

    @property
    def host(self) -> str:
        """For people."""
        return urlsplit(self.url).netloc


def read_server(url: str, model: str) -> Server:
    """A server out of its base URL. Raises ``UsageError`` for what is none."""
    parts = urlsplit(url.strip())
    hint = "give its base URL, such as http://localhost:8000/v1"
    if "@" in parts.netloc or parts.query or parts.fragment:
        # not repeated here: what stands there may be a secret
        raise UsageError(
            "endpoint: takes no user, password or query in its URL",
            "name the environment variable that holds the key with --key-from",
        )
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise UsageError(f"endpoint: '{url}' is not the URL of a server", hint)
    path = parts.path.rstrip("/").removesuffix("/chat/completions").rstrip("/")
    return Server(f"{parts.scheme}://{parts.netloc}{path or '/v1'}", model)


def read_key(variable: str) -> str:
    """The key out of an environment variable. No message here ever repeats a key."""
    if not variable:
        return ""
    if not VARIABLE.fullmatch(variable):
        raise UsageError(
            "key_from: is not the name of an environment variable",
            "do not give the key itself: put it into a variable, and give that one's name",
        )
    key = os.environ.get(variable, "").strip()
    if not key:
        # a name in small letters may be a key by mistake
        name = variable if variable.isupper() else "of that name"
        raise UsageError(
            f"key_from: the environment variable {name} is not set", "export it, then try again"
        )
    if not (key.isascii() and key.isprintable()):
        raise UsageError("key_from: what stands in that variable cannot be a key")
    return key


class Asker:
    """Asks a server about pictures. ``write`` may be called from several threads at once."""

    def __init__(
        self, server: Server, web: Web, key: str, generation: Generation, system: str
    ) -> None:
        self._server, self._web, self._key = server, web, key
        self._generation, self._system = generation, system
        self._length = "max_tokens"
        self._left_out: list[str] = []
        self._changing = threading.Lock()

    @property
    def remark(self) -> str:
        """What the server did not want to be told; empty when it took all of it."""
        if not self._left_out:
            return ""
        return f"{self._server.model} takes no {' and no '.join(self._left_out)}: left out"

    def write(self, ask: Ask) -> Answer:
        """What the server says of one picture; a problem with it alone is in the answer.

        Raises ``DataprepError`` where no other picture would fare better.
        """
        while True:
            body = self._body(ask)
            reply = self._web.post("/chat/completions", body)
            if reply.status != 400 or not self._adapted(reply, body):
                break
        if reply.status == 200:
            return self._read(reply)
        return Answer("", problem=self._refused(reply))

    def _body(self, ask: Ask) -> dict[str, Any]:
        chosen = self._generation
        picture = {"type": "image_url", "image_url": {"url": data_url(ask.image)}}
        messages: list[dict[str, Any]] = []
        if self._system:
            messages.append({"role": "system", "content": self._system})
        content = [picture, {"type": "text", "text": ask.prompt}]
        messages.append({"role": "user", "content": content})
        body: dict[str, Any] = {
            "model": self._server.model,
            "messages": messages,
            self._length: chosen.max_new_tokens,
            "temperature": chosen.temperature if chosen.nucleus else 0,
            "seed": ask.seed % (1 << 31),
        }
        if chosen.nucleus:
            body["top_p"] = chosen.top_p
        return {name: value for name, value in body.items() if name not in self._left_out}

    def _adapted(self, reply: Reply, sent: dict[str, Any]) -> bool:
        """Whether the server refused one setting that can be said otherwise, or left out."""
        error = _error(reply)
        name = str(error.get("param") or "")
        if "unsupported" not in str(error.get("code") or ""):
            return False
        with self._changing:
            if name == "max_tokens" and name in sent:
                # the newer name of the same thing
                self._length = "max_completion_tokens"
                return True
            if name in OPTIONAL and name in sent:
                if name not in self._left_out:
                    self._left_out.append(name)
                return True
        return False

    def _read(self, reply: Reply) -> Answer:
        try:
            choice = json.loads(reply.body)["choices"][0]
            message = choice["message"]
            content = message.get("content")
            if isinstance(content, list):
                content = "".join(str(part.get("text", "")) for part in content)
            refusal = message.get("refusal")
            cut = choice.get("finish_reason") == "length"
        except (ValueError, LookupError, TypeError, AttributeError):
            words = self._words(reply)
            return Answer("", problem=f"the server's answer is no chat completion{words}")
        if refusal and not content:
            return Answer("", problem=f"the model refused: {self._scrubbed(str(refusal))}")
        return answered(str(content or ""), cut)

    def _refused(self, reply: Reply) -> str:
        """Why there is no answer; raises ``DataprepError`` where it would be so for all."""
        url, model = self._server.url, self._server.model
        words = self._words(reply)
        match reply.status:
            case 401:
                said = "does not accept the key" if self._key else "wants a key"
                raise DataprepError(
                    f"{url}: {said}{words}",
                    "name the environment variable that holds the right key with --key-from",
                )
            case 403:
                raise DataprepError(f"{url}: does not allow this{words}", "see your account there")
            case 404 | 405:
                raise DataprepError(
                    f"{url}: knows no chat completions, or no model '{model}'{words}",
                    f"see what it has: {url}/models",
                )
            case 301 | 302 | 303 | 307 | 308:
                raise DataprepError(
                    f"{url}: sends on to another address, which is not followed with a key",
                    "give that address with --endpoint",
                )
            case 400 | 413 | 415 | 422:
                return f"the server does not take it (HTTP {reply.status}){words}"
        if not reply.status and not self._web.was_reached:
            raise DataprepError(f"{url}: {reply.reason}", "is the server running, and at this URL?")
        times = "once" if reply.tries == 1 else f"{reply.tries} times"
        if not reply.status:
            return f"{reply.reason} ({times})"
        return f"the server failed {times} (HTTP {reply.status}){words}"

    def _words(self, reply: Reply) -> str:
        """The server's own message, shortened and without the key."""
        message = _error(reply).get("message")
        line = " ".join(self._scrubbed(str(message or "")).split())
        if len(line) > MOST_WORDS:
            line = line[:MOST_WORDS] + " …"
        return f": {line}" if line else ""

    def _scrubbed(self, text: str) -> str:
        """A text in which nothing stands of the key, nor of its beginning or end."""
        for length in range(len(self._key), SHORTEST_SECRET - 1, -1):
            for part in (self._key[:length], self._key[-length:]):
                text = text.replace(part, "[key]")
        return text


def _error(reply: Reply) -> dict[str, Any]:
    """The error that a server describes; most do it as OpenAI, some as text."""
    try:
        body = json.loads(reply.body)
    except ValueError:
        return {"message": "" if "<" in reply.text else reply.text}
    error = body.get("error", body) if isinstance(body, dict) else {}
    if isinstance(error, dict):
        return {"message": error.get("message") or error.get("detail") or "", **error}
    return {"message": str(error)}


def data_url(image: Image.Image) -> str:
    """A picture within a message: JPEG, full colour resolution."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
