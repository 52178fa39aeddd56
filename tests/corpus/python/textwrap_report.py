import textwrap
from string import Template

story = """It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness,
it was the epoch of belief, it was the epoch of incredulity — supercalifragilisticexpialidocious-like-words-too."""
print(textwrap.fill(" ".join(story.split()), width=44, initial_indent="* ", subsequent_indent="  "))
print(textwrap.shorten(story, 50, placeholder=" […]"))
code = """
    def f():
        return 1

    x = f()
"""
print(repr(textwrap.dedent(code)), textwrap.indent("a\n\nb", "> ", lambda line: True))
letter = Template("Dear $name,\nyou owe ${amount} EUR. $$ $missing")
print(letter.safe_substitute(name="Ann", amount="12.50"))
try:
    letter.substitute(name="x", amount=1)
except KeyError as error:
    print("missing", error)
rows = [("id", "name", "score"), (1, "Zoë", 9.5), (22, "Al", 10.25)]
widths = [max(len(str(cell)) for cell in column) for column in zip(*rows)]
for row in rows:
    print(" | ".join(str(cell).ljust(width) if isinstance(cell, str) else str(cell).rjust(width) for cell, width in zip(row, widths)))
print("tab\tstop".expandtabs(8), "a,b,,c".split(","), " x  y ".split(), "k=v=w".partition("="), "a-b-c".rsplit("-", 1))
