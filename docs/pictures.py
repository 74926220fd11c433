"""Make the README's pictures with the program itself.

Usage: python docs/pictures.py [FOLDER]   writes them beside this file, or into FOLDER.
"""

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
STACK = ("--layer", "Input((100, 32))", "--layer", "LSTM(64, return_sequences=True)",
         "--layer", "GRU(32)", "--layer", "Dense(10)")  # fmt: skip
PICTURES = {
    "summary.svg": ("summary", *STACK),
    "state.svg": ("forward", "--cell", "lstm", "--plot", "--steps", "60", "--units", "16"),
}


def make(folder: Path) -> None:
    """Write every picture into the folder, as wide as where nobody states a width."""
    environment = {key: value for key, value in os.environ.items() if key != "COLUMNS"}
    for name, arguments in PICTURES.items():
        command = [sys.executable, "-m", "rnncli", *arguments, "--svg", str(folder / name)]
        subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    make(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
