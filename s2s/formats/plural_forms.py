"""The header `Plural-Forms` of a PO file: an expression of C that says which form a number takes."""

import re

_TOKEN = re.compile(r"\s*(\d+|n|\|\||&&|[=!<>]=|[-+*/%<>!?:()])")
_HEADER = re.compile(r"^Plural-Forms:\s*nplurals\s*=\s*(\d+)\s*;\s*plural\s*=\s*(.*?)\s*;?\s*$", re.MULTILINE)
_LEVELS = (("||",), ("&&",), ("==", "!="), ("<", ">", "<=", ">="), ("+", "-"), ("*", "/", "%"))


def singular_form(header: str) -> tuple[int, int | None]:
    """How many forms there are, and which of them is that of 1 and of no other small number.

    Args:
        header: Text of the header entry.

    Returns:
        2 and form 0 if it says nothing that can be read; no form if that of 1 is also that of 2, 3, ….

    >>> singular_form("Plural-Forms: nplurals=2; plural=(n != 1);")
    (2, 0)
    >>> singular_form("Plural-Forms: nplurals=1; plural=0;")
    (1, None)
    """
    match = _HEADER.search(header)
    if match is None:
        return 2, 0
    n_forms = min(int(match[1]), 10)
    try:
        form = _value(match[2], 1)
        others = {_value(match[2], n) for n in (2, 3, 5, 10)}
    except (ValueError, ZeroDivisionError):
        return n_forms, 0 if n_forms > 1 else None
    return n_forms, form if form not in others and form < n_forms else None


def form_of(header: str, n: int) -> int:
    """The form that a number takes; 1 if the header says nothing that can be read.

    >>> form_of("Plural-Forms: nplurals=2; plural=(n != 1);", 5), form_of("Plural-Forms: nplurals=1; plural=0;", 5)
    (1, 0)
    """
    match = _HEADER.search(header)
    try:
        return 1 if match is None else _value(match[2], n)
    except (ValueError, ZeroDivisionError):
        return 1


def _value(expression: str, n: int) -> int:
    """The value of an expression for a number; ValueError if it is none."""
    tokens: list[str] = []
    place = 0
    while place < len(expression):
        match = _TOKEN.match(expression, place)
        if match is None or len(tokens) > 500:
            raise ValueError(f"no plural expression: {expression}")
        tokens.append(match[1])
        place = match.end()
    parser = _Parser(tokens, n)
    value = parser.choice(0)
    if parser.place != len(tokens):
        raise ValueError(f"no plural expression: {expression}")
    return value


class _Parser:
    def __init__(self, tokens: list[str], n: int) -> None:
        self.tokens, self.n, self.place = tokens, n, 0

    def _next(self) -> str:
        return self.tokens[self.place] if self.place < len(self.tokens) else ""

    def _take(self, wanted: str) -> None:
        if self._next() != wanted:
            raise ValueError(f"{wanted} is missing")
        self.place += 1

    def choice(self, depth: int) -> int:
        """`condition ? one : other`."""
        if depth > 50:
            raise ValueError("too deep")
        value = self._binary(0, depth)
        if self._next() != "?":
            return value
        self.place += 1
        yes = self.choice(depth + 1)
        self._take(":")
        no = self.choice(depth + 1)
        return yes if value else no

    def _binary(self, level: int, depth: int) -> int:
        if level == len(_LEVELS):
            return self._single(depth)
        value = self._binary(level + 1, depth)
        while (operator := self._next()) in _LEVELS[level]:
            self.place += 1
            value = _computed(operator, value, self._binary(level + 1, depth))
        return value

    def _single(self, depth: int) -> int:
        token = self._next()
        self.place += 1
        if token == "(":
            value = self.choice(depth + 1)
            self._take(")")
            return value
        if token == "!":
            if depth > 50:
                raise ValueError("too deep")
            return int(not self._single(depth + 1))
        if token == "n":
            return self.n
        return int(token)


def _computed(operator: str, a: int, b: int) -> int:
    match operator:
        case "||":
            return int(bool(a or b))
        case "&&":
            return int(bool(a and b))
        case "==" | "!=":
            return int((a == b) == (operator == "=="))
        case "<" | ">=":
            return int((a < b) == (operator == "<"))
        case ">" | "<=":
            return int((a > b) == (operator == ">"))
        case "+" | "-":
            return a + b if operator == "+" else a - b
        case "*":
            return a * b
        case "/":
            return a // b
    return a % b
