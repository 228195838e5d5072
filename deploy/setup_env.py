"""Build the project's virtual environment from hashed requirements, with a progress bar.

Standard library only: it runs before anything is installed.

    python3 deploy/setup_env.py VENV REQUIREMENTS
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main(environment: Path, requirements: Path) -> int:
    if sys.version_info < (3, 11):
        print(
            f"需要 Python 3.11 或更高版本,当前为 {sys.version.split()[0]} · Python 3.11 or newer is needed",
            file=sys.stderr,
        )
        return 2
    python = environment / "bin" / "python"
    if not python.exists():
        print(f"创建运行环境 · creating the environment {environment}", flush=True)
        venv.create(environment, with_pip=True)
    wanted = len(re.findall(r"^[A-Za-z0-9]", requirements.read_text(encoding="utf-8"), flags=re.MULTILINE))
    code = install(python, ["--require-hashes", "-r", str(requirements)], f"安装依赖 · {requirements.name}", wanted)
    if code == 0 and requirements.name == "runtime.txt":
        code = install(python, ["--no-deps", "--no-build-isolation", "-e", str(ROOT)], "安装 bizenv", 1)
    return code


def install(python: Path, what: list[str], label: str, wanted: int) -> int:
    """Run pip and turn its lines into a bar; on failure its whole output is shown."""
    command = [str(python), "-m", "pip", "install", "--no-input", "--progress-bar", "off", *what]
    output: list[str] = []
    done = 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as pip:
        assert pip.stdout is not None
        for line in pip.stdout:
            output.append(line)
            done += line.startswith(("Collecting ", "Requirement already satisfied"))
            draw(
                label, min(done, wanted), wanted, "下载 · fetching" if "Installing" not in line else "安装 · installing"
            )
    if pip.returncode == 0:
        draw(label, wanted, wanted, "完成 · done")
    if sys.stdout.isatty():
        print()
    if pip.returncode != 0:
        sys.stderr.write("".join(output))
        print(f"依赖安装失败 · could not install {' '.join(what)}", file=sys.stderr)
    return pip.returncode


def draw(label: str, done: int, wanted: int, state: str) -> None:
    """Redraw the bar on a terminal; in a log say only the first and the last line."""
    if sys.stdout.isatty():
        filled = 30 * done // max(wanted, 1)
        sys.stdout.write(f"\r{label} [{'█' * filled}{'·' * (30 - filled)}] {done}/{wanted} {state}\033[K")
        sys.stdout.flush()
    elif done == wanted and state.startswith("完成"):
        print(f"{label}: {done}/{wanted} {state}", flush=True)


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
