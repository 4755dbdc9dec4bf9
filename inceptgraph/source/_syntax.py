"""Texts that are not YAML: the parser's complaint in words that a person uses.

The parser names the token that it wanted. What went wrong is mostly told by the lines around the
place, so each rule looks at those, and words its finding in terms of what is written there.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import yaml

from inceptgraph.diagnostics import Code, Findings, Label, Source
from inceptgraph.source._brackets import in_brackets, missing_value
from inceptgraph.source._parser_error import WORD, Found, Trouble, content, indent, quoted, spaces

__all__ = ["report_syntax"]

_UNSPACED = re.compile(r"\s*(?:- )?[\w.-]+(:)(\S|\xa0)")


def report_syntax(error: yaml.YAMLError, source: Source, findings: Findings) -> None:
    """Turn the parser's complaint into a finding at the place that is to blame."""
    trouble = Trouble.of(error, source)
    found = _tab(trouble)
    if found is None:
        rules = (rule for words, rule in _RULES if words in trouble.problem)
        found = next(filter(None, (rule(trouble) for rule in rules)), None) or _unknown(trouble)
    findings.add(found.code, found.message, found.span, found.label, *found.more, help=found.help)


# -- rules: each gives a finding, or None to leave the case to the next ---------------------------


def _tab(t: Trouble) -> Found | None:
    above = t.line_above()
    for line in (t.line, above):
        match = (
            re.match(r" *(\t+)[ \t]*\S", t.lines[line]) if line is not None and t.lines else None
        )
        if match is not None:
            return Found(
                "a tab is used for indentation",
                t.span(match.start(1), len(match[1]), line),
                "YAML indents with spaces: replace the tab, and set your editor to spaces",
                code=Code.TAB,
            )
    return None


def _unspaced(t: Trouble, line: int | None) -> Found | None:
    """``op:conv2d``: one word to YAML."""
    match = _UNSPACED.match(t.lines[line]) if line is not None else None
    if match is None:
        return None
    if match[2] == "\xa0":
        message = "the space after this `:` is a no-break space (U+00A0)"
        return Found(message, t.span(match.start(1), 2, line), "replace it by a plain space")
    text = content(t.lines[line or 0]).strip()
    hint = f"write `{text.replace(':', ': ', 1)}`"
    return Found("a space is missing after this `:`", t.span(match.start(1), 1, line), hint)


def _unmarked_key(t: Trouble, line: int | None) -> Found | None:
    """A line that holds one word, with what belongs to it below."""
    match = re.fullmatch(rf"\s*({WORD})", content(t.lines[line])) if line is not None else None
    if match is None:
        return None
    where = t.span(match.start(1), len(match[1]), line)
    return Found(f"a `:` is missing after `{match[1]}`", where, f"write `{match[1]}:`")


def _value_with_colon(t: Trouble) -> Found | None:
    before = t.text[: t.column]
    match = re.fullmatch(r"(\s*(?:- )?[^\s:#]+:\s+)(\S.*)", before)
    if match is None:
        return None
    value = content(t.text[match.end(1) :])
    hint = f"put quotes round the value: {quoted(value)}"
    message = "a value cannot hold `: `, which marks a key"
    return Found(message, t.span(), hint if len(value) < 60 else "put quotes round the value")


def _no_value_here(t: Trouble) -> Found | None:
    above = t.line_above()
    return _unspaced(t, above) or _unmarked_key(t, above) or _misaligned(t)


def _misaligned(t: Trouble) -> Found | None:
    above = t.line_above()
    if above is None:
        return None
    mine, other = indent(t.text), indent(t.lines[above])
    width = max(len(content(t.text)) - mine, 1)
    key = re.match(rf"\s*({WORD}):", t.text)
    place = t.span(mine, len(key[1]) if key else width)
    more = (Label(t.span(other, 1, above), f"indented by {spaces(other)}"),)
    if mine > other:
        message = "this line is indented more than the one above, which already has its value"
    elif mine == other:
        message = "this line does not follow from the one above"
    else:
        message = "this line is indented less than the one above, and lines up with none before it"
    hint = "keys of one mapping begin in the same column"
    return Found(message, place, hint, f"indented by {spaces(mine)}", more)


def _missing_colon(t: Trouble) -> Found | None:
    if t.begun is None:
        return None
    line, column = t.begun
    written = content(t.lines[line][column:])
    word = re.match(WORD, written)
    if t.line == line and word:  # on one line, in brackets
        message = f"a `:` or a `,` is missing after `{word[0]}`"
        return Found(message, t.span(column, len(word[0]), line))
    if written[:1] in ("*", "&"):
        return _alias_name(t)
    found = _unspaced(t, line) or _unmarked_key(t, line)
    if found is not None or not written:
        return found
    hint = "a line of a mapping reads `key: value`"
    return Found("a `:` is missing in this line", t.span(column, len(written), line), hint)


