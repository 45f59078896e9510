"""P6: no config gives a traceback; all its mistakes come at once with their places, and a typo's meaning first."""

import json
import random
import shutil
import string
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from children import Server
from small_corpus import small_config
from trainings import CONFIG, Training

VALUES = [
    "1", "0", "-1", "1.5", "1e-4", ".inf", ".nan", "-0.0", "1e400", "9" * 400, "true", "no", "null", "~", "''",
    '"x"', "[]", "[1]", "[a, b]", "{}", "{a: 1}", "!!python/object:os.system x", "!!binary aGk=", "&a 1", "*a",
    "12:30:00", "2024-01-01", "0123", "0x1F", "1_000", "|\n  text", ">\n  text", "\u202e", "\x07",
    "x" * 70_000, "tiny", "post", "hf:a/b:train", "-", "? a", "%", "@", "[" * 200, "{" * 200, "- - - -", "'",
    '"', "\t1", "en", "/dev/null", "~/x", "../..", "\ud800",
]  # fmt: skip


def mutated(random_: random.Random, text: str) -> bytes:
    """A config with one to four things changed in it."""
    lines = text.split("\n")[:-1]
    for _ in range(random_.randint(1, 4)):
        number = random_.randrange(len(lines))
        line = lines[number]
        indent, key = line[: len(line) - len(line.lstrip())], line.strip().partition(":")[0]
        match random_.randrange(10):
            case 0:
                lines[number] = f"{indent}{key}: {random_.choice(VALUES)}"
            case 1:
                lines[number] = f"{indent}{random_.choice(VALUES)}: 1"
            case 2:
                del lines[number]
            case 3:
                lines.insert(random_.randrange(len(lines) + 1), line)
            case 4:
                lines[number] = f"{' ' * random_.randrange(6)}{line.strip()}"
            case 5:
                where = random_.randrange(len(line) + 1)
                lines[number] = line[:where] + random_.choice(string.printable) + line[where + random_.randrange(2) :]
            case 6:
                lines[number] = f"{indent}{key}:\n{indent}  {random_.choice(VALUES)}: {random_.choice(VALUES)}"
            case 7:
                lines.insert(number, f"{indent}{''.join(random_.choices(string.ascii_lowercase + '_', k=8))}: 1")
            case 8:
                lines.insert(number, random_.choice(["---", "...", "<<: *x", "# \u0000", "\t", "%YAML 1.2", "? - x"]))
            case 9:
                lines[number] = f"{indent}{random_.choice(VALUES)}"
        lines = lines or ["run: x"]
    content = ("\n".join(lines) + "\n").encode("utf-8", "surrogatepass")
    if random_.random() < 0.1:
        content = content[: random_.randrange(len(content))] + random_.randbytes(random_.randrange(20))
    return content


def load_many(folder: Path, seed: int, n_configs: int) -> None:
    """Load mutated configs and print what became of them."""
    from s2s.config.load import load_config
    from s2s.errors import ConfigError

    random_ = random.Random(seed)
    path = folder / f"{seed}.yaml"
    n_refused, wrong = 0, []
    text = CONFIG.format(data="data", steps=12, every=4, validate=5)
    for number in range(n_configs):
        path.write_bytes(mutated(random_, text))
        try:
            load_config(path)
        except ConfigError as error:
            n_refused += 1
            said = str(error)
            if (
                not said.startswith(str(path))
                or any(ord(one) < 32 and one != "\n" for one in said)
                or len(said) > 20_000
            ):
                wrong.append(f"seed {seed}, {number}: {said[:200]!r}")
        except Exception as error:
            wrong.append(f"seed {seed}, {number}: {type(error).__name__}: {error}")
    print(json.dumps([n_refused, wrong]))


