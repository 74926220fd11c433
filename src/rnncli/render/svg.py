"""A command's coloured text as an SVG picture, by rich's own export."""

import io


def svg(text: str, title: str) -> str:
    """Return the picture of `text`, which may hold colours as a terminal gets them."""
    import rich.console
    from rich.text import Text

    content = Text.from_ansi(text.rstrip("\n"))
    width = max((line.cell_len for line in content.split("\n")), default=1)
    console = rich.console.Console(
        width=max(20, width), record=True, file=io.StringIO(), force_terminal=True,
        color_system="truecolor", legacy_windows=False,
    )  # fmt: skip
    console.print(content, soft_wrap=True)
    return console.export_svg(title=title, unique_id="rnncli")
