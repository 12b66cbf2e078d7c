#!/usr/bin/env python3
"""Writes the sample archive, the roster and the expected answers from the scripts in `script/`.

usage: python3 data-samples/make_samples.py          writes what has changed
       python3 data-samples/make_samples.py --check  writes nothing; fails when something would change

Python 3.8 or newer, standard library only; the program `zstd` is needed only when the content of the
zstd file changes. Same scripts, same bytes. The form of the scripts is described in README.md.
"""

import base64
import csv
import gzip
import hashlib
import io
import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from datetime import datetime, timedelta, timezone
from pathlib import Path

HERE = Path(__file__).resolve().parent
SHANGHAI = timezone(timedelta(hours=8))


class Mistake(Exception):
    """Something in a script that cannot be understood; names file and line."""


# ── People and groups ────────────────────────────────────────────────────────────────────────────

class Cast:
    """Who takes part: names as the scripts use them, ids as the archive does."""

    def __init__(self):
        self.kind = {}      # name → 员工 | 客户 | 外部企业 | 机器人 | 群
        self.id = {}        # name → id
        self.members = {}   # group → names
        self.roster = []    # rows of roster.csv

    def read(self, path):
        for number, line in lines_of(path):
            words = line.split()
            options = dict(word.split("=", 1) for word in words if "=" in word)
            words = [word for word in words if "=" not in word]
            if words[0] in ("员工", "客户", "外部企业", "机器人"):
                self.add_person(words, options)
            elif words[0] == "群":
                self.add_group(words, options)
            else:
                raise Mistake(f"{path}:{number}: “{words[0]}”不是 员工、客户、外部企业、机器人、群")

    def add_person(self, words, options):
        kind, name = words[0], words[1]
        prefix = {"客户": "wm", "外部企业": "wo", "机器人": "wb"}.get(kind, "")
        self.kind[name] = kind
        self.id[name] = words[2] if len(words) > 2 else official_id(prefix, name)
        if kind == "员工":
            self.roster.append([options.get("名册id", self.id[name]), "员工", "", options.get("企业", "")])
        elif kind == "机器人":
            self.roster.append([self.id[name], "机器人", "", ""])
        elif "企业" in options or self.id[name][:2] != prefix:
            self.roster.append([self.id[name], "客户", "", options.get("企业", "")])

    def add_group(self, words, options):
        name = words[1]
        self.kind[name] = "群"
        self.id[name] = official_id("wr", name)
        members = options["成员"].split(",") if "成员" in options else []
        for role in ("群主", "管理员"):
            for member in filter(None, options.get(role, "").split(",")):
                self.roster.append([self.id[member], role, self.id[name], ""])
                members.insert(0, member)
        for n in range(int(options.get("静默成员", 0))):
            silent = f"{name}·{n + 1}"
            self.kind[silent] = "客户"
            self.id[silent] = official_id("wm", silent)
            members.append(silent)
        self.members[name] = list(dict.fromkeys(members))

    def is_outside(self, name):
        return self.kind[name] in ("客户", "外部企业")


def official_id(prefix, name):
    """Makes an invented id of the official shape: prefix and 30 characters."""
    digest = hashlib.sha256(f"chattag samples {name}".encode()).digest()
    return prefix + base64.urlsafe_b64encode(digest).decode()[:30]


def lines_of(path):
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        line = line.strip()
        if line and not line.startswith("#"):
            yield number, line


# ── Scripts ──────────────────────────────────────────────────────────────────────────────────────

TIME = r"(?:(\d{4})-)?(\d\d)-(\d\d)(?:\.\.(\d\d)-(\d\d))? (\d\d):(\d\d)(?::(\d\d)(?:\.(\d{3}))?)?"
SAYS = re.compile(rf"^{TIME} (?:\[([^\]]*)\] )?(\S+) → ([^:： ]+)[:：] ?(.*)$")
HAPPENS = re.compile(rf"^{TIME} (订单|退款|点击|访问|添加|入群|退群|资料|打标) (\S+)[:：] ?(.*)$")
EXPECTS = re.compile(rf"^= (?:{TIME} )?(\S+)(?: (.*))?$")
SPARES = re.compile(r"^! (\S+)(?: @(\S+))? (.+)$")
YEAR = 2026


