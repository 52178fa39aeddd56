import re


class Template:
    TOKEN = re.compile(r"(\{\{.*?\}\}|\{%.*?%\})")

    def __init__(self, text):
        self.parts = self.TOKEN.split(text)

    def render(self, **scope):
        out, at = [], 0

        def block(at, scope, emit):
            while at < len(self.parts):
                part = self.parts[at]
                if part.startswith("{{") and emit:
                    path, *filters = [piece.strip() for piece in part[2:-2].split("|")]
                    value = scope
                    for key in path.split("."):
                        value = value[int(key)] if key.isdigit() else value.get(key, "") if isinstance(value, dict) else getattr(value, key, "")
                    for name in filters:
                        value = {"upper": str.upper, "len": len, "join": ", ".join, "money": "{:,.2f}".format}[name](value)
                    out.append(str(value))
                elif part.startswith("{%"):
                    words = part[2:-2].split()
                    if words[0] in ("endfor", "endif"):
                        return at
                    if words[0] == "for":
                        things = scope[words[3]] if emit else []
                        end = block(at + 1, scope, False)
                        for thing in things:
                            block(at + 1, {**scope, words[1]: thing}, True)
                        at = end
                    if words[0] == "if":
                        at = block(at + 1, scope, emit and bool(scope.get(words[1])))
                elif emit:
                    out.append(part)
                at += 1
            return at

        block(at, scope, True)
        return "".join(out)


page = Template("Hi {{ user.name | upper }}!{% if items %}\nYou have {{ items | len }}:{% for item in items %}\n * {{ item.0 }} at {{ item.1 | money }}{% endfor %}{% endif %}{% if none %}never{% endif %}\nBye {{ user.missing }}.")
print(page.render(user={"name": "zoë"}, items=[("anvil", 1999.5), ("rocket", 12)]))
print(page.render(user={"name": "al"}, items=[]))
