-- What a list says of a component, and what a run asks of it, is beside the description: that may be long, and is read
-- only where somebody wants to see it.
ALTER TABLE components ADD COLUMN kind TEXT NOT NULL DEFAULT 'component';
ALTER TABLE components ADD COLUMN command INTEGER NOT NULL DEFAULT 0;
ALTER TABLE components ADD COLUMN clocks INTEGER NOT NULL DEFAULT 0;
ALTER TABLE components ADD COLUMN randomness INTEGER NOT NULL DEFAULT 0;
UPDATE components SET
    kind = description ->> '$.kind',
    command = coalesce(description ->> '$.command', 0),
    clocks = EXISTS (SELECT 1 FROM json_each(description, '$.imports') WHERE value ->> '$.grant' = 'clocks'),
    randomness = EXISTS (SELECT 1 FROM json_each(description, '$.imports') WHERE value ->> '$.grant' = 'randomness');