class Line:
    """One message of a script, before it becomes a record."""

    def __init__(self, at, options, speaker, to, text, place):
        self.at = at
        self.options = options      # {"标号": …, "时间": …, "文件": …}
        self.speaker = speaker
        self.to = to
        self.text = text.replace("⏎", "\n")
        self.place = place
        self.msgid = ""

    @property
    def label(self):
        return self.options.get("标号", "")


class Event:
    """One business event of a script."""

    def __init__(self, at, kind, customer, rest):
        self.at, self.kind, self.speaker, self.to = at, kind, customer, ""
        self.fields = dict(word.split("=", 1) for word in rest.split())


class Script:
    """All lines and all expectations of the scripts, in the order they are written."""

    def __init__(self, cast):
        self.cast = cast
        self.lines = []
        self.events = []
        self.expected = Expected(cast)

    def read(self, path):
        last = None
        for number, text in lines_of(path):
            place = f"{path.name}:{number}"
            if match := SAYS.match(text):
                last = self.say(match, place)
            elif match := HAPPENS.match(text):
                last = self.happen(match, place)
            elif match := EXPECTS.match(text):
                self.expected.add(match, last, place)
            elif match := SPARES.match(text):
                self.expected.spare(match, last)
            else:
                raise Mistake(f"{place}: 看不懂：{text}")

    def happen(self, match, place):
        kind, name, rest = match.group(10), match.group(11), match.group(12)
        if name not in self.cast.id:
            raise Mistake(f"{place}: cast.txt 里没有“{name}”")
        event = Event(local(*(match.group(i) for i in (1, 2, 3, 6, 7, 8, 9))), kind, name, rest)
        self.events.append(event)
        return event

    def say(self, match, place):
        year, month, day, month_2, day_2, hour, minute, second, milli, options, speaker, to, text = match.groups()
        for name in (speaker, to):
            if name not in self.cast.id:
                raise Mistake(f"{place}: cast.txt 里没有“{name}”")
        first = local(year, month, day, hour, minute, second, milli)
        last = local(year, month_2, day_2, hour, minute, second, milli) if month_2 else first
        line, n = None, 0
        while first <= last:
            n += 1
            line = Line(first, parse_options(options), speaker, to, text.replace("{n}", str(n)), place)
            self.lines.append(line)
            first += timedelta(days=1)
        return line


def local(year, month, day, hour, minute, second, milli):
    return datetime(int(year or YEAR), int(month), int(day), int(hour), int(minute), int(second or 0),
                    int(milli or 0) * 1000, tzinfo=SHANGHAI)


def parse_options(text):
    """`a1 时间=秒` → {"标号": "a1", "时间": "秒"}."""
    options = {}
    for word in (text or "").split():
        key, _, value = word.partition("=")
        options.update({key: value} if value else {"标号": key})
    return options


# ── Expected answers ─────────────────────────────────────────────────────────────────────────────

TAG_KINDS = {"打标": "assign", "刷新": "refresh", "升级": "level", "降级": "level", "移除": "remove", "被阻": "blocked",
             "复查": "reviewed"}
KICKS = {"复核": "review", "警告": "warn", "踢出": "kick", "踢出拉黑": "kick_block", "豁免": "none", "已处理": "none"}


