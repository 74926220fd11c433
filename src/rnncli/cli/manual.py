"""The help of all commands on one page."""

from typing import Any


def manual(context: Any) -> str:
    """Return the help of the group whose context this is, and below it that of each command."""
    group = context.command
    pages = [group.get_help(context)]
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        with command.make_context(name, [], parent=context, resilient_parsing=True) as inner:
            title = f"rnncli {name}"
            pages.append(f"{title}\n{'=' * len(title)}\n\n{command.get_help(inner)}")
    return "\n\n\n".join(pages)
