-- What a run wrote is kept beside it, byte by byte and in pieces: one value has a largest size, and in JSON a byte may be
-- six. Of runs that were written down before, it is in `answer` still, and read from there.
ALTER TABLE runs ADD COLUMN output INTEGER NOT NULL DEFAULT 0;
CREATE TABLE outputs (
    run TEXT NOT NULL, stream INTEGER NOT NULL, part INTEGER NOT NULL, bytes BLOB NOT NULL,
    PRIMARY KEY (run, stream, part)
) STRICT;
DROP TRIGGER history_1;
DROP TRIGGER history_2;
DROP TRIGGER history_3;
CREATE TRIGGER history_1 AFTER INSERT ON runs BEGIN
    INSERT INTO history VALUES (NEW.tenant, 1, octet_length(NEW.answer) + octet_length(NEW.labels) + NEW.output)
    ON CONFLICT (tenant) DO UPDATE SET runs = runs + 1, bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER history_2 AFTER UPDATE OF answer, output ON runs BEGIN
    UPDATE history
    SET bytes = bytes + octet_length(NEW.answer) + NEW.output - octet_length(OLD.answer) - OLD.output
    WHERE tenant = NEW.tenant;
END;
CREATE TRIGGER history_3 AFTER DELETE ON runs BEGIN
    UPDATE history
    SET runs = runs - 1, bytes = bytes - octet_length(OLD.answer) - octet_length(OLD.labels) - OLD.output
    WHERE tenant = OLD.tenant;
    DELETE FROM outputs WHERE run = OLD.id;
    -- Nobody can be given an answer that is gone; the key is free again.
    DELETE FROM retries WHERE run = OLD.id;
END;
