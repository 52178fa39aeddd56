-- What a deterministic run was asked for is kept as well, so that it can be run again: in `outputs`, beside what it wrote,
-- and counted as that is.
ALTER TABLE runs ADD COLUMN asked INTEGER NOT NULL DEFAULT 0;
DROP TRIGGER history_1;
DROP TRIGGER history_2;
DROP TRIGGER history_3;
CREATE TRIGGER history_1 AFTER INSERT ON runs BEGIN
    INSERT INTO history
    VALUES (NEW.tenant, 1, octet_length(NEW.answer) + octet_length(NEW.labels) + NEW.output + NEW.asked)
    ON CONFLICT (tenant) DO UPDATE SET runs = runs + 1, bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER history_2 AFTER UPDATE OF answer, output, asked ON runs BEGIN
    UPDATE history
    SET bytes = bytes + octet_length(NEW.answer) + NEW.output + NEW.asked
        - octet_length(OLD.answer) - OLD.output - OLD.asked
    WHERE tenant = NEW.tenant;
END;
CREATE TRIGGER history_3 AFTER DELETE ON runs BEGIN
    UPDATE history
    SET runs = runs - 1,
        bytes = bytes - octet_length(OLD.answer) - octet_length(OLD.labels) - OLD.output - OLD.asked
    WHERE tenant = OLD.tenant;
    DELETE FROM outputs WHERE run = OLD.id;
    -- Nobody can be given an answer that is gone; the key is free again.
    DELETE FROM retries WHERE run = OLD.id;
END;
