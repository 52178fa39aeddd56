import io
import logging
import logging.handlers
import warnings

stream = io.StringIO()
logger = logging.getLogger("app.worker")
logger.setLevel(logging.DEBUG)
logger.propagate = False
handler = logging.StreamHandler(stream)
handler.setFormatter(logging.Formatter("%(levelname)-8s %(name)s:%(lineno)d %(message)s"))
logger.addHandler(handler)
file = logging.handlers.RotatingFileHandler("app.log", maxBytes=400, backupCount=2)
file.setFormatter(logging.Formatter("{levelname}|{message}", style="{"))
file.setLevel(logging.ERROR)
logger.addHandler(file)


class Hide(logging.Filter):
    def filter(self, record):
        record.msg = str(record.msg).replace("secret", "***")
        return "noise" not in record.getMessage()


handler.addFilter(Hide())
logger.debug("start %s %d", "x", 3)
logger.info("noise")
logger.warning("the secret is out")
try:
    [][1]
except IndexError:
    logger.warning("failed", exc_info=True)
for n in range(40):
    logger.error("line %02d", n)
file.close()
text = stream.getvalue().splitlines()
print(text[:2], text[-1], "IndexError: list index out of range" in text, len(text))
print(open("app.log").read().splitlines()[-2:], len(open("app.log.1").read()) <= 400)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    warnings.warn("old", DeprecationWarning)
print([str(w.message) for w in caught], logging.getLevelName(35), logger.isEnabledFor(10))
