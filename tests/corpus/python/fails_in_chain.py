class ConfigError(Exception):
    pass


def port(text):
    try:
        return int(text.split("=")[1])
    except (IndexError, ValueError) as error:
        raise ConfigError(f"bad line: {text!r}") from error


for line in ("port=80", "port = 8080 ", "port"):
    print(port(line))