class Expected:
    """What the script says the program must answer."""

    def __init__(self, cast):
        self.cast = cast
        self.tags, self.alerts, self.kicks, self.spared = [], [], [], []

    def add(self, match, line, place):
        verb, rest = match.group(10), (match.group(11) or "").split()
        at = line.at if match.group(2) is None else local(*(match.group(i) for i in (1, 2, 3, 6, 7, 8, 9)))
        who = [word for word in rest if word.startswith("@")]
        rest = [word for word in rest if not word.startswith("@")]
        customer, staff = self.parties(who[0][1:] if who else None, line)
        try:
            if verb in TAG_KINDS:
                self.tag(TAG_KINDS[verb], at, customer, staff, rest)
            elif verb in ("告警", "压下"):
                self.alert(verb == "压下", at, customer, staff, rest)
            elif verb in KICKS:
                self.kick(verb, at, line, rest)
            else:
                raise Mistake(f"{place}: 看不懂：{verb}")
        except (IndexError, ValueError) as error:
            raise Mistake(f"{place}: {error}") from error

    def spare(self, match, line):
        """Notes that a rule must leave a customer alone, and why."""
        rule, who, why = match.groups()
        who = who or self.parties(None, line)[0]
        self.spared.append([rule, who, self.cast.id[who], why])

    def parties(self, who, line):
        """Returns the customer and, for a relation, the employee: `@客户` or `@客户/员工`, else the line's own."""
        if who:
            customer, _, staff = who.partition("/")
            return customer, staff
        customer = line.speaker if self.cast.is_outside(line.speaker) else line.to
        return customer, ""

    def tag(self, kind, at, customer, staff, rest):
        tag, rule = rest[0], rest[1] if len(rest) > 1 else ""
        reason = rest[2] if len(rest) > 2 else ""
        if rule == "-":
            rule = ""
        self.tags.append([customer, self.cast.id[customer], self.id_or_empty(staff), kind, tag, stamp(at), rule, reason])

    def alert(self, suppressed, at, customer, staff, rest):
        name, rule, level = rest
        self.alerts.append([customer, self.id_or_empty(customer), self.id_or_empty(staff), name, level,
                            stamp(at), "suppressed" if suppressed else "alert", rule])

    def kick(self, verb, at, line, rest):
        rules = rest[0].replace("+", ";")
        exemption = rest[1] if len(rest) > 1 else ""
        reason = {"豁免": "exempt", "已处理": "held"}.get(verb, "")
        self.kicks.append([line.speaker, self.cast.id[line.to], self.cast.id[line.speaker], line, stamp(at),
                           KICKS[verb], reason, rules, exemption])

    def id_or_empty(self, name):
        return self.cast.id[name] if name else ""

    def current_tags(self):
        """Follows each tag from assign to remove; its rule is the one that gave the newest evidence."""
        standing = {}
        for who, customer, staff, kind, tag, at, rule, _ in sorted(self.tags, key=lambda row: row[5]):
            if kind == "assign":
                standing[customer, staff, tag] = [who, customer, staff, tag, at, rule]
            elif kind in ("refresh", "level"):
                standing[customer, staff, tag][5] = rule
            elif kind == "remove":
                standing.pop((customer, staff, tag), None)
        return sorted(standing.values(), key=lambda row: row[1:])


def stamp(at):
    return at.strftime("%Y-%m-%d %H:%M:%S.") + f"{at.microsecond // 1000:03d}"


# ── Records ──────────────────────────────────────────────────────────────────────────────────────

def millis(at):
    return int(at.timestamp()) * 1000 + at.microsecond // 1000


def hex_of(what, n=32):
    return hashlib.md5(what.encode()).hexdigest()[:n]


def media(what):
    return {"md5sum": hex_of(what), "filesize": 20_000 + len(what) * 937, "sdkfileid": "Cs" + hex_of(what + "f") * 3}


QUOTES = {
    "Q1": '这是一条引用/回复消息：\n"{name}：\n{quote}"\n------\n{reply}',
    "Q2": "这是一条引用/回复消息：\n“{name}：\n{quote}”\n------\n{reply}",
    "Q3": 'This is a quote/reply:\n"{name}:\n{quote}"\n------\n{reply}',
    "Q4": '这是一条引用/回复消息："\n------\n{reply}',
    "Q5": "「{name}：{quote}」\n- - - - - - - - - - - - - - -\n{reply}",
    "Q6": "这是一条引用/回复消息： “{name}： {quote}” {reply}",
}


def payload(line, script):
    """Returns `msgtype` and its payload, from plain text, `<short form>` or JSON."""
    text = line.text
    if text.startswith('{"msgtype"'):
        return json.loads(text)
    match = re.match(r"^<([^<>]+)>\s?(.*)$", text, re.S)
    if not match:
        return {"msgtype": "text", "text": {"content": text}}
    form, *cells = match.group(1).split("|")
    rest = match.group(2)
    if form.startswith("引用"):
        content = QUOTES[form[2:]].format(name=cells[0] if cells else "", quote="|".join(cells[1:]), reply=rest)
        return {"msgtype": "text", "text": {"content": content}}
    if form in SHORT_FORMS:
        return SHORT_FORMS[form](cells, line)
    if form == "撤回":
        return {"action": "recall", "msgtype": "revoke", "revoke": {"pre_msgid": recalled_id(cells, script)}}
    raise Mistake(f"{line.place}: 不认识的写法 <{form}>")


