"""What people and machines text: one-time codes, chats in several scripts, notices."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

CODE_SENDERS = (
    "Northbank",
    "PayLark",
    "ChatNest",
    "RideHop",
    "ShopMira",
    "MailKite",
    "72990",
    "INFO",
    "Ваш Банк",
)
NOTICE_SENDERS = ("Service", "611", "Kestrel", "BluePeak", "NOTICE")

CODE_TEXTS = (
    "{code} is your verification code. Do not share it with anyone.",
    "Your {sender} code: {code}. It expires in 10 minutes.",
    "<#> {sender}: {code} is your login code\nFA+9qCX9VSu",
    "G-{code} is your verification code.",
    "Ваш код подтверждения: {code}. Никому его не сообщайте.",
    "【{sender}】验证码 {code},5分钟内有效。",
    "رمز التحقق الخاص بك هو {code}",
    "Votre code de sécurité est {code}. Ne le communiquez à personne.",
    "Tu código es {code}. ¡No lo compartas!",
)

CHAT_TEXTS = (
    "On my way 🚲",
    "Running 10 min late, sorry!",
    "ok",
    "👍",
    "Happy birthday!! 🎂🎉🎈",
    "Can you call me back when you see this?",
    "Dinner at 8? I'll bring the salad 🥗",
    "The parcel is with the neighbour at no. 12; the door code is 4-4-1. Ring twice: the bell sticks.",
    "Treffen wir uns um fünf am Brunnen? Grüße, Jürgen",
    "Ça marche, à demain ☀️",
    "Перезвони, как освободишься",
    "Я уже у подъезда, спускайся 🙂",
    "我到了,你在哪里?",
    "今日は遅くなります。先に食べてね 🍜",
    "지금 출발해요!",
    "أنا في الطريق، نصف ساعة",
    "אני מגיע עוד רבע שעה",
    "मैं पाँच मिनट में पहुँच रहा हूँ",
    "เจอกันที่เดิมนะ",
    "Θα αργήσω λίγο, ξεκινήστε χωρίς εμένα",
    "👩‍👩‍👧‍👦 say hi 🏳️‍🌈",
    "Line one\nLine two\n\nLine four",
    "if (a < b && c > d) { return '<b>not bold</b>'; }",
    '=1+1, "quoted"; and a comma',
    "This one is long on purpose: it runs over the hundred and sixty characters of a single message, so that "
    "whoever shows it has to think about segments, wrapping, and a feed where most entries are short.",
)

NOTICE_TEXTS = (
    "Your balance is {amount}. Valid until the end of the month.",
    "Top-up of {amount} received. Thank you!",
    "Welcome! Reply STOP to end messages, HELP for help.",
    "You have used 80% of your data plan.",
    "Missed call from {caller} at {minute:02d} past.",
)


@dataclass(frozen=True, slots=True)
class Text:
    """One text as it arrives: who it is from and what it says."""

    sender: str
    message: str


def make_text(random: Random, contacts: tuple[str, ...]) -> Text:
    """A one-time code, a chat from one of `contacts`, or a notice, as often as each comes in real life."""
    kind = random.random()
    if kind < 0.45:
        return _make_code(random)
    if kind < 0.90:
        return Text(random.choice(contacts), random.choice(CHAT_TEXTS))
    return _make_notice(random, contacts)


def _make_code(random: Random) -> Text:
    sender = random.choice(CODE_SENDERS)
    code = f"{random.randrange(1_000_000):06d}"
    return Text(sender, random.choice(CODE_TEXTS).format(sender=sender, code=code))


def _make_notice(random: Random, contacts: tuple[str, ...]) -> Text:
    text = random.choice(NOTICE_TEXTS).format(
        amount=f"{random.randrange(5, 4000) / 100:.2f}",
        caller=random.choice(contacts),
        minute=random.randrange(60),
    )
    return Text(random.choice(NOTICE_SENDERS), text)