def _in_block(t: Trouble) -> Found | None:
    """Between the lines of a mapping or a list, something that is not one."""
    before = t.text[: t.column].rstrip()
    if t.char == "-" and not before:
        hint = "write every line here as `key: value`, without `- `: lists are [a, b, c]"
        return Found("a list item stands among the keys of a mapping", t.span(), hint)
    if t.char in ("]", "}"):
        return Found(f"this `{t.char}` closes nothing", t.span(), "remove it")
    if before:
        if t.char == ",":
            hint = "commas separate values inside […] and {…} alone: remove it"
            return Found("a `,` follows a complete value", t.span(), hint)
        rest = content(t.text[t.column :]) or " "
        after = "the closing quote" if before[-1] in "\"'" else "a complete value"
        hint = "put one pair of quotes round all of it, or remove this"
        return Found(f"text follows {after}", t.span(width=len(rest)), hint)
    return _misaligned(t)


def _cannot_start(t: Trouble) -> Found | None:
    if not t.text[: t.column].strip() and t.char == "%":
        return _directive(t)
    word = re.match(r"[^\s,\]}][^,\]}#]*", t.text[t.column :])
    value = word[0].rstrip() if word else t.char
    hint = f"put quotes round it: {quoted(value)}" if len(value) < 60 else "put quotes round it"
    sign = "a backtick" if t.char == "`" else f"`{t.char}`"
    return Found(f"a value cannot begin with {sign}", t.span(), hint)


def _unclosed_quote(t: Trouble) -> Found | None:
    if t.opener not in ("'", '"'):
        return None
    return Found(f"this quote `{t.opener}` is never closed", t.start())


def _escape(t: Trouble) -> Found | None:
    hint = "use single quotes, in which a backslash is a backslash, or write it as `\\\\`"
    written = t.text[t.column : t.column + 2]
    return Found(f"`{written}` means nothing inside double quotes", t.span(width=2), hint)


def _hex_escape(t: Trouble) -> Found | None:
    hint = "`\\x` takes two hexadecimal digits, `\\u` four, `\\U` eight; or use single quotes"
    return Found("this escape is not a character", t.span(), hint)


def _directive(t: Trouble) -> Found | None:
    line = t.begun[0] if t.begun else t.line
    hint = "put quotes round a key that begins with it"
    return Found("a line cannot begin with `%`", t.span(0, 1, line), hint)


def _no_list_here(t: Trouble) -> Found | None:
    hint = "write a list as [a, b], or each item on a line of its own; quote a text that begins so"
    return Found("a value cannot begin with `- `", t.span(), hint)


def _alias_name(t: Trouble) -> Found | None:
    line, column = t.begun or (t.line, t.column)
    sign = t.lines[line][column : column + 1]
    if sign not in ("*", "&"):
        return None
    what = "an alias" if sign == "*" else "an anchor"
    hint = f"put quotes round a value that begins with `{sign}`"
    return Found(f"`{sign}` begins {what}, but no name follows", t.span(column, 1, line), hint)


def _second_document(t: Trouble) -> Found | None:
    message = "the spec is complete before this line"
    return Found(message, t.span(), "is a bracket closed too early, or a line not indented?")


def _tag(t: Trouble) -> Found | None:
    message = "tags (`!…`) are not part of the language"
    hint = "write the value without a tag, or put quotes round it"
    line, column = t.begun or (t.line, t.column)
    mark = t.lines[line].find("!", column) if t.lines else -1
    place = t.span(mark if mark >= 0 else column, 1, line)
    return Found(message, place, hint, code=Code.UNSUPPORTED_YAML)


def _block_text(t: Trouble) -> Found | None:
    message = "nothing can follow `|` or `>` on its line"
    return Found(message, t.span(), "the text begins on the next line, indented")


def _unknown(t: Trouble) -> Found:
    more = (Label(t.start(), "it began here"),) if t.begun and t.begun != (t.line, t.column) else ()
    return Found(f"this is not YAML: {t.problem}", t.span(), more=more)


_RULES: tuple[tuple[str, Callable[[Trouble], Found | None]], ...] = (
    ("mapping values are not allowed", _value_with_colon),
    ("mapping values are not allowed", _no_value_here),
    ("expected ':'", _missing_colon),
    ("unexpected ':'", _value_with_colon),
    ("expected ',' or", in_brackets),
    ("expected key", _in_block),
    ("expected '-' indicator", _in_block),
    ("expected <block end>", _in_block),
    ("cannot start any token", _cannot_start),
    ("unexpected end of stream", _unclosed_quote),
    ("unexpected document", _unclosed_quote),
    ("unknown escape character", _escape),
    ("expected hexdecimal number", _hex_escape),
    ("escape sequence", _hex_escape),
    ("Unicode character escape", _hex_escape),
    ("expected node content", missing_value),
    ("expected the node content", missing_value),
    ("sequence entries are not allowed", _no_list_here),
    ("mapping keys are not allowed", _no_list_here),
    ("alphabetic or numeric", _alias_name),
    ("<document start>", _second_document),
    ("expected comment or line break", _block_text),
    ("expected a comment or a line break", _block_text),
    ("tag", _tag),
    ("directive", _directive),
    ("non-alphabetical character", _directive),
    ("YAML document", _directive),
)
