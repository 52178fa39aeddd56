-- What lists of runs are asked for most leads straight to them.
DROP INDEX runs_open;
CREATE INDEX runs_open ON runs (tenant, id) WHERE state <> 'ended';
CREATE INDEX runs_by_owner ON runs (tenant, owner, id);
CREATE INDEX runs_in_sandbox ON runs (tenant, sandbox, id) WHERE sandbox IS NOT NULL;