SHORT_FORMS = {
    "图片": lambda cells, line: {"msgtype": "image", "image": media(line.msgid)},
    "语音": lambda cells, line: {"msgtype": "voice", "voice": {
        "md5sum": hex_of(line.msgid), "voice_size": int(cells[0]) * 810, "play_length": int(cells[0]),
        "sdkfileid": "Cp" + hex_of(line.msgid) * 3}},
    "表情": lambda cells, line: {"msgtype": "emotion", "emotion": {
        "type": 1, "width": 240, "height": 240, "imagesize": 96_260, "md5sum": hex_of(line.msgid),
        "sdkfileid": "Ce" + hex_of(line.msgid) * 3}},
    "文件": lambda cells, line: {"msgtype": "file", "file": {
        "filename": cells[0], "fileext": cells[0].rsplit(".", 1)[-1], **media(line.msgid)}},
    "链接": lambda cells, line: {"msgtype": "link", "link": {
        "title": cells[0], "description": cells[1], "link_url": cells[2], "image_url": ""}},
    "小程序": lambda cells, line: {"msgtype": "weapp", "weapp": {
        "title": cells[0], "description": cells[1], "username": cells[2] + "@app", "displayname": cells[1],
        "appid": cells[2], "pagepath": "pages/index.html"}},
    "转发": lambda cells, line: {"msgtype": "chatrecord", "chatrecord": {"title": cells[0], "item": [
        {"type": "ChatRecordText", "msgtime": millis(line.at) // 1000 - 600 + n, "from_chatroom": True,
         "content": compact({"content": text})} for n, text in enumerate(cells[1:])]}},
    "图文": lambda cells, line: {"msgtype": "mixed", "mixed": {"item": [
        {"type": "text", "content": compact({"content": text})} for text in cells] +
        [{"type": "image", "content": compact(media(line.msgid))}]}},
}


def recalled_id(cells, script):
    """`<撤回|标号>`, `<撤回|标号|无后缀>`, `<撤回|不存在>`."""
    if cells[0] == "不存在":
        return "8888888888888888888_1767000000000_external"
    target = next(line for line in script.lines if line.label == cells[0])
    return target.msgid.replace("_external", "") if len(cells) > 1 else target.msgid


