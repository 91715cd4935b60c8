"""From tokens to a syntax tree, by recursive descent. What can be read two ways is refused, never guessed.

sum      = product { ("+" | "-" | "subtracted from") product }
product  = factor { ("*" | "/" | "mod" | "of" | "choose" | nothing before a bracket) factor }
factor   = ("-" | "+") factor | power
power    = postfix [ "^" factor ]
postfix  = primary { "!" | "%" | "²" | "³" }
primary  = number | "(" sum ")" | function arguments
"""

from fractions import Fraction

from quorum_mcp.providers.builtin.abstain import Abstain
from quorum_mcp.providers.builtin.arithmetic.tokens import Token, scan
from quorum_mcp.providers.builtin.arithmetic.tree import Binary, Call, Negate, Node, Number, Percent
from quorum_mcp.providers.builtin.arithmetic.vocabulary import translate
from quorum_mcp.providers.builtin.arithmetic.words import collapse

MAX_TOKENS = 200
MAX_DEPTH = 40
_UNARY = {"sqrt", "cbrt", "abs", "factorial", "double", "triple", "floor", "ceil", "square", "cube"}
_BRACKETS = {"(": ")", "[": "]"}
_END = Token("end", "the end")


def parse(text: str) -> Node:
    """The tree of an expression; abstains when any part of `text` is not understood."""
    tokens = translate(collapse(scan(text)))
    if not tokens:
        raise Abstain("there is nothing to compute")
    if len(tokens) > MAX_TOKENS:
        raise Abstain(f"the expression has more than {MAX_TOKENS} parts")
    return Parser(tokens).whole()


