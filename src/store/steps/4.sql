-- What the runs of a tenant take, kept by the store itself, so that it is known without counting.
CREATE TABLE history (tenant TEXT PRIMARY KEY, runs INTEGER NOT NULL, bytes INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO history SELECT tenant, count(*), sum(octet_length(answer) + octet_length(labels)) FROM runs GROUP BY tenant;
CREATE TRIGGER history_1 AFTER INSERT ON runs BEGIN
    INSERT INTO history VALUES (NEW.tenant, 1, octet_length(NEW.answer) + octet_length(NEW.labels))
    ON CONFLICT (tenant) DO UPDATE SET runs = runs + 1, bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER history_2 AFTER UPDATE OF answer ON runs BEGIN
    UPDATE history SET bytes = bytes + octet_length(NEW.answer) - octet_length(OLD.answer) WHERE tenant = NEW.tenant;
END;
CREATE TRIGGER history_3 AFTER DELETE ON runs BEGIN
    UPDATE history SET runs = runs - 1, bytes = bytes - octet_length(OLD.answer) - octet_length(OLD.labels)
    WHERE tenant = OLD.tenant;
    -- Nobody can be given an answer that is gone; the key is free again.
    DELETE FROM retries WHERE run = OLD.id;
END;
CREATE INDEX retries_of ON retries (run);