def test_no_config_gives_a_traceback(
    server: Server, tmp_path: Path, size: Callable[[int, int], int], measured: Callable[[str, str], None]
) -> None:
    n_configs, n_refused, wrong = size(200, 5000), 0, []
    for seed in range(n_configs // 200):
        done = server.call(load_many, tmp_path, seed, 200)
        assert done.code == 0, done.stderr
        refused, found = json.loads(done.stdout)
        n_refused += refused
        wrong += found
    measured("P6", f"{n_configs:,} mutated configs: {n_refused:,} refused with their place, {len(wrong)} otherwise")
    assert not wrong


def test_the_commands_say_it_too(server: Server, tmp_path: Path, size: Callable[[int, int], int]) -> None:
    random_ = random.Random(9)
    text = CONFIG.format(data="data", steps=12, every=4, validate=5)
    for number in range(size(10, 200)):
        home = tmp_path / str(number)
        home.mkdir()
        (home / "c.yaml").write_bytes(mutated(random_, text))
        done = server.s2s("train", "c.yaml", cwd=home)
        assert done.code in (66, 78), done.stderr  # 66: it was a good one, and there is no data
        assert "Traceback" not in done.stderr


ENDLESS = ("train.accumulate", "train.max_steps", "train.max_minutes")  # at their largest, that is what is asked for


def drawn(random_: random.Random, schema: dict[str, Any]) -> Any:
    """A value that a schema allows, often the smallest or largest."""
    if "anyOf" in schema:
        return drawn(random_, random_.choice(schema["anyOf"]))
    if "enum" in schema:
        return random_.choice(schema["enum"])
    low = schema.get("minimum", schema.get("exclusiveMinimum", 0))
    high = schema.get("maximum", schema.get("exclusiveMaximum", 1e9))
    match schema.get("type"):
        case "integer":
            return random_.choice([low, high, random_.randint(int(low), min(int(high), int(low) + 300))])
        case "number":
            return random_.choice([low, high, random_.uniform(low, min(high, low + 1))])
        case "boolean":
            return random_.random() < 0.5
        case "null":
            return None
    return "x"


def test_no_allowed_value_gives_a_traceback(
    server: Server, data: Path, tmp_path: Path, size: Callable[[int, int], int], measured: Callable[[str, str], None]
) -> None:
    """Whatever the schema allows either trains or is refused with an explanation: the extremes of each option too."""
    from s2s.config.options import sections

    free = {"data", "run"}
    names = [
        (section, name, schema)
        for section, model in sections().items()
        if section not in free
        for name, schema in model.model_json_schema()["properties"].items()
    ]
    random_ = random.Random(10)
    n_total = size(12, 300)

    def live(number: int) -> tuple[int, str]:
        training = Training(server, tmp_path / str(number), data, steps=2, every=1, validate=1)
        chosen = [names[number % len(names)], *random_.sample(names, random_.randrange(3))]
        more: list[str] = []
        for section, name, schema in chosen:
            value = drawn(random_, schema)
            if value is not None and f"{section}.{name}" not in ENDLESS:
                more += ["--set", f"{section}.{name}={str(value).lower() if isinstance(value, bool) else value}"]
        done = training.go(more, setup=(limit_memory, (4,)))
        shutil.rmtree(training.home)
        return done.code, f"{' '.join(more)}: code {done.code}: {done.stderr[-400:]}"

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(live, range(n_total)))
    wrong = [text for code, text in found if code not in (0, 2, 65, 66, 70, 74, 78) or "Traceback" in text]
    n_trained = sum(code == 0 for code, _ in found)
    measured(
        "P6",
        f"{n_total} trainings with values from the ends of what is allowed: {n_trained} trained, the others explained",
    )
    assert not wrong
    assert n_trained > n_total / 4


def limit_memory(gibibytes: int) -> None:
    """Let allocations fail that would fill the machine."""
    import resource

    limit = gibibytes * 2**30
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def test_one_typo_is_understood(
    tmp_path: Path, size: Callable[[int, int], int], measured: Callable[[str, str], None]
) -> None:
    """Of every option: one letter left out, doubled, swapped or replaced; the right key is the one suggested."""
    from s2s.config.options import options, sections
    from s2s.config.suggest import suggest

    known = [*options(), *sections()]
    random_ = random.Random(11)
    right = total = 0
    for key in known:
        prefix, dot, name = key.rpartition(".")
        for _ in range(size(3, 60)):
            where = random_.randrange(len(name))
            letter = random_.choice(string.ascii_lowercase)
            typo = random_.choice(
                [
                    name[:where] + name[where + 1 :],
                    name[:where] + name[where] + name[where:],
                    name[:where] + name[where + 1 : where + 2] + name[where] + name[where + 2 :],
                    name[:where] + letter + name[where + 1 :],
                    name[:where] + letter + name[where:],
                ]
            )
            given = f"{prefix}{dot}{typo}"
            if typo and given not in known:
                total += 1
                right += suggest(given, known) == key
    measured("P6", f"{total:,} typos: the right key suggested for {right / total:.1%}")
    assert right / total >= 0.95


def test_all_mistakes_come_at_once(server: Server, tmp_path: Path) -> None:
    small_config(tmp_path)
    (tmp_path / "c.yaml").write_text(
        "run: x\ntrian:\n  x: 1\nmodel:\n  d_modle: 3\n  n_heads: 0\ndata:\n  source: en\n"
    )
    done = server.s2s("train", "c.yaml", cwd=tmp_path)
    assert done.code == 78
    for words in (
        "c.yaml:2:1: trian",
        "did you mean train",
        "c.yaml:5:3: model.d_modle",
        "c.yaml:6:3: model.n_heads",
        "data.target",
    ):
        assert words in done.stderr