class Parser:
    """A parser over a list of tokens."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    def _peek(self, ahead: int = 0) -> Token:
        at = self._at + ahead
        return self._tokens[at] if at < len(self._tokens) else _END

    def _take(self, *signs: str) -> Token | None:
        token = self._peek()
        if token.is_sign(*signs):
            self._at += 1
            return token
        return None

    def whole(self) -> Node:
        """The tree of all the tokens."""
        node = self._sum()
        if self._peek().kind != "end":
            raise self._refuse()
        return node

    def _refuse(self) -> Abstain:
        token = self._peek()
        if token.kind == "end":
            return Abstain("the expression stops in the middle")
        if token.kind == "word":
            return Abstain(f"I do not know what “{token.text}” means here")
        return Abstain(f"I cannot read the expression at “{token.text}”")

    def _sum(self) -> Node:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise Abstain(f"the expression is nested more than {MAX_DEPTH} deep")
        node = self._product()
        while sign := self._take("+", "-", "from"):
            right = self._product()
            node = Binary("-", right, node) if sign.text == "from" else Binary(sign.text, node, right)
        self._depth -= 1
        return node

    def _product(self) -> Node:
        node = self._factor()
        divided = False
        while True:
            if sign := self._take("*", "/", "mod", "of", "choose"):
                if sign.text == "of" and not _is_share(node):
                    raise Abstain("“of” makes sense to me only after a percentage or a fraction")
                divided = divided or sign.text == "/"
                node = Binary(sign.text, node, self._factor())
            elif self._peek().is_sign("("):
                if divided:
                    raise Abstain("a/b(c) can be read two ways; a multiplication sign would settle it")
                node = Binary("*", node, self._factor())
            else:
                return node

    def _factor(self) -> Node:
        if sign := self._take("-", "+"):
            self._depth += 1
            if self._depth > MAX_DEPTH:
                raise Abstain(f"the expression is nested more than {MAX_DEPTH} deep")
            inner = self._factor()
            self._depth -= 1
            return Negate(inner) if sign.text == "-" else inner
        base = self._postfix()
        return Binary("^", base, self._factor()) if self._take("^") else base

    def _postfix(self) -> Node:
        node = self._primary()
        while True:
            token = self._peek()
            if token.is_sign("%"):
                following = self._peek(1)
                if following.kind == "number" or following.is_sign("(", "$"):
                    if not (token.spaced and following.spaced):
                        raise Abstain("the sign % can mean percent or remainder here")
                    self._at += 1
                    return Binary("mod", node, self._postfix())
                node = Percent(node)
            elif token.is_sign("percent"):
                node = Percent(node)
            elif token.is_sign("!"):
                node = Call("factorial", (node,))
            elif token.is_sign("²", "³"):
                node = Binary("^", node, Number(Fraction(2 if token.text == "²" else 3)))
            else:
                return node
            self._at += 1

    def _primary(self) -> Node:
        token = self._peek()
        if token.kind == "function":
            self._at += 1
            return self._call(token.text)
        if self._take("√"):
            return Call("sqrt", (self._primary(),))
        if opening := self._take("(", "["):
            node = self._sum()
            if not self._take(_BRACKETS[opening.text]):
                raise self._refuse()
            return node
        money = self._take("$") is not None
        return self._number(money=money)

    def _number(self, *, money: bool) -> Node:
        token = self._peek()
        if token.kind != "number":
            raise self._refuse()
        self._at += 1
        numerator, slash, denominator = self._peek(), self._peek(1), self._peek(2)
        if numerator.kind == "number" and numerator.spaced and not money:
            # “3 1/2” is a mixed number; any other two numbers side by side are not one expression.
            tight = (
                slash.is_sign("/")
                and not slash.spaced
                and denominator.kind == "number"
                and not denominator.spaced
            )
            whole = all(part.value.denominator == 1 for part in (token, numerator, denominator))
            if tight and whole and 0 < numerator.value < denominator.value:
                self._at += 3
                return Number(token.value + numerator.value / denominator.value)
        return Number(token.value, money)

    def _call(self, name: str) -> Node:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise Abstain(f"the expression is nested more than {MAX_DEPTH} deep")
        self._take("of")
        if self._peek().is_sign("(", "[") and self._bracket_is_all():
            arguments = self._bracketed()
        elif name in _UNARY:
            arguments = (self._lone(),)
        else:
            arguments = self._listed()
        self._depth -= 1
        if name not in _UNARY and len(arguments) < 2:
            raise Abstain("I need at least two separate numbers for that")
        if name in _UNARY and len(arguments) != 1:
            raise Abstain("I need exactly one number for that")
        return Call(name, arguments)

    def _bracket_is_all(self) -> bool:
        """Whether the bracket that opens here holds all arguments (and is not only the first of a list)."""
        depth = 0
        for at in range(self._at, len(self._tokens)):
            token = self._tokens[at]
            depth += token.is_sign("(", "[") - token.is_sign(")", "]")
            if depth == 0:
                following = self._tokens[at + 1] if at + 1 < len(self._tokens) else _END
                return not following.is_sign(",", "and", ";", "/", "*", "^")
        return False

    def _bracketed(self) -> tuple[Node, ...]:
        opening = self._peek()
        self._at += 1
        start = self._at
        items = [self._sum()]
        while self._take(",", ";", "and"):
            self._take("and")
            items.append(self._sum())
        if not self._take(_BRACKETS[opening.text]):
            raise self._refuse()
        if any(token.grouped for token in self._tokens[start : self._at]):
            raise Abstain("a comma between digits can separate thousands or arguments here")
        return tuple(items)

    def _lone(self) -> Node:
        node = self._factor()
        if self._peek().kind != "end" and not self._peek().is_sign(")", "]", ",", "and"):
            raise Abstain("what the function covers can be read two ways; brackets would settle it")
        return node

    def _listed(self) -> tuple[Node, ...]:
        start = self._at
        items = [self._item()]
        tight = False
        while separator := self._take(",", ";", "and"):
            tight = tight or (separator.text == "," and not self._peek().spaced)
            self._take("and")
            items.append(self._item())
        if tight and any(token.grouped for token in self._tokens[start : self._at]):
            raise Abstain("a comma between digits can separate thousands or numbers of the list here")
        if self._peek().kind != "end" and not self._peek().is_sign(")", "]"):
            raise Abstain("where the list of numbers ends can be read two ways")
        return tuple(items)

    def _item(self) -> Node:
        node = self._product()
        if isinstance(node, Binary) and node.sign not in ("/", "^"):
            raise Abstain("where the list of numbers ends can be read two ways")
        return node


def _is_share(node: Node) -> bool:
    """Whether “of” may follow: a percentage, a fraction, or a share of a share."""
    match node:
        case Percent():
            return True
        case Number(value=value):
            return value.denominator != 1
        case Binary(sign="/" | "of"):
            return True
        case _:
            return False
