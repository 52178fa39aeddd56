import email
from email import policy
from email.message import EmailMessage
from email.utils import format_datetime, getaddresses, parsedate_to_datetime
from datetime import datetime, timezone

message = EmailMessage()
message["Subject"] = "Größe: report for März"
message["From"] = "Ann <ann@example.org>"
message["To"] = "bob@example.org, 'Zoë' <zoe@example.org>"
message["Date"] = format_datetime(datetime(2026, 3, 1, 12, 0, tzinfo=timezone.utc))
message.set_content("Hello,\n\nsee the file — Ann\n")
message.add_attachment(b"a,b\n1,2\n", maintype="text", subtype="csv", filename="data.csv")
message.set_boundary("fixed-boundary")
raw = message.as_bytes()
back = email.message_from_bytes(raw, policy=policy.default)
print(back["subject"], back["to"].addresses[1].display_name, parsedate_to_datetime(back["date"]))
for part in back.walk():
    print(part.get_content_type(), part.get_filename(), part.get_content_charset())
print(back.get_body().get_content().strip(), next(back.iter_attachments()).get_content())
print(getaddresses(["a@x, B <b@y>", "c@z (comment)"]), b"=?utf-8?" in raw)
plain = email.message_from_string("Received: one\nReceived: two\nX-Long: a\n b\n\nbody")
print(plain.get_all("received"), repr(plain["x-long"]), plain.get_payload(), plain["absent"])
