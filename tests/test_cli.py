"""The `nerfseg` command: table, exit codes, and that help imports nothing heavy."""

import subprocess
import sys
from types import SimpleNamespace

import pytest

from nerfseg_ns import __version__
from nerfseg_ns.cli import COMMANDS, run
from nerfseg_ns.core.input_error import InputError


@pytest.fixture
def commands(monkeypatch):
    """One subcommand that records its arguments and raises what `module.error` holds."""
    module = SimpleNamespace(calls=[], error=None)

    def main(arguments):
        module.calls.append(arguments)
        if module.error is not None:
            raise module.error

    module.main = main
    monkeypatch.setitem(sys.modules, "recording_command", module)
    return {"record": ("recording_command:main", "record the arguments")}, module


def test_arguments_reach_the_chosen_command(commands):
    table, module = commands
    assert run(["record", "--views", "3"], table) == 0
    assert module.calls == [["--views", "3"]]


def test_input_error_is_one_message_and_exit_code_1(commands, capsys):
    table, module = commands
    module.error = InputError("scene/pose/004.txt: 12 numbers; expected 16")
    assert run(["record"], table) == 1
    assert capsys.readouterr().err == "error: scene/pose/004.txt: 12 numbers; expected 16\n"


def test_ctrl_c_is_one_line_and_exit_code_130(commands, capsys):
    table, module = commands
    module.error = KeyboardInterrupt()
    assert run(["record"], table) == 130
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "stopped" in error


def test_other_errors_are_not_hidden(commands):
    table, module = commands
    module.error = RuntimeError("a mistake in the program")
    with pytest.raises(RuntimeError, match="a mistake in the program"):
        run(["record"], table)


def test_unknown_command_names_near_matches(capsys):
    assert run(["evalaute"]) == 2
    assert "did you mean evaluate?" in capsys.readouterr().err
    assert run(["zzz"]) == 2
    assert all(name in capsys.readouterr().err for name in ["benchmark"])


def test_without_arguments_the_help_goes_to_stderr(capsys):
    assert run([]) == 2
    streams = capsys.readouterr()
    assert "commands:" in streams.err and streams.out == ""


def test_version(capsys):
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.strip() == f"nerfseg_ns {__version__}"


def test_help_lists_every_command_and_imports_nothing_heavy():
    program = (
        "import sys; from nerfseg_ns.cli import run; code = run(['--help'])\n"
        "heavy = {'torch', 'nerfstudio', 'numpy', 'matplotlib', 'tyro'} & set(sys.modules)\n"
        "print('heavy:', sorted(heavy)); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert all(f"  {name} " in done.stdout for name in COMMANDS)
    assert done.stdout.rstrip().endswith("heavy: []")


@pytest.mark.parametrize("name", ["evaluate", "benchmark"])
def test_each_command_explains_itself_under_its_own_name(name, capsys):
    with pytest.raises(SystemExit) as exit_info:
        run([name, "--help"])
    assert exit_info.value.code == 0
    assert f"nerfseg {name}" in capsys.readouterr().out