def compact(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def message_id(line, cast):
    """Depends on the line alone, so that a new line changes no other."""
    what = f"{stamp(line.at)} {line.speaker} {line.to} {line.text}"
    number = int(hashlib.sha256(what.encode()).hexdigest()[:15], 16) + 10**18
    external = any(cast.is_outside(name) for name in (line.speaker, line.to)) or cast.kind[line.to] == "群"
    if line.options.get("时间") == "零且无":
        return f"CAQQ{hex_of(str(number), 20)}="
    suffix = "_external" if external else ""
    return f"{number}_{millis(line.at)}{suffix}"


def record_of(line, script):
    """Makes the plaintext record of one line."""
    cast = script.cast
    is_group = cast.kind[line.to] == "群"
    receivers = [name for name in cast.members[line.to] if name != line.speaker] if is_group else [line.to]
    record = {"msgid": line.msgid, "action": "send", "from": line.options.get("发件id", cast.id[line.speaker]),
              "tolist": [cast.id[name] for name in receivers], "roomid": cast.id[line.to] if is_group else "",
              "msgtime": written_time(line)}
    record.update(payload(line, script))
    if record["msgtype"] in ("agree", "disagree"):
        kind = record["msgtype"]
        record[kind] = {"userid": cast.id[line.speaker], f"{kind}_time": millis(line.at)}
    if record["msgtype"] == "switch":
        return {"msgid": line.msgid.replace("_external", ""), "action": "switch", "time": millis(line.at),
                "user": cast.id[line.speaker]}
    if line.options.get("收件") == "串":
        record["tolist"] = record["tolist"][0]
    return record


def written_time(line):
    at = millis(line.at)
    return {"秒": at // 1000, "字符串": str(at), "零": 0, "零且无": 0, "科学": float(at)}.get(line.options.get("时间"), at)


# ── Files ────────────────────────────────────────────────────────────────────────────────────────

# Sequence numbers rise with archival: the seconds since then, as long as nothing comes twice in a second.
FIRST_SEQ_AT = 1_748_707_200_000  # 2025-06-01 00:00 in Shanghai, in milliseconds


def arrival(line):
    """Archival follows sending after a lag: every fifth message comes up to a minute late, so seq order is not time order."""
    lag = int(hex_of(line.msgid, 8), 16)
    seconds = int(line.options.get("滞后", lag % 57 if lag % 5 == 0 else 0))
    return line.at + timedelta(seconds=seconds)


class Archive:
    """All files, and a tally of what each record must become."""

    def __init__(self, script):
        self.script = script
        self.files = {}
        self.counts = Counter()
        self.seq = 0

    def build(self):
        lines = self.script.lines
        for line in lines:
            line.msgid = message_id(line, self.script.cast)
        by_file = {}
        for line in sorted(lines, key=lambda line: (arrival(line), line.place)):
            by_file.setdefault(self.file_of(line), []).append(self.numbered(line))
        for name, entries in sorted(by_file.items()):
            self.files[name] = self.encode(name, entries)
        self.add_overlap(by_file)
        self.add_damaged()
        self.add_odd_files()

    def numbered(self, line):
        self.seq = max(self.seq + 1, (millis(arrival(line)) - FIRST_SEQ_AT) // 1000)
        record = record_of(line, self.script)
        self.count(fate(line, record))
        for note in notes(line):
            self.counts[f"note.{note}"] += 1
        return self.seq, record, line

    def count(self, reason):
        self.counts[reason] += 1

    def file_of(self, line):
        day = line.at.strftime("%Y-%m-%d")
        if "文件" in line.options:
            return f"dt={day}/{line.options['文件']}"
        suffix = {"2026-01-06": "part-000.jsonl.gz", "2026-01-07": "part-000.jsonl.zst", "2026-01-08": "page-000.json"}
        if line.at.year < 2026:
            return f"dt={day}/part-000.jsonl"
        return f"dt={day}/" + suffix.get(day, "part-000.jsonl" if line.at.hour < 14 else "part-001.jsonl")

    def encode(self, name, entries):
        if name.endswith("page-000.json"):
            return page_array(entries)
        with_seq = not name.endswith("part-001.jsonl")
        return b"".join(json_line(seq if with_seq else None, record) for seq, record, _ in entries)

    def add_overlap(self, by_file):
        """Tonight's file begins with the end of last night's; one copy differs."""
        last_night = by_file["dt=2026-01-05/part-000.jsonl"][-16:]
        copies = []
        for n, (seq, record, _) in enumerate(last_night):
            copy = json.loads(compact(record))
            if n == 7:
                copy["text"] = {"content": "（同一 msgid，内容不同的副本：不作数）"}
            copies.append(json_line(seq + (1 if n == 7 else 0), copy))
            self.count("duplicate")
        self.counts["note.conflicting_duplicates"] += 1
        self.files["dt=2026-01-06/overlap.jsonl"] = b"".join(copies)

    def add_damaged(self):
        cast = self.script.cast
        base = datetime(2026, 1, 11, 16, 0, tzinfo=SHANGHAI)
        rows = []
        for n, (what, text) in enumerate(DAMAGED):
            at = millis(base + timedelta(minutes=n))
            record = {"msgid": f"{7_100_000_000_000_000_000 + n}_{at}_external", "action": "send",
                      "from": cast.id["修补匠"], "tolist": [cast.id["李华"]], "roomid": "", "msgtime": at,
                      "msgtype": "text", "text": {"content": text}}
            line, reason, note = damage(what, record, cast)
            rows.append(line)
            self.count(reason)
            if note:
                self.counts[f"note.{note}"] += 1
        self.files["dt=2026-01-11/damaged.jsonl"] = b"".join(rows)

    def add_odd_files(self):
        """Re-encodes two files: one with CRLF line ends, one with a byte order mark and without a final newline."""
        crlf, bom = "dt=2026-01-09/part-001.jsonl", "dt=2026-01-10/part-000.jsonl"
        self.files[crlf] = self.files[crlf].replace(b"\n", b"\r\n")
        self.files[bom] = b"\xef\xbb\xbf" + self.files[bom].rstrip(b"\n")
        self.files["_README_skipped.txt"] = "以下划线开头的文件不会被读取。\n".encode()


def encrypted_envelopes():
    """A file of envelopes as they come from the SDK, under two key versions; not part of the archive."""
    rows = []
    for n, version in enumerate((3, 3, 4)):
        secret = base64.b64encode(hashlib.sha512(f"key {n}".encode()).digest() * 4).decode()
        rows.append(compact({"seq": 90_000_001 + n, "msgid": f"{7_200_000_000_000_000_000 + n}_1768118400000_external",
                             "publickey_ver": version, "encrypt_random_key": secret,
                             "encrypt_chat_msg": base64.b64encode(hashlib.sha512(f"text {n}".encode()).digest() * 2).decode()}))
    return ("\n".join(rows) + "\n").encode()


def fate(line, record):
    """Says how the run report must count a record."""
    if record["action"] == "switch":
        return "control.switch"
    kind = record["msgtype"]
    if kind == "revoke":
        return "control.recall"
    if kind in ("agree", "disagree"):
        return f"control.{kind}"
    if line.options.get("命运"):
        return line.options["命运"]
    return "processed"


def notes(line):
    """Says what a run must notice about a line, besides counting it."""
    if "<引用" in line.text:
        yield "quote"
    if line.text.startswith("我通过了你的联系人验证请求"):
        yield "greeting"
    if line.text.startswith("<撤回|不存在"):
        yield "unknown_recalls"
    if '"msgtype":"hologram"' in line.text:
        yield "unknown_type"
    if line.options.get("时间") == "零":
        yield "time_from_id"


def json_line(seq, record):
    """Stores merge `seq` into the message, or lose it."""
    return compact({"seq": seq, **record} if seq else record).encode() + b"\n"


def page_array(entries):
    """A JSON array of pages; each record is wrapped under `msg`, as one vendor's API stores it."""
    pages = []
    for start in range(0, len(entries), 50):
        chat = [{"seq": seq, "msgid": record["msgid"], "publickey_ver": 3, "msg": record}
                for seq, record, _ in entries[start:start + 50]]
        pages.append(compact({"errcode": 0, "errmsg": "ok", "chatdata": chat}))
    return ("[\n" + ",\n".join(pages) + "\n]\n").encode()


# What is done to a line, and the text that it held.
DAMAGED = [
    ("cut", "这一行写到一半，机器停了"),
    ("control", "这一行里有一个裸的控制字节\x12，修补后照常读取"),
    ("invalid_utf8", "这一行里有两个坏字节，修补后照常读取"),
    ("lone_surrogate", "这一行结尾是半个表情"),
    ("nul", "这一行后面跟着一个 NUL"),
    ("both_external", "两个外部联系人的单聊，不合规矩"),
    ("not_message", ""),
]


def damage(what, record, cast):
    """Returns the damaged line, how it must be counted, and what must be noticed."""
    line = compact(record).encode()
    if what == "cut":
        return line[:-40] + b"\n", "quarantined.json.truncated", None
    if what == "control":
        return line.replace(b"\\u0012", b"\x12") + b"\n", "processed", "sanitized"
    if what == "invalid_utf8":
        return line.replace("坏字节".encode(), "坏字节".encode() + b"\xb5\xc4") + b"\n", "processed", "lossy_utf8"
    if what == "lone_surrogate":
        return line.replace("半个表情".encode(), "半个表情".encode() + b"\\ud83d") + b"\n", "processed", "sanitized"
    if what == "nul":
        return line + b"\x00\n", "processed", None
    if what == "both_external":
        record["tolist"] = [cast.id["林小鹿"]]
        return compact(record).encode() + b"\n", "quarantined.role.both_external", None
    return b'{"hello":"world"}\n', "quarantined.record.not_message", None


# ── Writing ──────────────────────────────────────────────────────────────────────────────────────

def csv_text(header, rows):
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue().encode()


def expected_files(script, archive):
    expected = script.expected
    kicks = [[who, room, member, line.msgid, *rest] for who, room, member, line, *rest in expected.kicks]
    by_time = lambda rows, at: sorted(rows, key=lambda row: (row[at], row))
    counts = archive.counts
    total = sum(n for reason, n in counts.items() if not reason.startswith("note."))
    summary = {"read": total, "processed": counts["processed"], "duplicate": counts["duplicate"]}
    for part in ("control", "skipped", "quarantined"):
        summary[part] = sum(n for reason, n in counts.items() if reason.startswith(part + "."))
    summary.update(sorted((reason, n) for reason, n in counts.items() if "." in reason))
    return {
        "expected/tag_events.csv": csv_text(
            ["who", "customer", "staff", "kind", "tag_id", "at", "rule_id", "reason"], by_time(expected.tags, 5)),
        "expected/current_tags.csv": csv_text(
            ["who", "customer", "staff", "tag_id", "since", "rule_id"], expected.current_tags()),
        "expected/alerts.csv": csv_text(
            ["who", "customer", "staff", "name", "level", "at", "kind", "rule_id"], by_time(expected.alerts, 5)),
        "expected/kick_decisions.csv": csv_text(
            ["who", "room", "member", "msgid", "at", "action", "reason", "rule_ids", "exemption"], by_time(kicks, 4)),
        "expected/near_misses.csv": csv_text(["rule_id", "who", "customer", "why"], sorted(expected.spared)),
        "expected/counts.csv": csv_text(["reason", "count"], summary.items()),
    }


EVENT_WORDS = {"订单": "order", "退款": "refund", "点击": "click", "访问": "visit", "添加": "add", "入群": "join",
               "退群": "leave", "资料": "profile", "打标": "tag"}

SOURCES = """\
# 示例的业务事件：订单是表格，列名要对照；其余是 JSONL，字段名就是标准的。
[[source]]
name = "orders"
files = ["orders.csv"]
columns = "买家=customer,付款时间=at,实付（分）=amount_fen"

[[source]]
name = "behaviour"
files = ["behaviour.jsonl"]
"""


def event_files(script):
    """Orders and refunds as a table with the column names of a shop, everything else as lines of JSON."""
    ids, orders, lines = script.cast.id, [], []
    for number, event in enumerate(script.events, 1):
        fields = dict(event.fields)
        staff = ids[fields.pop("员工")] if "员工" in fields else ""
        eid = f"biz-{number:04d}"
        if event.kind in ("订单", "退款"):
            orders.append([eid, event.kind, event.at.strftime("%Y-%m-%d %H:%M:%S"), ids[event.speaker], staff,
                           fields.get("status", ""), fields["amount_fen"], fields.get("coupon_id", "")])
        else:
            record = {"id": eid, "kind": EVENT_WORDS[event.kind], "at": millis(event.at), "customer": ids[event.speaker]}
            if staff:
                record["staff"] = staff
            record.update(fields)
            lines.append(json.dumps(record, ensure_ascii=False))
    header = ["单号", "事件", "付款时间", "买家", "员工", "订单状态", "实付（分）", "优惠券"]
    return {
        "events/orders.csv": csv_text(header, orders),
        "events/behaviour.jsonl": ("\n".join(lines) + "\n").encode(),
        "events/sources.toml": SOURCES.encode(),
    }


def stored(path, content):
    """Returns the bytes to store: packed when the name says so, the old packing when its content is the same."""
    if path.suffix not in (".gz", ".zst"):
        return content
    old = path.read_bytes() if path.exists() else b""
    if path.suffix == ".gz":
        if old and gzip.decompress(old) == content:
            return old
        return gzip.compress(content, 9, mtime=0)
    program = shutil.which("zstd")
    if not program:
        print(f"{path.name}: 没有 zstd 程序，保留原文件 (no zstd program: the file is kept)", file=sys.stderr)
        return old
    unpacked = subprocess.run([program, "-dcq"], input=old, capture_output=True).stdout if old else None
    return old if unpacked == content else subprocess.run(
        [program, "-19", "-cq"], input=content, capture_output=True, check=True).stdout


def write_all(files, check):
    """Writes what differs, removes what is no longer made; returns the names that differ."""
    changed = []
    for name, content in files.items():
        path = HERE / name
        content = stored(path, content)
        if not path.exists() or path.read_bytes() != content:
            changed.append(name)
            if not check:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
    for folder in ("archive", "events", "expected"):
        for path in sorted((HERE / folder).rglob("*")):
            name = path.relative_to(HERE).as_posix()
            if path.is_file() and name not in files:
                changed.append(name)
                if not check:
                    path.unlink()
    return changed


def main():
    check = "--check" in sys.argv[1:]
    cast = Cast()
    cast.read(HERE / "script" / "cast.txt")
    script = Script(cast)
    for path in sorted((HERE / "script").glob("*.txt")):
        if path.name != "cast.txt":
            script.read(path)
    archive = Archive(script)
    archive.build()
    files = {f"archive/{name}": content for name, content in archive.files.items()}
    files["encrypted/envelopes.jsonl"] = encrypted_envelopes()
    files["roster.csv"] = csv_text(["成员", "角色", "群", "企业"], cast.roster)
    archive.counts["processed"] += len(script.events)
    files.update(event_files(script))
    files.update(expected_files(script, archive))
    changed = write_all(files, check)
    print(f"{sum(n for r, n in archive.counts.items() if not r.startswith('note.'))} 条记录，"
          f"{len(files)} 个文件，{len(changed)} 个有变化")
    return 1 if check and changed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Mistake as mistake:
        sys.exit(str(mistake))
