"""Prompts and names as tokens, by a model's own processor."""

import tempfile
from pathlib import Path
from typing import Any, cast

from PIL import Image

from sfumato.errors import InputError
from sfumato.models.text_tower import Files
from sfumato.models.vlm.spec import SETTING, TEXT

KEPT = (".json", ".txt", ".model", ".vocab", ".jinja")
"""Endings of the files of a configuration and a processor that a bundle keeps."""
MARK = "X"
KNOWN = 100_000
"""Prompts whose tokens are kept."""


class Wording:
    """Makes the tokens of prompts and names; those of a text are computed once.

    Args:
        processor: Of transformers.
        config: Of the model.
        prompt: With `{text}` where a sample's text stands, if anywhere.
        window: Tokens of a prompt.

    Raises:
        InputError: The window has no room for the picture and the prompt around a text.
    """

    def __init__(self, processor: Any, config: Any, prompt: str, window: int) -> None:
        self._processor, self._config, self._tokenizer = processor, config, processor.tokenizer
        self._prompt = prompt
        self.window = window
        """Tokens of a prompt."""
        self._chat = bool(getattr(processor, "chat_template", None))
        self._image = _expanded(processor)
        self._known: dict[tuple[str, bool], list[int]] = {}
        self.image = int(config.image_token_id)
        """Token that stands for a piece of a picture."""
        self.pad = int(self._tokenizer.pad_token_id or 0)
        """Token of padding."""
        self.end = self._end()
        """Token that ends a name."""
        self.special = frozenset({*cast(list[int], self._tokenizer.all_special_ids), self.end})
        """Tokens with a meaning of their own."""
        self._refuse_no_room()

    def prompt(self, text: str, picture: bool) -> list[int]:
        """Tokens of the prompt of a sample; a text that is too long is cut off.

        Args:
            text: Of the sample, "" for none.
            picture: Whether it has one.
        """
        if len(self._known) > KNOWN:
            self._known.clear()  # texts that are varied never end
        if (text, picture) not in self._known:
            self._known[text, picture] = self._cut(text, picture)
        return self._known[text, picture]

    def length(self, text: str) -> int:
        """Tokens of a prompt with a picture, before its text is cut off."""
        return len(self._whole(text, picture=True))

    def name(self, name: str) -> list[int]:
        """Tokens of a candidate, without the one that ends it."""
        return self._tokens(name, special=False)

    def files(self) -> Files:
        """What builds it again: the configuration, the tokenizer and what is done to pictures."""
        with tempfile.TemporaryDirectory() as folder:
            self._config.save_pretrained(folder)
            self._processor.save_pretrained(folder)
            return {path.name: path.read_bytes() for path in sorted(Path(folder).iterdir()) if path.suffix in KEPT}

    def _cut(self, text: str, picture: bool) -> list[int]:
        """Its first tokens alone, as many as there is room for; what surrounds them can change how they are cut up."""
        found = self._whole(text, picture)
        encoded = self._tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        ends = [int(end) for _, end in cast(list[tuple[int, int]], encoded["offset_mapping"])]
        while len(found) > self.window and ends:
            ends = ends[: max(0, len(ends) - (len(found) - self.window))]
            found = self._whole(text[: ends[-1]] if ends else "", picture)
        return found

    def _whole(self, text: str, picture: bool) -> list[int]:
        asked = self._prompt.replace(TEXT, text).strip()
        return self._tokens(self._said(asked, picture), special=not self._chat)

    def _said(self, asked: str, picture: bool, answer: str | None = None) -> str:
        """The prompt as text, a picture's tokens written out."""
        if not self._chat:
            return f"{self._image}\n{asked}\n" if picture else f"{asked}\n"
        content = [*([{"type": "image"}] if picture else []), {"type": "text", "text": asked}]
        turns: list[dict[str, object]] = [{"role": "user", "content": content}]
        if answer is not None:
            turns.append({"role": "assistant", "content": [{"type": "text", "text": answer}]})
        said = self._processor.apply_chat_template(turns, add_generation_prompt=answer is None, tokenize=False)
        return str(said).replace(self._processor.image_token, self._image)

    def _end(self) -> int:
        """What the chat template puts behind an answer; without one, the end of a text."""
        if self._chat:
            before, whole = self._said("", picture=False), self._said("", picture=False, answer=MARK)
            behind = self._tokens(whole[len(before) + len(MARK) :], special=False) if whole.startswith(before) else []
            if behind:
                return behind[0]
        return int(self._tokenizer.eos_token_id)

    def _tokens(self, text: str, special: bool) -> list[int]:
        return cast(list[int], self._tokenizer(text, add_special_tokens=special, verbose=False)["input_ids"])

    def _refuse_no_room(self) -> None:
        least = self._whole("", picture=True)
        if len(least) > self.window:
            share = f"{least.count(self.image)} of them a picture's"
            what = f"{self.window} tokens, and the prompt alone takes {len(least)}, {share}"
            raise InputError(what, setting=f"{SETTING}.window", expected=f"at least {len(least)}, and room for a text")
        places = getattr(self._config.get_text_config(), "max_position_embeddings", None)
        if places is not None and places < self.window:
            what = f"{self.window} tokens, and the model has places for {places}"
            raise InputError(what, setting=f"{SETTING}.window", expected=f"at most {places}")


def _expanded(processor: Any) -> str:
    """What stands in a prompt for a picture, all its tokens written out."""
    inputs = processor.image_processor(images=[Image.new("RGB", (64, 64))], return_tensors="pt")
    return str(processor.replace_image_token(inputs, image_idx=0))
